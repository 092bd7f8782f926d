"""A controller on its own, and what is attached to it: the real Envoy, by `weir controller bootstrap`."""

import http.client
import json
import socket
import ssl
from contextlib import closing

import pytest

from lab import envoy
from lab.origin import Origin
from lab.process import free_port, wait_until
from lab.weir import Weir, documents, load_balancer, service


class AttachedEnvoy(envoy.Envoy):
    """The real Envoy with the bootstrap that weir prints."""

    def __init__(self, directory, controller, name, *flags):
        self.directory = directory
        self.name = name
        self.http_port, self.https_port, self.admin_port = free_port(), free_port(), free_port()
        directory.mkdir(parents=True, exist_ok=True)
        done = controller.cli(
            *("controller", "bootstrap", "--envoy", "--node", name, "--listen", "127.0.0.1"),
            *("--http", self.http_port, "--https", self.https_port, "--admin", self.admin_port),
            *("--xds", f"127.0.0.1:{controller.xds_port}", *flags),
        )
        assert done.returncode == 0, done.stderr
        self.bootstrap = directory / "bootstrap.json"
        self.bootstrap.write_text(done.stdout)

    def ask(self, host, path="/"):
        with closing(http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=5)) as connection:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def serves(self, host, text):
        try:
            return self.ask(host) == (200, text)
        except OSError:
            return False


@pytest.fixture(scope="module")
def origins():
    with Origin(name="first") as first, Origin(name="second") as second:
        yield first, second


@pytest.fixture
def controller(tmp_path):
    made = Weir(tmp_path, role="controller", flags=["--api-name", "localhost"])
    made.start()
    yield made
    made.process.stop()


def apply(controller, *objects):
    done = controller.cli("apply", "-f", "-", stdin=documents(*objects))
    assert done.returncode == 0, done.stderr


def test_envoy_is_attached_over_mutual_tls(controller, origins, tmp_path):
    first, second = origins
    apply(controller, service("web", [first.address]), load_balancer("web", ["web.example"], {"/": "web"}))
    with AttachedEnvoy(tmp_path / "envoy", controller, "fra-1") as one:
        wait_until(lambda: one.serves("web.example", "first"), 10, "Envoy's serving web")
        apply(controller, service("web", [second.address]))
        wait_until(lambda: one.serves("web.example", "second"), 10, "Envoy's having the change")
        # Another service in its place: the cluster comes before the route, and goes after it.
        renamed = load_balancer("web", ["web.example"], {"/": "site"})
        apply(controller, service("site", [first.address]), renamed)
        wait_until(lambda: one.serves("web.example", "first"), 10, "Envoy's having the new service")
        assert controller.cli("delete", "service", "web").returncode == 0
        assert one.serves("web.example", "first")
        assert one.counter("update_rejected") == 0, one.process.log()
        # The controller may go and come back.
        controller.process.stop()
        assert one.serves("web.example", "first")
        controller.start()
        apply(controller, service("site", [second.address]))
        wait_until(lambda: one.serves("web.example", "second"), 20, "Envoy's being attached again")


def test_a_revoked_envoy_is_cut_off(controller, origins, tmp_path):
    first, second = origins
    apply(controller, service("web", [first.address]), load_balancer("web", ["web.example"], {"/": "web"}))
    with AttachedEnvoy(tmp_path / "envoy", controller, "fra-1") as one:
        wait_until(lambda: one.serves("web.example", "first"), 10, "Envoy's serving web")
        wait_until(lambda: controller.metrics()["weir_discovery_streams"] == 1, 5, "its stream")
        controller.change("edges", "fra-1", lambda spec: spec.update(revoked=True))
        wait_until(lambda: controller.metrics()["weir_discovery_streams"] == 0, 5, "its stream's end")
        apply(controller, service("web", [second.address]))
        assert one.serves("web.example", "first")


def test_who_has_no_certificate_does_not_come_in(controller):
    context = ssl.create_default_context(cafile=str(controller.ca))
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", controller.xds_port), timeout=5) as plain:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with context.wrap_socket(plain, server_hostname="localhost") as connected:
                connected.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
                assert connected.recv(1) == b""
                raise ConnectionError
    wait_until(
        lambda: any("certificate" in (e["spec"].get("reason") or "") for e in events(controller)),
        5,
        "the refusal's being written down",
    )


def events(controller):
    return json.loads(controller.cli("get", "events", "-o", "json").stdout)["items"]


def test_plain_discovery_is_for_loopback_only(tmp_path):
    done = Weir(tmp_path).cli("controller", "--xds", "0.0.0.0:18000", "--xds-plain")
    assert done.returncode == 2
    assert "loopback" in done.stderr


def test_what_envoy_cannot_do_is_in_the_status(controller, origins, tmp_path):
    balancer = load_balancer("web", ["web.example"], {"/": "web"})
    balancer["spec"]["routes"][0]["request_body_bytes_max"] = 1000
    apply(controller, service("web", [origins[0].address]), balancer)
    with AttachedEnvoy(tmp_path / "envoy", controller, "fra-1") as one:
        wait_until(lambda: one.serves("web.example", "first"), 10, "Envoy's serving web")
        status = controller.api("GET", "/v1/loadbalancers/web").json["status"]
        assert [r["edge"] for r in status["refused"]] == ["every Envoy"], status
        assert "request_body_bytes_max" in status["refused"][0]["reason"]

        def applied():
            return controller.api("GET", "/v1/services/web").json["status"].get("applied") == "1/1"

        wait_until(applied, 5, "the Envoy's having it in the status")
        edge = controller.api("GET", "/v1/edges/fra-1").json
        assert edge["status"]["attached"] and edge["status"]["applied_revision"] > 0, edge
