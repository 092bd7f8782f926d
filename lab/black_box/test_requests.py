"""The request log of a tunnel over the API: as it happens, what was sent and answered, and one again."""

import base64
import contextlib
import http.client
import json
import queue
import signal
import socket
import threading
from contextlib import ExitStack

import pytest

from lab.black_box.test_ssh_certificates import line, user
from lab.black_box.test_tunnels import Ssh
from lab.origin import Origin, response
from lab.process import free_port, wait_until
from lab.ssh import make_key
from lab.tunnels import DOMAIN, tunnels, weir  # noqa: F401 (fixtures)
from lab.weir import Controller, Edge

SECRET = "Bearer of-nobodys-business"


class Watch:
    """GET .../requests?watch=true, and what it says."""

    def __init__(self, weir, tunnel):
        self.events = queue.Queue()
        self.connection = weir.api_connection(60)
        headers = {"Authorization": f"Bearer {weir.token}"}
        self.connection.request("GET", f"/v1/tunnels/{tunnel}/requests?watch=true", headers=headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        assert self.answer.headers["Content-Type"] == "text/event-stream"
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        name = "line"
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
            while raw := self.answer.readline():
                text = raw.decode().rstrip("\n")
                if text.startswith("event: "):
                    name = text[7:]
                elif text.startswith("data: "):
                    self.events.put((name, json.loads(text[6:])))
                elif not text:
                    name = "line"
        self.events.put(("end", None))

    def next(self, wanted="line", deadline_s=15):
        """The next event of that name; others are passed over."""
        while True:
            name, data = self.events.get(timeout=deadline_s)
            if name == wanted:
                return data
            assert name != "end", "the stream has ended"

    def close(self):
        with contextlib.suppress(OSError):
            self.connection.sock.shutdown(socket.SHUT_RDWR)


def talkative(connection, origin):
    """Says what it got, with a cookie."""
    while request := connection.request():
        origin.requests.append(request)
        body = b"" if request.method == "HEAD" else b"got " + request.body
        connection.send(response(body=body, fields=["Set-Cookie: id=secret", "X-Origin: laptop"]))


class Laptop:
    """An origin behind a tunnel, and its requests. edge: where it comes in; api: who is asked about them."""

    def __init__(self, stack, folder, edge, api, service, *, ssh=None, handler=talkative):
        self.origin = stack.enter_context(Origin(handler, name="laptop"))
        self.host = f"{service}.{DOMAIN}"
        self.api = api
        self.client = Ssh(edge, folder, f"{service}:80:127.0.0.1:{self.origin.port}", **(ssh or {}))
        stack.callback(self.client.end)
        edge.wait_serving(self.host, deadline_s=20)
        self.name = next(
            one["metadata"]["name"] for one in tunnels(api) if one["spec"]["service"] == service
        )

    def ask(self, method, path="", **more):
        return self.api.api(method, f"/v1/tunnels/{self.name}/requests{path}", **more)

    def watch(self, stack):
        watch = Watch(self.api, self.name)
        stack.callback(watch.close)
        return watch

    def visit(self, edge, path, **more):
        return edge.get(path, self.host, **more)

    def seen(self, edge, watch, path):
        """The line of a visit of that path that is looked into, which is made until one is told of: a watch
        takes a moment to reach the edges."""

        def told():
            assert self.visit(edge, path).status == 200
            with contextlib.suppress(queue.Empty):
                return watch.next(deadline_s=0.5)
            return None

        line = wait_until(told, 15, "a visit being told of")
        while line["path"] != path:
            line = watch.next()
        if "response" not in self.ask("GET", f"/{line['request_id']}").json:  # it had begun before the watch
            assert self.visit(edge, path).status == 200
            line = watch.next()
        return line


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


def test_requests_are_seen_as_they_happen_and_one_by_one(weir, stack, tmp_path):  # noqa: F811
    laptop = Laptop(stack, tmp_path, weir, weir, "hello")
    assert laptop.ask("GET", "/nobodys").status == 404
    watch = laptop.watch(stack)
    laptop.seen(weir, watch, "/first")
    sent = {"Authorization": SECRET, "X-Hello": "there", "Content-Type": "text/plain"}
    assert laptop.visit(weir, "/things?a=b", method="POST", headers=sent, body=b"much").text == "got much"
    line = watch.next()
    while line["path"] != "/things?a=b":
        line = watch.next()
    assert (line["method"], line["status"], line["bytes_received"]) == ("POST", 200, 4)
    assert (line["peer"], line["host"]) == ("127.0.0.1", laptop.host)

    shown = laptop.ask("GET", f"/{line['request_id']}").json
    request = {one["name"]: one["value"] for one in shown["request"]["headers"]}
    assert request["Authorization"] == "(hidden)" and request["X-Hello"] == "there"
    assert shown["request"]["body"] == "much" and not shown["request"]["truncated"]
    answer = {one["name"]: one["value"] for one in shown["response"]["headers"]}
    assert answer["Set-Cookie"] == "(hidden)" and answer["X-Origin"] == "laptop"
    assert shown["response"]["body"] == "got much"
    assert shown["status"] == 200 and shown["request_id"] == line["request_id"]

    listed = laptop.ask("GET").json["items"]
    assert line["request_id"] in [one["request_id"] for one in listed]
    assert [one["time"] for one in listed] == sorted(one["time"] for one in listed)

    # Again, with what is hidden; the answer is a line like others, and it is an Event.
    count = len(laptop.origin.requests)
    again = laptop.ask("POST", f"/{line['request_id']}/replay")
    assert (again.status, again.json["status"]) == (200, 200), again
    assert len(laptop.origin.requests) == count + 1
    replayed = laptop.origin.requests[-1]
    assert (replayed.method, replayed.target, replayed.body) == ("POST", "/things?a=b", b"much")
    assert replayed.value("authorization") == SECRET
    told = watch.next()
    assert (told["request_id"], told["path"]) == (again.json["request_id"], "/things?a=b")
    assert told["load_balancer"] is None
    events = weir.api("GET", "/v1/events").json["items"]
    [event] = [one["spec"] for one in events if one["spec"]["verb"] == "replay"]
    assert (event["kind"], event["name"]) == ("Tunnel", laptop.name)
    assert event["after"]["request_id"] == line["request_id"]


def test_what_is_large_or_no_text(weir, stack, tmp_path):  # noqa: F811
    laptop = Laptop(stack, tmp_path, weir, weir, "hello")
    watch = laptop.watch(stack)
    laptop.seen(weir, watch, "/first")

    def posted(path, body):
        laptop.visit(weir, path, method="POST", body=body)
        line = watch.next()
        while line["path"] != path:
            line = watch.next()
        return laptop.ask("GET", f"/{line['request_id']}").json

    binary = posted("/binary", b"\x00\xff\x01")
    assert binary["request"]["base64"] and base64.b64decode(binary["request"]["body"]) == b"\x00\xff\x01"
    assert laptop.ask("POST", f"/{binary['request_id']}/replay").status == 200
    assert laptop.origin.requests[-1].body == b"\x00\xff\x01"

    large = posted("/large", b"a" * 100_000)
    assert large["request"]["truncated"] and len(large["request"]["body"]) == 65536
    assert large["response"]["truncated"] and large["response"]["body"].startswith("got aaa")
    refused = laptop.ask("POST", f"/{large['request_id']}/replay")
    assert refused.status == 409 and "64 KiB" in refused.json["detail"], refused


def test_who_may_look_and_who_may_send_again(weir, stack, tmp_path):  # noqa: F811
    laptop = Laptop(stack, tmp_path, weir, weir, "hello")
    watch = laptop.watch(stack)
    seen = laptop.seen(weir, watch, "/first")

    def token(name, role, **metadata):
        made = {"kind": "Token", "metadata": {"name": name, **metadata}, "spec": {"role": role}}
        answer = weir.api("POST", "/v1/tokens", made)
        assert answer.status == 201, answer
        return answer.json["secret"]

    viewer = token("viewer", "viewer")
    assert laptop.ask("GET", token=viewer).status == 200
    assert laptop.ask("GET", f"/{seen['request_id']}", token=viewer).status == 200
    assert laptop.ask("POST", f"/{seen['request_id']}/replay", token=viewer).status == 403
    editor = token("editor", "editor")
    assert laptop.ask("POST", f"/{seen['request_id']}/replay", token=editor).status == 200
    assert laptop.ask("GET", token=None).status == 401

    other = {"kind": "Organization", "metadata": {"name": "acme"}, "spec": {}}
    assert weir.api("POST", "/v1/organizations", other).status == 201
    theirs = token("theirs", "owner", organization="acme")
    for method, path in [
        ("GET", ""),
        ("GET", "?watch=true"),
        ("GET", f"/{seen['request_id']}"),
        ("POST", f"/{seen['request_id']}/replay"),
    ]:
        assert laptop.ask(method, path, token=theirs).status == 404
    assert weir.api("GET", "/v1/tunnels/nobodys/requests").status == 404


def test_on_a_terminal(weir, stack, tmp_path):  # noqa: F811
    laptop = Laptop(stack, tmp_path, weir, weir, "hello")
    watch = laptop.watch(stack)
    seen = laptop.seen(weir, watch, "/first")
    shown = weir.cli("logs", f"tunnels/{laptop.name}")
    assert shown.returncode == 0, shown.stderr
    assert f" GET /first 200 {seen['duration_ms']} ms {seen['request_id']}\n" in shown.stdout
    missing = weir.cli("logs", "tunnels/nobodys", "-f")
    assert missing.returncode == 1 and "Tunnel/nobodys" in missing.stderr


def test_a_tunnel_that_goes_and_one_that_comes_back(weir, stack, tmp_path):  # noqa: F811
    laptop = Laptop(stack, tmp_path, weir, weir, "hello")
    watch = laptop.watch(stack)
    laptop.seen(weir, watch, "/first")
    laptop.client.end()
    assert watch.next("notice")["notice"] == "the tunnel has gone"
    assert laptop.ask("GET").status == 404


@pytest.fixture
def fleet(stack, tmp_path):
    """A controller and two edges in processes of their own; laptops come in at the first."""
    for name in ("controller", "fra-1", "ams-1"):
        (tmp_path / name).mkdir()
    controller = stack.enter_context(Controller(tmp_path / "controller"))
    edges = []
    for name in ("fra-1", "ams-1"):
        port = free_port()
        edge = Edge(tmp_path / name, name, [controller], flags=["--ssh", f"127.0.0.1:{port}"])
        edge.flags += ["--tunnel", f"{edge.address}:{edge.tunnel_port}"]
        edge.ssh_port = port
        edges.append(edge.start(token=controller.join_token(), wait=False))
        stack.callback(edge.stop)
    for edge in edges:
        edge.wait_ready()
    return controller, edges


def test_edges_elsewhere(fleet, stack, tmp_path):
    controller, (fra, ams) = fleet
    key = make_key(tmp_path / "key")
    controller.apply(user("ada", line(key)))
    ssh = {"user": "ada", "options": ["-i", key, "-o", "IdentitiesOnly=yes"]}
    laptop = Laptop(stack, tmp_path, fra, controller, "hello", ssh=ssh)
    ams.wait_serving(laptop.host, deadline_s=20)
    watch = laptop.watch(stack)
    # Visitors come in by any edge.
    for edge in (fra, ams):
        seen = laptop.seen(edge, watch, f"/by/{edge.name}")
        assert seen["edge"] == edge.name
        shown = laptop.ask("GET", f"/{seen['request_id']}").json
        assert shown["response"]["body"] == "got " and shown["edge"] == edge.name
        count = len(laptop.origin.requests)
        again = laptop.ask("POST", f"/{seen['request_id']}/replay")
        assert again.status == 200 and again.json["edge"] == edge.name, again
        assert len(laptop.origin.requests) == count + 1
    ams.process.kill()
    lost = watch.next("notice")
    assert (lost["edge"], lost["notice"]) == ("ams-1", "the way to the edge ams-1 was lost")
    laptop.seen(fra, watch, "/still/there")
    # It comes back, and is heard again.
    ams.start()
    ams.wait_serving(laptop.host, deadline_s=20)
    assert laptop.seen(ams, watch, "/back")["edge"] == "ams-1"
