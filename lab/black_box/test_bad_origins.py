"""Origins that misbehave: 502 or a cut answer for the client, and never a second use of such a connection."""

import threading
import time

import pytest

from lab import http1
from lab.origin import answer, response, scripted
from lab.process import free_port, wait_until

OK = response(body=b"ok")

# (what the origin sends to a GET, before it would answer more): the client gets 502
BROKEN = [
    ("garbage", b"\x00\x01\x02garbage\r\n\r\n"),
    ("text", b"hello\r\n\r\n"),
    ("both framings", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"),
    ("a bad length", b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nabcde"),
    ("another coding", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    (
        "a head of 100,000 bytes",
        b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 100_000 + b"\r\nContent-Length: 0\r\n\r\n",
    ),
    ("10,000 fields", b"HTTP/1.1 200 OK\r\n" + b"X-A: a\r\n" * 10_000 + b"Content-Length: 0\r\n\r\n"),
    ("HTTP/2.0", b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a status of two digits", b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a status of four digits", b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a status under 100", b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"),
    ("a status of letters", b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"),
    ("a space before the colon", b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"),
    ("a NUL in a value", b"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 0\r\n\r\n"),
    ("a bare CR in a value", b"HTTP/1.1 200 OK\r\nX-A: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n"),
    (
        "a switch that nobody asked for",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ),
]


def send_and_stay(data):
    """Sends data as the answer to every request, and leaves the connection open: weir must be the one to
    close."""

    def handler(connection, origin):
        while request := connection.request():
            origin.requests.append(request)
            connection.send(data)

    return handler


@pytest.mark.parametrize("data", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_broken_answer_is_502_and_the_connection_is_not_reused(make_origin, make_site, data):
    origin = make_origin(send_and_stay(data))
    site = make_site(origin)
    with site.connect() as connection:
        for _ in range(2):
            connection.send(site.request("POST / HTTP/1.1", body=b"x"))  # not retried
            assert connection.response().status == 502
    assert len(origin.connections) == len(origin.requests) == 2
    for used in origin.connections:
        wait_until(lambda used=used: used.socket.fileno() < 0, 5, "weir closing the upstream connection")


def test_answers_twice(make_origin, make_site):
    """The second answer must never become the answer to somebody else's request."""

    def handler(connection, origin):
        while request := connection.request():
            origin.requests.append(request)
            target = request.target.encode()
            connection.send(response(body=b"for " + target) + response(body=b"poison"))

    origin = make_origin(handler)
    site = make_site(origin)
    with site.connect() as connection:
        for number in range(5):
            connection.send(site.request(f"GET /{number} HTTP/1.1"))
            answered = connection.response()
            assert (answered.status, answered.body) == (200, b"for /%d" % number)
    assert len(origin.connections) == 5


def test_speaks_on_an_idle_connection(make_origin, make_site):
    spoke = threading.Event()

    def handler(connection, origin):
        origin.requests.append(connection.request())
        connection.send(response(body=origin.name.encode()))
        if len(origin.requests) == 1:
            time.sleep(0.05)  # after the answer was taken, when the connection is idle
            connection.send(response("408 Request Timeout"))
            spoke.set()
        connection.request()

    origin = make_origin(handler)
    site = make_site(origin)
    assert site.ask().status == 200
    assert spoke.wait(5)
    assert [site.ask().status for _ in range(3)] == [200] * 3


@pytest.mark.parametrize(
    "sent",
    [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"],
    ids=["before the answer", "within the status line", "within the fields"],
)
def test_closes_early(make_origin, make_site, sent):
    """A GET is tried at most twice more; what has no endpoint left to try is 502."""

    def handler(connection, origin):
        origin.requests.append(connection.request())
        connection.send(sent)

    origin = make_origin(handler)
    site = make_site(origin)
    assert site.ask().status == 502
    assert 1 <= len(origin.requests) <= 3
    origin.requests.clear()
    assert site.ask("POST / HTTP/1.1", body=b"once").status == 502
    assert len(origin.requests) == 1, "a POST that may have been seen was sent again"


@pytest.mark.parametrize(
    "sent",
    [
        b"Content-Length: 100\r\n\r\nabc",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabcde\r\n",
    ],
    ids=["length", "within a chunk", "between chunks", "a bad chunk"],
)
def test_cut_body_is_cut_for_the_client_too(make_origin, make_site, sent):
    """The client must be able to tell that the answer is not whole."""
    origin = make_origin(scripted(b"HTTP/1.1 200 OK\r\n" + sent, None))
    site = make_site(origin)
    with pytest.raises(http1.Broken):
        answered = site.ask()
        assert answered.status == 502
        raise http1.Closed("refused as a whole, which is as good")


def test_answers_before_the_body_and_closes(make_origin, make_site):
    """An early refusal reaches a client that is still sending."""

    def handler(connection, origin):
        origin.requests.append(connection.head())
        connection.send(response("413 Content Too Large", b"too large", ["Connection: close"]))

    origin = make_origin(handler)
    site = make_site(origin)
    with site.connect() as connection:
        connection.send(site.request("POST / HTTP/1.1", ["Content-Length: 100000"]) + b"a" * 1000)
        answered = connection.response()
        assert (answered.status, answered.body) == (413, b"too large")


def test_silent_origin_is_504(make_origin, make_site):
    def handler(connection, origin):
        origin.requests.append(connection.request())
        connection.closed()

    origin = make_origin(handler)
    site = make_site(origin, request_timeout="200ms", retries={"attempts": 0})
    began = time.monotonic()
    assert site.ask("POST / HTTP/1.1", body=b"x").status == 504
    assert 0.15 < time.monotonic() - began < 2
    [used] = origin.connections
    wait_until(lambda: used.socket.fileno() < 0, 5, "weir closing the upstream connection")


def test_refused_connection_goes_to_another_endpoint(make_origin, make_site):
    """Not sent, so whatever the method."""
    origin = make_origin()
    site = make_site(f"127.0.0.1:{free_port()}", origin)
    statuses = [
        site.ask(first, body=body).status
        for first, body in [("GET / HTTP/1.1", b""), ("POST / HTTP/1.1", b"body")] * 5
    ]
    assert statuses == [200] * 10


def test_nothing_listens(make_site):
    site = make_site(f"127.0.0.1:{free_port()}")
    assert site.ask().status in (502, 503)


def test_no_endpoints(make_site):
    assert make_site().ask().status == 503


def test_reset_on_a_reused_connection_is_retried(make_origin, make_site):
    """The origin closed its idle connections, as every origin does some day: nobody notices."""

    def handler(connection, origin):
        origin.requests.append(connection.request())
        connection.send(response(body=b"ok"))  # and closes without saying so

    origin = make_origin(handler)
    site = make_site(origin)
    with site.connect() as connection:
        for _ in range(20):
            connection.send(site.request())
            assert connection.response().status == 200


def test_client_gone_closes_the_origins_connection(make_origin, make_site):
    gone = threading.Event()

    def handler(connection, origin):
        origin.requests.append(connection.request())
        if connection.closed():
            gone.set()

    origin = make_origin(handler)
    site = make_site(origin)
    with site.connect() as connection:
        connection.send(site.request())
        wait_until(lambda: origin.requests, 5, "the request at the origin")
    assert gone.wait(5), "the origin still works for nobody"


def test_client_gone_within_a_download(make_origin, make_site):
    ended = threading.Event()

    def handler(connection, origin):
        origin.requests.append(connection.request())
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while True:
                connection.send(b"a" * 65536)
        except OSError:
            ended.set()

    origin = make_origin(handler)
    site = make_site(origin)
    with site.connect() as connection:
        connection.send(site.request())
        connection.exactly(100_000)
    assert ended.wait(5), "the origin still sends"


def test_client_gone_within_an_upload(make_origin, make_site):
    ended = threading.Event()

    def handler(connection, origin):
        try:
            connection.request()
        except http1.Closed:
            ended.set()

    origin = make_origin(handler)
    site = make_site(origin)
    with site.connect() as connection:
        connection.send(site.request("POST / HTTP/1.1", ["Content-Length: 1000000"]) + b"a" * 10_000)
        wait_until(lambda: len(origin.received) > 5_000, 5, "the upload under way")
    assert ended.wait(5), "the origin still waits"


def test_good_after_bad(make_origin, make_site):
    """One endpoint answers garbage, the other is good: the good one's answers stay right."""
    good = make_origin(answer)
    bad = make_origin(send_and_stay(b"garbage\r\n\r\n"))
    site = make_site(good, bad)
    answers = [site.ask() for _ in range(20)]
    assert {a.status for a in answers} <= {200, 502}
    assert all(a.body == good.name.encode() for a in answers if a.status == 200)
    assert any(a.status == 200 for a in answers)
