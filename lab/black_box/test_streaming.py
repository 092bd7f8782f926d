"""Large bodies and slow peers: memory stays bounded, and what is slow is cut off by a deadline."""

import threading
import time

import pytest

from lab import http1
from lab.origin import response
from lab.process import status_kib, wait_until

BODY_BYTES = 256 << 20
PIECE = bytes(range(256)) * 1024  # 256 KiB
CONNECTION_KIB_MAX = 256
SLACK_KIB = 512  # of the allocator and of the test's other requests, once


class HighWater:
    """The most that weir's RSS was above what it was at the start, sampled while the block runs."""

    def __init__(self, pid):
        self.pid = pid
        self.before = status_kib(pid, "VmRSS")
        self.grown_kib = 0
        self.over = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.sample, daemon=True)
        self.thread.start()
        return self

    def sample(self):
        while not self.over.wait(0.005):
            self.grown_kib = max(self.grown_kib, status_kib(self.pid, "VmRSS") - self.before)

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def send_body(connection):
    for _ in range(BODY_BYTES // len(PIECE)):
        connection.send(PIECE)


def receive_body(connection):
    """Counts without keeping."""
    count = len(connection.available())
    buffer = bytearray(1 << 20)
    while count < BODY_BYTES:
        got = connection.socket.recv_into(buffer)
        if got == 0:
            raise http1.Closed(f"closed after {count} bytes")
        count += got
    return count


def large_download(connection, origin):
    while connection.request():
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BODY_BYTES)
        send_body(connection)


def large_upload(connection, origin):
    connection.head()
    connection.send(response(body=b"%d" % receive_body(connection)))


def test_download(make_origin, make_site):
    site = make_site(make_origin(large_download))
    with site.connect() as warm:  # what is allocated once is there
        warm.send(site.request())
        warm.head()
        receive_body(warm)
    with HighWater(site.weir.pid) as memory, site.connect() as connection:
        connection.send(site.request())
        assert connection.head().status == 200
        assert receive_body(connection) == BODY_BYTES
    assert memory.grown_kib <= CONNECTION_KIB_MAX + SLACK_KIB


def test_upload(make_origin, make_site):
    site = make_site(make_origin(large_upload))
    for attempt in range(2):
        with HighWater(site.weir.pid) as memory, site.connect(30) as connection:
            connection.send(site.request("POST / HTTP/1.1", [f"Content-Length: {BODY_BYTES}"]))
            send_body(connection)
            assert connection.response("POST").body == b"%d" % BODY_BYTES
    assert memory.grown_kib <= CONNECTION_KIB_MAX + SLACK_KIB


def test_many_stalled_downloads(make_origin, make_site):
    """Forty clients that do not read: weir stops reading from the origin, it does not hoard."""
    clients = 40
    site = make_site(make_origin(large_download))

    def stalled(number):
        connections = [site.connect() for _ in range(number)]
        for connection in connections:
            connection.send(site.request())
        for connection in connections:
            assert connection.head().status == 200
        return connections

    for connection in stalled(2):
        connection.close()
    with HighWater(site.weir.pid) as memory:
        connections = stalled(clients)
        quiet = {"bytes": -1}

        def origin_is_held_back():
            """Nobody reads, so after the kernel's buffers are full the CPU of weir stands still."""
            from lab.process import cpu_time

            now = cpu_time(site.weir.pid).exact_s
            before, quiet["bytes"] = quiet["bytes"], now
            return now - before < 0.005

        wait_until(origin_is_held_back, 10, "backpressure", interval_s=0.2)
        for connection in connections:
            connection.close()
    assert memory.grown_kib <= clients * CONNECTION_KIB_MAX + SLACK_KIB


def test_a_slow_reader_gets_all(make_origin, make_site):
    """Backpressure must not lose, repeat or reorder."""
    size = 3_000_000
    body = bytes(i * 31 % 251 for i in range(size))

    def handler(connection, origin):
        while connection.request():
            connection.send(response(body=body))

    site = make_site(make_origin(handler))
    with site.connect() as connection:
        connection.send(site.request())
        head = connection.head()
        got = bytearray()
        while len(got) < size:
            wanted = min(50_000, size - len(got))
            got += connection.exactly(wanted)
            time.sleep(0.002)
        assert head.status == 200 and bytes(got) == body


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_first_bytes_come_at_once(make_origin, make_site, framing):
    """A stream of events: each piece reaches the client before the next is sent."""
    seen = threading.Semaphore(0)
    extra = b"Content-Length: 50" if framing == "length" else b"Transfer-Encoding: chunked"

    def handler(connection, origin):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\n" + extra + b"\r\n\r\n")
        for number in range(10):
            piece = b"evt-%d" % number
            connection.send(piece if framing == "length" else b"5\r\n%s\r\n" % piece)
            assert seen.acquire(timeout=5), f"piece {number} did not arrive"
        if framing == "chunked":
            connection.send(b"0\r\n\r\n")

    site = make_site(make_origin(handler))
    with site.connect() as connection:
        connection.send(site.request())
        connection.head()
        for number in range(10):
            if framing == "chunked":
                assert connection.line() == "5"
            assert connection.exactly(5) == b"evt-%d" % number
            if framing == "chunked":
                connection.exactly(2)
            seen.release()


def test_upload_pieces_come_at_once(make_origin, make_site):
    arrived = threading.Semaphore(0)

    def handler(connection, origin):
        connection.head()
        for _ in range(10):
            connection.exactly(5)
            arrived.release()
        connection.send(response(body=b"all"))

    site = make_site(make_origin(handler))
    with site.connect() as connection:
        connection.send(site.request("POST / HTTP/1.1", ["Content-Length: 50"]))
        for number in range(10):
            connection.send(b"evt-%d" % number)
            assert arrived.acquire(timeout=5), f"piece {number} did not arrive"
        assert connection.response("POST").body == b"all"


def test_answer_may_begin_before_the_request_ends(make_origin, make_site):
    """Both directions stream at the same time."""

    def handler(connection, origin):
        connection.head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n")
        for _ in range(10):
            connection.send(connection.exactly(5))

    site = make_site(make_origin(handler))
    with site.connect() as connection:
        connection.send(site.request("POST / HTTP/1.1", ["Content-Length: 50"]))
        assert connection.head().status == 200
        for number in range(10):
            connection.send(b"evt-%d" % number)
            assert connection.exactly(5) == b"evt-%d" % number


def test_slow_head_and_slow_body_are_cut_off(slow_clients):
    """One byte a second is no progress: 408 or nothing, and a closed connection, by the edge's deadlines."""
    for client in slow_clients:
        client.join(50)
    head, body = slow_clients
    assert head.ended_s is not None and head.ended_s < 15, f"a slow head ended after {head.ended_s} s"
    assert body.ended_s is not None and body.ended_s < 40, f"a slow body ended after {body.ended_s} s"
    for client in slow_clients:
        got = client.connection.available()
        assert got == b"" or got.startswith(b"HTTP/1.1 408 "), got[:100]
        assert client.origin.requests == [], "the origin took it for a whole request"
