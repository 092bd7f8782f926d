"""A controller on its own, and what is attached to it: the real Envoy, by `weir controller bootstrap`."""

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import time
from contextlib import closing

import pytest

from lab import envoy
from lab.greeter import Greeter
from lab.origin import Origin
from lab.process import Process, free_port, wait_until
from lab.tcp import self_signed
from lab.weir import BINARY, Controller, Edge, Weir, documents, load_balancer, service


def short_certificate(directory, authority, name, life_s):
    """A certificate for an edge of that name which ends in so many seconds, and its key, as texts."""
    directory.mkdir()
    for suffix, text in (
        ("index", ""),
        ("serial", "1234"),
        (
            "conf",
            "[ca]\ndefault_ca=ours\n[ours]\ndatabase=index\nserial=serial\nnew_certs_dir=.\n"
            "default_md=sha256\npolicy=any\nunique_subject=no\n[any]\ncommonName=optional\n",
        ),
        (
            "extensions",
            f"subjectAltName=URI:spiffe://weir.localhost/edge/{name}\n"
            "extendedKeyUsage=clientAuth,serverAuth\nkeyUsage=digitalSignature\n",
        ),
    ):
        (directory / suffix).write_text(text)
    now = time.time()

    def at(seconds):
        return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(now + seconds))

    def openssl(*arguments):
        done = subprocess.run(
            ["openssl", *map(str, arguments)], cwd=directory, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, done.stderr

    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "key")
    openssl("req", "-new", "-key", "key", "-subj", f"/CN={name}", "-out", "csr")
    openssl(
        *("ca", "-batch", "-notext", "-config", "conf", "-extfile", "extensions"),
        *("-in", "csr", "-out", "pem"),
        *("-cert", authority / "ca.pem", "-keyfile", authority / "ca.key"),
        *("-startdate", at(-5), "-enddate", at(life_s)),
    )
    chain = (directory / "pem").read_text() + (authority / "ca.pem").read_text()
    return chain, (directory / "key").read_text()


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


def test_an_endpoint_that_was_taken_out_serves_no_more(controller, origins, tmp_path):
    """Also when it is healthy; and one that comes serves without delay."""
    first, second = origins
    check = {"interval": "100ms", "http": {"path": "/healthz"}}

    def apply_with(*members):
        wanted = service("web", [one.address for one in members], health_check=check)
        apply(controller, wanted, load_balancer("web", ["web.example"], {"/": "web"}))

    with AttachedEnvoy(tmp_path / "envoy", controller, "fra-1") as one:

        def asked():
            with contextlib.suppress(OSError):
                return {one.ask("web.example")[1] for _ in range(10)}

        apply_with(first, second)
        wait_until(lambda: asked() == {"first", "second"}, 10, "both of them")
        apply_with(second)
        wait_until(lambda: asked() == {"second"}, 5, "the first one's being out")
        dump = json.loads(one.admin("/config_dump?include_eds&resource=dynamic_active_clusters"))
        clusters = [each["cluster"] for each in dump["configs"]]
        (web,) = [each for each in clusters if each["name"] == "web"]
        assert web["common_lb_config"]["update_merge_window"] == "0.100s"


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


def connections(name, listeners, to, **route):
    """A load balancer of whole connections."""
    return {
        "kind": "LoadBalancer",
        "metadata": {"name": name},
        "spec": {"listeners": listeners, "routes": [{"backends": [{"service": to}], **route}]},
    }


def greeting(port, context=None, name=None):
    """What comes first of a connection; empty when nothing does."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            connected = context.wrap_socket(plain, server_hostname=name) if context else plain
            return connected.recv(100).decode().strip()
    except OSError:
        return ""


def test_whole_connections_go_through_an_envoy(controller, origins, tmp_path):
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chain, key = self_signed(tmp_path, "own.example")
    own.load_cert_chain(chain, key)
    certificate = {
        "kind": "Certificate",
        "metadata": {"name": "pair"},
        "spec": {"certificate": chain.read_text(), "private_key": key.read_text()},
    }
    port = free_port()
    with Greeter("plain") as plain, Greeter("secure", own) as secure:
        with AttachedEnvoy(tmp_path / "envoy", controller, "fra-1") as one:
            tls = {"protocol": "TLS", "port": one.https_port}
            passed = {**tls, "hostnames": ["own.example"], "tls": {"mode": "PASSTHROUGH"}}
            ended = {**tls, "hostnames": ["ended.example"], "tls": {"certificates": ["pair"]}}
            limited = {"protocol": "TCP", "port": port, "connections_per_source_max": 5}
            web = load_balancer("web", ["web.example"], {"/": "web"})
            web["spec"]["listeners"] = [
                {"protocol": "HTTPS", "hostnames": ["web.example"], "tls": {"certificates": ["pair"]}}
            ]
            apply(
                *(controller, service("plain", [plain.address], protocol="TCP")),
                *(service("secure", [secure.address], protocol="TCP"), service("web", [origins[0].address])),
                *(certificate, web, connections("tcp", [limited], "plain")),
                *(connections("passed", [passed], "secure"), connections("ended", [ended], "plain")),
            )
            wait_until(lambda: greeting(port) == "plain", 10, "Envoy's taking connections")
            for name, said in (("own.example", "secure"), ("ended.example", "plain")):
                wait_until(lambda n=name, s=said: greeting(one.https_port, unverified, n) == s, 10, name)
            https = http.client.HTTPSConnection("127.0.0.1", one.https_port, context=unverified, timeout=5)
            with closing(https):
                https.request("GET", "/", headers={"Host": "web.example"})
                assert https.getresponse().read() == b"first"
            refused = controller.api("GET", "/v1/loadbalancers/tcp").json["status"]["refused"]
            assert [r["edge"] for r in refused] == ["every Envoy"], refused
            assert "connections_per_source_max" in refused[0]["reason"]
            # What a connection has begun with stays as it was; the next one goes elsewhere.
            with socket.create_connection(("127.0.0.1", port), timeout=5) as held, Greeter("other") as other:
                assert held.recv(100) == b"plain\n"
                apply(controller, service("plain", [other.address], protocol="TCP"))
                wait_until(lambda: greeting(port) == "other", 10, "Envoy's having the change")
                held.sendall(b"still there")
                assert held.recv(100) == b"still there"
                assert controller.cli("delete", "loadbalancer", "tcp").returncode == 0
                wait_until(lambda: greeting(port) == "", 10, "Envoy's taking no more")
                assert greeting(one.https_port, unverified, "ended.example") == "other"
            assert one.counter("update_rejected") == 0, one.process.log()


class KeptEnvoy(AttachedEnvoy):
    """The same with files in a directory, which a process of weir's keeps renewed."""

    def __init__(self, directory, controller, name):
        self.directory = directory
        self.http_port, self.https_port, self.admin_port = free_port(), free_port(), free_port()
        self.controller = controller
        self.flags = [
            *("controller", "bootstrap", "--envoy", "--node", name, "--listen", "127.0.0.1"),
            *("--http", self.http_port, "--https", self.https_port, "--admin", self.admin_port),
            *("--xds", f"127.0.0.1:{controller.xds_port}", "--dir", directory),
        ]
        done = controller.cli(*self.flags)
        assert done.returncode == 0, done.stderr
        self.bootstrap = directory / "envoy.json"
        assert done.stdout.strip() == str(self.bootstrap)

    def keep_renewed(self):
        """Without any token: the certificate is enough."""
        environment = {k: v for k, v in os.environ.items() if k != "WEIR_TOKEN"}
        environment |= {"WEIR_API": self.controller.api_url, "WEIR_CA": str(self.controller.ca)}
        environment["HOME"] = str(self.directory)
        return Process(
            [BINARY, *self.flags, "--renew"],
            self.directory / "renew.log",
            environment=environment,
            directory=self.directory,
        )


def test_an_envoy_goes_on_after_its_certificate_has_ended(controller, origins, tmp_path):
    first, second = origins
    apply(controller, service("web", [first.address]), load_balancer("web", ["web.example"], {"/": "web"}))
    one = KeptEnvoy(tmp_path / "envoy", controller, "fra-1")
    for name in ("edge.json", "identity.json", "envoy.json"):
        assert (one.directory / name).stat().st_mode & 0o077 == 0
    assert "PRIVATE KEY" not in one.bootstrap.read_text()
    # As if it had been let in some time ago.
    certificate, key = short_certificate(tmp_path / "forged", controller.data, "fra-1", life_s=25)
    ends = time.monotonic() + 25
    kept = json.loads((one.directory / "edge.json").read_text())
    kept |= {"certificate": certificate, "private_key": key}
    (one.directory / "edge.json").write_text(json.dumps(kept))
    renewer = one.keep_renewed()
    identity = one.directory / "identity.json"
    wait_until(lambda: json.dumps(certificate)[1:40] in identity.read_text(), 5, "its having the short one")
    with one:
        wait_until(lambda: one.serves("web.example", "first"), 10, "Envoy's serving web")
        wait_until(lambda: "is renewed" in renewer.log(), 25, "the renewal")
        wait_until(lambda: time.monotonic() > ends + 1, 30, "the first certificate's end")
        controller.process.stop()
        controller.start()
        apply(controller, service("web", [second.address]))
        wait_until(lambda: one.serves("web.example", "second"), 20, "Envoy's being attached again")
    assert renewer.stop() is not None


def test_the_plan_says_what_each_edge_would_see(controller, origins, tmp_path):
    first, second = origins
    apply(controller, service("web", [first.address]), load_balancer("web", ["web.example"], {"/": "web"}))
    with AttachedEnvoy(tmp_path / "envoy", controller, "fra-1") as one:
        wait_until(lambda: one.serves("web.example", "first"), 10, "Envoy's serving web")
        elsewhere = load_balancer("elsewhere", ["elsewhere.example"], {"/": "web"})
        elsewhere["spec"]["edges"] = {"match": {"provider": "another"}}
        wanted = documents(service("web", [second.address]), elsewhere)
        done = controller.cli("plan", "-f", "-", stdin=wanted)
        assert done.returncode == 0, done.stderr
        assert "edge fra-1 (Envoy):\n  ~ endpoints web\n" in done.stdout, done.stdout
        port = second.address.rsplit(":", 1)[1]
        assert f"port_value: {first.address.rsplit(':', 1)[1]} -> {port}" in done.stdout, done.stdout
        assert "elsewhere" not in done.stdout.split("edge fra-1")[1]
        answer = json.loads(controller.cli("plan", "-f", "-", "-o", "json", stdin=wanted).stdout)
        (group,) = answer["edges"]
        assert (group["edges"], group["data_plane"], group["more"]) == (["fra-1"], "envoy", 0)
        assert [(r["type"], r["name"], r["result"]) for r in group["resources"]] == [
            ("endpoints", "web", "updated")
        ]
        # Nothing came of it.
        assert one.serves("web.example", "first")
        done = controller.cli("plan", "-f", "-", stdin=documents(elsewhere))
        assert "edge fra-1 (Envoy): nothing changes" in done.stdout, done.stdout


def test_the_plan_tells_edges_of_weir_from_envoys(origins, tmp_path):
    for name in ("controller", "fra-2"):
        (tmp_path / name).mkdir()
    first, second = origins
    lead = Controller(tmp_path / "controller").start()
    lead.apply(service("web", [first.address]), load_balancer("web", ["web.example"], {"/": "web"}))
    edge = Edge(tmp_path / "fra-2", "fra-2", [lead])
    edge.start(token=lead.join_token(), wait=False)
    edge.wait_ready()
    edge.wait_serving("web.example")
    renamed = load_balancer("web", ["web.example"], {"/": "site"})
    with AttachedEnvoy(tmp_path / "envoy", lead, "fra-1") as one:
        wait_until(lambda: one.serves("web.example", "first"), 10, "Envoy's serving web")
        done = lead.cli("plan", "-f", "-", stdin=documents(service("site", [second.address]), renamed))
        assert done.returncode == 0, done.stderr
        seen = done.stdout[done.stdout.index("edge fra-1") :]
        envoy_part, own = seen.split("edge fra-2:")
        for line in ("+ cluster site", "+ endpoints site", "~ routes http"):
            assert line in envoy_part, seen
        for line in ("~ object loadbalancers/web", "+ object services/site", "- object services/web"):
            assert line in own, seen
    assert edge.stop() == 0
    assert lead.stop() == 0
