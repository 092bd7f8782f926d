"""upgrades: the process is replaced again and again, and nobody notices.

Streams of TCP with checked data and WebSockets are open through the edge, and requests come all the while,
while `weir upgrade` puts the binary in its own place. No stream closes, no request fails, the newest process
holds as much memory as the first of them; the old ones have gone soon after their last WebSocket.
WEIR_UPGRADES is how many, WEIR_UPGRADES_SECONDS how long, WEIR_UPGRADES_STREAMS how many streams of each
sort."""

import os
import re
import signal
import time

from lab import nginx, weir
from lab.process import status_kib, wait_listening, wait_until
from lab.streams_story import MANY_DESCRIPTORS, StreamsStory
from lab.tcp import tcp_balancer, tcp_service
from lab.world import Network, Node, World
from lab.wrk import Load

HOST, ECHO = "web.weir.localhost", "echo.weir.localhost"
HTTP_PORT, API_PORT, TCP_PORT = 8080, 8480, 15432
ORIGIN_PORT, ECHO_PORT, TCP_ECHO_PORT = 9001, 9101, 9301
UPGRADES = int(os.environ.get("WEIR_UPGRADES", 20))
SECONDS = float(os.environ.get("WEIR_UPGRADES_SECONDS", 60))
STREAMS = int(os.environ.get("WEIR_UPGRADES_STREAMS", 500))
GROWTH_MAX = 1.10
CONNECTIONS = 8
GONE_S = 10  # for the old ones, once nothing is left that can't be handed over

NETWORKS = [Network("lan")]
NODES = [
    Node("client", {"lan": "10.80.0.10"}),
    Node("edge", {"lan": "10.80.0.1"}),
    Node("origin", {"lan": "10.80.0.21"}),
]


class Upgrades(StreamsStory):
    def __init__(self, world, directory):
        super().__init__(world, directory, (HTTP_PORT, API_PORT))
        self.streams = {}
        self.took_s = []

    def start(self):
        place = self.world["origin"]
        origins = {
            ECHO_PORT: self.run("origin", "echo", "echo_origin.py", place.address, ECHO_PORT),
            TCP_ECHO_PORT: self.run(
                "origin", "tcp-echo", "tcp_streams.py", "serve", place.address, TCP_ECHO_PORT
            ),
        }
        (self.directory / "web").mkdir()
        (self.directory / "web").chmod(0o755)
        listens = f"listen {place.address}:{ORIGIN_PORT} backlog=4096;"
        origins[ORIGIN_PORT] = nginx.start(
            self.directory / "web",
            f'  server {{ {listens} location / {{ return 200 "web"; }} }}',
            prefix=place.prefix,
        )
        self.processes.append(origins[ORIGIN_PORT])
        with place.inside():
            for port, origin in origins.items():
                wait_listening(origin, port, place.address)
        with self.world["edge"].inside():
            self.weir.start(prefix=MANY_DESCRIPTORS)
            checked = {"health_check": {"interval": "1s", "tcp": {}}}
            self.weir.apply(
                weir.service("web", [f"{place.address}:{ORIGIN_PORT}"], **checked),
                weir.load_balancer("web", [HOST], {"/": "web"}),
                weir.service("echo", [f"{place.address}:{ECHO_PORT}"], idle_timeout="1h"),
                weir.load_balancer("echo", [ECHO], {"/": "echo"}),
                tcp_service("tcp", f"{place.address}:{TCP_ECHO_PORT}", **checked),
                tcp_balancer("tcp", {"protocol": "TCP", "port": TCP_PORT}),
            )
            self.weir.wait_serving()

    def open_streams(self):
        at = self.weir.address
        self.streams = {
            "tcp": self.run("client", "tcp", "tcp_streams.py", STREAMS, at, TCP_PORT),
            "websockets": self.run(
                "client", "websockets", "streams.py", "websockets", STREAMS, ECHO, at, HTTP_PORT
            ),
        }
        for name, process in self.streams.items():
            self.wait_open(process, STREAMS, f"{name} being open")

    def upgrade_all(self):
        """Memory of the first of the new ones and of the last, and what the load had."""
        self.load = Load(
            f"http://{self.weir.address}:{HTTP_PORT}/",
            int(SECONDS * 4 + 60),
            CONNECTIONS,
            self.directory / "wrk.log",
            host=HOST,
            prefix=self.world["client"].prefix,
        )
        memory = []
        began = time.monotonic()
        for number in range(UPGRADES):
            time.sleep(max(0.0, began + number * SECONDS / UPGRADES - time.monotonic()))  # as many a minute
            before = time.monotonic()
            with self.world["edge"].inside():
                self.weir.upgrade()
            self.took_s.append(time.monotonic() - before)
            memory.append(self.settled_memory())
        self.load.stop()
        report = self.load.report()
        assert report.errors == 0 and report.requests > 1000, f"under upgrades: {report}"
        assert memory[-1] <= memory[0] * GROWTH_MAX, f"from {memory[0]} to {memory[-1]} KiB: {memory}"
        return memory, report

    def settled_memory(self):
        """Once it has all the streams of TCP."""
        with self.world["edge"].inside():
            open_now = lambda: self.weir.metrics()["weir_downstream_connections"]  # noqa: E731
            wait_until(lambda: open_now() >= STREAMS, 20, "its streams")
        return status_kib(self.weir.pid, "VmRSS")

    def finish(self, name):
        process = self.streams[name]
        assert process.running(), f"{name} ended: {process.log()}"
        process.signal(signal.SIGUSR1)
        assert process.wait(90) == 0, process.log()
        assert f"echoed {STREAMS}\n" in process.log(), process.log()[-500:]
        return process.log()

    def all_old_ones_go(self):
        began = time.monotonic()
        for old in self.weir.replaced:
            left = max(0.1, began + GONE_S - time.monotonic())
            assert old.wait(left) == 0, "an old process"
        return time.monotonic() - began


def story(directory):
    with World(NETWORKS, NODES) as world:
        upgrades = Upgrades(world, directory)
        try:
            upgrades.start()
            upgrades.open_streams()
            memory, report = upgrades.upgrade_all()
            held = sum(old.running() for old in upgrades.weir.replaced)
            upgrades.finish("websockets")
            gone_s = upgrades.all_old_ones_go()
            blocks = int(re.search(r"^(\d+) blocks$", upgrades.finish("tcp"), re.M).group(1))
        finally:
            code = upgrades.stop()
        assert code == 0, f"weir exited with {code}"
    return (
        f"upgrades held: {UPGRADES} in {SECONDS:.0f} s, the slowest in {max(upgrades.took_s):.1f} s, under "
        f"{STREAMS} streams of TCP ({blocks} blocks, all whole), {STREAMS} WebSockets and {report.requests} "
        f"requests without an error; {held} old processes held WebSockets, and were gone {gone_s:.1f} s "
        f"after those; "
        f"{memory[0] / 1024:.1f} MiB in the first new process and {memory[-1] / 1024:.1f} in the last."
    )
