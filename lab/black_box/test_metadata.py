"""weir metadata against the metadata services of seven clouds."""

import json
import os
import socket
import subprocess
import threading

import pytest

from lab.metadata_mock import Metadata, SmartOs, SmartOsSerial
from lab.process import ROOT, free_port
from lab.weir import BINARY

FIELDS = ["provider", "region", "zone", "city", "instance", "private_address", "public_address"]
MACHINES = [
    ["aws", "eu-central-1", "eu-central-1b", "frankfurt", "i-0abc", "10.0.0.4", "198.51.100.4"],
    ["gcp", "europe-west3", "europe-west3-b", "frankfurt", "4711", "10.0.0.5", "198.51.100.5"],
    ["azure", "westeurope", "2", "amsterdam", "02aab8a4-74ef", "10.0.0.6", "198.51.100.6"],
    ["digitalocean", "fra1", "", "frankfurt", "2756294", "10.0.0.7", "198.51.100.7"],
    ["hetzner", "fsn1", "fsn1-dc14", "falkenstein", "42", "10.0.0.8", "198.51.100.8"],
    ["openstack", "", "nova", "", "83679162", "10.0.0.9", "198.51.100.9"],
]


def metadata(url, *flags):
    command = [BINARY, "metadata", "--metadata-url", url, *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine[0])
def test_a_machine_finds_its_cloud(machine):
    with Metadata(machine[0]) as cloud:
        found = metadata(cloud.url, "-o", "json")
        assert found.returncode == 0, found.stderr
        assert json.loads(found.stdout) == dict(zip(FIELDS, machine, strict=True))
        shown = metadata(cloud.url)
        assert f"provider        {machine[0]}\n" in shown.stdout
        lines = metadata(cloud.url, "-o", "env").stdout
    asked = lines + 'printf "%s|" "$WEIR_PROVIDER" "$WEIR_REGION" "$WEIR_PUBLIC_ADDRESS"'
    told = subprocess.run(["sh", "-eu", "-c", asked], capture_output=True, text=True, timeout=5)
    assert told.stdout == f"{machine[0]}|{machine[1]}|{machine[6]}|"


@pytest.mark.parametrize("kind", [SmartOs, SmartOsSerial])
def test_a_machine_of_smartos_asks_by_its_socket_or_serial_port(kind, tmp_path):
    with kind(tmp_path) as host:
        found = metadata(host.url, "-o", "json")
        again = metadata(host.url)
    assert found.returncode == 0, found.stderr
    machine = ["joyent", "eu-ams-1", "", "amsterdam", "7a3c1f60-0f0e-4e5b", "10.0.0.10", "198.51.100.10"]
    assert json.loads(found.stdout) == dict(zip(FIELDS, machine, strict=True))
    assert again.returncode == 0, again.stderr
    assert host.asked == ["sdc:uuid", "sdc:datacenter_name", "sdc:nics"] * 2


def test_what_is_no_smartos_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    refused = metadata(tmp_path / "file")
    assert refused.returncode == 1 and "neither a socket nor a serial port" in refused.stderr
    with socket.create_server(str(tmp_path / "old"), family=socket.AF_UNIX) as old:

        def answer():
            connection, _ = old.accept()
            with connection, connection.makefile("rwb", buffering=0) as stream:
                for _ in stream:
                    stream.write(b"invalid command\n")

        threading.Thread(target=answer, daemon=True).start()
        refused = metadata(tmp_path / "old")
    assert refused.returncode == 1 and "another version of its protocol" in refused.stderr


def test_where_no_cloud_is_that_is_said():
    found = metadata(f"http://127.0.0.1:{free_port()}")
    assert found.returncode == 1
    assert found.stdout == ""
    assert "no cloud that is known here answers" in found.stderr
    assert metadata("https://127.0.0.1").returncode == 2


def test_the_script_of_the_boot_joins_as_what_the_machine_is(tmp_path):
    """examples/boot/join.sh, with a weir that tells what it was called with."""
    fake = tmp_path / "weir"
    with Metadata("aws") as cloud:
        fake.write_text(
            "#!/bin/sh\n"
            'if [ "$1" = metadata ]; then shift; exec "$REAL" metadata --metadata-url "$CLOUD" "$@"; fi\n'
            'echo "$@"\n'
        )
        fake.chmod(0o755)
        environment = {**os.environ, "WEIR": str(fake), "REAL": str(BINARY), "CLOUD": cloud.url}
        environment |= {"WEIR_SERVICE": "web", "WEIR_PORT": "8080"}
        script = ROOT / "examples" / "boot" / "join.sh"

        def joined(*command, **more):
            words = ["sh", script, *command]
            done = subprocess.run(
                words, env={**environment, **more}, capture_output=True, text=True, timeout=20
            )
            assert done.returncode == 0, done.stderr
            return done.stdout.split()

        whole = (
            "join web --name web-8080-i-0abc --port 8080 --address 198.51.100.4 --instance i-0abc "
            "--txt provider=aws --txt region=eu-central-1"
        ).split()
        assert joined() == whole
        more = {"WEIR_LEASE": "5s", "WEIR_DRAIN_WAIT": "6s", "WEIR_VERSION": "2.0", "WEIR_PRIORITY": "1"}
        flags = "--weight 3 --priority 1 --version 2.0 --drain-wait 6s --lease 5s"
        assert joined("nginx", "-g", "daemon off;", WEIR_WEIGHT="3", **more) == [
            *whole, *flags.split(), "--", "nginx", "-g", "daemon", "off;"
        ]  # fmt: skip
