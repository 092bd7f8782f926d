"""Copies of zones, notices of changes, signatures and updates: weir before Knot and BIND as secondary
servers, and before dig, kdig, nsupdate and knsupdate."""

import base64
import socket
import struct
import subprocess
from contextlib import ExitStack, contextmanager

import pytest

from lab.dns import Client, dig, kdig, name_bytes, parse, record_set, running, zone
from lab.process import free_port, wait_until
from lab.tunnels import weir  # noqa: F401 (a fixture)
from lab.weir import Weir

SECRET = base64.b64encode(b"a secret of 32 octets, or so ...").decode()
OTHER = base64.b64encode(b"another secret of 32 octets ....").decode()
RECORDS = """\
ns1 A 192.0.2.53
www 60 A 192.0.2.1
www AAAA 2001:db8::1
@ MX 10 mail
mail A 192.0.2.25
text TXT "one \\"quoted\\"" two
*.wild A 192.0.2.7
child NS ns.child
ns.child A 192.0.2.99
"""


def key(name, secret=SECRET, algorithm="hmac-sha256", **values):
    spec = {"values": {"secret": secret, "algorithm": algorithm, **values}}
    return {"kind": "Secret", "metadata": {"name": name}, "spec": spec}


def answered(port, name, record_type="A"):
    with Client(port) as client:
        return client.ask(name, record_type).sections[0]


def serial(port, name="a.example"):
    [soa] = answered(port, name, "SOA")
    return struct.unpack(">I", soa[3][-20:-16])[0]


def settled_serial(port, older):
    """The zone's, when it is another one and all who ask are told the same for a while; else None."""
    seen = {serial(port) for _ in range(20)}
    return seen.pop() if len(seen) == 1 and older not in seen else None


def run_any(words, stdin=None):
    words = [str(word) for word in words]
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


def refusal(weir, *flags, name="a.example"):
    return run_any(["kdig", "@127.0.0.1", "-p", weir.dns_port, "+retry=0", *flags, name, "AXFR"])


def transferred(weir, *flags, name="a.example", ask=kdig, kind="AXFR"):
    shown = ask(weir.dns_port, name, kind, *flags)
    lines = [line.split(None, 4) for line in shown.text.splitlines() if line and not line.startswith(";")]
    return [(owner, kind, data.rstrip()) for owner, _, _, kind, data in lines if kind != "TSIG"]


def key_flag(name="all", secret=SECRET, algorithm="hmac-sha256"):
    return ["-y", f"{algorithm}:{name}:{secret}"]


@pytest.fixture
def served(weir):
    """A zone that is copied by who has a key, and written by two."""
    transfers = {"keys": ["all"]}
    updates = [{"key": "all"}, {"key": "some", "names": ["www", "*.dev"], "types": ["A", "TXT"]}]
    weir.apply(
        key("all"), key("some", OTHER), zone("a.example", RECORDS, transfers=transfers, updates=updates)
    )
    wait_until(lambda: answered(weir.dns_port, "a.example", "SOA"), 5, "the zone")
    return weir


# --- other servers


@contextmanager
def knot_secondary(directory, primary, signed=True):
    """A context whose value is the port. Its notices come to `port`."""
    port = free_port()
    (directory / "db").mkdir(parents=True)
    key_line = "    key: all\n" if signed else ""
    text = f"server:\n  listen: 127.0.0.1@{port}\n  rundir: {directory}\n  udp-workers: 1\n  tcp-workers: 1\n"
    text += f"database:\n  storage: {directory}/db\nlog:\n  - target: stdout\n    any: debug\n"
    text += f"key:\n  - id: all\n    algorithm: hmac-sha256\n    secret: {SECRET}\n"
    text += f"remote:\n  - id: weir\n    address: 127.0.0.1@{primary}\n{key_line}"
    text += f"acl:\n  - id: notify\n    address: 127.0.0.1\n    action: notify\n{key_line}"
    text += f"template:\n  - id: default\n    storage: {directory}\n    zonefile-sync: 0\n"
    text += "zone:\n  - domain: a.example\n    master: weir\n    acl: notify\n    file: a.example.zone\n"
    (directory / "knot.conf").write_text(text)
    with running(["knotd", "-c", directory / "knot.conf"], directory, port, ["a.example"]) as at:
        yield at


@contextmanager
def named_secondary(directory, primary, signed=True):
    """As knot_secondary()."""
    port = free_port()
    directory.mkdir(parents=True)
    text = f'key "all" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n'
    text += f'options {{ directory "{directory}"; listen-on port {port} {{ 127.0.0.1; }}; recursion no;\n'
    text += f'  listen-on-v6 {{ none; }}; pid-file none; session-keyfile "{directory}/session.key";\n'
    text += f'  lock-file none; managed-keys-directory "{directory}"; notify no; dnssec-validation no; }};\n'
    text += "controls { };\n"
    with_key = ' key "all"' if signed else ""
    text += f'zone "a.example" {{ type secondary; file "a.example.zone"; masterfile-format text;\n'
    text += f"  primaries {{ 127.0.0.1 port {primary}{with_key}; }}; allow-notify {{ 127.0.0.1; }}; }};\n"
    (directory / "named.conf").write_text(text)
    words = ["named", "-g", "-n", "1", "-c", directory / "named.conf"]
    with running(words, directory, port, ["a.example"]) as at:
        yield at


SECONDARIES = [knot_secondary, named_secondary]


@pytest.mark.parametrize("secondary", SECONDARIES)
@pytest.mark.parametrize("signed", [True, False], ids=["signed", "by network"])
def test_a_secondary_takes_the_zone_and_follows_its_changes(weir, tmp_path, secondary, signed):
    transfers = {"keys": ["all"]} if signed else {"networks": ["127.0.0.0/8"]}
    weir.apply(key("all"), zone("a.example", RECORDS, transfers=transfers))
    wait_until(lambda: answered(weir.dns_port, "a.example", "SOA"), 5, "the zone")
    with secondary(tmp_path / "secondary", weir.dns_port, signed) as port:
        for name, kind in [("www", "A"), ("text", "TXT"), ("x.wild", "A"), ("www", "AAAA"), ("mail", "A")]:
            ours, theirs = (answered(at, f"{name}.a.example", kind) for at in (weir.dns_port, port))
            assert ours == theirs and ours, (name, kind)
        # From now on it is told.
        weir.apply(
            zone("a.example", RECORDS, transfers={**transfers, "notify": [f"127.0.0.1:{port}"]}),
            record_set("new", "a.example", "new", "A", values=["192.0.2.200"]),
        )
        wait_until(lambda: answered(port, "new.a.example"), 10, "the new record at the secondary")
        first = answered(port, "new.a.example")
        weir.apply(record_set("new", "a.example", "new", "A", values=["192.0.2.201"]))
        wait_until(lambda: answered(port, "new.a.example") != first, 10, "the change at the secondary")
        assert answered(port, "new.a.example") == answered(weir.dns_port, "new.a.example")
        assert serial(port) == serial(weir.dns_port)
        metrics = weir.api("GET", "/metrics").text
        assert 'weir_dns_notices_total{what="answered"} 0' not in metrics


@pytest.mark.parametrize("secondary", SECONDARIES)
def test_a_secondary_follows_a_zone_file_by_what_changes(tmp_path, secondary):
    folder = tmp_path / "zones"
    folder.mkdir()

    def write(serial, records):
        part = folder / ".part"
        part.write_text(f"$TTL 300\n@ SOA ns1 host {serial} 3600 600 604800 60\n@ NS ns1\n{RECORDS}{records}")
        part.rename(folder / "a.example.zone")

    write(1, "old A 192.0.2.1\n")
    ordered = [{"value": f"192.0.2.{i}", "priority": i} for i in (8, 9)]
    with Weir(tmp_path / "weir", flags=["--zone-files", folder]).start() as weir:
        transfers = {"networks": ["127.0.0.0/8"]}
        weir.apply(
            zone("a.example", transfers=transfers),
            record_set("f", "a.example", "f", "A", policy="FAILOVER", answers=ordered),
        )
        wait_until(lambda: answered(weir.dns_port, "f.a.example"), 5, "the zone")
        wait_until(lambda: answered(weir.dns_port, "old.a.example"), 5, "the file")
        with secondary(tmp_path / "secondary", weir.dns_port, False) as port:
            weir.apply(zone("a.example", transfers={**transfers, "notify": [f"127.0.0.1:{port}"]}))
            wait_until(lambda: serial(port) == serial(weir.dns_port), 10, "the Zone at the secondary")
            for number in (2, 3):
                write(number, f"new A 192.0.2.{number}\n")
                wait_until(lambda: answered(weir.dns_port, "new.a.example"), 10, "the changed file")
                wait_until(
                    lambda n=number: [one[3][-1] for one in answered(port, "new.a.example")] == [n],
                    10,
                    "its copy",
                )
            assert serial(port) == serial(weir.dns_port)
            assert answered(port, "old.a.example") == []
            assert answered(port, "f.a.example") == answered(weir.dns_port, "f.a.example") != []


def test_a_server_that_does_not_answer_is_told_again(weir):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        notify = [f"127.0.0.1:{server.getsockname()[1]}"]
        transfers = {"networks": ["127.0.0.1"], "notify": notify}
        weir.apply(zone("a.example", RECORDS, transfers=transfers))
        first = parse(server.recv(512))
        again, peer = server.recvfrom(512)
        again = parse(again)
        for one in (first, again):
            assert one.flags >> 11 & 15 == 4 and one.question == ((name_bytes("a.example"), 6, 1),)
            assert one.sections[0][0][:2] == (name_bytes("a.example"), "SOA")
        reply = struct.pack(">6H", again.number, 0xA000, 1, 0, 0, 0) + name_bytes("a.example") + b"\0\6\0\1"
        server.sendto(reply, peer)
        shown = 'weir_dns_notices_total{what="answered"} 1'
        wait_until(lambda: shown in weir.api("GET", "/metrics").text, 5, "the answer being heard")


# --- transfers


@pytest.mark.parametrize("ask", [dig, kdig])
def test_a_zone_is_transferred_whole_to_who_has_the_key(served, ask):
    records = transferred(served, *key_flag(), ask=ask)
    assert records[0] == records[-1] and records[0][1] == "SOA"
    there = set(records)
    assert ("www.a.example.", "A", "192.0.2.1") in there
    assert ("ns.child.a.example.", "A", "192.0.2.99") in there, "glue"
    assert ("*.wild.a.example.", "A", "192.0.2.7") in there
    assert len(records) == 2 + 10 and len(there) == 11


def test_a_large_zone_takes_many_messages(weir, tmp_path):
    lines = [f"h{i} TXT {'x' * 100}{i}" for i in range(5000)]
    transfers = {"keys": ["all"]}
    weir.apply(key("all"), zone("a.example", "\n".join(lines), transfers=transfers))
    wait_until(lambda: answered(weir.dns_port, "a.example", "SOA"), 5, "the zone")
    for ask in (dig, kdig):
        assert len(transferred(weir, *key_flag(), ask=ask)) == 5000 + 3
    with named_secondary(tmp_path / "named", weir.dns_port) as port:
        assert answered(port, "h4999.a.example", "TXT") == answered(weir.dns_port, "h4999.a.example", "TXT")


def test_steered_sets_are_copied_as_they_answer_now(served):
    ordered = [{"value": f"192.0.2.{i}", "priority": i} for i in (1, 2)]
    weighted = [{"value": f"192.0.2.{i}", "weight": i - 3} for i in (3, 4, 5)]
    served.apply(
        record_set("f", "a.example", "f", "A", policy="FAILOVER", answers=ordered),
        record_set("w", "a.example", "w", "A", policy="WEIGHTED", answers=weighted),
    )
    wait_until(lambda: answered(served.dns_port, "w.a.example"), 5, "the sets")
    there = {(owner, data) for owner, kind, data in transferred(served, *key_flag()) if kind == "A"}
    assert {data for owner, data in there if owner == "f.a.example."} == {"192.0.2.1"}
    assert {data for owner, data in there if owner == "w.a.example."} == {"192.0.2.4", "192.0.2.5"}


def test_sets_with_a_policy_are_left_out_of_ixfr_as_long_as_they_stay(served):
    ordered = [{"value": f"192.0.2.{i}", "priority": i} for i in (1, 2)]
    older = serial(served.dns_port)
    served.apply(record_set("f", "a.example", "f", "A", policy="FAILOVER", answers=ordered))
    before = wait_until(lambda: settled_serial(served.dns_port, older), 10, "the set, and no more to come")
    served.apply(record_set("n", "a.example", "n", "A", values=["192.0.2.200"]))
    wait_until(lambda: answered(served.dns_port, "n.a.example"), 5, "the other set")
    changed = transferred(served, *key_flag(), kind=f"IXFR={before}")
    assert [kind for _, kind, _ in changed] == ["SOA", "SOA", "SOA", "A", "SOA"], changed
    served.apply(record_set("f", "a.example", "f", "A", policy="FAILOVER", answers=ordered[1:]))
    wait_until(lambda: answered(served.dns_port, "f.a.example")[0][3][-1] == 2, 5, "the change")
    assert len(transferred(served, *key_flag(), kind=f"IXFR={before}")) == 2 + 12, "the whole zone"


def test_who_may_not_gets_no_copy(served):
    assert "REFUSED" in refusal(served)
    assert "REFUSED" in refusal(served, *key_flag("some", OTHER))
    assert "NOTAUTH" in refusal(served, *key_flag(), name="b.example")
    for flags, error in [
        (key_flag("stranger"), "BADKEY"),
        (key_flag(secret=OTHER), "BADSIG"),
        (key_flag(algorithm="hmac-sha512"), "BADKEY"),
    ]:
        text = run_any(["dig", "-r", "@127.0.0.1", "-p", served.dns_port, *flags, "a.example", "AXFR"])
        assert error in text or "NOTAUTH" in text, text
        assert "192.0.2.1" not in text
    served.apply(zone("a.example", RECORDS, transfers={"networks": ["192.0.2.0/24"]}))
    # A key that no zone names is none.
    words = ["dig", "-r", "@127.0.0.1", "-p", served.dns_port, *key_flag(), "a.example", "AXFR"]
    wait_until(lambda: "BADKEY" in run_any(words), 5, "copies for a network alone")
    assert "REFUSED" in refusal(served)
    assert "weir_dns_transfers_total" in served.api("GET", "/metrics").text


def test_ixfr_has_what_changed_the_soa_alone_or_the_whole_zone(served):
    before = serial(served.dns_port)
    served.apply(record_set("n", "a.example", "n", "A", values=["192.0.2.200"]))
    wait_until(lambda: answered(served.dns_port, "n.a.example"), 5, "the set")
    served.apply(record_set("n", "a.example", "n", "A", values=["192.0.2.201", "192.0.2.200"]))
    wait_until(lambda: len(answered(served.dns_port, "n.a.example")) == 2, 5, "the change")
    for ask in (dig, kdig):
        records = transferred(served, *key_flag(), ask=ask, kind=f"IXFR={before}")
        kinds = [kind for _, kind, _ in records]
        assert kinds == ["SOA", "SOA", "SOA", "A", "SOA", "SOA", "A", "SOA"], records
        assert [data for _, kind, data in records if kind == "A"] == ["192.0.2.200", "192.0.2.201"]
        now = serial(served.dns_port)
        alone = transferred(served, *key_flag(), ask=ask, kind=f"IXFR={now}")
        assert [kind for _, kind, _ in alone] == ["SOA"]
        assert len(transferred(served, *key_flag(), ask=ask, kind="IXFR=0")) == 2 + 12
    alone = transferred(served, "+notcp", *key_flag(), kind=f"IXFR={before}")
    assert [kind for _, kind, _ in alone] == ["SOA"], "by UDP"


# --- signatures


def test_signed_queries_are_answered_signed(served):
    for algorithm in ("hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512"):
        served.apply(key("all", algorithm=algorithm))
        flags = key_flag(algorithm=algorithm)
        for more in ([], ["+tcp"], ["+noedns"]):
            wait_until(
                lambda f=flags, m=more: "NOERROR" in dig(served.dns_port, "www.a.example", "A", *f, *m).text,
                5,
                algorithm,
            )
            shown = dig(served.dns_port, "www.a.example", "A", *flags, *more)
            assert shown.data == ["192.0.2.1"] and "TSIG PSEUDOSECTION" in shown.text
            assert "Couldn't verify" not in shown.text
            assert "tsig verify failure" not in shown.text.lower()
        assert kdig(served.dns_port, "www.a.example", "A", *flags).data == ["192.0.2.1"]


def test_a_large_answer_to_a_signed_query_is_truncated(served):
    values = [f"192.0.2.{i}" for i in range(1, 29)]  # 28 * 16 octets: 512 with the question, without the MAC
    served.apply(record_set("b", "a.example", "b", "A", values=values))
    wait_until(lambda: answered(served.dns_port, "b.a.example"), 5, "the set")
    cut = dig(served.dns_port, "b.a.example", "A", "+noedns", "+ignore", *key_flag())
    assert "tc" in cut.flags and cut.answer == []
    assert sorted(dig(served.dns_port, "b.a.example", "A", "+noedns", *key_flag()).data) == sorted(values)


# --- updates


def nsupdate(weir, lines, *flags, tool="nsupdate"):
    head = [f"server 127.0.0.1 {weir.dns_port}", "zone a.example", "ttl 60"]
    words = [tool, *flags] if flags else [tool, *key_flag()]
    return run_any(words, "\n".join([*head, *lines, "send", ""]))


@pytest.mark.parametrize("tool", ["nsupdate", "knsupdate"])
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_updates_are_stored_answered_and_audited(served, tool, tcp):
    flags = [*key_flag(), *["-v"] * tcp]
    before = serial(served.dns_port)
    assert nsupdate(served, ["update add new.a.example. 77 A 192.0.2.7"], *flags, tool=tool) == ""
    shown = dig(served.dns_port, "new.a.example", "A")
    assert shown.answer == [("new.a.example.", 77, "A", "192.0.2.7")], "in force when it is answered"
    assert serial(served.dns_port) > before
    spec = served.api("GET", "/v1/recordsets/new.a.example-a").json["spec"]
    assert (spec["zone"], spec["name"], spec["values"]) == ("a.example", "new", ["192.0.2.7"])
    events = [event["spec"] for event in served.api("GET", "/v1/events").json["items"]]
    [event] = [event for event in events if event["name"] == "new.a.example-a"]
    assert event["actor"] == "tsig/all" and event["remote_address"] == "127.0.0.1"
    assert nsupdate(served, ["update add new.a.example. 77 A 192.0.2.8"], *flags, tool=tool) == ""
    assert sorted(dig(served.dns_port, "new.a.example", "A").data) == ["192.0.2.7", "192.0.2.8"]
    assert nsupdate(served, ["update del new.a.example. A 192.0.2.7"], *flags, tool=tool) == ""
    assert dig(served.dns_port, "new.a.example", "A").data == ["192.0.2.8"]
    assert nsupdate(served, ["update del new.a.example."], *flags, tool=tool) == ""
    assert dig(served.dns_port, "new.a.example", "A").status == "NXDOMAIN"
    assert served.api("GET", "/v1/recordsets/new.a.example-a").status == 404


def test_an_update_is_carried_out_whole_or_not_at_all(served):
    lines = ["update add one.a.example. A 192.0.2.7", "update add www.a.example. A 192.0.2.8"]
    assert "REFUSED" in nsupdate(served, lines), "www is among the Zone's records"
    assert dig(served.dns_port, "one.a.example", "A").status == "NXDOMAIN"
    lines = ["update add one.a.example. A 192.0.2.7", "update add two.a.example. TXT two"]
    assert nsupdate(served, lines) == ""
    assert dig(served.dns_port, "one.a.example", "A").data == ["192.0.2.7"]
    assert dig(served.dns_port, "two.a.example", "TXT").data == ['"two"']
    events = served.api("GET", "/v1/events").json["items"]
    assert len([e for e in events if e["spec"]["actor"] == "tsig/all"]) == 2


def test_prerequisites_are_looked_at_first(served):
    add = "update add p.a.example. A 192.0.2.7"
    for line, code in [
        ("prereq yxdomain p.a.example.", "NXDOMAIN"),
        ("prereq nxdomain www.a.example.", "YXDOMAIN"),
        ("prereq yxrrset www.a.example. TXT", "NXRRSET"),
        ("prereq nxrrset www.a.example. A", "YXRRSET"),
        ("prereq yxrrset www.a.example. A 192.0.2.9", "NXRRSET"),
    ]:
        assert code in nsupdate(served, [line, add]), line
        assert dig(served.dns_port, "p.a.example", "A").status == "NXDOMAIN"
    lines = ["prereq nxdomain p.a.example.", "prereq yxrrset www.a.example. A 192.0.2.1", add]
    assert nsupdate(served, lines) == ""
    assert dig(served.dns_port, "p.a.example", "A").data == ["192.0.2.7"]


def test_keys_write_what_they_may(served):
    some = key_flag("some", OTHER)
    assert nsupdate(served, ["update add x.dev.a.example. A 192.0.2.7"], *some) == ""
    assert dig(served.dns_port, "x.dev.a.example", "A").data == ["192.0.2.7"]
    for line in (
        "update add x.dev.a.example. AAAA ::1",
        "update add other.a.example. A 192.0.2.7",
        "update add dev.a.example. A 192.0.2.7",
    ):
        assert "REFUSED" in nsupdate(served, [line], *some), line
    assert "REFUSED" in nsupdate(served, ["update add x.a.example. A 192.0.2.7"], "-d")
    assert "NOTAUTH" in nsupdate(served, ["update add x.a.example. A 192.0.2.7"], *key_flag("stranger"))
    text = nsupdate(served, ["update add x.a.example. A 192.0.2.7"], *key_flag(secret=OTHER))
    assert "NOTAUTH" in text or "BADSIG" in text
    assert dig(served.dns_port, "x.a.example", "A").status == "NXDOMAIN"
    assert "an update refused" in served.process.log()


def test_sets_with_a_policy_are_not_written(served):
    served.apply(record_set("t", "a.example", "t", "A", policy="ROUND_ROBIN", values=["192.0.2.1"]))
    assert "REFUSED" in nsupdate(served, ["update add t.a.example. A 192.0.2.2"])
    assert "REFUSED" in nsupdate(served, ["update del t.a.example."])
    assert dig(served.dns_port, "t.a.example", "A").data == ["192.0.2.1"]


def test_what_validation_refuses_is_refused(served):
    assert "REFUSED" in nsupdate(served, ["update add t.a.example. 99999999 A 192.0.2.2"])
    assert dig(served.dns_port, "t.a.example", "A").status == "NXDOMAIN"


def test_many_at_once_are_all_carried_out(served):
    with ExitStack() as stack:
        tools = []
        for i in range(8):
            words = ["nsupdate", *key_flag()]
            tool = stack.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, text=True))
            tools.append(tool)
            lines = [f"server 127.0.0.1 {served.dns_port}", "zone a.example"]
            lines += [f"update add many.a.example. 60 A 192.0.2.{i + 1}", "send", ""]
            tool.stdin.write("\n".join(lines))
            tool.stdin.close()
        assert [tool.wait(30) for tool in tools] == [0] * 8
    assert len(dig(served.dns_port, "many.a.example", "A").data) == 8


def test_other_operations_are_not_done(served):
    with Client(served.dns_port) as client:
        for tcp in (False, True):
            notify = struct.pack(">6H", 5, 4 << 11, 1, 0, 0, 0) + name_bytes("a.example") + b"\0\6\0\1"
            assert client.exchange(notify, tcp).rcode == 4
