"""Name servers of their own: `weir dns`, and edges that answer for zones, too."""

import pytest

from lab import weir
from lab.dns import Client, dig, record_set, zone
from lab.process import wait_until
from lab.tcp import Server, echo
from lab.tunnels import DOMAIN

CHECK = {"interval": "100ms", "timeout": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1, "tcp": {}}


@pytest.fixture
def site(tmp_path):
    """A controller, a name server, and an edge that is one, too."""
    for name in ("controller", "ns1", "fra-1"):
        (tmp_path / name).mkdir()
    controller = weir.Controller(tmp_path / "controller").start()
    servers = [weir.NameServer(tmp_path / "ns1", "ns1", [controller])]
    edge = weir.Edge(tmp_path / "fra-1", "fra-1", [controller])
    edge.flags += ["--dns", f"127.0.0.1:{edge.dns_port}"]
    servers.append(edge)
    for server in servers:
        server.start(token=controller.join_token(), wait=False)
    controller.apply(
        zone("a.example", "www A 192.0.2.1\n"),
        weir.service("web", ["127.0.0.1:9", "127.0.0.2:9"]),
        weir.load_balancer("web", ["web.example"], {"/": "web"}),
    )
    for server in servers:
        server.wait_ready()
    yield controller, servers
    for server in servers:
        server.stop()
    controller.stop()


def addresses(server, name="www.a.example"):
    with Client(server.dns_port) as client:
        return sorted(client.addresses(name))


def wait_addresses(server, wanted, name="www.a.example"):
    wait_until(lambda: addresses(server, name) == wanted, 10, f"{server.name} answering {wanted}")


def test_what_is_written_is_answered_by_all_name_servers(site):
    controller, servers = site
    for server in servers:
        wait_addresses(server, ["192.0.2.1"])
    controller.apply(zone("a.example", "www A 192.0.2.2\n"))
    for server in servers:
        wait_addresses(server, ["192.0.2.2"])


def test_a_name_server_answers_by_the_health_that_it_finds_itself(site):
    controller, servers = site
    with Server(echo) as first:
        with Server(echo, "127.0.0.2") as second:
            controller.apply(
                weir.service("checked", [first.address, second.address], health_check=CHECK, protocol="TCP"),
                record_set("checked", "a.example", "checked", "A", service="checked", policy="ROUND_ROBIN"),
            )
            for server in servers:
                wait_addresses(server, ["127.0.0.1", "127.0.0.2"], "checked.a.example")
        for server in servers:
            wait_addresses(server, ["127.0.0.1"], "checked.a.example")


def test_a_name_server_takes_no_load_balancer_up(site):
    controller, [name_server, edge] = site
    shown = controller.api("GET", "/v1/loadbalancers/web").json["status"]
    wait_until(
        lambda: controller.api("GET", "/v1/loadbalancers/web").json["status"]["applied"] == "1/1",
        5,
        f"the edge alone having it: {shown}",
    )
    snapshot = name_server.data / "snapshot.json"
    wait_until(lambda: snapshot.exists() and "a.example" in snapshot.read_text(), 10, "the snapshot on disk")
    assert "LoadBalancer" not in snapshot.read_text()


def test_a_name_server_that_is_restarted_without_a_controller_answers_from_its_disk(site):
    controller, [name_server, _] = site
    wait_addresses(name_server, ["192.0.2.1"])
    snapshot = name_server.data / "snapshot.json"
    wait_until(lambda: snapshot.exists() and "192.0.2.1" in snapshot.read_text(), 10, "the snapshot on disk")
    controller.stop()
    name_server.process.kill()
    name_server.start()
    wait_addresses(name_server, ["192.0.2.1"])
    controller.start()
    controller.apply(zone("a.example", "www A 192.0.2.3\n"))
    wait_addresses(name_server, ["192.0.2.3"])


def test_servers_of_one_weir_know_each_others_cookies(site):
    _, [first, second] = site
    for server in (first, second):
        wait_addresses(server, ["192.0.2.1"])
    half = b"\x00\x0a\x00\x08" + bytes(range(8))
    with Client(first.dns_port) as client:
        *_, made = client.ask("www.a.example", udp_bytes=1232, options=half).opt
    assert made[:4] == b"\x00\x0a\x00\x18" and made[4:12] == bytes(range(8))
    with Client(second.dns_port) as client:
        *_, given_back = client.ask("www.a.example", udp_bytes=1232, options=made).opt
    assert given_back == made, "taken as its own: the same goes back"


def test_the_edge_object_of_a_name_server_says_where_it_answers(tmp_path):
    for name in ("controller", "ns1"):
        (tmp_path / name).mkdir()
    controller = weir.Controller(tmp_path / "controller").start()
    server = weir.NameServer(tmp_path / "ns1", "ns1", [controller])
    server.flags[server.flags.index("--dns") + 1] = f"127.0.0.2:{server.dns_port}"
    try:
        server.start(token=controller.join_token())
        assert controller.api("GET", "/v1/edges/ns1").json["spec"]["address"] == "127.0.0.2"
    finally:
        server.stop()
        controller.stop()


def test_a_port_that_is_taken_ends_it_with_a_sentence(tmp_path):
    with Server(echo) as holder:
        server = weir.NameServer(tmp_path, "ns1", ["--controller", "https://127.0.0.1:1"])
        server.flags += ["--join-token", "weirjoin_x"]
        server.flags[server.flags.index("--dns") + 1] = f"127.0.0.1:{holder.port}"
        server.start(wait=False)
        wait_until(lambda: not server.process.running(), 10, "its end")
        assert server.process.popen.returncode == 1
        assert f"cannot listen on 127.0.0.1:{holder.port} (--dns)" in server.process.log()


def test_who_joins_is_found_by_dns_sd_at_every_name_server_as_far_as_it_is_healthy(site):
    controller, servers = site

    def found(server):
        return dig(server.dns_port, f"_db._tcp.{DOMAIN}", "PTR").data

    with Server(echo) as origin:
        words = ["--name", "db-1", "--health", "tcp", "--once", "--lease", "60s"]
        assert controller.cli("join", "db", "--port", origin.port, *words).returncode == 0
        instance = f"db-1._db._tcp.{DOMAIN}."
        for server in servers:
            wait_until(lambda server=server: found(server) == [instance], 15, "the instance being found")
            assert dig(server.dns_port, f"db.service.{DOMAIN}", "A").data == ["127.0.0.1"]
    for server in servers:
        wait_until(lambda server=server: found(server) == [], 20, "the instance being unhealthy")
