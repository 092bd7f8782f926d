"""Clients of streams that stay open: `python3 lab/streams.py websockets|grpc COUNT HOST ADDRESS PORT [CA]`.
Opens them, over TLS when there is an authority for it, sees an echo on each, prints "open COUNT", waits for
SIGUSR1, wants an echo of each again, and prints how many gave it: "echoed N". gRPC's talk meanwhile."""

import asyncio
import base64
import contextlib
import os
import random
import signal
import ssl
import sys
from pathlib import Path

import grpc
import grpc.aio

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab.echo_origin import read_head, read_message  # noqa: E402
from lab.grpc_origin import METHOD  # noqa: E402

ANSWER_S = 30  # for all of them together
TOGETHER = 100  # WebSockets that are opened at a time
STREAMS_PER_CONNECTION = 10  # of gRPC
BEAT_S = (0.5, 5.0)  # from one of its messages to the next


# --- WebSockets


async def open_websocket(gate, host, address, port, authority):
    async with gate:
        context = ssl.create_default_context(cafile=authority) if authority else None
        reader, writer = await asyncio.open_connection(
            address, port, ssl=context, server_hostname=host if authority else None
        )
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        first, _ = await read_head(reader)
        assert " 101 " in first, first
        return reader, writer


async def echoes(stream, text):
    """Whether the text comes back on this one."""
    reader, writer = stream
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(text))
    try:
        writer.write(bytes([0x81, 0x80 | len(text)]) + mask + masked)
        return await read_message(reader) == (1, text)
    except (ConnectionError, asyncio.IncompleteReadError):
        return False


async def websockets(count, *where):
    gate = asyncio.Semaphore(TOGETHER)
    streams = await asyncio.gather(*(open_websocket(gate, *where) for _ in range(count)))
    goes = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, goes.set)
    for text in (b"at the beginning", b"at the end"):
        done = await asyncio.wait_for(asyncio.gather(*(echoes(one, text) for one in streams)), ANSWER_S)
        print(f"{'echoed' if goes.is_set() else 'open'} {sum(done)}", flush=True)
        if not goes.is_set():
            await goes.wait()


# --- gRPC: a real client, some streams to a connection


class Calls:
    """Echoes on one bidirectional stream: some meanwhile, now and then."""

    def __init__(self, channel):
        self.call = channel.stream_stream(METHOD)()
        self.said = 0

    async def echoes(self, text):
        await self.call.write(text)
        self.said += 1
        return await self.call.read() == text

    async def talk(self, goes):
        while not goes.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(goes.wait(), random.uniform(*BEAT_S))
            if not await self.echoes(b"meanwhile %d" % self.said):
                return False
        return True

    async def ends_well(self):
        """The server's half-close behind the client's, and its status."""
        await self.call.done_writing()
        return await self.call.read() is grpc.aio.EOF and await self.call.code() == grpc.StatusCode.OK


def channel(host, address, port, authority):
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.default_authority", host)]
    if authority is None:
        return grpc.aio.insecure_channel(f"{address}:{port}", options)
    options.append(("grpc.ssl_target_name_override", host))
    credentials = grpc.ssl_channel_credentials(Path(authority).read_bytes())
    return grpc.aio.secure_channel(f"{address}:{port}", credentials, options)


async def all_of(*answers):
    """How many are true; a call that fails says so."""
    done = await asyncio.gather(*answers, return_exceptions=True)
    for problem in {str(answer) for answer in done if isinstance(answer, Exception)}:
        print(problem, flush=True)
    return sum(answer is True for answer in done)


async def grpc_streams(count, *where):
    goes = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, goes.set)
    channels = [channel(*where) for _ in range(count // STREAMS_PER_CONNECTION)]  # one that is lost is closed
    calls = [Calls(one) for one in channels for _ in range(STREAMS_PER_CONNECTION)]
    opened = all_of(*(call.echoes(b"at the beginning") for call in calls))
    print(f"open {await asyncio.wait_for(opened, ANSWER_S)}", flush=True)
    talked = await all_of(*(call.talk(goes) for call in calls))
    ended = await asyncio.wait_for(all_of(*(call.ends_well() for call in calls)), ANSWER_S)
    print(f"{sum(call.said for call in calls)} messages\nechoed {min(talked, ended)}", flush=True)


def main():
    kind, count, host, address, port, *authority = sys.argv[1:]
    clients = {"websockets": websockets, "grpc": grpc_streams}[kind]
    asyncio.run(clients(int(count), host, address, int(port), *authority or [None]))


if __name__ == "__main__":
    main()
