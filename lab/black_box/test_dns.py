"""The name server before the clients people have: dig, kdig, drill, and messages octet by octet."""

import struct
import subprocess
import time
from collections import Counter
from contextlib import ExitStack

import pytest

from lab import dns
from lab.dns import Client, dig, drill, kdig, record_set, zone
from lab.process import free_port, wait_until
from lab.tcp import Server, echo
from lab.tunnels import weir  # noqa: F401 (a fixture)
from lab.weir import Weir, service

CHECK = {"interval": "100ms", "timeout": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1, "tcp": {}}
PROMPT_S = 0.1
RECORDS = """\
ns1 A 192.0.2.53
www 60 A 192.0.2.1
www AAAA 2001:db8::1
@ MX 10 mail
mail A 192.0.2.25
text TXT "one \\"quoted\\"" two
_db._tcp SRV 1 2 5432 www
@ CAA 0 issue "ca.example"
@ HTTPS 1 . alpn=h2
alias CNAME www
*.wild A 192.0.2.7
child NS ns.child
ns.child A 192.0.2.99
"""
EXPECTED = [
    ("www.a.example", "A", "192.0.2.1"),
    ("www.a.example", "AAAA", "2001:db8::1"),
    ("a.example", "MX", "10 mail.a.example."),
    ("text.a.example", "TXT", '"one \\"quoted\\"" "two"'),
    ("_db._tcp.a.example", "SRV", "1 2 5432 www.a.example."),
    ("a.example", "CAA", '0 issue "ca.example"'),
    ("a.example", "NS", "ns1.a.example."),
    ("alias.a.example", "CNAME", "www.a.example."),
    ("any.wild.a.example", "A", "192.0.2.7"),
]


@pytest.fixture
def served(weir):
    """That zone, answered for."""
    weir.apply(zone("a.example", RECORDS))
    wait_answered(weir, "a.example", "SOA")
    return weir


def wait_answered(weir, name, record_type="A"):
    with Client(weir.dns_port) as client:
        wait_until(lambda: client.ask(name, record_type).sections[0], 5, f"{name} {record_type}")


def healths(weir, name):
    status = weir.api("GET", f"/v1/services/{name}").json.get("status", {})
    return {one["address"]: one["health"] for one in status.get("endpoints", [])}


def wait_health(weir, name, address, health, deadline_s=10):
    shown = f"{address} of {name} being {health}"
    wait_until(lambda: healths(weir, name).get(address) == health, deadline_s, shown, 0.002)


# --- what a zone has


@pytest.mark.parametrize("flags", [[], ["+tcp"]])
def test_dig_kdig_and_drill_get_the_records_of_a_zone_file(served, flags):
    for name, kind, data in EXPECTED:
        assert dig(served.dns_port, name, kind, *flags).data == [data]
        assert kdig(served.dns_port, name, kind, *flags).data == [data]
        assert drill(served.dns_port, name, kind, *["-t"] * len(flags)) == ("NOERROR", [data])


def test_https_and_soa_as_clients_show_them(served):
    assert dig(served.dns_port, "a.example", "HTTPS").data == ['1 . alpn="h2"']
    assert kdig(served.dns_port, "a.example", "HTTPS").data == ["1 . alpn=h2"]
    [soa] = dig(served.dns_port, "a.example", "SOA").data
    assert soa.startswith("ns1.a.example. hostmaster.a.example. ") and soa.endswith(" 60")


def test_clients_get_the_records_of_record_sets(served):
    sets = {
        "A": ("r", "192.0.2.11"),
        "AAAA": ("r", "2001:db8::11"),
        "MX": ("r", "20 mail.a.example."),
        "TXT": ("r", '"from a set"'),
        "SRV": ("_r._udp", "0 0 53 ns1.a.example."),
        "CAA": ("r", '128 iodef "mailto:eve@a.example"'),
        "CNAME": ("q", "r.a.example."),
        "NS": ("below", "ns.elsewhere.example."),
    }
    served.apply(
        *[
            record_set(f"set-{kind.lower()}", "a.example", owner, kind, values=[data], ttl=77)
            for kind, (owner, data) in sets.items()
        ]
    )
    wait_answered(served, "q.a.example", "CNAME")
    for kind, (owner, data) in sets.items():
        shown = dig(served.dns_port, f"{owner}.a.example", kind)
        records = shown.authority if kind == "NS" else shown.answer
        assert records == [(f"{owner}.a.example.", 77, kind, data)]
        if kind != "NS":
            assert kdig(served.dns_port, f"{owner}.a.example", kind).data == [data]
            assert drill(served.dns_port, f"{owner}.a.example", kind)[1] == [data]


def test_what_is_not_there(served):
    for ask in (dig, kdig):
        shown = ask(served.dns_port, "nothing.a.example", "A")
        assert (shown.status, shown.answer) == ("NXDOMAIN", []) and "aa" in shown.flags
        [(owner, ttl, kind, _)] = shown.authority
        assert (owner, ttl, kind) == ("a.example.", 60, "SOA")
        shown = ask(served.dns_port, "www.a.example", "TXT")
        assert (shown.status, shown.answer) == ("NOERROR", []) and shown.authority[0][2] == "SOA"
        assert ask(served.dns_port, "www.elsewhere.example", "A").status == "REFUSED"
    assert drill(served.dns_port, "nothing.a.example", "A") == ("NXDOMAIN", [])


def test_a_delegation_with_its_glue(served):
    shown = dig(served.dns_port, "www.child.a.example", "A")
    assert (shown.status, shown.answer) == ("NOERROR", []) and "aa" not in shown.flags
    assert [(owner, kind, data) for owner, _, kind, data in shown.authority] == [
        ("child.a.example.", "NS", "ns.child.a.example.")
    ]
    assert ("ns.child.a.example.", 300, "A", "192.0.2.99") in shown.additional


def test_named_checkzone_takes_what_dig_shows(served, tmp_path):
    lines = []
    for name, kind in {("a.example", "SOA"), ("ns1.a.example", "A"), ("ns.child.a.example", "A")} | {
        (name.replace("any.", "*."), kind) for name, kind, _ in EXPECTED
    }:
        shown = dig(served.dns_port, name, kind)
        lines += [f"{o} {ttl} IN {k} {data}\n" for o, ttl, k, data in shown.answer]
    lines.sort(key=lambda line: " SOA " not in line)
    file = tmp_path / "zone"
    file.write_text("".join(lines))
    done = subprocess.run(["named-checkzone", "a.example", file], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and done.stdout.endswith("OK\n"), done.stdout


# --- EDNS


def test_cookies(served):
    assert "COOKIE" not in dig(served.dns_port, "www.a.example", "A", "+nocookie").text
    shown = dig(served.dns_port, "www.a.example", "A", "+cookie=0123456789abcdef").text
    [given] = [line.split()[2] for line in shown.splitlines() if line.startswith("; COOKIE:")]
    assert given.startswith("0123456789abcdef") and len(given) == 48, "8 octets of the client's, then 16"
    again = dig(served.dns_port, "www.a.example", "A", f"+cookie={given}")
    assert "(good)" in again.text and again.data == ["192.0.2.1"]
    assert kdig(served.dns_port, "www.a.example", "A", "+cookie").data == ["192.0.2.1"]


def test_a_sticky_set_answers_by_the_subnet_of_the_client(served):
    answers = [{"value": f"192.0.2.{i}"} for i in range(1, 9)]
    served.apply(
        record_set("s", "a.example", "s", "A", policy="MULTI", answers_max=1, answers=answers, sticky=True)
    )
    wait_answered(served, "s.a.example")

    def given(subnet):
        shown = dig(served.dns_port, "s.a.example", "A", f"+subnet={subnet}")
        return shown.data, [line for line in shown.text.splitlines() if "CLIENT-SUBNET" in line]

    data, said = given("198.51.100.0/24")
    assert len(data) == 1 and said == ["; CLIENT-SUBNET: 198.51.100.0/24/24"]
    assert all(given(f"198.51.100.{i}/32")[0] == data for i in (1, 2, 255))
    assert given("198.51.100.9/32")[1] == ["; CLIENT-SUBNET: 198.51.100.9/32/24"]
    assert len({tuple(given(f"203.0.{i}.0/24")[0]) for i in range(24)}) > 3, "networks are spread"
    shown = dig(served.dns_port, "www.a.example", "A", "+subnet=198.51.100.0/24").text
    assert "CLIENT-SUBNET: 198.51.100.0/24/0" in shown, "others' answers are for everybody"


def test_what_does_not_fit_is_truncated_and_dig_asks_again_by_tcp(served):
    values = [f"192.0.2.{i}" for i in range(1, 201)]
    served.apply(record_set("big", "a.example", "big", "A", values=values))
    wait_until(lambda: dig(served.dns_port, "big.a.example", "A", "+tcp").answer, 5, "the large set")
    cut = dig(served.dns_port, "big.a.example", "A", "+ignore")
    assert "tc" in cut.flags and cut.answer == []
    whole = dig(served.dns_port, "big.a.example", "A")
    assert sorted(whole.data) == sorted(values) and "retrying in TCP mode" in whole.text
    served.apply(record_set("mid", "a.example", "mid", "A", values=values[:50]))  # 829 octets and OPT
    wait_until(lambda: dig(served.dns_port, "mid.a.example", "A", "+tcp").answer, 5, "the other set")
    with Client(served.dns_port) as client:
        for size, fits in {None: False, 512: False, 800: False, 860: True, 1232: True, 65535: True}.items():
            reply = client.ask("mid.a.example", udp_bytes=size)
            assert (not reply.truncated, len(reply.sections[0]) == 50) == (fits, fits), size
            assert reply.size <= min(1232, max(512, size or 512))
        assert client.ask("big.a.example", udp_bytes=65535).truncated, "never more than 1232 octets"


# --- health


def test_two_networks(served):
    with Server(echo) as first, Server(echo) as second:
        servers = {"one": first, "two": second}
        answers = [
            {"value": f"198.51.100.{i}", "service": name} for i, name in enumerate(servers, start=1)
        ]
        turns = record_set("w", "a.example", "w", "A", policy="ROUND_ROBIN", answers=answers)
        more = {"protocol": "TCP", "health_check": CHECK}
        served.apply(*[service(name, [server.address], **more) for name, server in servers.items()])
        for name, server in servers.items():
            wait_health(served, name, server.address, "HEALTHY")
        served.apply(turns)
        with Client(served.dns_port) as client:
            both = ["198.51.100.1", "198.51.100.2"]
            wait_until(lambda: client.addresses("w.a.example") == both, 5, "both networks")
            firsts = Counter(dig(served.dns_port, "w.a.example", "A").data[0] for _ in range(10))
            assert firsts == {both[0]: 5, both[1]: 5}
            weighted = [{**answers[0], "weight": 75}, {**answers[1], "weight": 25}]
            served.apply(record_set("w", "a.example", "w", "A", policy="WEIGHTED", answers=weighted))
            wait_until(lambda: len(client.addresses("w.a.example")) == 1, 5, "one at a time")
            given = Counter(client.addresses("w.a.example")[0] for _ in range(100))
            assert given == {both[0]: 75, both[1]: 25}
            first.shutdown()
            first.server_close()
            wait_health(served, "one", first.address, "UNHEALTHY")
            wait_until(lambda: all_are(client, "w.a.example", both[1:], 8), 5, "the dead network being gone")


def all_are(client, name, addresses, times):
    return all(client.addresses(name) == addresses for _ in range(times))


def seconds_until(condition, what):
    began = time.monotonic()
    wait_until(condition, 5, what, 0.001)
    return time.monotonic() - began


def test_endpoints_that_join_and_leave_are_in_the_answers_and_out(served):
    served.apply(service("j", ["192.0.2.61:80"]), record_set("j", "a.example", "j", "A", service="j"))
    wait_answered(served, "j.a.example")
    with Client(served.dns_port) as client:
        assert client.addresses("j.a.example") == ["192.0.2.61"]
        joined = {
            "kind": "Endpoint",
            "metadata": {"name": "late"},
            "spec": {"service": "j", "address": "192.0.2.62:80"},
        }
        came_s, left_s = [], []
        for _ in range(5):
            assert served.api("POST", "/v1/endpoints", joined).status == 201
            both = ["192.0.2.61", "192.0.2.62"]
            came_s.append(seconds_until(lambda: client.addresses("j.a.example") == both, "the endpoint"))
            assert served.api("DELETE", "/v1/endpoints/late").status in (200, 204)
            left_s.append(seconds_until(lambda: client.addresses("j.a.example") == both[:1], "its end"))
        # Of several, as a busy machine may hold up any of them.
        assert min(came_s) <= PROMPT_S and min(left_s) <= PROMPT_S, (came_s, left_s)


def test_nothing_is_healthy_before_it_was_checked(served):
    down = f"127.0.0.1:{free_port()}"
    common = {"policy": "ROUND_ROBIN", "service": "down"}
    ways = {
        "none": {"all_down": "SERVE_NONE"},
        "all": {"all_down": "SERVE_ALL"},
        "fall": {"all_down": "FALLBACK", "fallback": ["192.0.2.200"]},
    }
    check = {**CHECK, "unhealthy_threshold": 3}
    served.apply(
        service("down", [down], protocol="TCP", health_check=check),
        *[record_set(f"d-{n}", "a.example", n, "A", **common, **way) for n, way in ways.items()],
    )
    wait_answered(served, "fall.a.example")
    with Client(served.dns_port) as client:
        # From the first answer on, and after the verdict.
        for health in (None, "UNHEALTHY"):
            if health:
                wait_health(served, "down", down, health)
            shown = dig(served.dns_port, "none.a.example", "A")
            assert (shown.status, shown.answer, shown.authority[0][2]) == ("NOERROR", [], "SOA")
            assert client.addresses("all.a.example") == ["127.0.0.1"]
            assert client.addresses("fall.a.example") == ["192.0.2.200"]


# --- the API


WWW = record_set("www", "a.example", "host", "A", values=["192.0.2.1"])
WWW_HAS = "records of host.a.example in RecordSet/www"


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        (record_set("x", "a.example", "host", "CNAME", values=["b"]), f"the other {WWW_HAS}"),
        (record_set("x", "a.example", "host", "A", values=["192.0.2.2"]), f"the A {WWW_HAS}"),
        (record_set("x", "a.example", "x", "A", values=["192.0.2.256"]), "an IPv4 address has four numbers"),
        (record_set("x", "a.example", "x", "AAAA", values=["192.0.2.1"]), "spec.values"),
        (record_set("x", "b.example", "x", "A", values=["192.0.2.1"]), 'there is no Zone \\"b.example\\"'),
        (record_set("x", "a.example", "x", "A", service="gone"), "gone"),
        (record_set("x", "a.example", "x", "A"), "spec"),
    ],
)
def test_bad_record_sets_are_refused_in_a_sentence(served, wanted, part):
    served.apply(WWW)
    answer = served.api("POST", "/v1/recordsets", wanted)
    assert answer.status == 422 and part in answer.text, f"{answer.status} {answer.text}"


@pytest.mark.parametrize("line", ["x A 192.0.2.256", "x MX mail", "b.example. A 192.0.2.1", "@ SOA a b 1"])
def test_bad_lines_of_a_zone_are_refused_with_their_number(served, line):
    answer = served.api("POST", "/v1/zones", zone("c.example", f"a A 192.0.2.1\n{line}\n"))
    assert answer.status == 422 and "line 2: " in answer.text, f"{answer.status} {answer.text}"


def test_a_record_set_and_the_text_of_its_zone_have_to_fit(served):
    answer = served.api("POST", "/v1/recordsets", record_set("x", "a.example", "www", "CNAME", values=["b"]))
    assert answer.status == 422 and "other records of www.a.example in Zone/a.example" in answer.text
    served.apply(WWW)
    current = served.api("GET", "/v1/zones/a.example").json
    current["spec"]["records"] += "host TXT any\nhost A 192.0.2.2\n"
    answer = served.api("PUT", "/v1/zones/a.example", current)
    assert answer.status == 422 and "A records of host.a.example in RecordSet/www" in answer.text


def test_what_others_need_is_not_deleted(served):
    served.apply(service("s", ["192.0.2.1:80"]), record_set("s", "a.example", "s", "A", service="s"), WWW)
    for path in ("zones/a.example", "services/s"):
        answer = served.api("DELETE", f"/v1/{path}")
        assert answer.status == 409 and "RecordSet/s" in answer.text, f"{answer.status} {answer.text}"
    for path in ("recordsets/s", "recordsets/www", "services/s", "zones/a.example"):
        assert served.api("DELETE", f"/v1/{path}").status in (200, 204), path
    with Client(served.dns_port) as client:
        refused = lambda: client.ask("www.a.example").rcode == dns.REFUSED  # noqa: E731
        wait_until(refused, 5, "the zone being gone")


# --- the process


def test_after_a_restart_the_same_zones_are_answered_for(served):
    served.apply(WWW)
    wait_answered(served, "host.a.example")
    with Client(served.dns_port) as client:
        before = [client.ask(name, kind).sections[0] for name, kind, _ in EXPECTED]
        snapshot = served.data / "snapshot.json"
        written = lambda: snapshot.exists() and '"host"' in snapshot.read_text()  # noqa: E731
        wait_until(written, 5, "the snapshot on disk")
    served.process.kill()
    (served.data / "store.db").rename(served.data / "store.away")
    (served.data / "store.db").write_bytes(b"not a database any more" * 1000)
    served.start(wait=False)  # not ready: its store is damaged, and the snapshot is all it has

    def answers():
        try:
            with Client(served.dns_port, timeout_s=1) as client:
                return client.ask("host.a.example").sections[0]
        except OSError:
            return None

    wait_until(answers, 10, "the name server being there")
    with Client(served.dns_port) as client:
        assert [client.ask(name, kind).sections[0] for name, kind, _ in EXPECTED] == before


def test_loopback_has_no_rate_limit_and_queries_are_counted(served):
    def total(name):
        return served.metrics()[name]

    udp, tcp = (f'weir_dns_queries_total{{transport="{way}"}}' for way in ("udp", "tcp"))
    before = {name: total(name) for name in (udp, tcp, 'weir_dns_replies_total{code="nxdomain"}')}
    with Client(served.dns_port) as client:
        for _ in range(3000):
            assert not client.ask("nothing.a.example").truncated
        for _ in range(10):
            client.ask("nothing.a.example", tcp=True)
    assert {name: total(name) - count for name, count in before.items()} == {
        udp: 3000,
        tcp: 10,
        'weir_dns_replies_total{code="nxdomain"}': 3010,
    }
    assert total('weir_dns_limited_total{how="dropped"}') == 0
    assert total("weir_dns_zones") == 1


def test_what_is_no_query_is_left_unanswered(served):
    ignored = served.metrics()["weir_dns_ignored_total"]
    with ExitStack() as stack:
        client = stack.enter_context(Client(served.dns_port))
        for junk in (b"", b"x", struct.pack(">6H", 1, 0x8000, 1, 0, 0, 0), b"\0" * 11):
            client.send(junk)
        assert client.addresses("www.a.example") == ["192.0.2.1"]
    assert served.metrics()["weir_dns_ignored_total"] >= ignored + 3


# --- without a name server


def test_without_dns_no_zones_are_made(tmp_path):
    weir = Weir(tmp_path / "weir")
    weir.flags[weir.flags.index("--dns") + 1] = "off"
    with weir.start():
        weir.apply(zone("a.example", "www A 192.0.2.1"))
        stored = weir.api("GET", "/v1/zones/a.example").json
        assert stored["spec"]["records"] == "www A 192.0.2.1"
        assert not stored.get("status")
        assert "weir_dns_" not in weir.api("GET", "/metrics").text
        shown = weir.cli("explain", "dns", "www.a.example")
        assert "there is no name server in this process" in shown.stdout + shown.stderr
