"""A machine of its own for what wants to be installed and booted: this system's files seen through an overlay
in memory, with systemd as the first process, in namespaces of its own; the network is its own, too, or that
of a node of a World. Nothing that happens there reaches this system, and all of it ends with the test. Needs
root."""

import itertools
import os
import shutil
import signal
import subprocess
from pathlib import Path

from lab.process import ROOT, Process, wait_until

# What is shared with the tests, and the tree, as seen from within.
BOX, TREE = "/srv/box", "/srv/tree"

# $1: a folder to work in. $2: shared as BOX; what is to be done to the files before systemd starts is a
# script there. $3: the tree. $4: units that are started.
BOOT = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
rm -rf etc/systemd/system/*.wants etc/machine-id usr/sbin/policy-rc.d
# Without one it would take presets, as at the first boot of a system.
tr -d - </proc/sys/kernel/random/uuid >etc/machine-id
mkdir -p srv/box srv/tree etc/systemd/system
printf '[Unit]\nDescription=a machine of the lab\nWants=%s\n' "$4" >etc/systemd/system/lab.target
mount --rbind "$3" srv/tree
mount --bind "$2" srv/box
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
mknod -m 666 dev/tty c 5 0
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /dev/null dev/console
for folder in run tmp var/log var/lib/cloud; do
  mkdir -p "$folder"
  mount -t tmpfs -o mode=755 tmpfs "$folder"
done
chmod 1777 tmp
ip link set lo up
. "$2/image"
mkdir -p before
pivot_root . before  # not chroot, from within which there can be no namespace of users
exec <"/dev/null" >"/dev/null" 2>&1
umount -l /before
rmdir /before
mount --make-rshared /  # as a machine has it: credentials of units are mounted by a process of their own
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
  /lib/systemd/systemd --system --unit=lab.target --log-target=null --show-status=no
"""
# For a program with sanitizers: a sandbox forbids how leaks are looked for.
SANITIZED = [f"{name}={value}" for name, value in os.environ.items() if name == "ASAN_OPTIONS"]
NAMESPACES = ["--mount", "--pid", "--uts", "--ipc", "--cgroup"]
NUMBERS = itertools.count(1)
POWER_OFF = signal.SIGRTMIN + 4  # systemd(1), as a power button


def why_not():
    """Why there can be no machine here; None: there can."""
    if os.geteuid() != 0 or Path("/proc/self/uid_map").read_text().split() != ["0", "0", "4294967295"]:
        return "needs root"
    for program in ("/lib/systemd/systemd", "/usr/bin/unshare", "/usr/bin/nsenter"):
        if not Path(program).exists():
            return f"needs {program}"
    overlay = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", "mount -t tmpfs t /mnt && cd /mnt && mkdir u w && "
         "mount -t overlay o -o lowerdir=/,upperdir=u,workdir=w /mnt"],
        capture_output=True,
        text=True,
    )
    return f"no overlay can be mounted: {overlay.stderr.strip()}" if overlay.returncode else None


def group_of_machine():
    """A place for it where cgroups of the second version are here."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place) / f"weir-lab-{os.getpid()}-{next(NUMBERS)}"
    raise RuntimeError("no cgroup2 is mounted here")


class Machine:
    """place: of a World, whose network it has. wants: units that its boot starts. image: what is done to its
    files before, a script within the root of them."""

    def __init__(self, directory, *, place=None, wants=(), image=""):
        self.directory = Path(directory)
        self.box = self.directory / "box"
        self.place, self.wants, self.image = place, wants, image
        self.process = None
        self.first = None  # process id of its systemd, seen from here

    def __enter__(self):
        self.begin()
        try:
            wait_until(self.is_up, 60, "the machine's systemd being up", 0.05)
            if SANITIZED:
                self.run("systemctl", "set-environment", *SANITIZED)
        except BaseException:
            self.__exit__()
            raise
        return self

    def begin(self):
        """Switches it on, and waits for nothing but its first process."""
        self.box.mkdir(parents=True, exist_ok=True)
        (self.box / "image").write_text(self.image)
        root = self.directory / "machine"
        root.mkdir()
        self.group = group_of_machine()
        self.group.mkdir(exist_ok=True)
        enter = 'echo $$ >"$0/cgroup.procs"; exec "$@"'
        self.process = Process(
            ["sh", "-c", enter, self.group, "unshare", *NAMESPACES, *([] if self.place else ["--net"]),
             "--fork", "--kill-child", "sh", "-c", BOOT, "boot", root, self.box, ROOT, " ".join(self.wants)],
            self.directory / "machine.log",
            prefix=self.place.prefix if self.place else (),
        )
        try:
            self.first = wait_until(self.child, 10, "the first process of the machine")
        except BaseException:
            self.__exit__()
            raise

    def shut_down(self, deadline_s=30):
        """Its units stop before it does."""
        os.kill(self.first, POWER_OFF)
        self.process.wait(deadline_s)
        self.__exit__()

    def __exit__(self, *_):
        self.process.stop(5)
        wait_until(self.is_gone, 10, "the machine being gone", 0.05)

    def child(self):
        """The process whose parent is unshare."""
        if not self.process.running():
            raise AssertionError(f"the machine did not boot:\n{self.process.log()[-3000:]}")
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else None

    def is_up(self):
        if not self.process.running():
            raise AssertionError(f"the machine did not boot:\n{self.process.log()[-3000:]}")
        said = self.run("systemctl", "is-system-running", check=False)
        return said.stdout.strip() in ("running", "degraded")

    def is_gone(self):
        """Its groups can be removed when nothing is in them any more."""
        if not self.group.exists():
            return True
        try:
            for folder, _, _ in os.walk(self.group, topdown=False):
                os.rmdir(folder)
        except OSError:
            return False
        return True

    # --- within

    def command(self, *words):
        enter = ["nsenter", "--target", str(self.first), *NAMESPACES, "--net", "--root", "--wdns=/"]
        return [*enter, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/root",
                "DEBIAN_FRONTEND=noninteractive", *SANITIZED, *map(str, words)]

    def run(self, *words, check=True, stdin="", timeout_s=120):
        done = subprocess.run(
            self.command(*words), input=stdin, capture_output=True, text=True, timeout=timeout_s
        )
        said = f"{' '.join(map(str, words))}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert not check or done.returncode == 0, said
        return done

    def says(self, *words):
        return self.run(*words).stdout.strip()

    def serve(self, unit, *words, directory=BOX):
        """A service that is none of weir's package."""
        self.run("systemd-run", "--quiet", f"--unit={unit}", f"--working-directory={directory}", *words)

    def state(self, unit):
        return self.run("systemctl", "is-active", unit, check=False).stdout.strip()

    def wait_active(self, unit, deadline_s=30):
        try:
            wait_until(lambda: self.state(unit) == "active", deadline_s, f"{unit} being active", 0.05)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.journal(unit)}") from late

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "-n", "60", "-u", unit, check=False).stdout

    def copy(self, path, name=None):
        """Into the box; its path there."""
        shutil.copy(path, self.box / (name or Path(path).name))
        return f"{BOX}/{name or Path(path).name}"
