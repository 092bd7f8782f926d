"""Zones that come from files of the name server's machine, and RecordSets over them."""

import pytest

from lab.dns import Client, dig, record_set, zone
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


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path):
    absent = tmp_path / "absent"
    weir = Weir(tmp_path / "weir", flags=["--zone-files", absent])
    weir.start(wait=False)
    try:
        wait_until(lambda: not weir.process.running(), 10, "the end of weir")
        assert f"--zone-files {absent}: the folder of zone files can't be read" in weir.process.log()
    finally:
        weir.stop()
