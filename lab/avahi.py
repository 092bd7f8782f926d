"""Avahi apart from the machine's own: a bus, a daemon and names, in namespaces that end with it."""

import os
import shutil

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
PROGRAMS = ("avahi-daemon", "avahi-browse", "avahi-resolve", "dbus-daemon", "unshare", "ip")
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
DAEMON = """\
[server]
use-ipv6=no
allow-interfaces={interface}
[wide-area]
enable-wide-area=yes
"""
# For a script in the folder that prepare() has filled. Everything that it starts ends with it: what it mounts
# over is its own. own_names SERVER: whom resolvers ask there.
SHELL = """\
set -eu
trap 'kill $(jobs -p); wait' EXIT
own_names() {
  echo "nameserver $1" > resolv.conf
  { cat /etc/passwd; echo "avahi:x:990:990::/:/bin/false"; } > passwd
  { cat /etc/group; echo "avahi:x:990:"; } > group
  for name in resolv.conf passwd group; do mount --bind $name /etc/$name; done
  mount -t tmpfs run /run
  mkdir /run/avahi-daemon /run/dbus
}
start_avahi() {
  dbus-daemon --config-file=bus.conf --nofork --nopidfile > dbus.log 2>&1 &
  until [ -e /run/dbus/system_bus_socket ]; do kill -0 $!; sleep 0.05; done
  avahi-daemon --no-drop-root --no-rlimits --no-chroot -f avahi.conf > avahi.log 2>&1 &
  until grep -q "startup complete" avahi.log; do kill -0 $!; sleep 0.05; done
}
"""


def is_installed():
    return all(shutil.which(one, path=PATH) for one in PROGRAMS)


def prepare(folder, interface):
    (folder / "bus.conf").write_text(BUS)
    (folder / "avahi.conf").write_text(DAEMON.format(interface=interface))


def in_namespaces(script, *words, seconds, net=False):
    """The command that runs the script, for a network namespace of its own or where it is."""
    spaces = [*(["--net"] if net else []), "--mount", "--pid", "--mount-proc", "--fork", "--kill-child"]
    return ["timeout", "-k", "5", str(seconds), "unshare", *spaces, "bash", "-c", SHELL + script, *words]
