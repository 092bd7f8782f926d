"""Avahi browses weir's domain by unicast DNS ("wide area"), in a network where that is at port 53."""

import os
import subprocess

import pytest

from lab import avahi
from lab.weir import BINARY

ADDRESS = "10.9.0.1"
DOMAIN = "weir.localhost"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own takes root"),
    pytest.mark.skipif(not avahi.is_installed(), reason="./dev setup lab brings Avahi"),
]

SCRIPT = f"""\
ip link set lo up
ip link add net0 type veth peer name net1
ip addr add {ADDRESS}/24 dev net0
ip link set net0 up
ip link set net1 up
own_names {ADDRESS}
"$WEIR" up --data-dir data --dns {ADDRESS}:53 > weir.log 2>&1 &
until grep -q " info ready " weir.log; do kill -0 $!; sleep 0.1; done
export WEIR_TOKEN=$(cat data/admin.token)
"$WEIR" join web --port 80 --type _http._tcp --once --instance "Größe. 1" \\
  --txt path=/x --version 1.4.2
"$WEIR" join db --port 5432 --once --address {ADDRESS} --instance "The first"
start_avahi
avahi-browse -d {DOMAIN} -rtpk _http._tcp
avahi-browse -d {DOMAIN} -rtpk _v1-4-2._sub._http._tcp
avahi-browse -d {DOMAIN} -atpk
avahi-resolve -n ip-10-9-0-1.{DOMAIN}
"$WEIR" resolve "The first._db._tcp" --dns system
"""


def test_avahi_browses_and_resolves(tmp_path):
    avahi.prepare(tmp_path, "net0")
    done = subprocess.run(
        avahi.in_namespaces(SCRIPT, seconds=100, net=True),
        cwd=tmp_path,
        env={**os.environ, "PATH": avahi.PATH, "WEIR": str(BINARY.absolute()), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    name = "Gr\\195\\182\\195\\159e\\.\\0321"
    found = f"{name};_http._tcp;{DOMAIN};ip-127-0-0-1.{DOMAIN};127.0.0.1;80;"
    resolved = [line for line in lines if line.startswith("=") and found in line]
    assert len(resolved) == 2, done.stdout  # by the type, and by the version
    assert all('"path=/x"' in line and '"version=1.4.2"' in line for line in resolved)
    browsed = [line for line in lines if line.startswith("+")]
    assert any(";_db._tcp;" in line and "The\\032first" in line for line in browsed)
    assert any(";_http._tcp;" in line and name in line for line in browsed)
    assert f"ip-10-9-0-1.{DOMAIN}\t{ADDRESS}" in lines
    assert f"{ADDRESS}:5432" in lines
