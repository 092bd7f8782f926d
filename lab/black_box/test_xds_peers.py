"""Discovery as a foreign client meets it: Envoy's API in Python, over gRPC's own core, at the port of a real
controller. (xds_protocol.rst of Envoy's documentation has the rules.)"""

import subprocess
from itertools import count

import pytest

from lab import weir
from lab.black_box.test_controllers import postgres  # noqa: F401 (a fixture)
from lab.process import wait_until

pytest.importorskip("grpc", reason="python3-grpcio is not installed (./dev setup lab)")
from lab import xds  # noqa: E402

if not xds.DESCRIPTORS.exists():
    pytest.skip("Envoy's API is not described (./dev setup)", allow_module_level=True)

FORMS = pytest.mark.parametrize("delta", [True, False], ids=["delta", "whole"])
HOST = "web.example"


class Site:
    """A controller, and load balancer `web` with a route to each of some services."""

    def __init__(self, controller, *, plain=False):
        self.controller, self.plain = controller, plain
        self.identities = {}
        self.numbers = count(11)

    def serve(self, *names, ports=(), **more):
        """ports: those of services that have another than 9001."""
        services = [weir.service(name, [f"127.0.0.1:{dict(ports).get(name, 9001)}"]) for name in names]
        balancer = weir.load_balancer("web", [HOST], {f"/{name}": name for name in names})
        balancer["spec"]["listeners"] += more.get("listeners", [])
        self.controller.apply(*services, balancer, *more.get("objects", []))

    def move(self, name, port):
        """Another endpoint; the cluster stays."""
        self.controller.apply(weir.service(name, [f"127.0.0.1:{port}"]))

    def alter(self, name):
        """Another cluster; the endpoints stay."""
        self.controller.change(
            "services", name, lambda spec: spec.update(connect_timeout=f"{next(self.numbers)}s")
        )

    def identity(self, node="fra-1"):
        if node not in self.identities:
            self.identities[node] = xds.Identity(self.controller, node)
        return self.identities[node]

    def stream(self, *, delta=True, kind=None, node="fra-1", controller=None):
        identity = self.identity(node)
        where = controller or self.controller
        its_channel = xds.channel(where) if self.plain else identity.channel(where)
        return xds.Stream(its_channel, identity.node, delta=delta, kind=kind)

    def refused(self, name, kind="services"):
        status = self.controller.api("GET", f"/v1/{kind}/{name}").json["status"]
        return {one["edge"]: one["reason"] for one in status.get("refused", [])}


def start(directory, *, plain=False, **more):
    directory.mkdir(exist_ok=True)
    flags = ["--xds-plain"] if plain else []
    return weir.Controller(directory, flags=[*flags, *more.get("flags", [])]).start()


@pytest.fixture
def site(tmp_path):
    with start(tmp_path / "controller") as controller:
        yield Site(controller)


@pytest.fixture(params=["tls", "plain"])
def any_site(request, tmp_path):
    plain = request.param == "plain"
    with start(tmp_path / "controller", plain=plain) as controller:
        yield Site(controller, plain=plain)


def certificate(directory, name):
    key, pem = directory / f"{name}.key", directory / f"{name}.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        + ["-days", "1", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
        + ["-keyout", key, "-out", pem],
        check=True,
        capture_output=True,
    )
    spec = {"certificate": pem.read_text(), "private_key": key.read_text()}
    return {"kind": "Certificate", "metadata": {"name": "own"}, "spec": spec}


def nothing_is_owed(stream):
    """What is owed comes before the answer for a name that is nowhere. Incremental streams only."""
    stream.ask("secret", ["nowhere"])
    answer = stream.take()
    assert (answer.kind, answer.removed) == ("secret", ["nowhere"]), answer


# --- what is asked for comes


@FORMS
def test_all_types_on_one_stream(any_site, tmp_path, delta):
    https = {"protocol": "HTTPS", "hostnames": [HOST], "tls": {"certificates": ["own"]}}
    any_site.serve("web", "api", listeners=[https], objects=[certificate(tmp_path, HOST)])
    with any_site.stream(delta=delta) as stream:
        stream.ask("cluster")
        clusters = stream.take()
        assert set(clusters.resources) == {"web", "api"}
        stream.ask("endpoints", ["web", "api"])
        endpoints = stream.take(["web", "api"])
        [locality] = endpoints.resources["web"].endpoints
        [endpoint] = locality.lb_endpoints
        assert endpoint.endpoint.address.socket_address.port_value == 9001
        stream.ask("listener")
        listeners = stream.take()
        assert set(listeners.resources) == {"http", "https"}
        stream.ask("routes", ["http", "https"])
        routes = stream.take(["http", "https"]).resources
        assert [list(host.domains) for host in routes["http"].virtual_hosts][0] == [HOST]
        stream.ask("secret", ["own"])
        secret = stream.take(["own"]).resources["own"]
        assert "BEGIN CERTIFICATE" in secret.tls_certificate.certificate_chain.inline_string
        any_site.move("api", 9002)
        assert set(stream.take(["web", "api"]).resources) == {"api"}
    metrics = any_site.controller.metrics()
    assert metrics["weir_discovery_refusals_total"] == 0


@FORMS
def test_each_service_for_one_type(any_site, tmp_path, delta):
    https = {"protocol": "HTTPS", "hostnames": [HOST], "tls": {"certificates": ["own"]}}
    any_site.serve("web", listeners=[https], objects=[certificate(tmp_path, HOST)])
    names = {"cluster": ["web"], "endpoints": ["web"], "routes": ["http"], "secret": ["own"]}
    for kind in xds.SERVICES:
        with any_site.stream(delta=delta, kind=kind) as stream:
            asked = names.get(kind, [])
            stream.ask(kind, asked)
            assert set(stream.take(asked).resources) == set(asked or ["http", "https"])
            another = "listener" if kind == "cluster" else "cluster"
            stream.ask(another)
            assert stream.ended() == ("INVALID_ARGUMENT", "this service is for another type")


def test_names_come_and_go(site):
    site.serve("web", "api")
    with site.stream() as stream:
        stream.ask("cluster", ["web", "late"])
        first = stream.take()
        assert (set(first.resources), first.removed) == ({"web"}, ["late"])
        site.alter("api")  # is nobody's
        nothing_is_owed(stream)
        site.serve("web", "api", "late")
        assert set(stream.take().resources) == {"late"}
        stream.ask("cluster", leave=["web"])
        site.alter("web")
        nothing_is_owed(stream)
        stream.ask("cluster", ["*"])
        assert set(stream.take().resources) >= {"web", "api"}
        stream.ask("cluster", leave=["*"])
        site.alter("api")
        site.alter("late")
        assert set(stream.take().resources) == {"late"}
        site.serve("web", "api")
        site.controller.api("DELETE", "/v1/services/late")
        assert stream.take().removed == ["late"]


def test_whole_names_are_said_anew_each_time(site):
    site.serve("web", "api", "shop")
    with site.stream(delta=False) as stream:
        stream.ask("cluster", ["web", "api"])
        first = stream.take(["web"])  # and the api is left
        assert set(first.resources) == {"web", "api"}
        site.alter("api")
        site.alter("web")
        answer = stream.take(["web"])
        assert set(answer.resources) == {"web"}
        assert answer.version != first.version


# --- what is accepted, and what is refused


def test_what_is_refused_is_in_the_status_and_held_back_for_that_node_only(site):
    site.serve("web", "api")
    with site.stream() as stream, site.stream(node="fra-2") as other:
        for one in (stream, other):
            one.ask("cluster")
            assert set(one.take().resources) == {"web", "api"}
        site.alter("web")
        stream.refuse(stream.next(), "web is not to my liking")
        wait_until(lambda: site.refused("web"), 5, "the refusal in the status")
        assert site.refused("web") == {"fra-1": "web is not to my liking"}
        assert site.refused("api") == {}
        assert set(other.take().resources) == {"web"}
        site.alter("api")  # the rest goes on
        assert set(stream.take().resources) == {"api"}
        assert set(other.take().resources) == {"api"}
        nothing_is_owed(stream)
        site.alter("web")  # another version is another try
        assert set(stream.take().resources) == {"web"}
        wait_until(lambda: not site.refused("web"), 5, "the end of the refusal")


@FORMS
def test_who_is_at_fault_is_found_though_the_refusal_names_nobody(site, delta):
    names = [f"s-{number}" for number in range(8)]
    site.serve(*names)
    for name in names:
        site.alter(name)
    with site.stream(delta=delta) as stream:
        stream.ask("cluster")
        had = {}
        for _ in range(20):
            response = stream.next()
            if response.resources.get("s-5"):
                stream.refuse(response, "no")
            else:
                had |= response.resources
                stream.acknowledge(response)
            if len(had) == 7 and site.refused("s-5"):
                break
        assert set(had) == set(names) - {"s-5"}
        assert [name for name in names if site.refused(name)] == ["s-5"]


# --- nonces


def test_a_stale_nonce_accepts_nothing(site):
    site.serve("web")
    with site.stream() as stream:
        stream.ask("cluster")
        first = stream.take()
        site.alter("web")
        second = stream.next()
        stream.acknowledge(first)  # again: not an answer to the second
        site.alter("web")
        nothing_is_owed(stream)  # one response at a time
        stream.acknowledge(second)
        assert stream.take().versions["web"] != second.versions["web"]


def test_whole_a_request_from_before_the_last_response_is_ignored(site):
    site.serve("web", "api")
    with site.stream(delta=False) as stream:
        stream.ask("endpoints", ["web"])
        first = stream.take(["web"])
        site.move("web", 9005)
        second = stream.next()
        stream.ask("endpoints", ["api"], nonce=first.nonce)  # crossed the second: says nothing
        stream.acknowledge(second, ["web"])
        site.move("api", 9006)
        site.move("web", 9007)
        assert set(stream.take(["web"]).resources) == {"web"}


# --- coming back


def test_who_comes_back_is_sent_the_difference(site):
    site.serve("web", "api", "shop")
    with site.stream() as stream:
        stream.ask("cluster")
        had = stream.take().versions
    site.serve("web", "api")
    site.controller.api("DELETE", "/v1/services/shop")
    site.alter("api")
    with site.stream() as stream:
        stream.ask("cluster", versions=had)
        difference = stream.take()
        assert set(difference.resources) == {"api"}
        assert difference.removed == ["shop"]
        now = {"web": had["web"], **difference.versions}
    site.controller.stop()
    site.controller.start()  # versions are made of the content: they survive
    with site.stream() as stream:
        stream.ask("cluster", versions=now)
        nothing_is_owed(stream)


@FORMS
def test_versions_are_the_same_at_every_controller(tmp_path, postgres, delta):  # noqa: F811
    flags = ["--store", postgres.url(options="sslmode=disable")]
    with (
        start(tmp_path / "first", flags=flags) as first,
        start(tmp_path / "second", flags=flags) as second,
    ):
        site = Site(first)
        site.serve("web", "api")
        wait_until(lambda: second.api("GET", "/v1/services/api", token=first.token).status == 200, 5, "it")
        with site.stream(delta=delta) as stream:
            stream.ask("cluster")
            had = stream.take()
            stream.ask("endpoints", ["web", "api"])
            had_endpoints = stream.take(["web", "api"])
        with site.stream(delta=delta, controller=second) as stream:
            stream.ask("cluster", versions=had.versions if delta else had.version)
            asked = had_endpoints.versions if delta else had_endpoints.version
            stream.ask("endpoints", ["web", "api"], versions=asked)
            site.alter("web")
            # Nothing but what has changed since, though the whole is said of clusters without delta.
            stream.accepted = {"cluster": had.version, "endpoints": had_endpoints.version}
            changed = stream.take()
            assert changed.kind == "cluster"
            assert set(changed.resources) == ({"web"} if delta else {"web", "api"})


# --- whose certificate it is


def reasons(controller):
    items = controller.api("GET", "/v1/events").json["items"]
    return [item["spec"].get("reason", "") for item in items if item["spec"]["kind"] == "Edge"]


def end_of(identity, controller, node="fra-1"):
    with xds.Stream(identity.channel(controller), {"id": node}, delta=True) as stream:
        stream.ask("cluster")
        return stream.ended()


def ended_yesterday(identity, controller, directory):
    """The node's own key and name, and a certificate of the right authority that is too old."""
    key, request, extra = directory / "node.key", directory / "node.csr", directory / "extensions"
    key.write_bytes(identity.key)
    name = f"URI:spiffe://weir.localhost/edge/{identity.node['id']}"
    extra.write_text(f"subjectAltName={name}\nextendedKeyUsage=clientAuth\n")
    for arguments in (
        ["req", "-new", "-key", key, "-subj", "/CN=old", "-out", request],
        ["x509", "-req", "-in", request, "-CA", controller.ca, "-CAkey", controller.data / "ca.key"]
        + ["-CAcreateserial", "-days", "-1", "-extfile", extra, "-out", directory / "old.pem"],
    ):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
    identity.certificate = (directory / "old.pem").read_bytes()


def test_certificates_that_are_not_believed(site, tmp_path):
    controller = site.controller
    site.serve("web")
    old = site.identity("fra-1")
    ended_yesterday(old, controller, tmp_path)
    assert end_of(old, controller)[0] == "UNAVAILABLE"
    expired = "the peer's certificate has expired"  # who was refused does not wait for the audit
    wait_until(lambda: expired in reasons(controller), 5, "its being written down")
    with start(tmp_path / "other") as other:
        stranger = xds.Identity(other, "fra-1")
    stranger.ca = old.ca  # it trusts this controller; this one does not trust it
    assert end_of(stranger, controller)[0] == "UNAVAILABLE"
    wait_until(lambda: "not trusted" in " ".join(reasons(controller)), 5, "its being written down")


def test_a_certificate_is_good_for_its_own_node_until_that_is_revoked(site):
    site.serve("web")
    identity = site.identity("fra-1")
    site.identity("fra-2")
    not_its = ("PERMISSION_DENIED", "the client's certificate is not of this node")
    assert end_of(identity, site.controller, "fra-2") == not_its
    with site.stream() as stream:
        stream.ask("cluster")
        stream.take()
        site.controller.change("edges", "fra-1", lambda spec: spec.update(revoked=True))
        assert stream.ended() == ("PERMISSION_DENIED", "this node is not served any more")
    assert end_of(identity, site.controller) == ("PERMISSION_DENIED", "this node is not served here")


# --- order


def test_clusters_come_before_what_leads_to_them_and_go_after(site):
    site.serve("old")
    with site.stream() as stream:
        stream.ask("cluster")
        stream.take()
        stream.ask("endpoints", ["old"])
        stream.take()
        stream.ask("routes", ["http"])
        stream.take()
        site.serve("new")
        site.controller.api("DELETE", "/v1/services/old")
        added = stream.next()
        assert (added.kind, set(added.resources), added.removed) == ("cluster", {"new"}, [])
        nothing_is_owed(stream)  # not before the cluster is accepted, and its endpoints are
        stream.acknowledge(added)
        stream.ask("endpoints", ["new"])
        endpoints = stream.next()
        assert set(endpoints.resources) == {"new"}
        nothing_is_owed(stream)
        stream.acknowledge(endpoints)
        routes = stream.next()
        assert routes.kind == "routes"
        nothing_is_owed(stream)  # the old cluster goes when nothing leads there
        stream.acknowledge(routes)
        gone = stream.take()
        assert (gone.kind, gone.removed) == ("cluster", ["old"])
