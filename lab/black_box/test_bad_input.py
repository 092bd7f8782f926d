"""Malformed requests: the right status, a closed connection, and never a byte to the origin."""

import pytest

from lab import http1

REFUSALS = {400, 413, 414, 431, 501, 505}
SECOND = "GET /smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n"
H = "Host: {host}\r\n"

# What a head can be that must not pass: (what it is, the bytes, the statuses that say so)
HEADS = [
    # framing
    (
        "content-length and transfer-encoding",
        f"POST / HTTP/1.1\r\n{H}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        {400},
    ),
    (
        "transfer-encoding and content-length",
        f"POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        {400},
    ),
    (
        "two lengths that differ",
        f"POST / HTTP/1.1\r\n{H}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        {400},
    ),
    (
        "two lengths that agree",
        f"POST / HTTP/1.1\r\n{H}Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
        {400},
    ),
    ("a list of lengths", f"POST / HTTP/1.1\r\n{H}Content-Length: 5, 5\r\n\r\nabcde", {400}),
    ("length with a plus", f"POST / HTTP/1.1\r\n{H}Content-Length: +5\r\n\r\nabcde", {400}),
    ("length with a minus", f"POST / HTTP/1.1\r\n{H}Content-Length: -5\r\n\r\nabcde", {400}),
    ("length with a space", f"POST / HTTP/1.1\r\n{H}Content-Length: 5 5\r\n\r\nabcde", {400}),
    ("hexadecimal length", f"POST / HTTP/1.1\r\n{H}Content-Length: 0x5\r\n\r\nabcde", {400}),
    ("length with a fraction", f"POST / HTTP/1.1\r\n{H}Content-Length: 5.0\r\n\r\nabcde", {400}),
    ("empty length", f"POST / HTTP/1.1\r\n{H}Content-Length:\r\n\r\nabcde", {400}),
    (
        "length over 64 bits",
        f"POST / HTTP/1.1\r\n{H}Content-Length: 18446744073709551621\r\n\r\nabcde",
        {400, 413},
    ),
    (
        "length over 63 bits",
        f"POST / HTTP/1.1\r\n{H}Content-Length: 9223372036854775813\r\n\r\nabcde",
        {400, 413},
    ),
    ("length of 40 digits", f"POST / HTTP/1.1\r\n{H}Content-Length: {'9' * 40}\r\n\r\nabcde", {400, 413}),
    ("gzip, chunked", f"POST / HTTP/1.1\r\n{H}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", {400, 501}),
    (
        "chunked twice",
        f"POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        {400, 501},
    ),
    (
        "chunked in two fields",
        f"POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        {400, 501},
    ),
    ("identity", f"POST / HTTP/1.1\r\n{H}Transfer-Encoding: identity\r\n\r\n", {400, 501}),
    (
        "identity and chunked",
        f"POST / HTTP/1.1\r\n{H}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        {400, 501},
    ),
    ("xchunked", f"POST / HTTP/1.1\r\n{H}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", {400, 501}),
    (
        "chunked with a parameter",
        f"POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
        {400, 501},
    ),
    (
        "chunked after a vertical tab",
        f"POST / HTTP/1.1\r\n{H}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        {400, 501},
    ),
    ("quoted chunked", f'POST / HTTP/1.1\r\n{H}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n', {400, 501}),
    ("empty transfer-encoding", f"POST / HTTP/1.1\r\n{H}Transfer-Encoding:\r\n\r\n0\r\n\r\n", {400, 501}),
    ("chunked in HTTP/1.0", f"POST / HTTP/1.0\r\n{H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400, 501}),
    # lines
    ("folded field", f"GET / HTTP/1.1\r\n{H}X-Folded: a\r\n b\r\n\r\n", {400}),
    ("folded first field", f"GET / HTTP/1.1\r\n X-Folded: a\r\n{H}\r\n", {400}),
    ("folded with a tab", f"GET / HTTP/1.1\r\n{H}X-Folded: a\r\n\tb\r\n\r\n", {400}),
    ("bare LF after the request line", f"GET / HTTP/1.1\n{H}\r\n", {400}),
    ("bare LF after a field", f"GET / HTTP/1.1\r\n{H}X-A: b\nX-C: d\r\n\r\n", {400}),
    ("bare LF ends the head", f"GET / HTTP/1.1\r\n{H}\n", {400}),
    ("bare CR in a value", f"GET / HTTP/1.1\r\n{H}X-A: b\rX-C: d\r\n\r\n", {400}),
    ("bare CR in a name", f"GET / HTTP/1.1\r\n{H}X\r-A: b\r\n\r\n", {400}),
    ("bare CR in the request line", f"GET /\r HTTP/1.1\r\n{H}\r\n", {400, 505}),
    ("NUL in a value", f"GET / HTTP/1.1\r\n{H}X-A: b\x00c\r\n\r\n", {400}),
    ("NUL in a name", f"GET / HTTP/1.1\r\n{H}X\x00A: b\r\n\r\n", {400}),
    ("NUL in the target", f"GET /\x00 HTTP/1.1\r\n{H}\r\n", {400}),
    ("control byte in a value", f"GET / HTTP/1.1\r\n{H}X-A: \x01\r\n\r\n", {400}),
    ("DEL in a value", f"GET / HTTP/1.1\r\n{H}X-A: \x7f\r\n\r\n", {400}),
    ("space before the colon", f"GET / HTTP/1.1\r\n{H}X-A : b\r\n\r\n", {400}),
    ("tab before the colon", f"GET / HTTP/1.1\r\n{H}X-A\t: b\r\n\r\n", {400}),
    ("space in a name", f"GET / HTTP/1.1\r\n{H}X A: b\r\n\r\n", {400}),
    ("no name", f"GET / HTTP/1.1\r\n{H}: b\r\n\r\n", {400}),
    ("no colon", f"GET / HTTP/1.1\r\n{H}X-A\r\n\r\n", {400}),
    ("a name with a parenthesis", f"GET / HTTP/1.1\r\n{H}X(A): b\r\n\r\n", {400}),
    # the request line
    ("control byte in the target", f"GET /\x01 HTTP/1.1\r\n{H}\r\n", {400}),
    ("DEL in the target", f"GET /\x7f HTTP/1.1\r\n{H}\r\n", {400}),
    ("tab in the target", f"GET /\t HTTP/1.1\r\n{H}\r\n", {400}),
    ("space in the target", f"GET /a b HTTP/1.1\r\n{H}\r\n", {400}),
    ("two spaces", f"GET  / HTTP/1.1\r\n{H}\r\n", {400}),
    ("no version", f"GET /\r\n{H}\r\n", {400, 505}),
    ("no target", f"GET HTTP/1.1\r\n{H}\r\n", {400, 505}),
    ("a method that is no token", f"G@T / HTTP/1.1\r\n{H}\r\n", {400}),
    ("no method", f" / HTTP/1.1\r\n{H}\r\n", {400}),
    ("relative target", f"GET index.html HTTP/1.1\r\n{H}\r\n", {400}),
    ("absolute target without a host", f"GET http:// HTTP/1.1\r\n{H}\r\n", {400}),
    ("absolute target with a user", "GET http://a@{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n", {400}),
    ("a star for GET", f"GET * HTTP/1.1\r\n{H}\r\n", {400}),
    ("version in lower case", f"GET / http/1.1\r\n{H}\r\n", {400}),
    ("version with two digits", f"GET / HTTP/1.10\r\n{H}\r\n", {400, 505}),
    ("version without a dot", f"GET / HTTP/11\r\n{H}\r\n", {400, 505}),
    ("HTTP/2.0", f"GET / HTTP/2.0\r\n{H}\r\n", {505}),
    ("HTTP/3.0", f"GET / HTTP/3.0\r\n{H}\r\n", {505}),
    ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
    ("a TLS ClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "a" * 64 + "\r\n\r\n", {400}),
    ("CONNECT", "CONNECT {host}:80 HTTP/1.1\r\nHost: {host}:80\r\n\r\n", {400, 405, 501}),
    # the host
    ("no host", "GET / HTTP/1.1\r\nX-A: b\r\n\r\n", {400}),
    ("two hosts", f"GET / HTTP/1.1\r\n{H}{H}\r\n", {400}),
    ("two hosts that differ", f"GET / HTTP/1.1\r\n{H}Host: other\r\n\r\n", {400}),
    ("a space in the host", "GET / HTTP/1.1\r\nHost: {host} x\r\n\r\n", {400}),
    ("a path in the host", "GET / HTTP/1.1\r\nHost: {host}/x\r\n\r\n", {400}),
    ("a user in the host", "GET / HTTP/1.1\r\nHost: a@{host}\r\n\r\n", {400}),
    ("a port that is none", "GET / HTTP/1.1\r\nHost: {host}:x\r\n\r\n", {400}),
    # size
    ("a target of 40,000 bytes", f"GET /{'a' * 40000} HTTP/1.1\r\n{H}\r\n", {414}),
    ("a target of 9,000 bytes", f"GET /{'a' * 9000} HTTP/1.1\r\n{H}\r\n", {414}),
    (
        "8,000 fields",
        f"GET / HTTP/1.1\r\n{H}" + "X-A: b\r\n" * 8000 + "\r\n",
        {431},
    ),
    ("a field of 100,000 bytes", f"GET / HTTP/1.1\r\n{H}X-A: {'b' * 100000}\r\n\r\n", {431}),
    ("a method of 40,000 bytes", f"{'A' * 40000} / HTTP/1.1\r\n{H}\r\n", {400, 431, 501}),
    ("a name of 100,000 bytes", f"GET / HTTP/1.1\r\n{H}{'X' * 100000}: b\r\n\r\n", {400, 431}),
]

# What a chunked body can be that must not pass.
CHUNKS = [
    ("no hexadecimal size", "zz\r\nab\r\n0\r\n\r\n"),
    ("size with a minus", "-1\r\na\r\n0\r\n\r\n"),
    ("size with a plus", "+1\r\na\r\n0\r\n\r\n"),
    ("size with 0x", "0x1\r\na\r\n0\r\n\r\n"),
    ("a space before the size", " 1\r\na\r\n0\r\n\r\n"),
    ("an empty size", "\r\na\r\n0\r\n\r\n"),
    ("a size over 64 bits", "10000000000000001\r\na\r\n0\r\n\r\n"),
    ("a size of all ones", "ffffffffffffffff\r\na\r\n0\r\n\r\n"),
    ("a size of 300 digits", "0" * 299 + "1\r\na\r\n0\r\n\r\n"),
    ("a bare LF after the size", "1\na\r\n0\r\n\r\n"),
    ("a bare CR after the size", "1\ra\r\n0\r\n\r\n"),
    ("a bare LF in an extension", "1;a\nb\r\na\r\n0\r\n\r\n"),
    ("a NUL in an extension", "1;a\x00\r\na\r\n0\r\n\r\n"),
    ("a control byte in an extension", "1;a\x01\r\na\r\n0\r\n\r\n"),
    ("an extension of 100,000 bytes", f"1;{'a' * 100000}\r\na\r\n0\r\n\r\n"),
    ("no CRLF after the data", "1\r\nab0\r\n\r\n"),
    ("a bare LF after the data", "1\r\na\n0\r\n\r\n"),
    ("a bare LF after the last chunk", "0\n\r\n"),
    ("a bare LF ends the trailers", "0\r\n\n"),
    ("a trailer without a colon", "0\r\nabc\r\n\r\n"),
    ("a space before the colon of a trailer", "0\r\nA : b\r\n\r\n"),
    ("a folded trailer", "0\r\nA: b\r\n c\r\n\r\n"),
    ("trailers of 100,000 bytes", f"0\r\nA: {'b' * 100000}\r\n\r\n"),
]


@pytest.fixture(scope="module")
def site(edge, ready_origin):
    from lab.conftest import Site
    from lab.origin import Origin

    with Origin() as origin:
        yield Site(edge, ready_origin, [origin], {}, {})


def refused(site, data):
    """The answer to data, which must be the only one before the connection is closed."""
    with site.connect() as connection:
        connection.send(data)
        answer = connection.response()
        assert connection.closed(), f"more after the refusal: {connection.available()[:200]!r}"
        return answer


def to_bytes(site, text):
    return text.replace("{host}", site.host).encode("latin-1")


@pytest.mark.parametrize(("text", "statuses"), [row[1:] for row in HEADS], ids=[row[0] for row in HEADS])
def test_malformed_head(site, text, statuses):
    assert statuses <= REFUSALS | {405}
    [origin] = site.origins
    before = len(origin.connections), origin.received
    answer = refused(site, to_bytes(site, text + SECOND))
    assert answer.status in statuses
    assert (len(origin.connections), origin.received) == before, "the origin got something"


@pytest.mark.parametrize("text", [row[1] for row in CHUNKS], ids=[row[0] for row in CHUNKS])
@pytest.mark.parametrize("sent", ["together", "apart"])
def test_malformed_chunked_body(site, make_origin, make_site, text, sent):
    """The head may be on its way already when the chunk comes: then the origin must never see an end of the
    request."""
    origin = make_origin()
    target = make_site(origin)
    head = to_bytes(target, f"POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n")
    body = to_bytes(target, text + SECOND)
    with target.connect() as connection:
        connection.send(head)
        if sent == "apart":
            pieces = [bytes([byte]) for byte in body[:300]] + [body[300:]]
            for piece in pieces:
                try:
                    connection.send(piece)
                except OSError:
                    break  # refused and closed before the last piece
        else:
            connection.send(body)
        answer = connection.response()
        assert answer.status in (400, 413, 431)
        assert connection.closed(), f"more after the refusal: {connection.available()[:200]!r}"
    assert origin.requests == [], "the origin took it for a whole request"
    assert b"smuggled" not in origin.received
    assert b"\r\n0\r\n" not in origin.received, "the origin saw the last chunk"


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_body_over_the_limit_of_the_route(make_site, make_origin, framing):
    origin = make_origin()
    site = make_site(origin, route={"request_body_bytes_max": 1000})
    if framing == "content-length":
        answer = refused(site, site.request("POST / HTTP/1.1", body=b"a" * 1001))
        assert origin.received == b""
    else:
        chunks = b"".join(b"64\r\n" + b"a" * 100 + b"\r\n" for _ in range(11)) + b"0\r\n\r\n"
        answer = refused(site, site.request("POST / HTTP/1.1", ["Transfer-Encoding: chunked"]) + chunks)
        assert origin.requests == []
    assert answer.status == 413
    assert site.ask("POST / HTTP/1.1", body=b"a" * 1000).status == 200


def test_the_refusal_says_why(site):
    answer = refused(site, to_bytes(site, f"GET / HTTP/1.1\r\n{H}X-A : b\r\n\r\n"))
    assert answer.value("connection") == "close"
    assert answer.value("content-length") == str(len(answer.body))


def test_a_good_request_byte_by_byte(site):
    """What is refused above is not refused for its being slow or cut."""
    with site.connect() as connection:
        for byte in site.request(fields=["X-A:\tb \t", "X-Empty:", "X-High: \xe9"]):
            connection.send(bytes([byte]))
        assert connection.response().status == 200


def test_an_empty_line_before_the_request_is_skipped(site):
    """RFC 9112 section 2.2."""
    with site.connect() as connection:
        connection.send(b"\r\n" + site.request())
        assert connection.response().status == 200


def test_garbage_after_a_good_request(site):
    """The first is answered, the second refused, and then the connection closes."""
    with site.connect() as connection:
        connection.send(site.request() + b"\x00\x01\x02 garbage\r\n\r\n")
        assert connection.response().status == 200
        assert connection.response().status == 400
        assert connection.closed()


def test_a_request_that_never_ends_is_not_an_answer(site):
    """A client that leaves within the head gets nothing, and the origin neither."""
    [origin] = site.origins
    before = origin.received
    with site.connect() as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a")
        connection.end()
        try:
            assert connection.response().status == 400
        except http1.Closed:
            pass
    assert origin.received == before
