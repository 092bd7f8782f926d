"""A podman on a machine of the world: in its network, and in namespaces of processes, mounts and cgroups of
its own. It loses power as a machine does, with all that runs there at once, and nothing of it reaches this
system."""

import contextlib
import itertools
import os
import re
import subprocess
from pathlib import Path

from lab.podman import Podman
from lab.process import Process, wait_until
from lab.world import ip

NUMBERS = itertools.count(1)
WEIGHTS = {"cpu.shares": 16 * 1024, "cpu.weight": 16 * 100}  # a machine is more than one process
BRIDGES = re.compile(r"\d+: ((?:cni-)?podman[^:@]*)")

# $1: the groups' name; what follows is the program. Of control groups it sees its own alone, as if they were
# all. What is in memory is what a machine forgets without power.
BOOT = r"""
set -e
group=$1; shift
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /dev/shm  # podman keeps its locks there
mkdir -p /run/netns /run/groups
mount --rbind /sys/fs/cgroup /run/groups
mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
if [ -e /run/groups/cgroup.controllers ]; then
  mount --bind "/run/groups/$group" /sys/fs/cgroup
  mkdir /sys/fs/cgroup/machine
  echo $$ >/sys/fs/cgroup/machine/cgroup.procs  # who has groups below it has no processes
  for one in cpu memory pids; do echo "+$one" >/sys/fs/cgroup/cgroup.subtree_control; done
else
  for one in $(ls /run/groups); do
    mkdir "/sys/fs/cgroup/$one"
    mount --bind "/run/groups/$one/$group" "/sys/fs/cgroup/$one"
  done
fi
umount -l /run/groups
if [ -d /var/lib/cni ]; then mount -t tmpfs -o mode=755 tmpfs /var/lib/cni; fi
"$@" &
wait
"""

BOX_CONF = """[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "/run/libpod"
volume_path = "{directory}/volumes"
[network]
network_config_dir = "{directory}/networks"
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=1000:1000"]
"""
BOX_STORAGE_CONF = """[storage]
driver = "vfs"
runroot = "/run/containers"
graphroot = "{directory}/root"
"""


def hierarchies():
    """Where control groups are mounted; more than one with the first version of them."""
    lines = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [Path(line[1]) for line in lines if line[2] in ("cgroup", "cgroup2")]


class Groups:
    """Control groups of one name in all hierarchies, and whatever is below them."""

    def __init__(self):
        self.name = f"weir-podman-{os.getpid()}-{next(NUMBERS)}"

    def make(self):
        for hierarchy in hierarchies():
            group = hierarchy / self.name
            group.mkdir(exist_ok=True)
            for file in ("cpuset.cpus", "cpuset.mems"):  # those of the first version begin with none
                if (hierarchy / file).exists():
                    (group / file).write_text((hierarchy / file).read_text())
            for file, weight in WEIGHTS.items():
                if (group / file).exists():
                    (group / file).write_text(str(weight))

    @staticmethod
    def entering(name):
        """Words that put what follows there."""
        files = [str(hierarchy / name / "cgroup.procs") for hierarchy in hierarchies()]
        into = " ".join(files)
        return ["sh", "-ec", f'for file in {into}; do echo $$ >"$file"; done; exec "$@"', "sh"]

    def remove(self):
        """Whether they are gone, which they can be when nothing runs in them any more."""
        return all([removed(hierarchy / self.name) for hierarchy in hierarchies()])

    @staticmethod
    def sweep():
        """What a run has left that was killed."""
        for hierarchy in hierarchies():
            for group in hierarchy.glob("weir-podman-*"):
                if not Path(f"/proc/{group.name.split('-')[2]}").exists():
                    removed(group)


def removed(group):
    try:
        for folder, _, _ in os.walk(group, topdown=False):
            os.rmdir(folder)
    except OSError:
        return False
    return True


class Box(Podman):
    """start(), power_off(), and start() again: its images and containers are there then, and none runs."""

    def __init__(self, directory, place):
        super().__init__(directory)
        self.place = place
        self.groups = Groups()
        self.service = None
        (directory / "networks").mkdir(exist_ok=True)
        for name, text in (("containers.conf", BOX_CONF), ("storage.conf", BOX_STORAGE_CONF)):
            (directory / name).write_text(text.format(directory=directory))

    def start(self):
        Groups.sweep()
        self.groups.make()
        self.forget_network()
        Path(self.socket).unlink(missing_ok=True)
        words = ["unshare", "--mount", "--pid", "--cgroup", "--fork", "--kill-child"]
        words += ["sh", "-c", BOOT, "boot", self.groups.name]
        words += ["podman", "system", "service", "--time", "0", f"unix://{self.socket}"]
        self.service = Process(
            [*self.groups.entering(self.groups.name), *words],
            self.directory / "podman.log",
            environment=self.env,
            prefix=self.place.prefix,
        )
        wait_until(self.answers, 30, f"podman of {self.place.name}", 0.05)

    def answers(self):
        assert self.service.running(), self.service.log()[-3000:]
        with contextlib.suppress(OSError):
            return self.call("GET", "/version")[0] == 200
        return False

    def forget_network(self):
        """Of a boot before: rules that lead to containers, and the bridges that they were at."""
        subprocess.run([*self.place.prefix, "nft", "flush", "ruleset"], check=True)
        for bridge in BRIDGES.findall(ip("-o", "link", namespace=self.place.namespace)):
            ip("link", "del", bridge, namespace=self.place.namespace)

    def power_off(self):
        """Everything that runs there ends at this moment."""
        if self.service:
            self.service.kill()
            wait_until(self.groups.remove, 10, f"nothing running at {self.place.name}")
            self.service = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.power_off()
