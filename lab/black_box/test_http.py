"""HTTP/1.1 through the proxy, by RFC 9110 and 9112."""

import threading

import pytest

from lab import http1
from lab.origin import answer, response

HOP_BY_HOP = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "upgrade",
    "proxy-authenticate",
    "proxy-authorization",
]


def test_keep_alive_on_both_sides(make_origin, make_site):
    origin = make_origin()
    site = make_site(origin)
    with site.connect() as connection:
        for _ in range(10):
            connection.send(site.request())
            answered = connection.response()
            assert (answered.status, answered.body) == (200, origin.name.encode())
    assert len(origin.requests) == 10
    assert len(origin.connections) == 1, "one client at a time needs one upstream connection"


def test_connection_close_is_honoured(make_origin, make_site):
    site = make_site(make_origin())
    with site.connect() as connection:
        connection.send(site.request(fields=["Connection: close"]) + site.request("GET /late HTTP/1.1"))
        assert connection.response().value("connection") == "close"
        assert connection.closed()
    assert "/late" not in [request.target for request in site.origins[0].requests]


def test_pipelined_requests_are_answered_in_order(make_origin, make_site):
    """The first answer is the slowest, and the requests arrive in one piece."""
    first_may_go = threading.Event()

    def handler(connection, origin):
        while request := connection.request():
            origin.requests.append(request)
            if request.target == "/0":
                first_may_go.wait(5)
            connection.send(response(body=request.target.encode()))

    site = make_site(make_origin(handler), make_origin(handler))
    with site.connect() as connection:
        connection.send(b"".join(site.request(f"GET /{i} HTTP/1.1") for i in range(50)))
        first_may_go.set()
        assert [connection.response().body for _ in range(50)] == [b"/%d" % i for i in range(50)]


def test_pipelined_requests_with_bodies(make_origin, make_site):
    def echo(connection, origin):
        while request := connection.request():
            connection.send(response(body=request.body))

    site = make_site(make_origin(echo))
    bodies = [bytes([97 + i]) * (i * 1000) for i in range(20)]
    with site.connect() as connection:
        chunked = ["Transfer-Encoding: chunked"]
        for i, body in enumerate(bodies):
            if i % 2:
                connection.send(
                    site.request("POST / HTTP/1.1", chunked) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
                )
            else:
                connection.send(site.request("POST / HTTP/1.1", ["Content-Length: %d" % len(body)]) + body)
        assert [connection.response("POST").body for _ in bodies] == bodies


def test_chunked_both_ways_with_trailers(make_origin, make_site):
    def handler(connection, origin):
        origin.requests.append(connection.request())
        connection.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
            b"5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n"
        )
        connection.request()

    origin = make_origin(handler)
    site = make_site(origin)
    with site.connect() as connection:
        connection.send(
            site.request(
                "POST / HTTP/1.1",
                ["Transfer-Encoding: chunked", "TE: trailers", "Connection: TE", "Trailer: X-Check"],
            )
        )
        connection.send(b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nX-Check: yes\r\n\r\n")
        answered = connection.response()
    assert answered.body == b"hello world"
    assert ("x-sum", "11") in answered.trailers
    [request] = origin.requests
    assert request.body == b"abc0123456789"
    assert ("x-check", "yes") in request.trailers


@pytest.mark.parametrize("name", ["Content-Length", "Transfer-Encoding", "Host", "Connection"])
def test_trailers_cannot_be_framing(make_origin, make_site, name):
    origin = make_origin()
    site = make_site(origin)
    with site.connect() as connection:
        connection.send(
            site.request("POST / HTTP/1.1", ["Transfer-Encoding: chunked"])
            + f"0\r\n{name}: evil\r\n\r\n".encode()
        )
        assert connection.response().status in (200, 400)
    for request in origin.requests:
        assert request.trailers == []


def test_expect_100_continue(make_origin, make_site):
    origin = make_origin()
    site = make_site(origin)
    with site.connect() as connection:
        connection.send(site.request("POST / HTTP/1.1", ["Expect: 100-continue", "Content-Length: 5"]))
        assert connection.head().status == 100
        connection.send(b"hello")
        assert connection.response().status == 200
        connection.send(site.request())  # and the connection goes on
        assert connection.response().status == 200
    assert origin.requests[0].body == b"hello"


def test_expect_100_continue_refused(make_origin, make_site):
    """The origin refuses before it has seen the body: no 100 has to come, and the body is not awaited."""

    def handler(connection, origin):
        request = connection.head()
        if request.values("expect"):
            connection.send(response("417 Expectation Failed", fields=["Connection: close"]))
            return
        connection.body(request)
        connection.send(response("403 Forbidden", fields=["Connection: close"]))

    site = make_site(make_origin(handler))
    with site.connect() as connection:
        connection.send(site.request("POST / HTTP/1.1", ["Expect: 100-continue", "Content-Length: 5"]))
        answered = connection.head()
        if answered.status == 100:
            connection.send(b"hello")
            answered = connection.response()
        assert answered.status in (403, 417)


def test_unknown_expectation(make_origin, make_site):
    """RFC 9110 section 10.1.1: may be answered with 417, must not hang."""
    site = make_site(make_origin())
    assert site.ask(fields=["Expect: a-miracle"]).status in (200, 417)


def test_head(make_origin, make_site):
    def handler(connection, origin):
        while request := connection.request():
            origin.requests.append(request)
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n")

    origin = make_origin(handler)
    site = make_site(origin)
    with site.connect() as connection:
        for _ in range(3):
            connection.send(site.request("HEAD / HTTP/1.1"))
            answered = connection.response("HEAD")
            assert answered.value("content-length") == "12345"
            assert connection.available() == b""
    assert {request.method for request in origin.requests} == {"HEAD"}
    assert len(origin.connections) == 1


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answers_without_a_body(make_origin, make_site, status):
    def handler(connection, origin):
        while connection.request():
            connection.send(f'HTTP/1.1 {status}\r\nETag: "a"\r\n\r\n'.encode())

    site = make_site(make_origin(handler))
    with site.connect() as connection:
        for _ in range(3):
            connection.send(site.request())
            answered = connection.response()
            assert (answered.status, answered.value("etag")) == (int(status[:3]), '"a"')
            assert answered.value("transfer-encoding") is None


def test_interim_answers_are_relayed(make_origin, make_site):
    def handler(connection, origin):
        while connection.request():
            connection.send(
                b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
                b"HTTP/1.1 102 Processing\r\n\r\n"
            )
            connection.send(response(body=b"final"))

    site = make_site(make_origin(handler))
    with site.connect() as connection:
        for _ in range(2):
            connection.send(site.request())
            early = connection.head()
            assert (early.status, early.value("link")) == (103, "</a.css>; rel=preload")
            assert connection.head().status == 102
            assert connection.response().body == b"final"


def test_interim_answers_are_kept_from_http_1_0(make_origin, make_site):
    """RFC 9110 section 15.2."""

    def handler(connection, origin):
        connection.request()
        connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" + response(body=b"final"))

    site = make_site(make_origin(handler))
    assert site.ask("GET / HTTP/1.0").status == 200


def test_endless_interim_answers_end(make_origin, make_site):
    """An origin that never comes to the point is given up."""

    def handler(connection, origin):
        connection.request()
        while True:
            connection.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 1000)

    site = make_site(make_origin(handler), request_timeout="1s", retries={"attempts": 0})
    with site.connect() as connection:
        connection.send(site.request())
        with pytest.raises(http1.Broken):
            for _ in range(1_000_000):
                if (status := connection.head().status) >= 200:
                    assert status in (502, 504)
                    raise http1.Closed("ended by an answer")


def test_an_upgrade_to_anything_but_websocket_is_not_passed_on(make_origin, make_site):
    origin = make_origin()
    site = make_site(origin)
    answered = site.ask(
        fields=["Connection: upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"]
    )
    assert answered.status == 200
    assert all(request.value("upgrade") is None for request in origin.requests)


def test_a_websocket_that_the_origin_does_not_take_up_is_an_ordinary_exchange(make_origin, make_site):
    origin = make_origin()
    site = make_site(origin)
    answered = site.ask(fields=["Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"])
    assert answered.status == 200
    assert [request.value("upgrade") for request in origin.requests] == ["websocket"]


def test_http_1_0_client(make_origin, make_site):
    def handler(connection, origin):
        while request := connection.request():
            origin.requests.append(request)
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")

    origin = make_origin(handler)
    site = make_site(origin)
    with site.connect() as connection:
        connection.send(site.request("GET / HTTP/1.0"))
        answered = connection.response()
        assert answered.value("transfer-encoding") is None, "a client of HTTP/1.0 does not know chunked"
        assert answered.body == b"ok"
        assert connection.closed()
    assert origin.requests[0].first[2] == "HTTP/1.1"


def test_http_1_0_origin_whose_end_is_the_close(make_origin, make_site):
    def handler(connection, origin):
        connection.request()
        connection.send(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        connection.send(b"until the end")

    site = make_site(make_origin(handler))
    with site.connect() as connection:
        for _ in range(3):
            connection.send(site.request())
            assert connection.response().body == b"until the end"


def test_absolute_form(make_origin, make_site):
    """RFC 9112 section 3.2.2: the target's authority counts, the Host field is replaced by it."""
    origin = make_origin()
    site = make_site(origin)
    with site.connect() as connection:
        connection.send(f"GET http://{site.host}/a?b HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n".encode())
        assert connection.response().status == 200
    [request] = origin.requests
    assert (request.target, request.value("host")) == ("/a?b", site.host)


def test_options_star(make_origin, make_site):
    origin = make_origin()
    site = make_site(origin)
    assert site.ask("OPTIONS * HTTP/1.1").status in (200, 204)
    assert all(request.target == "*" for request in origin.requests)


def test_target_is_passed_in_its_normal_form(make_origin, make_site):
    """What routes are compared with is what the origin reads (RFC 3986 section 6.2.2); queries stay."""
    origin = make_origin()
    site = make_site(origin)
    targets = {
        "/a//b": "/a/b",
        "/a/./b": "/a/b",
        "/a/../b": "/b",
        "/%7Euser": "/~user",
        "/caf%c3%a9": "/caf%C3%A9",
        "/a%20b;c=d": "/a%20b;c=d",
        "/?q=%00//../%2f": "/?q=%00//../%2f",
        "/a?b?c": "/a?b?c",
        "/.well-known/x": "/.well-known/x",
    }
    for target in targets:
        assert site.ask(f"GET {target} HTTP/1.1").status == 200, target
    assert [request.target for request in origin.requests] == list(targets.values())


@pytest.mark.parametrize("path", ["/a%2Fb", "/a%5cb", "/a\\b", "/a%00", "/a%", "/a%zz"])
def test_paths_with_two_readings_are_refused(make_origin, make_site, path):
    origin = make_origin()
    site = make_site(origin)
    assert site.ask(f"GET {path} HTTP/1.1").status == 400
    assert origin.requests == []


def test_identity_fields_of_the_client_are_not_passed_on(make_origin, make_site):
    origin = make_origin()
    site = make_site(origin)
    forged = ["X_Forwarded_For", "X_Forwarded_Client_Cert", "X-Forwarded-Client-Cert"]
    forged += ["Forwarded", "X-Real-IP", "X_Real_IP"]
    assert site.ask(fields=[f"{name}: 192.0.2.1" for name in forged]).status == 200
    [request] = origin.requests
    for name in forged:
        assert request.values(name.lower()) == [], name


def test_hop_by_hop_fields_are_removed_from_the_request(make_origin, make_site):
    origin = make_origin()
    site = make_site(origin)
    answered = site.ask(
        fields=[
            "Connection: keep-alive, X-Private",
            "X-Private: 1",
            "Keep-Alive: timeout=5",
            "Proxy-Connection: keep-alive",
            "TE: gzip",
            "Proxy-Authorization: Basic YTpi",
            "X-Public: 1",
            "Accept: a",
            "Accept: b",
        ]
    )
    assert answered.status == 200
    [request] = origin.requests
    for name in [*HOP_BY_HOP, "x-private"]:
        assert request.values(name) == [], name
    assert request.value("x-public") == "1"
    assert request.values("accept") == ["a", "b"], "the order and number of other fields stay"


def test_hop_by_hop_fields_are_removed_from_the_answer(make_origin, make_site):
    def handler(connection, origin):
        while connection.request():
            connection.send(
                response(
                    body=b"ok",
                    fields=[
                        "Connection: keep-alive, X-Private",
                        "X-Private: 1",
                        "Keep-Alive: timeout=5",
                        "Proxy-Connection: keep-alive",
                        "X-Public: 1",
                        "Set-Cookie: a=1",
                        "Set-Cookie: b=2",
                    ],
                )
            )

    site = make_site(make_origin(handler))
    answered = site.ask()
    for name in ["keep-alive", "proxy-connection", "x-private", "upgrade"]:
        assert answered.values(name) == [], name
    assert "x-private" not in " ".join(answered.values("connection")).lower()
    assert answered.value("x-public") == "1"
    assert answered.values("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize("named", ["host", "content-length", "x-forwarded-for", "via", "authorization"])
def test_connection_cannot_name_away_what_is_needed(make_origin, make_site, named):
    """`Connection: host` and the like must not strip what the origin's decisions rest on."""
    origin = make_origin()
    site = make_site(origin)
    answered = site.ask("POST / HTTP/1.1", [f"Connection: {named}"], b"body")
    assert answered.status in (200, 400)
    for request in origin.requests:
        assert (request.value("host"), request.body) == (site.host, b"body")
        assert request.values("x-forwarded-for") != []


def test_forwarded_fields(make_origin, make_site):
    origin = make_origin()
    site = make_site(origin)
    assert site.ask().status == 200
    [request] = origin.requests
    assert request.value("x-forwarded-for") == "127.0.0.1"
    assert request.value("x-forwarded-proto") == "http"
    assert request.value("x-forwarded-host") == site.host
    assert request.value("host") == site.host
    assert request.value("via").startswith("1.1 ")
    assert len(request.value("x-request-id")) >= 16


def test_forwarded_fields_of_the_client(make_origin, make_site):
    """The client's word for its address is never the last one of the list."""
    origin = make_origin()
    site = make_site(origin)
    answered = site.ask(fields=["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "Via: 1.0 before"])
    assert answered.status == 200
    [request] = origin.requests
    forwarded = [part.strip() for part in ",".join(request.values("x-forwarded-for")).split(",")]
    assert forwarded[-1] == "127.0.0.1"
    via = [part.strip() for part in ",".join(request.values("via")).split(",")]
    assert via[0] == "1.0 before" and via[-1].startswith("1.1 ")
    assert len(request.values("x-forwarded-proto")) == 1


def test_request_ids_differ(make_origin, make_site):
    origin = make_origin()
    site = make_site(origin)
    with site.connect() as connection:
        for _ in range(20):
            connection.send(site.request())
            connection.response()
    assert len({request.value("x-request-id") for request in origin.requests}) == 20


def test_via_in_the_answer(make_origin, make_site):
    site = make_site(make_origin())
    assert any(value.startswith("1.1 ") for value in site.ask().values("via"))


def test_unknown_host_is_404(edge):
    with http1.connect(edge.http_port) as connection:
        for _ in range(2):
            connection.send(b"GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n")
            assert connection.response().status == 404


def test_hosts_are_matched_without_case_and_port(make_origin, make_site):
    site = make_site(make_origin())
    for host in [site.host.upper(), f"{site.host}:{site.weir.http_port}", f"{site.host}:80"]:
        assert http1.get(site.weir.http_port, "/", host).status == 200, host


def test_wildcard_hostname(edge, make_origin, make_site, unique):
    site = make_site(make_origin(name="wild"))
    listener = {"protocol": "HTTP", "hostnames": [f"*.{unique}.example"]}
    edge.change("loadbalancers", site.name, lambda spec: spec.update(listeners=[listener]))
    edge.wait_serving(f"a.{unique}.example")
    assert edge.get("/", f"{unique}.example").status == 404


def test_body_of_every_size(make_origin, make_site):
    """Around the sizes of buffers, by length and by chunks, up and down."""

    def echo(connection, origin):
        while request := connection.request():
            if request.values("transfer-encoding"):
                chunks = [request.body[i : i + 7001] for i in range(0, len(request.body), 7001)]
                connection.send(
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
                    + b"0\r\n\r\n"
                )
            else:
                connection.send(response(body=request.body))

    site = make_site(make_origin(echo))
    sizes = [
        0,
        1,
        2,
        100,
        4095,
        4096,
        4097,
        16383,
        16384,
        16385,
        32767,
        32768,
        32769,
        65535,
        65536,
        65537,
        300_001,
    ]
    with site.connect() as connection:
        for size in sizes:
            body = bytes(i * 7 % 253 for i in range(size))
            connection.send(site.request("PUT / HTTP/1.1", [f"Content-Length: {size}"]) + body)
            assert connection.response().body == body, f"{size} by length"
            chunks = b"%x\r\n%s\r\n" % (size, body) if size else b""
            connection.send(
                site.request("PUT / HTTP/1.1", ["Transfer-Encoding: chunked"]) + chunks + b"0\r\n\r\n"
            )
            assert connection.response().body == body, f"{size} by chunks"


def test_reset_client_harms_nobody(make_origin, make_site):
    site = make_site(make_origin(answer))
    for _ in range(50):
        connection = site.connect()
        connection.send(site.request())
        connection.reset()
    assert site.ask().status == 200
