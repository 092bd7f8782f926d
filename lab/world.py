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

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
NAMESPACES = Path("/run/netns")


@dataclass(frozen=True)
class Network:
    name: str
    prefix_bits: int = 24


@dataclass(frozen=True)
class Node:
    name: str
    links: dict = field(hash=False)  # network name: address, or several; with /bits, or with the network's
    routes: tuple = ()  # (destination, by which address)
    settings: tuple = ()  # of sysctl

    def addresses(self, network):
        """With their bits, or without."""
        given = self.links[network]
        return (given,) if isinstance(given, str) else tuple(given)


def bare(address):
    return address.partition("/")[0]


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


def ip_batch(lines, namespace):
    """Many commands of ip(8) at once, of which all have to succeed."""
    done = subprocess.run(
        ["ip", "-n", namespace, "-batch", "-"],
        input="".join(line + "\n" for line in lines),
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"ip in {namespace}: {done.stderr.strip()}")


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
        self.addresses = {network: bare(node.addresses(network)[0]) for network in node.links}
        every = [bare(address) for network in node.links for address in node.addresses(network)]
        self.six = next((address for address in every if ":" in address), None)  # the first one
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

    @property
    def switch(self):
        """The namespace of all bridges."""
        return self.prefix + "switch"

    def port(self, node, network):
        """Of the network's bridge, where the node's cable ends."""
        number = next(number for number, one in enumerate(self.nodes) if one.name == node)
        return f"p{number}-{list(self.nodes[number].links).index(network)}"

    def build(self):
        ip("netns", "add", self.switch)
        lines = []
        for name in self.networks:
            lines += [f"link add {name} type bridge", f"link set {name} up"]
        for node in self.nodes:
            namespace = self.prefix + node.name
            ip("netns", "add", namespace)
            for index, network in enumerate(node.links):
                port = self.port(node.name, network)
                lines.append(f"link add {port} type veth peer name eth{index} netns {namespace}")
                lines.append(f"link set {port} master {network} up")
            self.places[node.name] = Place(node, namespace)
        ip_batch(lines, self.switch)
        for node in self.nodes:
            self.set_up(node, self.prefix + node.name)

    def set_up(self, node, namespace):
        """What is in the node: its addresses, its settings, and where it sends what."""
        lines = ["link set lo up"]
        for index, network in enumerate(node.links):
            lines.append(f"link set eth{index} up")
            for address in node.addresses(network):
                whole = address if "/" in address else f"{address}/{self.networks[network].prefix_bits}"
                nodad = " nodad" if ":" in address else ""  # there are no duplicates: nobody has to wait
                lines.append(f"addr add {whole} dev eth{index}{nodad}")
        lines += [f"route add {destination} via {address}" for destination, address in node.routes]
        if node.settings:
            prefix = self.places[node.name].prefix
            subprocess.run([*prefix, "sysctl", "-qw", *node.settings], check=True)
        ip_batch(lines, namespace)

    # --- what happens to cables

    def unplug(self, node, network):
        """At both ends it is seen at once."""
        ip("link", "set", self.port(node, network), "down", namespace=self.switch)

    def plug(self, node, network):
        ip("link", "set", self.port(node, network), "up", namespace=self.switch)

    def cut(self, node, network):
        """As by an excavator, somewhere behind a switch: nothing comes through, and nobody sees why."""
        ip("link", "set", self.port(node, network), "nomaster", namespace=self.switch)

    def mend(self, node, network):
        ip("link", "set", self.port(node, network), "master", network, namespace=self.switch)

    def tear_down(self):
        for entry in sorted(NAMESPACES.glob(self.prefix + "*")) if NAMESPACES.is_dir() else []:
            with contextlib.suppress(RuntimeError):
                ip("netns", "del", entry.name)
        self.places.clear()
