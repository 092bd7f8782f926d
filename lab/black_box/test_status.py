"""What is seen of an object, as the API and the CLI show it."""

import socket
import time

import pytest

from lab import weir
from lab.process import free_port, wait_until

CHECK = {"interval": "100ms", "timeout": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1, "tcp": {}}


def status_of(running, kind, name):
    answer = running.api("GET", f"/v1/{kind}/{name}")
    assert answer.status == 200, answer
    return answer.json["status"]


def healths(running, name):
    return {e["address"]: e for e in status_of(running, "services", name).get("endpoints", [])}


def test_a_service_shows_the_health_of_each_endpoint(edge, make_origin, make_site):
    first, second = make_origin(), make_origin()
    site = make_site(first, second, health_check=CHECK)
    wait_until(lambda: status_of(edge, "services", site.name)["serving"] == 2, 5, "both serving")
    revision = edge.api("GET", f"/v1/services/{site.name}").json["metadata"]["revision"]
    second.die()
    wait_until(
        lambda: healths(edge, site.name)[second.address]["health"] == "UNHEALTHY", 5, "the death's verdict"
    )
    status = status_of(edge, "services", site.name)
    assert (status["applied"], status["serving"], status["total"]) == ("1/1", 1, 2)
    assert status["endpoints"][0]["health"] == "HEALTHY" and "reason" not in status["endpoints"][0]
    assert "refused" in status["endpoints"][1]["reason"]
    assert status["endpoints"][1]["since"] >= status["endpoints"][0]["since"]
    after = edge.api("GET", f"/v1/services/{site.name}").json["metadata"]["revision"]
    assert after == revision, "a verdict is no change of the store"
    shown = edge.cli("get", "service", site.name, "-o", "yaml").stdout
    assert "UNHEALTHY" in shown and second.address in shown
    described = edge.cli("describe", "service", site.name).stdout
    assert "serving: 1" in described and "UNHEALTHY" in described


def own_port(name, port, to):
    balancer = weir.load_balancer(name, [f"{name}.weir.localhost"], {"/": to})
    balancer["spec"]["listeners"][0]["port"] = port
    return balancer


@pytest.mark.parametrize("reuse", [False, True])  # another program of the same user could be let in beside us
def test_a_port_that_is_taken_is_told_and_tried_again(edge, make_origin, make_site, unique, reuse):
    site = make_site(make_origin())
    port = free_port()
    with socket.socket() as holder:
        if reuse:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", port))
        holder.listen()
        answer = edge.api("POST", "/v1/apply", [own_port(unique, port, site.name)])
        assert answer.status == 200, answer
        began = time.monotonic()
        [listener] = wait_until(
            lambda: status_of(edge, "loadbalancers", unique).get("listeners"), 5, "the listener's status"
        )
        assert time.monotonic() - began < 1
        assert listener["address"] == f"127.0.0.1:{port}" and listener["listening"] is False
        assert "in use" in listener["reason"]
    try:
        wait_until(
            lambda: status_of(edge, "loadbalancers", unique)["listeners"][0]["listening"], 5, "the port ours"
        )
        with socket.create_connection(("127.0.0.1", port), 2) as client:
            client.sendall(f"GET / HTTP/1.1\r\nHost: {unique}.weir.localhost\r\n\r\n".encode())
            assert client.recv(100).startswith(b"HTTP/1.1 200")
    finally:
        edge.api("DELETE", f"/v1/loadbalancers/{unique}")


@pytest.mark.parametrize("protocol", ["HTTP", "HTTPS"])
def test_the_shared_https_port_is_refused_in_a_sentence(edge, make_origin, make_site, unique, protocol):
    site = make_site(make_origin())
    balancer = own_port(unique, edge.https_port, site.name)
    balancer["spec"]["listeners"][0]["protocol"] = protocol
    assert edge.api("POST", "/v1/apply", [balancer]).status == 200
    try:
        [listener] = wait_until(
            lambda: status_of(edge, "loadbalancers", unique).get("listeners"), 5, "the listener's status"
        )
        assert listener == {
            "address": f"127.0.0.1:{edge.https_port}",
            "listening": False,
            "reason": "it is the shared HTTPS port, which HTTPS listeners without a port use",
        }
    finally:
        edge.api("DELETE", f"/v1/loadbalancers/{unique}")
