"""Child processes that never outlive the test, free ports, and waiting without fixed sleeps.

Every child is killed by the kernel when the process that started it dies (LEASH), so nothing is left behind
by a crash or a SIGKILL of the test itself. A child is only ever signalled by the id that this module was
given.

What a child needs before its program begins is done by programs before it (LEASH, descriptors_max), never by
Python in a copy of this process: fork() calls what libraries have asked to be called, and gRPC's aborts when
one of its servers is ending in another thread. With nothing to do in between, subprocess calls vfork(), which
calls none of it."""

import contextlib
import itertools
import os
import random
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEASH = ("setpriv", "--pdeathsig", "SIGKILL", "--")

# Of those weir hands out ports itself, to listeners that name none.
HANDED_OUT = range(20000, 30000)
# Below net.ipv4.ip_local_port_range (32768-60999), so that no outgoing connection takes a port between the
# check and the bind of the server.
PORTS = [port for port in range(10240, 32000) if port not in HANDED_OUT]


def share_of(ports, environment):
    """Those that are of this worker of pytest-xdist alone: two could take one port between the check and
    the bind."""
    worker = environment.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    count = int(environment.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return ports[int(worker) % count :: count]


def descriptors_max(count):
    """A prefix: that many descriptors may be open."""
    return ("prlimit", f"--nofile={count}:{count}")


class Timeout(AssertionError):
    """A condition did not come true by its deadline."""


class NotHere(Exception):
    """What it takes is not to be had on this machine."""


def wait_until(condition, deadline_s=10.0, what="the condition", interval_s=0.01):
    """Polls condition() until it returns something true, and returns that; Timeout after deadline_s."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise Timeout(f"{what} did not happen within {deadline_s:g} s (last value: {value!r})")
        time.sleep(interval_s)


def in_random_order(items):
    """All of them, again and again, each once before any comes again."""
    while True:
        yield from random.sample(items, len(items))


NEXT_PORTS = in_random_order(share_of(PORTS, os.environ))  # so that a program is never given one port twice


def free_port(address="127.0.0.1"):
    """A port that nobody listens on, for programs that cannot be told port 0 and asked."""
    for port in itertools.islice(NEXT_PORTS, 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((address, port))
                return port
    raise RuntimeError("no free port found")


def accepts(port, address="127.0.0.1"):
    """True when something accepts TCP connections there."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0


class Process:
    """One child. Output goes to log_path; environment and limits are the caller's business. prefix: programs
    that become the next one, the last of them what is wanted."""

    def __init__(self, arguments, log_path, *, environment=None, prefix=(), directory=None):
        self.arguments = [str(a) for a in arguments]
        self.log_path = Path(log_path)
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(
                [*LEASH, *prefix, *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=directory,
                env={**os.environ, **(environment or {})},
            )
        self.pid = self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        if self.running():
            self.popen.send_signal(number)

    def wait(self, deadline_s=10.0):
        """The exit code; negative for a signal."""
        try:
            return self.popen.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise Timeout(
                f"{self.arguments[0]} (pid {self.pid}) did not exit within {deadline_s:g} s"
            ) from None

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.popen.wait(10)

    def stop(self, deadline_s=5.0):
        """SIGTERM, then SIGKILL when that is not enough."""
        self.signal(signal.SIGTERM)
        try:
            return self.popen.wait(deadline_s)
        except subprocess.TimeoutExpired:
            return self.kill()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(1.0)


class _Popen:
    """As subprocess.Popen, for a child that another child of ours has started as its sibling."""

    def __init__(self, pid):
        self.pid = pid
        self.returncode = None

    def poll(self):
        if self.returncode is None:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout_s):
        try:
            wait_until(lambda: self.poll() is not None, timeout_s)
        except Timeout:
            raise subprocess.TimeoutExpired(str(self.pid), timeout_s) from None
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)


class Adopted(Process):
    """The process that has taken the place of one that we have started: our child, too."""

    def __init__(self, pid, before):
        self.arguments = before.arguments
        self.log_path = before.log_path
        self.pid = pid
        self.popen = _Popen(pid)


def wait_listening(process, port, address="127.0.0.1", deadline_s=10.0):
    """Until it accepts on the port; fails at once, with the end of its output, when it exits instead."""

    def ready():
        if not process.running():
            raise AssertionError(
                f"{process.arguments[0]} exited with {process.popen.returncode}:\n{process.log()[-2000:]}"
            )
        return accepts(port, address)

    wait_until(ready, deadline_s, f"{process.arguments[0]} listening on {address}:{port}")


# --- what /proc says of a process


def status_kib(pid, name):
    """A field of /proc/PID/status that is given in kB: VmRSS, VmHWM."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise KeyError(name)


@dataclass(frozen=True)
class CpuTime:
    """User + system time of a process with all its threads, taken two ways."""

    exact_s: float  # schedstat: nanoseconds, but only of the threads that live
    ticks_s: float  # stat: includes ended threads, in steps of 10 ms

    def __sub__(self, earlier):
        """Seconds used since `earlier`: the exact figure, unless threads that ended in between took theirs
        along."""
        exact, ticks = self.exact_s - earlier.exact_s, self.ticks_s - earlier.ticks_s
        return exact if exact > 0.98 * ticks - 0.05 else ticks


def cpu_time(pid):
    exact = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):
            exact += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return CpuTime(exact / 1e9, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))
