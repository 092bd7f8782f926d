"""Machines of clouds in the world: each boots with its user-data, in namespaces of its own, and hears from
its cloud's metadata service what it is."""

import os
import shlex
import signal
import time
from pathlib import Path

from lab import metadata_mock
from lab.parts import Part
from lab.process import ROOT, Process, Timeout, wait_until
from lab.weir import BINARY
from lab.world import ip

METADATA = "169.254.169.254"

# What a machine has for itself: this system's /etc as a copy, logs and state of its own, weir as if it were
# installed. What it runs is gone with its first process, as when the power goes.
# $1: a folder to work in. $2: weir. $3: what the package has as /usr/libexec/weir/join. $4: the user-data,
# and words for it. What follows: variables.
BOOT = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
cp -a /etc "$1/etc" 2>/dev/null || true  # of a user who may not read all of it, what he may
mount --bind "$1/etc" /etc
for folder in /run /var/log /var/lib/nginx /usr/libexec /usr/local/bin; do
  mount -t tmpfs -o mode=755 tmpfs "$folder"
done
mkdir /var/log/nginx /usr/libexec/weir
ln -s "$2" /usr/local/bin/weir
ln -s "$3" /usr/libexec/weir/join
if [ -e /etc/nginx/nginx.conf ]; then sed -i 's/^user .*/user root;/' /etc/nginx/nginx.conf; fi
command=$4
shift 4
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec env -i PATH="$PATH" HOME=/root TMPDIR=/run "$@" sh -c "exec sh $command"
"""


def known_machine(cloud, region, address, number):
    """As that cloud would call the machine of that number."""
    if cloud == "aws":
        return metadata_mock.Machine(f"i-0d3b{number:04x}", region, f"{region}b", address, address)
    return metadata_mock.Machine(f"{4711000 + number}", region, f"{region}-b", address, address)


class Clouds:
    """The metadata service of each region's cloud, at the address where it always is; machines are told apart
    by theirs."""

    def __init__(self, earth):
        self.services, self.machines = [], {}
        number = 0
        for region in earth.atlas.regions.values():
            for name in region.names("instances"):
                number += 1
                address = earth.world[name].address
                self.machines[address] = known_machine(region.provider, region.name, address, number)
            router = earth.world[region.router]
            ip("addr", "add", f"{METADATA}/32", "dev", "lo", namespace=router.namespace)
            with router.inside():
                self.services.append(
                    metadata_mock.Metadata(region.provider, (METADATA, 80), self.machines)
                )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for service in self.services:
            service.__exit__()


class Instance(Part):
    """A machine. What it is told at its boot is a script, and variables for it."""

    role = "instance"

    def __init__(self, place, directory, region, machine):
        super().__init__(place, directory)
        self.region, self.machine = region, machine
        self.user_data, self.words, self.variables = None, [], {}
        self.process, self.began = None, None
        self.boots = 0

    @property
    def instance(self):
        return self.machine.instance

    def processes(self):
        return [self.process] if self.process else []

    def configure(self, text, *words, **variables):
        """Its user-data, the words that the script gets at this boot, and variables."""
        self.user_data, self.words, self.variables = text, words, variables

    def start(self):
        """Power on, the network up."""
        self.boots += 1
        folder, script = self.directory / "root", self.directory / "user-data"
        folder.mkdir(exist_ok=True)
        script.write_text(self.user_data)
        self.began = time.monotonic()
        join = ROOT / "examples" / "boot" / "join.sh"
        variables = [f"{name}={value}" for name, value in self.variables.items()]
        self.process = Process(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
            + ["sh", "-c", BOOT, "boot", folder, BINARY.absolute(), join]
            + [" ".join([shlex.quote(str(script)), *map(shlex.quote, self.words)]), *variables],
            self.directory / f"boot-{self.boots}.log",
            prefix=self.place.prefix,
        )

    def first(self):
        """The machine's first process, as seen from here."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else None

    def stop(self, deadline_s=30):
        """As systemd does at a shutdown."""
        os.kill(wait_until(self.first, 5, f"{self.name} having begun to boot"), signal.SIGTERM)
        return self.process.wait(deadline_s)

    def lose_power(self, earth):
        """At once, and nobody is told: no connection is closed."""
        earth.world.unplug(self.name, self.region.name)
        self.kill()
        self.wait_gone()

    def power_on(self, earth):
        earth.world.plug(self.name, self.region.name)
        self.start()

    def wait_gone(self):
        self.process.wait(10)

    def log(self):
        return self.process.log() if self.process else ""

    def wait_said(self, text, deadline_s=20):
        def said():
            assert self.process.running(), f"{self.name} has ended: {self.log()[-2000:]}"
            return text in self.log()

        try:
            wait_until(said, deadline_s, f'{self.name} saying "{text}"')
        except Timeout as late:
            raise Timeout(f"{late}\n{self.log()[-2000:]}") from None
