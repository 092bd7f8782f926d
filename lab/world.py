"""The world in a box: networks, nodes and links as data, built of network namespaces, bridges and veths.

Everything stands in namespaces whose names begin with weir-<pid of the run>-, bridges too, so the machine's
own network is never touched. Taken down on leaving the `with`, on an exception and on ^C; what a killed run
left is swept by the next."""

import contextlib
import ctypes
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from lab.process import LIBC

CLONE_NEWNET = 0x40000000
NAMESPACES = Path("/run/netns")


@dataclass(frozen=True)
class Network:
    name: str
    prefix_bits: int = 24


@dataclass(frozen=True)
class Node:
    name: str
    links: dict = field(hash=False)  # network name: address


def enter_user_namespace():
    """Without root: starts this very program again, as the root of a user namespace of its own. Returns for
    root."""
    inside = os.environ.get("WEIR_LAB_INSIDE")
    if os.geteuid() != 0:
        os.environ["WEIR_LAB_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "-Urnm", sys.executable, *sys.argv])
    if inside:
        subprocess.run(
            ["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True
        )  # ours alone: `ip netns` writes there
        os.environ.pop("WEIR_LAB_INSIDE")


def ip(*arguments, namespace=None):
    done = subprocess.run(
        ["ip", *(["-n", namespace] if namespace else []), *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return done.stdout


def sweep():
    """Deletes the namespaces of runs that are dead; the pid is part of the name."""
    for entry in NAMESPACES.glob("weir-*") if NAMESPACES.is_dir() else []:
        found = re.fullmatch(r"weir-(\d+)-.*", entry.name)
        if found and not Path(f"/proc/{found[1]}").exists():
            with contextlib.suppress(RuntimeError):
                ip("netns", "del", entry.name)


class Place:
    """A node that exists: where to run programs and open sockets."""

    def __init__(self, node, namespace):
        self.name = node.name
        self.addresses = dict(node.links)
        self.namespace = namespace
        # Not `ip netns exec`, which remounts /sys and so fails in a user namespace. Execs: the pid stays
        # the child's.
        self.prefix = ["nsenter", f"--net={NAMESPACES / namespace}", "--"]

    @property
    def address(self):
        """Of the first link."""
        return next(iter(self.addresses.values()))

    @contextlib.contextmanager
    def inside(self):
        """Sockets that this thread makes in the block belong to the node, also after it."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(NAMESPACES / self.namespace, os.O_RDONLY)
        try:
            enter(there)
            yield
        finally:
            enter(home)
            os.close(there)
            os.close(home)


def enter(descriptor):
    if LIBC.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class World:
    """`with World(networks, nodes) as world: world["edge"]`"""

    def __init__(self, networks, nodes):
        self.networks = {network.name: network for network in networks}
        self.nodes = nodes
        self.prefix = f"weir-{os.getpid()}-"
        self.places = {}

    def __enter__(self):
        sweep()
        try:
            self.build()
        except BaseException:
            self.tear_down()
            raise
        return self

    def __exit__(self, *_):
        self.tear_down()

    def __getitem__(self, name):
        return self.places[name]

    def build(self):
        switch = self.prefix + "switch"  # the namespace of all bridges
        ip("netns", "add", switch)
        for network in self.networks.values():
            ip("link", "add", network.name, "type", "bridge", namespace=switch)
            ip("link", "set", network.name, "up", namespace=switch)
        for number, node in enumerate(self.nodes):
            namespace = self.prefix + node.name
            ip("netns", "add", namespace)
            ip("link", "set", "lo", "up", namespace=namespace)
            for index, (network, address) in enumerate(node.links.items()):
                port = f"p{number}-{index}"
                ip(
                    "link",
                    "add",
                    port,
                    "type",
                    "veth",
                    "peer",
                    "name",
                    f"eth{index}",
                    "netns",
                    namespace,
                    namespace=switch,
                )
                ip("link", "set", port, "master", network, "up", namespace=switch)
                ip(
                    "addr",
                    "add",
                    f"{address}/{self.networks[network].prefix_bits}",
                    "dev",
                    f"eth{index}",
                    *(["nodad"] if ":" in address else []),  # there are no duplicates, so nobody has to wait
                    namespace=namespace,
                )
                ip("link", "set", f"eth{index}", "up", namespace=namespace)
            self.places[node.name] = Place(node, namespace)

    def tear_down(self):
        for entry in sorted(NAMESPACES.glob(self.prefix + "*")) if NAMESPACES.is_dir() else []:
            with contextlib.suppress(RuntimeError):
                ip("netns", "del", entry.name)
        self.places.clear()
