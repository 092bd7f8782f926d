"""What weir translates for Envoy, judged by the real Envoy: src/translation/golden/*.json."""

import base64
import http.client
import json
import socket
import ssl
import subprocess

import pytest

from lab import envoy
from lab.origin import Origin

NAMES = sorted(path.stem for path in envoy.GOLDEN.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_validates(name, tmp_path):
    one = envoy.Envoy(name, tmp_path)
    done = subprocess.run(
        [*map(str, one.arguments()), "--mode", "validate"], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_accepts_all_of_it(name, tmp_path):
    with envoy.Envoy(name, tmp_path) as one:
        assert one.counter("update_rejected") == 0, one.process.log()
        assert one.counter("update_failure") == 0
        assert one.counter("listener_create_failure") == 0
        log = one.process.log()
        assert "deprecated" not in log and "unknown field" not in log, log


def ask(port, path, host="x.example", method="GET", fields=(), context=None, prefix=b""):
    """Status, fields and body of one answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        plain.sendall(prefix)
        connected = context.wrap_socket(plain, server_hostname=host) if context else plain
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *fields, "", ""]
        connected.sendall("\r\n".join(lines).encode())
        answer = http.client.HTTPResponse(connected, method=method)
        answer.begin()
        return answer.status, dict(answer.getheaders()), answer.read().decode()


@pytest.fixture(scope="module")
def origins():
    with Origin(name="first") as first, Origin(name="second") as second:
        yield {9001: first.port, 9002: second.port}, first, second


@pytest.fixture(scope="module")
def running(origins, tmp_path_factory):
    """Makes an Envoy of a name once."""
    made = {}

    def make(name):
        if name not in made:
            made[name] = envoy.Envoy(name, tmp_path_factory.mktemp(name), origins[0]).start()
        return made[name]

    yield make
    for one in made.values():
        one.process.stop()


@pytest.mark.parametrize(
    "host, path, status, body",
    [
        ("shop.example:80", "/a/b", 200, "first"),
        ("SHOP.example", "/a/c", 200, "first"),
        ("www.shop.example", "/teapot", 418, "short and stout"),
        ("deep.down.shop.example", "/teapot", 418, "short and stout"),
        ("nobody.example", "/teapot", 200, "second"),
    ],
)
def test_hosts(running, host, path, status, body):
    assert ask(running("routes").ports[18080], path, host)[::2] == (status, body)


def test_precedence(running):
    one = running("routes")
    port = one.ports[18080]
    matched = ["X-Plan: gold", "X-There: 1"]
    assert ask(port, "/a/x?q=1&r=abc&s", "shop.example", "POST", matched)[2] == "second"
    assert ask(port, "/a/x?q=2&r=abc&s", "shop.example", "POST", matched)[2] == "first"
    assert ask(port, "/a/x?q=1&r=aBc&s", "shop.example", "POST", matched)[2] == "first"
    assert ask(port, "/a/b/c?q=1&r=abc&s", "shop.example", "POST", matched)[2] == "first"


@pytest.mark.parametrize(
    "path, status, location",
    [
        ("/old/one?q=1", 301, "https://new.example:8443/new/one?q=1"),
        ("/old", 301, "https://new.example:8443/new"),
        ("/moved", 302, "http://shop.example/here"),
        ("/root/one", 307, "http://shop.example/one"),
        ("/root", 307, "http://shop.example/"),
    ],
)
def test_redirects(running, path, status, location):
    answer = ask(running("routes").ports[18080], path, "shop.example")
    assert (answer[0], answer[1]["location"]) == (status, location)


@pytest.mark.parametrize(
    "host, path, target",
    [
        ("shop.example", "/edit/b?c", "/b?c"),
        ("shop.example", "/edit", "/"),
        ("shop.example", "/deeper", "/x/y"),
        ("shop.example", "/deeper/z", "/x/y/z"),
        ("shop.example", "/whole/z?q", "/one?q"),
        ("nobody.example", "/z", "/under/z"),
        ("nobody.example", "/a/../b//c", "/under/b/c"),
    ],
)
def test_rewrites(running, origins, host, path, target):
    assert ask(running("routes").ports[18080], path, host)[0] == 200
    asked = [request for origin in origins[1:] for request in origin.requests]
    assert target in [request.target for request in asked]


def test_edits(running, origins):
    fields = ["X-Gone: 1", "X-Forwarded-Host: forged", "X-Forwarded-For: 1.2.3.4", "x-envoy-max-retries: 9"]
    _, answer, _ = ask(running("routes").ports[18080], "/edit/me", "shop.example", fields=fields)
    seen = next(request for request in origins[1].requests if request.target == "/me")
    assert seen.value("host") == "inner.example"
    assert seen.value("x-gone") is None and seen.value("x-host") == "shop.example"
    assert seen.value("x-client") == f"127.0.0.1 100% {seen.value('x-request-id')}"
    assert seen.value("x-forwarded-host") == "shop.example"
    assert seen.value("x-forwarded-for").startswith("1.2.3.4,")  # and who sent that
    assert seen.value("x-envoy-max-retries") is None
    assert answer["x-empty"] == "" and answer["x-more"] == "a"


def test_hidden_slashes_are_refused_where_somebody_wants_it(running):
    assert ask(running("routes").ports[18080], "/a%2fb", "shop.example")[0] == 400


def test_addresses(running):
    port = running("access").ports[18080]
    host = "limits.example"
    assert ask(port, "/inside", host)[::2] == (200, "first")
    assert ask(port, "/outside", host)[::2] == (200, "come in")


def test_passwords(running):
    port = running("access").ports[18080]
    token = base64.b64encode(b"ann:secret")
    assert ask(port, "/known", "limits.example")[0] == 401
    assert ask(port, "/known", "limits.example", fields=["Authorization: Basic " + token.decode()])[0] == 401
    right = base64.b64encode(b"ann:bar").decode()
    assert ask(port, "/known", "limits.example", fields=["Authorization: Basic " + right])[0] == 200


def test_what_cannot_be_said_is_not_served_without_it(running):
    status, fields, _ = ask(running("access").ports[18080], "/secret", "limits.example")
    assert status == 503 and "x-inside" not in fields


def test_rates(running):
    port = running("access").ports[18080]

    def statuses(count, *fields):
        return [ask(port, "/limited", "limits.example", fields=fields)[0] for _ in range(count)]

    assert statuses(5, "X-Key: a") == [200] * 5
    assert statuses(1, "X-Key: a") == [429]  # five an hour for each key; six of the ten a minute
    assert statuses(3) == [200] * 3  # those without a key share one
    assert 429 in statuses(9, "X-Key: b")  # ten a minute for the address


def test_proxy_header(running):
    port = running("access").ports[18082]
    header = b"PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\n"
    assert ask(port, "/proxied", prefix=header)[0] == 200
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(port, "/proxied")


def test_client_address(running, origins):
    one = running("access")
    assert ask(one.ports[18082], "/by-header", prefix=b"PROXY TCP4 192.0.2.7 192.0.2.1 1 80\r\n")[0] == 200
    assert ask(one.ports[18083], "/by-field", fields=["X-Forwarded-For: 192.0.2.8, 127.0.0.2"])[0] == 200
    seen = {request.target: request.value("x-client") for request in origins[1].requests}
    assert (seen["/by-header"], seen["/by-field"]) == ("192.0.2.7", "192.0.2.8")


def unverified():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.mark.parametrize(
    "host, subject",
    [
        ("secure.example", "secure.example"),
        ("www.secure.example", "secure.example"),
        ("other.example", "other.example"),
        ("nobody.example", "secure.example"),
    ],
)
def test_certificates_by_name(running, host, subject):
    port = running("tls").ports[18440]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        with unverified().wrap_socket(plain, server_hostname=host) as connected:
            shown = ssl.DER_cert_to_PEM_cert(connected.getpeercert(True))
    command = ["openssl", "x509", "-noout", "-subject"]
    text = subprocess.run(command, input=shown, capture_output=True, text=True)
    assert subject in text.stdout


def test_https(running):
    one = running("tls")
    assert ask(one.ports[18440], "/", "secure.example", context=unverified())[::2] == (200, "first")
    assert ask(one.ports[18440], "/", "nobody.example", context=unverified())[0] == 404
    status, fields, _ = ask(one.ports[18080], "/p?q", "secure.example:18080")
    assert (status, fields["location"]) == (308, "https://secure.example:18440/p?q")
    status, fields, _ = ask(one.ports[18084], "/p?q", "any.example:18084")
    assert (status, fields["location"]) == (308, "https://any.example:443/p?q")


def test_client_certificates(running):
    port = running("tls").ports[18443]
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(port, "/", "secure.example", context=unverified())


def test_services(running):
    one = running("services")
    port = one.ports[18080]
    assert ask(port, "/plain")[0] == 200
    assert ask(port, "/both")[0] in (200, 503)  # the other sends a PROXY header, which the origin refuses
    assert ask(port, "/unsayable")[0] == 503
    _, fields, body = ask(port, "/by-chance")
    assert body == "first" and fields["set-cookie"].startswith("where=")
    assert ask(port, "/ringed", fields=["X-User: a"])[0] == 200


@pytest.mark.parametrize("name", ["bootstrap-plain", "bootstrap-tls"])
def test_bootstrap(name, tmp_path, origins):
    """The files that it names are made here, from a pair of golden/tls.yaml."""
    text = (envoy.GOLDEN / f"{name}.json").read_text()
    secrets = json.loads((envoy.GOLDEN / "tls.json").read_text())["resources"]
    pair = next(one for one in secrets if envoy.kind_of(one) == "Secret")["tls_certificate"]
    files = {"ca.pem": "certificate_chain", "node.pem": "certificate_chain", "node.key": "private_key"}
    for file, source in files.items():
        (tmp_path / file).write_text(pair[source]["inline_string"])
        text = text.replace(f"/etc/weir/{file}", str(tmp_path / file))
    (tmp_path / "bootstrap.json").write_text(text)
    command = [envoy.BINARY, "-c", tmp_path / "bootstrap.json", "--mode", "validate", "--use-dynamic-base-id"]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
