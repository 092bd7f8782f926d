"""What must be known of the machine to read a figure, and whether somebody else is using it."""

import contextlib
import os
import platform
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.coredns import PROGRAM as COREDNS
from bench.peers import ENVOY
from lab.process import ROOT
from lab.weir import BINARY

TICKS = os.sysconf("SC_CLK_TCK")


def output_of(*command):
    """Both streams: nginx and others print their version on stderr. Empty when the program is not there."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, cwd=ROOT)
        return (done.stdout + done.stderr).strip()
    return ""


def version(*command):
    """The version alone, out of what the program says about itself."""
    found = re.search(r"\d+(\.\d+){2,}[^\s/]*", output_of(*command))
    return found[0] if found else ""


def congestion_control():
    """That of a TCP connection over loopback, as the kernel chose it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as connection,
    ):
        name = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
        return name.rstrip(b"\0").decode()


def enter_own_network(wanted, always=False):
    """Starts this program again in a network namespace of its own, whose TCP is as wished: a machine's
    sysctls are not part of what is compared. The routes say which, because a namespace may not choose for
    itself what the machine reserves for root. Without root, the machine's network is used; see facts()."""
    if os.environ.get("WEIR_BENCH_NETWORK") == "own":
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for network in ("127.0.0.0/8", "127.0.0.1"):
            route = ["local", network, "dev", "lo", "table", "local", "scope", "host", "src", "127.0.0.1"]
            route += ["proto", "kernel", "congctl", wanted]
            subprocess.run(["ip", "route", "change", *route], check=True)
        return
    if os.geteuid() != 0 or (congestion_control() == wanted and not always):
        return
    os.environ["WEIR_BENCH_NETWORK"] = "own"
    os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])


def facts():
    cpu = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "kernel": platform.release(),
        "cpu": cpu[0] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "tcp": congestion_control(),
        "load_average": os.getloadavg()[0],
        "commit": output_of("git", "describe", "--always", "--dirty"),
        "weir": version(str(BINARY), "--version"),
        "haproxy": version("haproxy", "-v"),
        "nginx": version("nginx", "-v"),
        "nghttpx": version("nghttpx", "--version"),
        "envoy": version(str(ENVOY), "--version"),
        "knot": version("knotd", "--version"),
        "named": version("named", "-v"),
        "powerdns": version("pdns_server", "--version"),
        "coredns": version(str(COREDNS), "-version"),
        "openssl": version("openssl", "version"),
        "wrk": version("wrk", "-v"),
        "h2load": version("h2load", "--version"),
        "dnsperf": version("dnsperf", "-h"),
    }


@dataclass(frozen=True)
class BusyTime:
    """Of all processors together, in seconds since boot."""

    busy_s: float
    stolen_s: float  # taken by the hypervisor for other machines

    def __sub__(self, earlier):
        return BusyTime(self.busy_s - earlier.busy_s, self.stolen_s - earlier.stolen_s)


def busy_time():
    fields = [int(f) / TICKS for f in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq, stolen = fields[:8]
    return BusyTime(user + nice + system + irq + softirq, stolen)


def foreign_load(seconds=1.0):
    """Processors that others keep busy at this moment, e.g. 0.7."""
    before, start = busy_time(), time.monotonic()
    time.sleep(seconds)  # the length of the sample, not a wait for something
    return (busy_time() - before).busy_s / (time.monotonic() - start)


def heaviest(seconds=0.5):
    """[(name, share of a processor)] of the processes that used the most just now."""

    def sample():
        used = {}
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError, ValueError):
                name, _, rest = Path(f"/proc/{int(entry)}/stat").read_text().rpartition(")")
                fields = rest.split()
                used[int(entry), name.partition("(")[2]] = (int(fields[11]) + int(fields[12])) / TICKS
        return used

    before = sample()
    time.sleep(seconds)
    shares = [(key[1], (value - before.get(key, value)) / seconds) for key, value in sample().items()]
    return sorted((s for s in shares if s[1] > 0.1), key=lambda s: -s[1])[:5]
