"""Avahi browses weir's domain by unicast DNS ("wide area"), in a network where that is at port 53."""

import os
import shutil
import subprocess
import textwrap

import pytest

from lab.weir import BINARY

ADDRESS = "10.9.0.1"
DOMAIN = "weir.localhost"
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
PROGRAMS = ("avahi-daemon", "avahi-browse", "avahi-resolve", "dbus-daemon", "unshare", "ip")

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own takes root"),
    pytest.mark.skipif(
        not all(shutil.which(one, path=PATH) for one in PROGRAMS), reason="./dev setup lab brings Avahi"
    ),
]

BUS = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"""

AVAHI = """\
[server]
use-ipv6=no
allow-interfaces=net0
[wide-area]
enable-wide-area=yes
"""

# Everything that it starts ends with it: the names that it mounts over are its own.
SCRIPT = f"""\
set -eu
ip link set lo up
ip link add net0 type veth peer name net1
ip addr add {ADDRESS}/24 dev net0
ip link set net0 up
ip link set net1 up
echo "nameserver {ADDRESS}" > resolv.conf
{{ cat /etc/passwd; echo "avahi:x:990:990::/:/bin/false"; }} > passwd
{{ cat /etc/group; echo "avahi:x:990:"; }} > group
for name in resolv.conf passwd group; do mount --bind $name /etc/$name; done
mount -t tmpfs run /run
mkdir /run/avahi-daemon /run/dbus
trap 'kill $(jobs -p); wait' EXIT
dbus-daemon --config-file=bus.conf --nofork --nopidfile &
"$WEIR" up --data-dir data --dns {ADDRESS}:53 > weir.log 2>&1 &
until grep -q " info ready " weir.log; do kill -0 $!; sleep 0.1; done
export WEIR_TOKEN=$(cat data/admin.token)
"$WEIR" join web --port 80 --type _http._tcp --once --instance "Größe. 1" \\
  --txt path=/x --version 1.4.2
"$WEIR" join db --port 5432 --once --address {ADDRESS} --instance "The first"
until [ -e /run/dbus/system_bus_socket ]; do sleep 0.1; done
avahi-daemon --no-drop-root --no-rlimits --no-chroot -f avahi.conf > avahi.log 2>&1 &
until grep -q "startup complete" avahi.log; do sleep 0.1; done
avahi-browse -d {DOMAIN} -rtpk _http._tcp
avahi-browse -d {DOMAIN} -rtpk _v1-4-2._sub._http._tcp
avahi-browse -d {DOMAIN} -atpk
avahi-resolve -n ip-10-9-0-1.{DOMAIN}
"$WEIR" resolve "The first._db._tcp" --dns system
"""


def test_avahi_browses_and_resolves(tmp_path):
    (tmp_path / "bus.conf").write_text(BUS)
    (tmp_path / "avahi.conf").write_text(AVAHI)
    done = subprocess.run(
        ["timeout", "-k", "5", "100", "unshare", "--net", "--mount", "--pid", "--mount-proc", "--fork",
         "--kill-child", "bash", "-c", textwrap.dedent(SCRIPT)],
        cwd=tmp_path,
        env={**os.environ, "PATH": PATH, "WEIR": str(BINARY.absolute()), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
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
