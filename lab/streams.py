"""Clients of streams that stay open: `python3 lab/streams.py websockets|h2 COUNT HOST ADDRESS PORT [tls]`.
Opens them, sees an echo on each, prints "open COUNT", waits for SIGUSR1, wants an echo of each again, and
prints how many gave it: "echoed N"."""

import asyncio
import base64
import os
import signal
import ssl
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab import http2  # noqa: E402
from lab.echo_origin import read_head, read_message  # noqa: E402

ANSWER_S = 30  # for all of them together
TOGETHER = 100  # WebSockets that are opened at a time
STREAMS_PER_CONNECTION = 10
BEAT_S = 5  # a request whose content stops for longer than a client may be slow is given up


# --- WebSockets


async def open_websocket(gate, host, address, port, tls):
    async with gate:
        context = ssl._create_unverified_context() if tls else None
        reader, writer = await asyncio.open_connection(
            address, port, ssl=context, server_hostname=host if tls else None
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


# --- HTTP/2


class Streams:
    """Some streams of one connection: requests whose content goes on."""

    def __init__(self, count, host, address, port):
        self.connection = http2.Connection((address, port), timeout_s=ANSWER_S)
        self.streams = range(1, 1 + 2 * count, 2)
        block = http2.head(host, "/stream", "POST")
        for stream in self.streams:
            self.connection.send(http2.frame(http2.HEADERS, http2.END_HEADERS, stream, block))

    def echo(self, text):
        """How many give back the text."""
        for stream in self.streams:
            self.connection.send(http2.frame(http2.DATA, 0, stream, text))
        got = dict.fromkeys(self.streams, b"")
        while any(len(content) < len(text) for content in got.values()):
            received = self.connection.read_frame()
            if received is None:
                break
            kind, flags, stream, payload = received
            if kind == http2.DATA:
                got[stream] += payload
            elif kind in (http2.RST_STREAM, http2.GOAWAY):
                print(f"frame {kind} on stream {stream}: {payload!r}", flush=True)
                break
            elif kind == http2.PING and not flags & http2.ACK:
                self.connection.send(http2.frame(http2.PING, http2.ACK, payload=payload))
        return sum(content == text for content in got.values())


def h2(count, host, address, port, _):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    groups = [
        Streams(STREAMS_PER_CONNECTION, host, address, port) for _ in range(count // STREAMS_PER_CONNECTION)
    ]
    print(f"open {sum(group.echo(b'at the beginning') for group in groups)}", flush=True)
    while signal.sigtimedwait({signal.SIGUSR1}, BEAT_S) is None:
        for group in groups:
            group.echo(b"meanwhile")
    print(f"echoed {sum(group.echo(b'at the end') for group in groups)}", flush=True)


def main():
    kind, count, host, address, port, *more = sys.argv[1:]
    where = (int(count), host, address, int(port), bool(more))
    if kind == "h2":
        h2(*where)
    else:
        asyncio.run(websockets(*where))


if __name__ == "__main__":
    main()
