"""The same load balancers, served by an edge of weir's and by the real Envoy side by side, while their
services are renamed again and again: no request fails and nothing is refused."""

import sys
from pathlib import Path

import pytest

from lab.black_box.test_discovery import AttachedEnvoy
from lab.origin import Origin
from lab.process import ROOT, Process, wait_until
from lab.weir import Controller, Edge, load_balancer, service

RENAMES = 200


class Bystander:
    """lab/bystander.py against one data plane."""

    def __init__(self, directory, name, port):
        self.path = Path(directory) / f"{name}.rows"
        place = f"127.0.0.1:{port}"
        command = [sys.executable, ROOT / "lab" / "bystander.py", place, "web.example", self.path]
        self.process = Process(command, Path(directory) / f"{name}.log")

    def statuses(self):
        text = self.path.read_text() if self.path.exists() else ""
        return [int(line.split()[2]) for line in text.splitlines() if line.count(" ") == 3]


@pytest.fixture
def origin():
    with Origin(name="first") as made:
        yield made


def named(number, origin):
    name = f"web-{number}"
    return service(name, [origin.address]), load_balancer("web", ["web.example"], {"/": name})


def test_renames(tmp_path, origin):
    (tmp_path / "controller").mkdir()
    (tmp_path / "fra-1").mkdir()
    controller = Controller(tmp_path / "controller").start()
    edge = Edge(tmp_path / "fra-1", "fra-1", [controller])
    controller.apply(*named(0, origin))
    edge.start(token=controller.join_token(), wait=False)
    edge.wait_ready()
    edge.wait_serving("web.example")
    with AttachedEnvoy(tmp_path / "envoy", controller, "fra-2") as envoy:
        wait_until(lambda: envoy.serves("web.example", "first"), 10, "Envoy's serving web")
        watchers = [
            Bystander(tmp_path, "edge", edge.http_port),
            Bystander(tmp_path, "envoy", envoy.http_port),
        ]
        for one in watchers:
            wait_until(lambda one=one: len(one.statuses()) > 100, 10, "its requests")
        for number in range(1, RENAMES + 1):
            controller.apply(*named(number, origin))
            answer = controller.api("DELETE", f"/v1/services/web-{number - 1}")
            assert answer.status in (200, 204), answer
        last = f"web-{RENAMES}"
        wait_until(lambda: f"cluster.{last}." in envoy.admin("/stats?filter=cluster.web-"), 10, last)

        def applied():
            return controller.api("GET", f"/v1/services/{last}").json["status"]["applied"] == "2/2"

        wait_until(applied, 10, "both data planes' having it")
        assert envoy.counter("update_rejected") == 0, envoy.process.log()
        assert controller.metrics()["weir_discovery_refusals_total"] == 0
        for one in watchers:
            one.process.stop()
            statuses = one.statuses()
            assert len(statuses) > 200
            assert set(statuses) == {200}, [s for s in statuses if s != 200][:10]
        assert "web-0" not in envoy.admin("/clusters")
    assert edge.stop() == 0
    assert controller.stop() == 0
