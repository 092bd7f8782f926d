"""One name over the addresses of two providers, an edge in each: in turn, then 75/25 by weight, then one
provider dead; then by weights that are computed from the load of the edges and what each provider costs."""

import socket
import threading
from collections import Counter
from contextlib import contextmanager

import pytest

from lab.dns import Client, query, record_set, zone
from lab.origin import Origin
from lab.process import wait_until
from lab.weir import Controller, Edge, NameServer, Weir, load_balancer, service

CHECK = {"interval": "100ms", "timeout": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1, "tcp": {}}
ONE, TWO = "198.51.100.1", "203.0.113.1"  # by which clients reach each provider, from wherever they are
PROVIDERS = {"cloud-one": ONE, "cloud-two": TWO}
NAME = "www.a.example"


class Leader(Weir):
    """A controller that answers DNS, too, and to which edges elsewhere can be attached."""

    NAME = Controller.NAME
    join_token = Controller.join_token

    def __init__(self, directory):
        super().__init__(directory, flags=["--api-name", self.NAME])


@pytest.fixture
def site(tmp_path):
    """The leader, a name server, and an edge at each provider."""
    for name in ("leader", "ns1", "one", "two"):
        (tmp_path / name).mkdir()
    with Origin(name="origin") as origin:
        leader = Leader(tmp_path / "leader").start()
        edges = [
            Edge(tmp_path / name, name, [leader], flags=["--provider", f"cloud-{name}", "--region", "r"])
            for name in ("one", "two")
        ]
        name_server = NameServer(tmp_path / "ns1", "ns1", [leader])
        leader.apply(
            service("web", [origin.address]),
            load_balancer("web", ["web.example"], {"/": "web"}),
            *[
                service(name, [f"127.0.0.1:{edge.http_port}"], protocol="TCP", health_check=CHECK)
                for name, edge in zip(PROVIDERS, edges, strict=True)
            ],
            zone("a.example", "ns1 A 192.0.2.53\n"),
        )
        for process in (*edges, name_server):
            process.start(token=leader.join_token(), wait=False)
        for process in (*edges, name_server):
            process.wait_ready()
        for edge in edges:
            edge.wait_serving("web.example")
        yield leader, name_server, *edges
        for process in (*edges, name_server, leader):
            process.stop()


def set_of(policy, weights=(1, 1), **spec):
    more = {"provider": True} if "balance" in spec else {}
    answers = [
        {"value": value, "weight": weight, "service": name, **({"provider": name} if more else {})}
        for (name, value), weight in zip(PROVIDERS.items(), weights, strict=True)
    ]
    return record_set(NAME, "a.example", "www", "A", policy=policy, answers=answers, ttl=5, **spec)


def balance(capacity, **more):
    return {
        "providers": [
            {"name": "cloud-one", "price": "0.05", "capacity": capacity},
            {"name": "cloud-two", "price": "0.09"},
        ],
        "interval": "2s",
        **more,
    }


def firsts(server, count):
    """The first address of each of so many answers."""
    found = Counter()
    with Client(server.dns_port) as client:
        for _ in range(count):
            client.send(query(NAME, "A"))
            reply = client.udp.recv(1232)
            places = {reply.find(socket.inet_aton(address)): address for address in PROVIDERS.values()}
            found[min((at, address) for at, address in places.items() if at > 0)[1]] += 1
    return found


def answered(server):
    """All addresses of one answer."""
    with Client(server.dns_port) as client:
        return client.addresses(NAME)


def wait_only(servers, address):
    for server in servers:
        wait_until(lambda server=server: set(firsts(server, 8)) == {address}, 5, f"only {address}", 0.01)


def weights(leader):
    """{provider: weight}, as they are computed; empty: they are not."""
    found = leader.api("GET", f"/v1/dnsweights/{NAME}")
    if found.status != 200:
        return {}
    return {one["provider"]: one["weight"] for one in found.json["spec"]["providers"]}


def given_exactly(leader, servers):
    """Whether all of them give what is computed, of as many answers as there are parts."""
    wanted = weights(leader)
    counts = [firsts(server, 1000) for server in servers]
    expected = {PROVIDERS[name]: weight for name, weight in wanted.items()}
    return wanted == weights(leader) and all(count == expected for count in counts)


@contextmanager
def load(edges, each_per_second):
    """So many requests a second on each of the edges."""
    done = threading.Event()

    def send(edge):
        while not done.wait(1 / each_per_second):
            assert edge.get("/", "web.example").status == 200

    senders = [threading.Thread(target=send, args=(edge,)) for edge in edges]
    for sender in senders:
        sender.start()
    try:
        yield
    finally:
        done.set()
        for sender in senders:
            sender.join()


def test_in_turn_then_by_weight_then_one_provider_dead(site):
    leader, name_server, _, two = site
    servers = [leader, name_server]
    leader.apply(set_of("ROUND_ROBIN"))
    for server in servers:
        wait_until(lambda server=server: answered(server) == [ONE, TWO], 10, "both being answered", 0.01)
        assert firsts(server, 100) == {ONE: 50, TWO: 50}
    leader.apply(set_of("WEIGHTED", (75, 25)))
    for server in servers:
        wait_until(lambda server=server: len(answered(server)) == 1, 10, "one at a time", 0.01)
        assert firsts(server, 100) == {ONE: 75, TWO: 25}
    two.process.kill()
    wait_only(servers, ONE)
    two.start(wait=False)
    for server in servers:
        wait_until(lambda server=server: firsts(server, 100) == {ONE: 75, TWO: 25}, 20, "both again", 0.1)


def test_weights_from_load_and_price(site):
    leader, name_server, one, two = site
    servers = [leader, name_server]
    leader.apply(set_of("WEIGHTED", balance=balance(15)))
    with load([one, two], 4):  # 8 together: less than the 12 that the cheaper one may carry
        most = {"cloud-one": 950, "cloud-two": 50}
        wait_until(lambda: weights(leader) == most, 40, "the cheaper getting most")
        wait_until(lambda: given_exactly(leader, servers), 10, "95 of 100 at the cheaper")
    with load([one, two], 24):  # 48 together, of which it carries a quarter; a busy machine sends less
        wait_until(lambda: weights(leader)["cloud-one"] < 900, 60, "the rest going to the other", 0.2)
        wait_until(lambda: given_exactly(leader, servers), 20, "as computed")
        computed = leader.api("GET", f"/v1/dnsweights/{NAME}").json["spec"]["providers"]
        assert abs(computed[0]["weight"] - 1000 * 12 / sum(one["load"] for one in computed)) < 60, computed
        shown = leader.cli("explain", "dns", NAME).stdout
        assert "one is given, by weight; cloud-one " in shown, shown
        assert " of 1000: 0.05 a unit, " in shown and " of 15 requests/s" in shown, shown
    items = leader.api("GET", "/v1/events").json["items"]
    events = [one["spec"] for one in items if one["spec"]["kind"] == "DnsWeights"]
    assert len(events) >= 2 and all(one["actor"] == "weir" for one in events)
    assert "cloud-one 950 of 1000: 0.05 a unit, " in events[0]["reason"] + events[-1]["reason"]
    assert NAME in leader.cli("get", "dnsweights").stdout

    # Of a provider that is dead nothing is known: what was computed last stays, and the other one answers.
    one.process.kill()
    wait_only(servers, TWO)
    last = weights(leader)

    def waits():
        status = leader.api("GET", f"/v1/dnsweights/{NAME}").json.get("status", {})
        return status.get("reason") == "no edge of the provider cloud-one is attached"

    wait_until(waits, 20, "why none are computed")
    assert weights(leader) == last


def test_who_can_not_be_balanced_is_told_why(site):
    leader, *_ = site
    wrong = set_of("WEIGHTED", balance=balance(30, share_min=60))
    wrong["spec"]["balance"]["providers"][0]["price"] = "0"
    wrong["spec"]["answers"][0]["provider"] = "cloud-ten"
    answer = leader.api("PUT", f"/v1/recordsets/{NAME}", wrong)
    assert answer.status == 422, answer.text
    for part in (
        "must be a decimal number above 0, as 0.05, to six places",
        "is none of the providers of balance: cloud-one, cloud-two",
        "is kept by each of 2 providers, which comes to 120 %",
        "is of no answer",
    ):
        assert part in answer.text, answer.text
    made = {"kind": "DnsWeights", "metadata": {"name": NAME}, "spec": {"zone": "a.example"}}
    assert leader.api("PUT", f"/v1/dnsweights/{NAME}", made).status in (403, 405, 422)
