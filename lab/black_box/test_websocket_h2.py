"""WebSocket over HTTP/2 (RFC 8441) through weir: Python's h2 as client and as origin, Chromium as client."""

import asyncio
import http
import os
import socket
import ssl
import threading

import pytest

from lab import browser, weir
from lab.black_box.test_websocket import HOST, TIMEOUT_S, EchoServer, websockets
from lab.process import Process, wait_until

pytest.importorskip("h2", reason="python3-h2 is not installed (./dev setup lab)")
import h2.config  # noqa: E402
import h2.connection  # noqa: E402
import h2.events  # noqa: E402
import h2.settings  # noqa: E402

CONNECT_PROTOCOL = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL
PAGE = b"""<!doctype html><title>page</title><script>
const socket = new WebSocket('wss://' + location.host + '/chat');
socket.onopen = () => socket.send('hello');
socket.onmessage = (message) => fetch('/heard?' + message.data);
socket.onerror = () => fetch('/failed');
</script>"""


class PageServer(EchoServer):
    """An echo at /chat, a page that talks to it, and who asked for what: [(path, fields)]."""

    def __init__(self):
        self.requests = []
        super().__init__()

    async def serve(self):
        return await websockets.serve(self.answer, "127.0.0.1", 0, process_request=self.answer_request)

    async def answer_request(self, path, fields):
        self.requests.append((path, fields))
        if path.startswith("/chat"):
            return None
        return http.HTTPStatus.OK, {"Content-Type": "text/html"}, PAGE if path == "/" else b""


class H2Origin(threading.Thread):
    """Speaks HTTP/2 without TLS. When it takes WebSockets, it gives their messages back."""

    def __init__(self, takes_websockets):
        super().__init__(daemon=True)
        self.takes_websockets = takes_websockets
        self.heads = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        if self.takes_websockets:
            state.local_settings[CONNECT_PROTOCOL] = 1
            state.local_settings.acknowledge()
        state.initiate_connection()
        connection.sendall(state.data_to_send())
        while data := connection.recv(1 << 16):
            for event in state.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    self.heads.append(dict(event.headers))
                    answer = "200" if dict(event.headers)[b":method"] == b"CONNECT" else "404"
                    state.send_headers(event.stream_id, [(":status", answer)], end_stream=answer == "404")
                elif isinstance(event, h2.events.DataReceived):
                    state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    state.send_data(event.stream_id, *self.echo(event.data))
            connection.sendall(state.data_to_send())
        connection.close()

    @staticmethod
    def echo(frame):
        """A client's whole frame of up to 125 bytes, without its mask; and whether it is a close."""
        mask, content = frame[2:6], frame[6:]
        assert frame[1] == 0x80 | len(content)
        plain = bytes(byte ^ mask[i % 4] for i, byte in enumerate(content))
        return bytes([frame[0], len(plain)]) + plain, frame[0] == 0x88

    def stop(self):
        self.listener.close()


class Client:
    """Frames of WebSocket in one stream of Python's h2."""

    def __init__(self, port, authority):
        context = ssl.create_default_context(cadata=authority)
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self.socket = context.wrap_socket(plain, server_hostname=HOST)
        assert self.socket.selected_alpn_protocol() == "h2"
        # Otherwise it wants a :path of a plain CONNECT.
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(validate_outbound_headers=False))
        self.state.initiate_connection()
        self.flush()
        self.events = []
        self.wait(h2.events.RemoteSettingsChanged)

    def flush(self):
        self.socket.sendall(self.state.data_to_send())

    def wait(self, kind):
        """The next event of that kind."""
        while True:
            for event in self.events:
                if isinstance(event, kind):
                    self.events.remove(event)
                    return event
            data = self.socket.recv(1 << 16)
            assert data, "the connection has ended"
            self.events += self.state.receive_data(data)
            self.flush()

    def ask(self, path="/chat", protocol="websocket", method="CONNECT", end=False):
        """(stream, fields of the answer)"""
        stream = self.state.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", "https"), (":authority", HOST), (":path", path)]
        if protocol:
            fields.append((":protocol", protocol))
        fields.append(("sec-websocket-version", "13"))
        self.state.send_headers(stream, fields, end_stream=end)
        self.flush()
        event = self.wait(h2.events.ResponseReceived)
        assert event.stream_id == stream
        return stream, {name.decode(): value.decode() for name, value in event.headers}

    def send(self, stream, opcode, content):
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(content))
        self.state.send_data(stream, bytes([0x80 | opcode, 0x80 | len(content)]) + mask + masked)
        self.flush()

    def receive(self, bytes_wanted):
        content = b""
        while len(content) < bytes_wanted:
            event = self.wait(h2.events.DataReceived)
            self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            content += event.data
        return content


def objects(service):
    return service, {
        "kind": "LoadBalancer",
        "metadata": {"name": "web"},
        "spec": {
            "listeners": [{"protocol": each, "hostnames": [HOST]} for each in ("HTTP", "HTTPS")],
            "routes": [{"backends": [{"service": "web"}]}],
        },
    }


@pytest.fixture
def running(tmp_path):
    with weir.Weir(tmp_path) as one:
        one.apply(*objects(weir.service("web", ["127.0.0.1:9"])))
        one.authority = one.cli("ca", "--data-dir", one.data).stdout
        yield one


@pytest.fixture
def pages(running):
    server = PageServer()
    running.apply(*objects(weir.service("web", [server.address])))
    yield server
    server.stop()


@pytest.fixture
def client(running):
    made = Client(running.https_port, running.authority)
    yield made
    made.socket.close()


def test_a_client_of_http2_talks_to_an_origin_of_http1(pages, client):
    assert client.state.remote_settings[CONNECT_PROTOCOL] == 1
    stream, fields = client.ask()
    assert fields[":status"] == "200"
    assert not {"sec-websocket-accept", "upgrade", "connection"} & set(fields)
    client.send(stream, 1, b"hello")
    assert client.receive(7) == b"\x81\x05hello"
    client.send(stream, 9, b"are you there")
    assert client.receive(15) == b"\x8a\x0dare you there"
    # Beside it, requests and another WebSocket.
    other, fields = client.ask()
    assert fields[":status"] == "200"
    page, fields = client.ask("/page", None, "GET", end=True)
    assert fields[":status"] == "200"
    assert client.wait(h2.events.StreamEnded).stream_id == page
    client.send(stream, 8, (4002).to_bytes(2, "big") + b"bye")
    assert client.receive(7) == b"\x88\x05" + (4002).to_bytes(2, "big") + b"bye"
    assert client.wait(h2.events.StreamEnded).stream_id == stream
    client.send(other, 1, b"still")
    assert client.receive(7) == b"\x81\x05still"
    paths = [path for path, _ in pages.requests]
    assert paths == ["/chat", "/chat", "/page"]
    assert pages.requests[0][1]["Via"] == "2 weir"


def test_a_stream_that_is_reset_closes_the_origins_connection(pages, client):
    stream, _ = client.ask()
    client.state.reset_stream(stream, 8)
    client.flush()
    with pages.closed:
        assert pages.closed.wait_for(lambda: pages.closes, TIMEOUT_S)
    assert pages.closes[0][0] == 1006


@pytest.mark.parametrize(
    ("path", "protocol", "status", "reason"),
    [
        ("/chat", "connect-udp", "501", "not_implemented"),
        ("/page", "websocket", "502", "malformed"),  # the origin answers 200
    ],
)
def test_what_is_no_websocket_is_refused(pages, client, path, protocol, status, reason):
    _, fields = client.ask(path, protocol)
    assert (fields[":status"], fields["weir-reason"]) == (status, reason)


def test_a_plain_connect_is_refused(running, client):
    stream = client.state.get_next_available_stream_id()
    client.state.send_headers(stream, [(":method", "CONNECT"), (":authority", "127.0.0.1:22")])
    client.flush()
    fields = dict(client.wait(h2.events.ResponseReceived).headers)
    assert fields[b":status"] == b"501"


# --- origins of HTTP/2


@pytest.fixture(params=[True, False], ids=["takes", "takes-none"])
def origin(running, request):
    server = H2Origin(request.param)
    running.apply(*objects(weir.service("web", [server.address], protocol="HTTP2")))
    yield server
    server.stop()


def test_a_client_of_http1_talks_to_an_origin_of_http2(running, origin):
    async def talk():
        url = f"ws://{HOST}:{running.http_port}/chat?a=b"
        async with websockets.connect(url, host="127.0.0.1", port=running.http_port) as client:
            await client.send("hello")
            return await client.recv()

    if not origin.takes_websockets:
        with pytest.raises(websockets.InvalidStatusCode) as refused:
            asyncio.run(asyncio.wait_for(talk(), TIMEOUT_S))
        assert refused.value.status_code == 501
        assert refused.value.headers["weir-reason"] == "not_implemented"
        assert origin.heads == []
        return
    assert asyncio.run(asyncio.wait_for(talk(), TIMEOUT_S)) == "hello"
    head = origin.heads[0]
    assert (head[b":method"], head[b":protocol"], head[b":path"]) == (b"CONNECT", b"websocket", b"/chat?a=b")
    assert b"sec-websocket-key" not in head and head[b"sec-websocket-version"] == b"13"


# --- a browser


def test_chromium_opens_a_websocket_over_http2(running, pages, tmp_path):
    authority = tmp_path / "authority.pem"
    authority.write_text(running.authority)
    certificate = browser.certificate_of(HOST, running.https_port, authority)
    url = f"https://{HOST}:{running.https_port}/"
    profile = tmp_path / "profile"
    run = browser.command(profile, certificate, "--remote-debugging-port=0", url)
    with Process(run, tmp_path / "chromium.log"):
        reports = {"/heard?hello", "/failed"}
        wait_until(lambda: reports & {path for path, _ in pages.requests}, 60, "the page's report")
    asked = {path: fields for path, fields in pages.requests}
    assert "/heard?hello" in asked and "/failed" not in asked
    assert asked["/chat"]["Via"] == "2 weir"
    assert asked["/chat"]["Sec-WebSocket-Version"] == "13"
