"""Machines of several clouds boot with one script, are in DNS and at a provider of DNS, and leave or die."""

import contextlib
import os
import signal

import pytest

from lab.dns import dig, record_set, zone
from lab.dns_providers import PowerDns, provider, secret
from lab.metadata_mock import Metadata, SmartOs
from lab.process import ROOT, Process, wait_until
from lab.tunnels import weir  # noqa: F401 (a fixture)
from lab.weir import BINARY, service

ZONE = "a.example"
SCRIPT = ROOT / "examples" / "boot" / "join.sh"
LEASE = "2s"
AWS, GCP, SMARTOS = "198.51.100.4", "198.51.100.5", "198.51.100.10"


class Machines:
    """That boot, each with the metadata of its cloud and the same script and environment."""

    def __init__(self, weir, directory):
        self.weir, self.directory = weir, directory
        self.running = []

    def boot(self, name, metadata_url):
        environment = {**os.environ, "WEIR": str(BINARY), "HOME": "/nonexistent"}
        environment |= {"WEIR_API": self.weir.api_url}
        environment |= {"WEIR_TOKEN": self.weir.token, "WEIR_METADATA_URL": metadata_url}
        environment |= {"WEIR_SERVICE": "web", "WEIR_PORT": "8080", "WEIR_LEASE": LEASE}
        log = self.directory / f"{name}.log"
        machine = Process(["sh", SCRIPT], log, environment=environment)
        self.running.append(machine)
        wait_until(lambda: "has joined" in machine.log() or not machine.running(), 20, "joining")
        assert machine.running(), machine.log()
        return machine

    def stop(self):
        for machine in self.running:
            machine.stop(2)


@pytest.fixture
def powerdns(tmp_path):
    directory = tmp_path / "pdns"
    directory.mkdir()
    server = PowerDns(directory)
    server.make_zone(ZONE)
    yield server
    server.stop()


@pytest.fixture
def machines(weir, powerdns, tmp_path):
    weir.apply(
        service("web", [], protocol="TCP", discovery={"type": "_web._tcp"}),
        zone(ZONE),
        record_set("web", ZONE, "web", "A", service="web", policy="MULTI"),
        secret("pdns", api_key=powerdns.KEY),
        provider("pdns", "POWERDNS", powerdns.url, [ZONE], interval="60s"),
    )
    made = Machines(weir, tmp_path)
    yield made
    made.stop()


def wait_everywhere(weir, powerdns, addresses, deadline_s):
    """In weir's DNS, as instances of the service, at PowerDNS by its API, and in its answers."""
    wanted = sorted(addresses)

    def shown():
        instances = dig(weir.dns_port, "_web._tcp.weir.localhost", "PTR").data
        return {
            "weir": sorted(dig(weir.dns_port, f"web.{ZONE}", "A").data),
            "instances": len(instances),
            "kept": sorted(powerdns.shown(ZONE).get(f"web.{ZONE}. A", ())),
            "answered": sorted(dig(powerdns.dns_port, f"web.{ZONE}", "A").data),
        }

    all_there = {"weir": wanted, "instances": len(wanted), "kept": wanted, "answered": wanted}
    with contextlib.suppress(AssertionError):
        wait_until(lambda: shown() == all_there, deadline_s, "the machines being in DNS")
    assert shown() == all_there


def test_one_script_on_three_clouds_and_no_stale_address_stays(weir, powerdns, machines, tmp_path):
    with Metadata("aws") as aws, Metadata("gcp") as gcp, SmartOs(tmp_path) as smartos:
        on_aws = machines.boot("aws", aws.url)
        wait_everywhere(weir, powerdns, [AWS], 5)
        on_gcp = machines.boot("gcp", gcp.url)
        on_smartos = machines.boot("smartos", smartos.url)
        wait_everywhere(weir, powerdns, [AWS, GCP, SMARTOS], 5)
        described = weir.cli("get", "endpoints", "-o", "json").stdout
        for word in ("europe-west3", "eu-central-1", "eu-ams-1", "joyent", "i-0abc"):
            assert word in described, described
        # Shut down: it leaves.
        on_aws.popen.send_signal(signal.SIGTERM)
        assert on_aws.wait(5) == 0
        wait_everywhere(weir, powerdns, [GCP, SMARTOS], 3)
        # Dead without a word: its lease ends.
        on_gcp.popen.kill()
        wait_everywhere(weir, powerdns, [SMARTOS], 5)
        # It boots anew, as what it was.
        machines.boot("gcp-again", gcp.url)
        wait_everywhere(weir, powerdns, [GCP, SMARTOS], 5)
        # All of them die at once: nothing stays, at either place.
        machines.running[-1].popen.kill()
        on_smartos.popen.kill()
        wait_everywhere(weir, powerdns, [], 6)
    assert weir.token not in "".join(machine.log() for machine in machines.running)


def test_a_machine_that_dies_while_weir_is_away_is_gone_when_it_is_back(weir, powerdns, machines, tmp_path):
    with Metadata("aws") as aws, Metadata("gcp") as gcp:
        on_aws = machines.boot("aws", aws.url)
        machines.boot("gcp", gcp.url)
        wait_everywhere(weir, powerdns, [AWS, GCP], 5)
        weir.process.stop()
        on_aws.popen.kill()
        assert sorted(dig(powerdns.dns_port, f"web.{ZONE}", "A").data) == [AWS, GCP]
        weir.start()
        wait_everywhere(weir, powerdns, [GCP], 8)
