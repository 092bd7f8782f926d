"""What several edges find of an endpoint, and how soon the others go by it: from the report of the last one
that is needed to the verdict at a foreign client of discovery, and at edges that find nothing wrong."""

import http.client
import time

import pytest

pytest.importorskip("grpc", reason="python3-grpcio is not installed (./dev setup lab)")
from lab import shift, weir, xds  # noqa: E402
from lab.black_box.test_xds_peers import Site  # noqa: E402
from lab.process import wait_until  # noqa: E402

VERDICT_MS_MAX = 100
CHECK = {"interval": "1s", "timeout": "1s", "unhealthy_threshold": 2, "healthy_threshold": 1}
UNHEALTHY = 2  # envoy.config.core.v3.HealthStatus


class Voter:
    """An edge as far as reports go."""

    def __init__(self, site, name):
        self.report = xds.message("weir.v1.Report")
        seen = self.report.DESCRIPTOR.fields_by_name["endpoints"].message_type
        self.states = seen.enum_types_by_name["State"]
        self.name = name
        self.reports = xds.Calls(site.identity(name).channel(site.controller), "/weir.v1.Reports/Stream")
        self.reports.send(self.report(hello={"node": name}))

    def say(self, endpoint, state):
        seen = {"service": "web", "endpoint": endpoint, "reason": "as the lab says"}
        number = self.states.values_by_name[state].number
        self.reports.send(self.report(endpoints=[{**seen, "state": number}]))


def health(response):
    """By port."""
    hosts = [host for locality in response.resources["web"].endpoints for host in locality.lb_endpoints]
    return {host.endpoint.address.socket_address.port_value: host.health_status for host in hosts}


def shifted(connections, name):
    """Two in a row go round robin over two endpoints."""
    for connection in connections:
        while [shift.content(connection), shift.content(connection)] != [name, name]:
            time.sleep(shift.POLL_S)


def verdict(stream, port, unhealthy):
    while (health(stream.take(["web"])).get(port) == UNHEALTHY) != unhealthy:
        pass


def test_a_verdict_is_everywhere_at_once(tmp_path):
    with shift.Fleet(tmp_path, 2) as fleet:
        site = Site(fleet.controller)
        bad, good = fleet.origins
        check = {**CHECK, "http": {"path": "/"}}
        fleet.controller.apply(weir.service("web", [bad.address, good.address], health_check=check))
        voters = [Voter(site, f"voter-{number}") for number in range(3)]
        asked = [http.client.HTTPConnection(edge.address, edge.http_port, timeout=10) for edge in fleet.edges]
        with site.stream(node="foreign") as stream:
            stream.ask("endpoints", ["web"])
            stream.take()

            def two_of_five():
                return "unhealthy for 2 of 5 edges" in fleet.controller.api("GET", "/v1/services/web").text

            *first, last = voters
            told, served = [], []
            for voter in voters:
                voter.say(bad.address, "HEALTHY")
            for one in first:
                one.say(bad.address, "UNHEALTHY")
            wait_until(two_of_five, 10, "two votes of five")
            for number in range(20):
                began = time.monotonic()
                last.say(bad.address, "UNHEALTHY")
                verdict(stream, bad.port, True)
                if number > 0:  # the first waits until edges have had the time to come
                    told.append((time.monotonic() - began) * 1000)
                shifted(asked, "second")
                if number > 0:
                    served.append((time.monotonic() - began) * 1000)
                last.say(bad.address, "HEALTHY")
                verdict(stream, bad.port, False)
    print("from the report to a foreign client:", shift.shown(told))
    print("from the report to traffic at two edges:", shift.shown(served))
    assert shift.percentile(told, 90) < VERDICT_MS_MAX, shift.shown(told)
    assert shift.percentile(served, 90) < VERDICT_MS_MAX, shift.shown(served)
