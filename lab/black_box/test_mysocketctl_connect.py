"""mysocketctl 0.15 brings origins: `connect` with both of its engines, and whose keys attach to what."""

import json
import re
import sys

import pytest

from lab.mysocket import CLIENT, Connected, fields, person, rows, service  # noqa: F401
from lab.openid import SECRET, TOOLS, OpenId
from lab.process import ROOT, Process, wait_until

pytestmark = pytest.mark.skipif(not CLIENT.exists(), reason="mysocketctl is not installed (./dev setup lab)")

PROVIDER_PORT = 8700  # in the box, where nobody else is
ORIGIN = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"origin")
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def origin_port(service, tmp_path_factory):
    """An origin inside the box."""
    log = tmp_path_factory.mktemp("origin") / "origin.log"
    process = Process(["/usr/bin/python3", "-c", ORIGIN, 8000], log, prefix=service.box.prefix)
    yield 8000
    process.kill()


@pytest.mark.parametrize("engine", ["system", "paramiko"])
def test_connect_brings_an_origin_and_cleans_up(service, person, origin_port, engine):
    client = Connected(person, "connect", "--port", origin_port, "--name", "my site", "--engine", engine)
    try:
        host = client.said(r"([a-z]+-[a-z]+-\d{4}\.weir\.localhost)")[1]
        wait_until(lambda: service.web(host) == 200, 15, "the origin being served")
        client.said(r"\d\d:\d\d:\d\d 127\.0\.0\.1 GET / 200")  # the live log of its requests
    finally:
        client.end()
    wait_until(lambda: service.web(host) in (404, 503), 15, "the origin having gone")


@pytest.mark.parametrize("kind", ["tcp", "tls"])
def test_connect_brings_an_origin_of_connections(service, person, origin_port, kind):
    client = Connected(person, "connect", "--port", origin_port, "--name", "my port", "--type", kind)
    try:
        host = client.said(r"([a-z]+-[a-z]+-\d{4}\.weir\.localhost)")[1]
        port = int(client.said(r"\b(2\d{4})\b")[1])
        scheme, ca = ("https", ["--cacert", service.weir.ca]) if kind == "tls" else ("http", [])
        words = ["curl", "--silent", *ca, "--resolve", f"{host}:{port}:127.0.0.1"]
        words.append(f"{scheme}://{host}:{port}/")
        wait_until(lambda: service.box.run(words).stdout == "origin", 15, "the origin being served")
    finally:
        client.end()


@pytest.mark.skipif(not TOOLS.exists(), reason="oidc-provider is not installed (./dev setup lab)")
def test_whom_cloudauth_lets_in(service, person, origin_port, tmp_path):
    user = next(one for one in service.listed("users") if one["spec"]["email"] == person.email)
    sign_in = {"client_id": "weir", "client_secret": SECRET}
    sign_in["issuer"] = f"http://127.0.0.1:{PROVIDER_PORT}"
    spec = {"members": [{"user": user["metadata"]["name"]}], "sign_in": sign_in}
    organization = tmp_path / "organization.json"
    organization.write_text(
        json.dumps({"kind": "Organization", "metadata": {"name": "acme"}, "spec": spec})
    )
    service.cli("apply", "-f", organization)
    allowed = ["--allowed_email_addresses", "eve@a.example", "--allowed_email_domains", "b.example"]
    client = Connected(person, "connect", "--port", origin_port, "--name", "mine", "--cloudauth", *allowed)
    provider = None
    try:
        host = client.said(r"([a-z]+-[a-z]+-\d{4}\.weir\.localhost)")[1]
        wait_until(lambda: service.web(host) == 401, 15, "its being protected")
        service.box.lead(host)
        callback = f"http://{host}/.weir/sign-in/callback"
        provider = OpenId(tmp_path, callback, port=PROVIDER_PORT, prefix=service.box.prefix)

        def visit(login):
            done = service.box.run([sys.executable, ROOT / "lab/openid.py", f"http://{host}/deep", login])
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)

        def comes_in():
            return visit("eve@a.example") == [200, f"http://{host}/deep", "origin"]

        wait_until(comes_in, 15, "who is listed coming in, when the client's tunnel is up")
        assert visit("anybody@b.example")[0] == 200
        status, _, page = visit("who@c.example")
        assert status == 403 and "who@c.example may not come here" in page
    finally:
        client.end()
        if provider:
            provider.stop()


def test_nobody_elses_key_attaches_to_a_tunnel(service, person, origin_port, unique):
    thief = service.person(f"thief-{unique.rsplit('-', 1)[1]}")
    assert thief.create_account().returncode == 0
    socket_id, host, *_ = rows(person.done("socket", "create", "--name", "mine"))[0]
    tunnel = rows(person.done("tunnel", "create", "--socket_id", socket_id))[0]
    name = fields(thief.done_logged_in("account", "show"))["ssh username"]
    done = service.box.run(
        ["ssh", "-F", "none", "-N", "-i", thief.key, "-R", f"{tunnel[3]}:127.0.0.1:{origin_port}", "-l", name]
        + ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"]
        + ["-o", "ExitOnForwardFailure=yes", "-o", "IdentitiesOnly=yes", "ssh.mysocket.io"]
    )
    assert done.returncode == 255
    assert "remote port forwarding failed" in done.stderr
    assert service.web(host) == 503
