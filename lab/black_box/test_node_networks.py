"""Instances of two owners on one machine, with its podman: whom they reach, and who reaches them."""

import contextlib
import os
import socket
import subprocess
import sys

import pytest

from lab import podman, weir
from lab.black_box.conftest import podman_of
from lab.black_box.test_node import PATIENCE_S, Node, instance
from lab.process import Process, free_port, wait_until
from lab.world import NAMESPACES, enter, sweep

MACHINE, OUTSIDE = "10.77.0.1", "10.77.0.2"
METADATA = "169.254.169.254"
# Says where it is to whoever connects.
GREETER = """import socket, sys, threading
def serve(address, port):
    listener = socket.create_server((address, int(port)))
    while True:
        with listener.accept()[0] as one:
            one.sendall(b"hello")
for place in sys.argv[1:]:
    threading.Thread(target=serve, args=place.split(":")).start()
"""


def ip(*words):
    subprocess.run(["ip", *map(str, words)], check=True, capture_output=True)


class Ground:
    """A machine and what is outside of it, each a network namespace: names with the prefix of their words."""

    def __init__(self):
        self.machine, self.outside = f"weir-{os.getpid()}-machine", f"weir-{os.getpid()}-outside"

    def __enter__(self):
        sweep()
        for name in (self.machine, self.outside):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", self.machine, "link", "add", "up0", "type", "veth", "peer", "name", "out0", "netns",
           self.outside)  # fmt: skip
        for name, interface, address in ((self.machine, "up0", MACHINE), (self.outside, "out0", OUTSIDE)):
            ip("-n", name, "address", "add", f"{address}/24", "dev", interface)
            ip("-n", name, "link", "set", interface, "up")
        ip("-n", self.machine, "route", "add", "default", "via", OUTSIDE)
        ip("-n", self.outside, "address", "add", f"{METADATA}/32", "dev", "lo")
        ip("-n", self.outside, "route", "add", "10.88.0.0/15", "via", MACHINE)  # to who is not published
        return self

    def __exit__(self, *_):
        for name in (self.machine, self.outside):
            ip("netns", "del", name)

    def prefix(self, name):
        return ["nsenter", f"--net={NAMESPACES / name}", "--"]

    def nft(self, *words):
        subprocess.run([*self.prefix(self.machine), "nft", *words], check=True, capture_output=True)


def reaches(place, address, port):
    """Whether a TCP connection from the network namespace at the path is answered."""
    home, there = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(place, os.O_RDONLY)
    enter(there)
    try:
        with socket.create_connection((address, port), 3) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(5) != b""
    except OSError:
        return False
    finally:
        enter(home)
        os.close(there)
        os.close(home)


@pytest.fixture(scope="module")
def ground():
    if reason := podman.why_not():
        pytest.skip(reason)
    with Ground() as one:
        yield one


@pytest.fixture(scope="module")
def machine(ground, tmp_path_factory):
    with podman_of(tmp_path_factory.mktemp("podman"), ground.prefix(ground.machine)) as service:
        yield service


@pytest.fixture(scope="module")
def greeters(ground, tmp_path_factory):
    """The machine's own service, and those outside."""
    log = tmp_path_factory.mktemp("greeters")
    own = ["0.0.0.0:7000"]
    others = [f"{OUTSIDE}:80", f"{METADATA}:80", f"{METADATA}:53"]
    with contextlib.ExitStack() as stack:
        for name, places in ((ground.machine, own), (ground.outside, others)):
            words = [*ground.prefix(name), sys.executable, "-c", GREETER, *places]
            stack.enter_context(Process(words, log / f"{name}.log"))
        wait_until(lambda: reaches(NAMESPACES / ground.machine, METADATA, 53), 20, "the resolver answers")
        wait_until(lambda: reaches(NAMESPACES / ground.outside, MACHINE, 7000), 20, "the machine answers")
        yield


class PlacedNode(Node):
    """In the network namespace of the machine."""

    def __init__(self, machine, directory, ground, *flags, before=()):
        """before: words that run the node."""
        super().__init__(machine, directory)
        self.ground, self.flags, self.before = ground, flags, before

    def start(self):
        words = [weir.BINARY, "node", "--instances", self.file, "--podman", self.machine.socket, *self.flags]
        prefix = [*self.ground.prefix(self.ground.machine), *self.before]
        self.process = Process([*prefix, *words, "--metrics", f"127.0.0.1:{self.port}"], self.log_path)

    def get(self, path):
        words = ["busybox", "wget", "-q", "-O", "-", f"http://127.0.0.1:{self.port}{path}"]
        prefix = self.ground.prefix(self.ground.machine)
        done = subprocess.run([*prefix, *words], capture_output=True, text=True, timeout=20)
        if done.returncode != 0:
            raise OSError(done.stderr)
        return done.stdout


@contextlib.contextmanager
def running(machine, directory, ground, *flags):
    """Instances of alice (two), of bob and of nobody: their places, addresses and ports by name."""
    node = PlacedNode(machine, directory, ground, *flags)
    owners = {"a-0": "alice", "a-1": "alice", "b-0": "bob", "c-0": None}
    ports = {name: free_port() for name in owners}
    serve = ["httpd", "-f", "-p", "8080", "-h", "/tmp"]
    node.write(
        *(
            instance(name, serve, container={"ports": [{"port": 8080, "host_port": ports[name]}],
                                             "readiness_probe": {"tcp": {"port": 8080}, "period": "200ms"}},
                     **({"owner": owner} if owner else {}))
            for name, owner in owners.items()
        )
    )  # fmt: skip
    node.start()
    try:
        seen = {name: node.until_state(name, "ready") for name in owners}
        pids = {name: machine.inspect(f"{name}.app")["State"]["Pid"] for name in owners}
        places = {name: f"/proc/{pid}/ns/net" for name, pid in pids.items()}
        yield node, places, {name: one["address"] for name, one in seen.items()}, ports
    finally:
        node.write()
        node.until_empty()
        wait_until(lambda: networks(machine) == set(), PATIENCE_S, "networks are gone")
        node.end()


def networks(machine):
    return {one["name"] for one in machine.call("GET", "/networks/json")[1]} - {"podman"}


def test_owners_and_the_machine_are_out_of_reach(machine, ground, greeters, tmp_path):
    with running(machine, tmp_path, ground) as (node, places, addresses, ports):
        assert networks(machine) == {"weir-alice", "weir-bob", "weir"}
        alice, outside = places["a-0"], NAMESPACES / ground.outside
        reached = {
            "its owner's other": reaches(alice, addresses["a-1"], 8080),
            "that by the port of the machine": reaches(alice, MACHINE, ports["a-1"]),
            "the outside": reaches(alice, OUTSIDE, 80),
            "a resolver at the cloud's address": reaches(alice, METADATA, 53),
            "from outside by a port": reaches(outside, MACHINE, ports["b-0"]),
            "from the machine by a port": reaches(NAMESPACES / ground.machine, "127.0.0.1", ports["b-0"]),
            "from the machine by address": reaches(NAMESPACES / ground.machine, addresses["b-0"], 8080),
        }
        assert all(reached.values()), reached
        gateway = addresses["a-0"].rsplit(".", 1)[0] + ".1"
        reached = {
            f"{one} to {other}": reaches(places[one], addresses[other], 8080)
            for one, other in (("a-0", "b-0"), ("b-0", "a-0"), ("c-0", "a-0"), ("a-0", "c-0"))
        }
        reached |= {
            "bob by the port of the machine": reaches(alice, MACHINE, ports["b-0"]),
            "bob by the port of the gateway": reaches(alice, gateway, ports["b-0"]),
            "the cloud's metadata": reaches(alice, METADATA, 80),
            "the machine": reaches(alice, MACHINE, 7000),
            "the machine as the gateway": reaches(alice, gateway, 7000),
            "metrics": reaches(alice, gateway, node.port) or reaches(alice, "127.0.0.1", node.port),
            "from outside by address": reaches(outside, addresses["b-0"], 8080),
        }
        assert not any(reached.values()), reached
        # Nothing of the machine's files, and no name but its own.
        root = f"/proc/{machine.inspect('a-0.app')['State']['Pid']}/root"
        assert not os.path.exists(f"{root}/run/podman") and not os.path.exists(root + machine.socket)
        with open(f"{root}/etc/hosts") as file:
            assert "a-0" in (hosts := file.read()) and "a-1" not in hosts and "b-0" not in hosts


def test_open_networks_let_everybody_through(machine, ground, greeters, tmp_path):
    """As it is without rules: the test above can fail."""
    with contextlib.suppress(subprocess.CalledProcessError):
        ground.nft("delete", "table", "inet", "weir_node")
    with running(machine, tmp_path, ground, "--open-networks") as (_, places, addresses, ports):
        assert reaches(places["a-0"], addresses["b-0"], 8080)
        assert reaches(places["a-0"], MACHINE, ports["b-0"])
        assert reaches(places["a-0"], METADATA, 80) and reaches(places["a-0"], MACHINE, 7000)
        assert reaches(NAMESPACES / ground.outside, addresses["b-0"], 8080)


def test_without_nft_nothing_is_started(machine, ground, tmp_path):
    node = PlacedNode(machine, tmp_path, ground, before=["setpriv", "--bounding-set=-net_admin", "--"])
    node.write(instance("a-0", ["sleep", "60"]))
    node.start()
    try:
        reason = node.until_state("a-0", "failed")["reason"]
        begin = "instances can't be kept from reaching others (--open-networks lets them): nft: "
        assert reason.startswith(begin), reason
        assert machine.containers("weir.instance=a-0") == []
    finally:
        node.end()
