"""`http1`: requests (and bytes) per CPU-second of the proxy process over HTTP/1.1 without TLS, under wrk."""

import http.client
from contextlib import closing

from bench import contest
from bench.contest import SMALL_BODY, Contest
from bench.peers import HOST, Case
from lab import wrk

PEERS = ["weir", "haproxy", "nginx", "forwarder-epoll", "forwarder-uring"]
CASES = [
    Case("small", "/", len(SMALL_BODY), 64),
    Case("small-256", "/", len(SMALL_BODY), 256),
    Case("16k", "/files/16384", 16384, 64),
    Case("1m", "/files/1048576", 1048576, 16),
]


def check(case, port, expected):
    """Three requests on one connection: right status, length and body, and the connection is kept."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        for _ in range(3):
            connection.request("GET", case.path, headers={"Host": HOST})
            socket_before = connection.sock
            response = connection.getresponse()
            body = response.read()
            if (
                response.status != 200
                or body != expected
                or int(response.headers["Content-Length"]) != len(expected)
            ):
                raise SystemExit(
                    f"port {port}: wrong answer to {case.path}: {response.status}, {len(body)} bytes"
                )
            if connection.sock is not socket_before:
                raise SystemExit(f"port {port}: the connection was not kept")


def load(case, port, seconds):
    return wrk.run(f"http://127.0.0.1:{port}{case.path}", seconds, case.connections, host=HOST)


def run(options):
    return contest.run(Contest("http1", lambda _: CASES, PEERS, load, check), options)
