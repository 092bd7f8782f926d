"""Zones that come from files of the name server's machine, and RecordSets over them."""

import base64
import socket
import struct
import subprocess

import pytest

from lab.dns import Client, dig, parse, record_set, zone
from lab.process import wait_until
from lab.weir import Weir

HEAD = "$TTL 300\n@ SOA ns1 hostmaster {serial} 3600 600 604800 60\n@ NS ns1\nns1 A 192.0.2.53\n"


def write(folder, name, records, serial=1):
    """At once, as whoever keeps zone files does it."""
    part = folder / f".{name}"
    part.write_text(HEAD.format(serial=serial) + records)
    part.rename(folder / f"{name}.zone")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "zones"
    made.mkdir()
    return made


@pytest.fixture
def weir(tmp_path, folder):
    write(folder, "a.example", "www A 192.0.2.1\nmail A 192.0.2.25\n")
    with Weir(tmp_path / "weir", flags=["--zone-files", folder]).start() as running:
        yield running


def wait_data(weir, name, data, record_type="A"):
    with Client(weir.dns_port) as client:
        wait_until(lambda: client.addresses(name, record_type) == data, 10, f"{name} {data}")


def test_a_zone_file_is_served_and_read_again_when_it_changes(weir, folder):
    wait_data(weir, "www.a.example", ["192.0.2.1"])
    soa = dig(weir.dns_port, "a.example", "SOA").data
    assert soa == ["ns1.a.example. hostmaster.a.example. 1 3600 600 604800 60"]
    write(folder, "a.example", "www A 192.0.2.2\n", serial=2)
    write(folder, "b.example", "www A 192.0.2.3\n")
    wait_data(weir, "www.a.example", ["192.0.2.2"])
    wait_data(weir, "www.b.example", ["192.0.2.3"])
    assert dig(weir.dns_port, "mail.a.example", "A").status == "NXDOMAIN"
    (folder / "b.example.zone").unlink()
    wait_until(lambda: dig(weir.dns_port, "www.b.example", "A").status == "REFUSED", 10, "b.example gone")


def test_a_file_with_a_mistake_is_told_of_and_what_was_before_goes_on(weir, folder):
    wait_data(weir, "www.a.example", ["192.0.2.1"])
    write(folder, "a.example", "www A 192.0.2\n")
    wait_until(lambda: "a zone file can't be served as it is" in weir.process.log(), 10, "a line in the log")
    assert "line 5" in weir.process.log()
    wait_data(weir, "www.a.example", ["192.0.2.1"])


def test_record_sets_lie_over_the_file_and_leave_it_as_it_was(weir, folder):
    wait_data(weir, "www.a.example", ["192.0.2.1"])
    weir.apply(
        zone("a.example", ""),
        record_set("www", "a.example", "www", "A", values=["192.0.2.8"]),
        record_set("new", "a.example", "new", "A", values=["192.0.2.9"]),
    )
    wait_data(weir, "www.a.example", ["192.0.2.8"])
    wait_data(weir, "new.a.example", ["192.0.2.9"])
    wait_data(weir, "mail.a.example", ["192.0.2.25"])
    assert weir.api("DELETE", "/v1/recordsets/www").status == 200
    wait_data(weir, "www.a.example", ["192.0.2.1"])
    write(folder, "a.example", "www A 192.0.2.77\n", serial=3)
    wait_data(weir, "www.a.example", ["192.0.2.77"])
    wait_data(weir, "new.a.example", ["192.0.2.9"])


def copied(weir, kind, name="a.example"):
    """Types and data of a copy, or the code of the refusal."""
    words = ["kdig", "@127.0.0.1", "-p", str(weir.dns_port), "+retry=0", "-q", name, "-t", kind]
    done = subprocess.run(words, capture_output=True, text=True, timeout=20)
    lines = [line.split(None, 4) for line in done.stdout.splitlines() if line and not line.startswith(";")]
    return [(kind, data.rstrip()) for _, _, _, kind, data in lines] or done.stdout + done.stderr


def serial(records):
    return int(records[0][1].split()[2])


def test_a_zone_of_a_file_alone_gives_no_copies(weir):
    wait_data(weir, "www.a.example", ["192.0.2.1"])
    for kind in ("AXFR", "IXFR=0"):
        assert "REFUSED" in copied(weir, kind)
    wait_until(lambda: "there is no Zone of that name" in weir.process.log(), 5, "a line in the log")
    weir.apply(zone("a.example", "", transfers={"networks": ["127.0.0.0/8"]}))
    wait_until(lambda: ("A", "192.0.2.1") in copied(weir, "AXFR"), 5, "a copy")


def test_a_changed_file_reaches_who_has_a_copy(weir, folder):
    wait_data(weir, "www.a.example", ["192.0.2.1"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as secondary:
        secondary.bind(("127.0.0.1", 0))
        secondary.settimeout(10)

        def told():
            """The serial number of the next notice; it is answered."""
            message, peer = secondary.recvfrom(512)
            secondary.sendto(message[:2] + b"\xa0\0" + message[4:12], peer)
            notice = parse(message)
            assert notice.flags >> 11 & 15 == 4
            return struct.unpack(">I", notice.sections[0][0][3][-20:-16])[0]

        notify = [f"127.0.0.1:{secondary.getsockname()[1]}"]
        weir.apply(zone("a.example", "", transfers={"networks": ["127.0.0.0/8"], "notify": notify}))
        first = told()
        write(folder, "a.example", "www A 192.0.2.2\n", serial=2)
        second = told()
        assert second == first + 1 == serial(copied(weir, "AXFR"))
        changed = copied(weir, f"IXFR={first}")
        assert [kind for kind, _ in changed] == ["SOA", "SOA", "A", "A", "SOA", "A", "SOA"], changed
        assert {data for kind, data in changed if kind == "A"} == {"192.0.2.1", "192.0.2.25", "192.0.2.2"}
        # The number in the file stays: one more all the same.
        write(folder, "a.example", "www A 192.0.2.3\n", serial=2)
        assert told() == second + 1
        wait_data(weir, "www.a.example", ["192.0.2.3"])


def test_updates_see_the_file_and_leave_it_as_it_is(weir):
    wait_data(weir, "www.a.example", ["192.0.2.1"])
    secret = base64.b64encode(b"a secret of 32 octets, or so ...").decode()
    weir.apply(
        {"kind": "Secret", "metadata": {"name": "all"}, "spec": {"values": {"secret": secret}}},
        zone("a.example", "", updates=[{"key": "all"}]),
    )

    def update(*lines):
        text = "\n".join([f"server 127.0.0.1 {weir.dns_port}", "zone a.example", *lines, "send", ""])
        words = ["nsupdate", "-y", f"hmac-sha256:all:{secret}"]
        done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=20)
        return done.stdout + done.stderr

    added = "update add new.a.example. 60 A 192.0.2.7"
    wait_until(lambda: "NXRRSET" in update("prereq yxrrset nothing.a.example. A", added), 5, "the key")
    assert "YXDOMAIN" in update("prereq nxdomain www.a.example.", added)
    assert "NXRRSET" in update("prereq yxrrset www.a.example. A 192.0.2.9", added)
    assert update("prereq yxrrset www.a.example. A 192.0.2.1", added) == ""
    wait_data(weir, "new.a.example", ["192.0.2.7"])
    assert "REFUSED" in update("update delete www.a.example. A")
    assert "it is in the zone's file" in weir.process.log()
    wait_data(weir, "www.a.example", ["192.0.2.1"])


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path):
    absent = tmp_path / "absent"
    weir = Weir(tmp_path / "weir", flags=["--zone-files", absent])
    weir.start(wait=False)
    try:
        wait_until(lambda: not weir.process.running(), 10, "the end of weir")
        assert f"--zone-files {absent}: the folder of zone files can't be read" in weir.process.log()
    finally:
        weir.stop()
