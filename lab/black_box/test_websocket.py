"""WebSocket through weir: Python's websockets at both ends, over HTTP and HTTPS."""

import asyncio
import ssl
import threading

import pytest

from lab import weir

websockets = pytest.importorskip("websockets", reason="python3-websockets is not installed (./dev setup lab)")

HOST = "web.weir.localhost"
MEBIBYTE = 1 << 20
TIMEOUT_S = 10


class EchoServer:
    """Sends back what comes; "close" is answered with a close of its own, "die" with the end of the line."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = self.run(self.serve())
        self.address = "127.0.0.1:%d" % self.server.sockets[0].getsockname()[1]
        self.closes = []
        self.closed = threading.Condition()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(TIMEOUT_S)

    async def serve(self):
        return await websockets.serve(self.answer, "127.0.0.1", 0, max_size=4 * MEBIBYTE)

    async def answer(self, connection):
        try:
            async for message in connection:
                if message == "close":
                    await connection.close(4001, "as you wish")
                elif message == "die":
                    connection.transport.abort()
                else:
                    await connection.send(message)
        except websockets.ConnectionClosed:
            pass
        with self.closed:
            self.closes.append((connection.close_code, connection.close_reason))
            self.closed.notify_all()

    def stop(self):
        self.server.close()
        self.run(self.server.wait_closed())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(TIMEOUT_S)
        self.loop.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    directory = tmp_path_factory.mktemp("websocket")
    echo = EchoServer()
    with weir.Weir(directory) as one:
        one.apply(
            weir.service("web", [echo.address]),
            {
                "kind": "LoadBalancer",
                "metadata": {"name": "web"},
                "spec": {
                    "listeners": [
                        {"protocol": "HTTP", "hostnames": [HOST]},
                        {"protocol": "HTTPS", "hostnames": [HOST]},
                    ],
                    "routes": [{"backends": [{"service": "web"}]}],
                },
            },
        )
        one.echo = echo
        one.authority = one.cli("ca", "--data-dir", one.data).stdout
        yield one
    echo.stop()


@pytest.fixture(params=["ws", "wss"])
def converse(running, request):
    """Runs a conversation with a connected client, and gives what it returns."""

    async def talk(conversation, options):
        secure = request.param == "wss"
        context = ssl.create_default_context(cadata=running.authority) if secure else None
        port = running.https_port if secure else running.http_port
        if secure:
            options = {**options, "server_hostname": HOST}
        async with websockets.connect(
            f"{request.param}://{HOST}:{port}/chat",
            host="127.0.0.1",
            port=port,
            ssl=context,
            max_size=4 * MEBIBYTE,
            open_timeout=TIMEOUT_S,
            **options,
        ) as client:
            return await asyncio.wait_for(conversation(client), TIMEOUT_S)

    return lambda conversation, **options: asyncio.run(talk(conversation, options))


async def echoed(client, *messages):
    answers = []
    for message in messages:
        await client.send(message)
        answers.append(await client.recv())
    return answers


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages_come_back_as_they_were_sent(converse, compression):
    large = ["x" * MEBIBYTE, b"y" * (MEBIBYTE + 1)]
    messages = ["", "text", "\u00e9\u20ac\U0001f680", b"", b"\x00\xff" * 1000, *large]
    assert converse(lambda client: echoed(client, *messages), compression=compression) == messages


def test_compression_is_between_the_two_ends(converse):
    async def extensions(client):
        return [extension.name for extension in client.extensions]

    assert converse(extensions) == ["permessage-deflate"]
    assert converse(extensions, compression=None) == []


def test_a_message_in_pieces_comes_back_whole(converse):
    async def in_pieces(client):
        await client.send(piece for piece in ["one ", "two ", "three"])
        return await client.recv()

    assert converse(in_pieces) == "one two three"


def test_a_ping_is_answered(converse):
    async def ping(client):
        await (await client.ping(b"are you there"))
        return True

    assert converse(ping)


def test_a_close_goes_both_ways_with_its_reason(running, converse):
    async def asks_for_it(client):
        await client.send("close")
        with pytest.raises(websockets.ConnectionClosed):
            await client.recv()
        return client.close_code, client.close_reason

    assert converse(asks_for_it) == (4001, "as you wish")

    async def closes(client):
        await client.close(4002, "that is all")

    converse(closes)
    with running.echo.closed:
        assert running.echo.closed.wait_for(lambda: (4002, "that is all") in running.echo.closes, TIMEOUT_S)


def test_an_origin_that_dies_is_told_as_what_it_is(converse):
    async def kill(client):
        await client.send("die")
        with pytest.raises(websockets.ConnectionClosed):
            await client.recv()
        return client.close_code

    assert converse(kill) == 1006


def test_a_change_of_something_else_leaves_it_open(running, converse):
    async def across_a_change(client):
        before = await echoed(client, "before")
        await asyncio.to_thread(running.apply, weir.service("other", ["127.0.0.1:9"]))
        return before + await echoed(client, "after")

    assert converse(across_a_change) == ["before", "after"]
