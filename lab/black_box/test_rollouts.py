"""Rollouts over edges of two providers, each a process of its own: a bad change stops in the first wave and
is taken back by itself, a good one gets everywhere, and a paused one holds the two apart."""

import pytest

from lab.black_box.test_discovery import AttachedEnvoy
from lab.black_box.test_renames import Bystander
from lab.origin import Origin, response
from lab.process import wait_until
from lab.weir import Controller, Edge, load_balancer, service


def broken(connection, origin):
    """The handler of an origin that fails every request."""
    while request := connection.request():
        origin.requests.append(request)
        connection.send(response("500 Internal Server Error"))


@pytest.fixture
def origins():
    with Origin(name="first") as first, Origin(name="second") as second, Origin(broken, "bad") as bad:
        yield {"first": first, "second": second, "bad": bad}


@pytest.fixture
def site(tmp_path, origins):
    """A controller, and an edge in each of two clouds."""
    for name in ("controller", "one", "two"):
        (tmp_path / name).mkdir()
    controller = Controller(tmp_path / "controller").start()
    controller.apply(
        service("web", [origins["first"].address]), load_balancer("web", ["web.example"], {"/": "web"})
    )
    edges = []
    for name in ("one", "two"):
        flags = ["--provider", f"cloud-{name}", "--region", "r"]
        edges.append(Edge(tmp_path / name, name, [controller], flags=flags))
        edges[-1].start(token=controller.join_token(), wait=False)
    for edge in edges:
        edge.wait_ready()
        edge.wait_serving("web.example")
    yield controller, *edges
    for process in (*edges, controller):
        process.stop()


@pytest.fixture
def mixed(tmp_path, origins):
    """A controller, an edge of weir's in one cloud, and the real Envoy in the other."""
    for name in ("controller", "one"):
        (tmp_path / name).mkdir()
    controller = Controller(tmp_path / "controller").start()
    controller.apply(
        service("web", [origins["first"].address]), load_balancer("web", ["web.example"], {"/": "web"})
    )
    edge = Edge(tmp_path / "one", "one", [controller], flags=["--provider", "cloud-one"])
    edge.start(token=controller.join_token(), wait=False)
    edge.wait_ready()
    edge.wait_serving("web.example")
    with AttachedEnvoy(tmp_path / "two", controller, "two", "--provider", "cloud-two") as envoy:
        wait_until(lambda: envoy.serves("web.example", "first"), 10, "Envoy's serving web")
        yield controller, edge, envoy
    for process in (edge, controller):
        process.stop()


def applied(controller):
    return controller.api("GET", "/v1/services/web").json["status"].get("applied")


def start(controller, origin, **spec):
    rollout = {
        "kind": "Rollout",
        "metadata": {"name": "move"},
        "spec": {
            "changes": [service("web", [origin.address])],
            "waves": [{"match": {"provider": "cloud-one"}, "bake": "2s"}, {"bake": "1s"}],
            "gates": {"requests_min": 20},
            **spec,
        },
    }
    answer = controller.api("POST", "/v1/apply", {"objects": [rollout]})
    assert answer.status == 200, answer.text


def status(controller):
    return controller.api("GET", "/v1/rollouts/move").json["status"]


def content(edge):
    return edge.get(host="web.example").text


def test_a_good_change_gets_everywhere_wave_by_wave(site, origins):
    controller, one, two = site
    start(controller, origins["second"])
    wait_until(lambda: content(one) == "second", 10, "the first wave")
    assert content(two) == "first"
    wait_until(lambda: status(controller)["phase"] == "DONE", 30, "its end")
    wait_until(lambda: content(two) == "second", 5, "the second wave")
    assert content(one) == "second"
    written = controller.api("GET", "/v1/services/web").json["spec"]["endpoints"]
    assert written[0]["address"] == origins["second"].address


def test_a_bad_change_never_reaches_the_other_cloud(site, origins, tmp_path):
    controller, one, two = site
    watchers = [Bystander(tmp_path, edge.name, edge.http_port) for edge in (one, two)]
    for watcher in watchers:
        wait_until(lambda watcher=watcher: len(watcher.statuses()) > 100, 10, "its requests")
    start(controller, origins["bad"], waves=[{"match": {"provider": "cloud-one"}, "bake": "1h"}, {}])
    wait_until(lambda: status(controller)["phase"] == "WITHDRAWN", 40, "its withdrawal")
    wait_until(lambda: content(one) == "first", 5, "what was before")
    assert "5xx" in status(controller)["reason"], status(controller)
    for watcher in watchers:
        watcher.process.stop()
    assert set(watchers[0].statuses()) == {200, 500}
    assert set(watchers[1].statuses()) == {200}
    events = controller.api("GET", "/v1/events").json["items"]
    assert any(e["spec"]["verb"] == "withdraw" and "5xx" in e["spec"]["reason"] for e in events)
    written = controller.api("GET", "/v1/services/web").json["spec"]["endpoints"]
    assert written[0]["address"] == origins["first"].address


def test_a_paused_one_holds_two_clouds_apart_over_a_restart(site, origins):
    controller, one, two = site
    start(controller, origins["second"], waves=[{"match": {"provider": "cloud-one"}, "bake": "1h"}, {}])
    wait_until(lambda: content(one) == "second", 10, "the first wave")
    controller.stop()
    controller.start()
    # What is written beside it still reaches both.
    controller.apply(
        service("site", [origins["first"].address]), load_balancer("site", ["site.example"], {"/": "site"})
    )
    for edge in (one, two):
        edge.wait_serving("site.example")
    assert (content(one), content(two)) == ("second", "first")
    assert controller.api("DELETE", "/v1/rollouts/move").status in (200, 204)
    wait_until(lambda: content(one) == "first", 10, "its being taken back")
    assert content(two) == "first"


def test_an_envoy_has_its_place_in_the_waves(mixed, origins):
    controller, edge, envoy = mixed
    wait_until(lambda: applied(controller) == "2/2", 10, "both having what is written")
    # Nothing of it is for the Envoy, so nothing is sent to it; it has it all the same.
    elsewhere = load_balancer("elsewhere", ["elsewhere.example"], {"/": "web"})
    elsewhere["spec"]["edges"] = {"match": {"provider": "cloud-one"}}
    controller.apply(elsewhere)
    reached = controller.api("GET", "/v1/loadbalancers/elsewhere").json["metadata"]["revision"]
    wait_until(
        lambda: controller.api("GET", "/v1/edges/two").json["status"]["applied_revision"] >= reached,
        10,
        "the Envoy's having a revision without anything for it",
    )
    start(controller, origins["second"])
    wait_until(lambda: content(edge) == "second", 10, "the first wave")
    assert envoy.ask("web.example") == (200, "first")
    # One has the change, the other what is written.
    wait_until(lambda: applied(controller) == "1/2", 5, "the one's being counted as without it")
    wait_until(lambda: status(controller)["phase"] == "DONE", 60, "its end")
    wait_until(lambda: envoy.serves("web.example", "second"), 5, "the second wave")
    wait_until(lambda: applied(controller) == "2/2", 10, "both having it as written")
    assert envoy.counter("update_rejected") == 0


def test_a_bad_change_never_reaches_the_envoy(mixed, origins, tmp_path):
    controller, edge, envoy = mixed
    ports = {"edge": edge.http_port, "envoy": envoy.http_port}
    watchers = [Bystander(tmp_path, name, port) for name, port in ports.items()]
    for watcher in watchers:
        wait_until(lambda watcher=watcher: len(watcher.statuses()) > 100, 10, "its requests")
    start(controller, origins["bad"], waves=[{"match": {"provider": "cloud-one"}, "bake": "1h"}, {}])
    wait_until(lambda: status(controller)["phase"] == "WITHDRAWN", 40, "its withdrawal")
    wait_until(lambda: content(edge) == "first", 5, "what was before")
    for watcher in watchers:
        watcher.process.stop()
    assert set(watchers[0].statuses()) == {200, 500}
    assert set(watchers[1].statuses()) == {200}


def test_a_wave_of_envoys_says_that_nobody_counts_their_errors(mixed, origins):
    controller, edge, envoy = mixed
    waves = [{"match": {"provider": "cloud-two"}, "bake": "1s"}, {"bake": "1s"}]
    start(controller, origins["second"], waves=waves)
    wait_until(lambda: envoy.serves("web.example", "second"), 10, "the first wave")
    said = "errors and latency are not known"
    wait_until(lambda: said in status(controller).get("reason", ""), 15, "its saying so")
    assert content(edge) == "first"
    controller.change("rollouts", "move", lambda spec: spec["gates"].update(allow_uncounted=True))
    wait_until(lambda: status(controller)["phase"] == "DONE", 30, "its end")
    wait_until(lambda: content(edge) == "second", 5, "the second wave")
