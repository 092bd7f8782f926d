"""What went on: counted at edges, kept by controllers for a day, told by the API, shown by weir top, and what
Prometheus and Grafana make of /metrics."""

import json
import os
import re
import shutil
import subprocess
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from lab import dns, weir
from lab.origin import Origin, response
from lab.process import wait_until
from lab.terminal import Terminal

PATIENCE_S = 60  # steps are of ten seconds
ROOT = Path(__file__).resolve().parents[2]
WATCHED = ("packaging/prometheus/weir.rules.yml", "packaging/grafana/weir.json", "docs/observability.md")

promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="there is no promtool (./dev setup)")


def ask(one, of, **more):
    query = "&".join(f"{key}={value}" for key, value in {"of": of, **more}.items())
    answer = one.api("GET", f"/v1/metrics?{query}")
    assert answer.status == 200, answer.text
    return answer.json


def counted(one, of, series="requests", **more):
    """How many there were, by the labels' values."""
    told = ask(one, of, series=series, **more)
    sums = {}
    for line in told["series"]:
        key = "".join(line["labels"].values())
        sums[key] = round(sum(value or 0 for value in line["values"]) * told["step"], 3)
    return sums


def failing(connection, _):
    while connection.request():
        connection.send(response(status="500 Internal Server Error", body=b"no"))


class World:
    """A controller, an edge and a name server, with a service whose two endpoints differ: one fails."""

    def __init__(self, directory, stack):
        self.good, self.bad = stack.enter_context(Origin()), stack.enter_context(Origin(failing))
        for name in ("controller", "edge", "ns"):
            (directory / name).mkdir()
        self.controller = weir.Controller(directory / "controller", workers=1)
        stack.enter_context(self.controller.start())
        self.edge = weir.Edge(directory / "edge", "fra-1", [self.controller])
        stack.enter_context(self.edge.start(token=self.controller.join_token(), wait=False))
        self.server = weir.NameServer(directory / "ns", "ns-1", [self.controller])
        stack.enter_context(self.server.start(token=self.controller.join_token(), wait=False))
        self.controller.apply(
            weir.service("web", [self.good.address]),
            weir.service("bad", [self.bad.address]),
            weir.load_balancer("web", ["web.weir.localhost"], {"/": "web"}),
            weir.load_balancer("bad", ["bad.weir.localhost"], {"/": "bad"}),
            dns.zone("example.com"),
        )
        self.edge.wait_serving(deadline_s=PATIENCE_S)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with ExitStack() as stack:
        yield World(tmp_path_factory.mktemp("metrics"), stack)


def wait_counted(one, of, wanted, **more):
    wait_until(lambda: counted(one, of, **more) == wanted, PATIENCE_S, f"{of} being {wanted}", 0.3)


def test_what_an_edge_carries_is_known_by_its_controller_and_counted_once(world):
    before = counted(world.controller, "services/web")[""]
    for _ in range(20):
        assert world.edge.get().status == 200
    for _ in range(3):
        assert world.edge.get(host="bad.weir.localhost").status == 500
    wait_counted(world.controller, "services/bad", {"": 3})
    wait_counted(world.controller, "services/bad", {"": 3}, series="errors")
    wait_until(
        lambda: counted(world.controller, "services/web")[""] >= before + 20, PATIENCE_S, "20 requests", 0.3
    )
    by_edge = counted(world.controller, "services/web", by="edge")
    assert set(by_edge) == {"fra-1"}
    assert set(counted(world.controller, "services/web", by="endpoint")) == {world.good.address}
    whole = counted(world.controller, "*")[""]
    assert whole == counted(world.controller, "edges/fra-1")[""]
    assert whole == sum(counted(world.controller, "loadbalancers/*").values())
    told = ask(world.controller, "services/web", series="latency")
    latest = [[value for value in line["values"] if value is not None][-1] for line in told["series"]]
    assert 0 < latest[0] <= latest[1] <= latest[2] < 1000
    assert ask(world.controller, "*", series="connections")["series"][0]["values"][-1] is not None

    # A controller that was away for a while is told what it has missed, and adds nothing to what there was.
    world.controller.stop()
    for _ in range(10):
        assert world.edge.get().status == 200
    world.controller.start()
    wait_until(
        lambda: counted(world.controller, "services/web", **{"from": "-1m"})[""] > 0,
        PATIENCE_S,
        "requests that were carried meanwhile",
        0.3,
    )
    assert counted(world.controller, "services/web")[""] <= len(world.good.requests)


def test_queries_of_a_name_server_are_known_by_its_controller(world):
    for _ in range(7):
        dns.dig(world.server.dns_port, "example.com", "SOA")
    wait_until(
        lambda: counted(world.controller, "edges/ns-1", series="queries")[""] >= 7, PATIENCE_S, "queries", 0.3
    )


def test_a_graph_is_told_as_it_grows(new_weir):
    running = new_weir().start()
    with closing(running.api_connection(PATIENCE_S)) as connection:
        path = "/v1/metrics?of=*&series=requests&watch=true"
        connection.request("GET", path, headers={"Authorization": f"Bearer {running.token}"})
        stream = connection.getresponse()
        assert stream.headers["Content-Type"] == "text/event-stream"
        lines = iter(stream.readline, b"")
        told = [json.loads(line[6:]) for line in (next(lines) for _ in range(20)) if line[:6] == b"data: "]
        assert told[0]["step"] == 10 and len(told[0]["series"][0]["values"]) == 1
        for one, other in zip(told, told[1:], strict=False):
            assert other["from"] == one["from"] + 10


def test_a_day_outlasts_the_process(new_weir):
    running = new_weir()
    with Origin() as origin, running.start():
        running.apply(
            weir.service("web", [origin.address]),
            weir.load_balancer("web", ["web.weir.localhost"], {"/": "web"}),
        )
        running.wait_serving()
        for _ in range(30):
            assert running.get().status == 200
        wait_until(lambda: counted(running, "services/web")[""] >= 30, PATIENCE_S, "requests", 0.3)
        values = ask(running, "services/web", series="requests")["series"][0]["values"]
        assert max(value or 0 for value in values) > 0
        running.stop()
        assert (running.data / "metrics.db").stat().st_mode & 0o777 == 0o600
        running.start()
        wait_until(
            lambda: any(ask(running, "services/web", series="requests")["series"][0]["values"]),
            PATIENCE_S,
            "what there was before",
            0.3,
        )


def test_top_once_and_on_a_screen(world):
    for _ in range(5):
        world.edge.get()
    wait_until(lambda: counted(world.controller, "services/web")[""] > 0, PATIENCE_S, "requests", 0.3)
    once = world.controller.cli("top")
    assert once.returncode == 0, once.stderr
    titles = re.findall(r"^([A-Z ]+?) +REQ/S +ERR/S +P50 MS +P99 MS +IN FLIGHT  HEALTH$", once.stdout, re.M)
    assert titles == ["LOAD BALANCERS", "SERVICES", "EDGES"]
    assert re.search(r"^web .* 1/1$", once.stdout, re.M) and "\x1b" not in once.stdout

    one = world.controller
    environment = {"WEIR_API": one.api_url, "WEIR_TOKEN": one.token, "WEIR_CA": str(one.ca), "TERM": "xterm"}
    terminal = Terminal([weir.BINARY, "top"], {**os.environ, **environment}, rows=24, columns=90)
    assert terminal.until(b"\x1b[?1049h") == b""
    terminal.until(b"SERVICES")
    terminal.until(b"fra-1")
    terminal.send(b"n")
    screen = terminal.until(b"\x1b[J")
    assert b"\x1b[H" in screen or screen.count(b"\r\n") <= 24
    terminal.resize(5, 40)
    terminal.send(b"r")
    while len(screen := terminal.until(b"\x1b[J").split(b"\x1b[H")[-1].split(b"\r\n")) > 5:
        pass
    assert max(len(re.sub(rb"\x1b\[[0-9;]*[a-zA-Z]", b"", line)) for line in screen) <= 40
    terminal.send(b"q")
    terminal.until(b"\x1b[?1049l")
    assert terminal.end() == 0

    environment["WEIR_TOKEN"] = "wrong"
    refused = one.cli("top", environment={"WEIR_TOKEN": "wrong"})
    assert refused.returncode == 1 and refused.stderr.startswith("weir: the API refuses: ")


def exposed(one, name):
    token = "" if name in ("controller", "up") else None

    def answer():
        with suppress(OSError):
            return one.api("GET", "/metrics", token=token)

    return wait_until(answer, PATIENCE_S, f"/metrics of {name}").text


@pytest.fixture(scope="module")
def expositions(world, tmp_path_factory):
    """The text of /metrics of every role."""
    directory = tmp_path_factory.mktemp("exposed")
    with ExitStack() as stack:
        for name in ("node", "up"):
            (directory / name).mkdir()
        node = weir.Node(directory / "node", "n-1", [world.controller], podman=directory / "no.sock")
        stack.callback(node.stop)
        node.start(token=world.controller.join_token("node"), wait=False)
        log = directory / "access.log"
        up = stack.enter_context(weir.Weir(directory / "up", flags=["--access-log", log]).start())
        origin = stack.enter_context(Origin())
        up.apply(
            weir.service("web", [origin.address], health_check={"interval": "1s", "tcp": {}}),
            weir.load_balancer("web", ["web.weir.localhost"], {"/": "web"}),
            dns.zone("example.com"),
        )
        up.wait_serving()
        roles = {"controller": world.controller, "edge": world.edge, "dns": world.server}
        roles |= {"node": node, "up": up}
        yield {name: exposed(one, name) for name, one in roles.items()}


@promtool
def test_promtool_finds_nothing_in_any_roles_metrics(expositions):
    for role, text in expositions.items():
        done = subprocess.run(
            ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), role


@promtool
def test_promtool_takes_the_rules_and_their_tests_hold():
    for words in (["check", "rules", "weir.rules.yml"], ["test", "rules", "weir.rules_test.yml"]):
        folder = ROOT / "packaging/prometheus"
        done = subprocess.run(
            ["promtool", *words], cwd=folder, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_that_is_written_about_is_there(expositions):
    there = set()
    for text in expositions.values():
        for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M):
            there |= {name + end for end in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
            there.add(name)
    for path in WATCHED:
        named = set(re.findall(r"\bweir_[a-z0-9_]+", (ROOT / path).read_text()))
        # Those of collectors are there with collectors: test_shipping.py and test_traces.py look at them.
        named = {name for name in named if not name.startswith(("weir_access_log_", "weir_trace_"))}
        assert named and named <= there, f"{path}: {sorted(named - there)}"


def test_the_dashboard_is_whole():
    dashboard = json.loads((ROOT / "packaging/grafana/weir.json").read_text())
    shown = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in shown:
        assert panel["targets"] and all(target["expr"] for target in panel["targets"]), panel["title"]
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
    assert {variable["name"] for variable in dashboard["templating"]["list"]} == {"datasource", "service"}
