"""changes: one object's change touches only what it names.

WebSockets and gRPC streams (a real client, a real server) are open through the edge, requests come all the
while, and routes, certificates, endpoints and load balancers are changed one after the other. No stream
closes (each echoes at the end, gRPC's all the while), no request fails, and weir holds as much memory as
before. WEIR_CHANGES is how many, WEIR_CHANGES_SECONDS how long."""

import os
import re
import signal
import subprocess
import time

from lab import nginx, weir
from lab.process import status_kib, wait_listening
from lab.streams_story import MANY_DESCRIPTORS, StreamsStory
from lab.world import Network, Node, World
from lab.wrk import Load

HOST, ECHO = "web.weir.localhost", "echo.weir.localhost"
HTTP_PORT, API_PORT, HTTPS_PORT, ORIGIN_PORT = 8080, 8480, 8443, 9001
ECHO_PORTS = (9101, 9102)
GRPC_PORTS = (9201, 9202)
WEBSOCKETS, TLS_WEBSOCKETS = 900, 100
GRPC_STREAMS, TLS_GRPC_STREAMS = 40, 10
CHANGES = int(os.environ.get("WEIR_CHANGES", 200))
SECONDS = float(os.environ.get("WEIR_CHANGES_SECONDS", 60))
WARM_CHANGES = 300  # before memory is looked at: then the cache of the store (2 MB of SQLite) is full
GROWTH_MAX = 1.05
CONNECTIONS = 8

NETWORKS = [Network("lan")]
NODES = [
    Node("client", {"lan": "10.79.0.10"}),
    Node("edge", {"lan": "10.79.0.1"}),
    Node("origin", {"lan": "10.79.0.21"}),
]


def certificate(directory, name):
    """A certificate of its own authority, made anew."""
    key, chain = directory / "new.key", directory / "new.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-days", "30", "-subj", f"/CN={ECHO}", "-addext", f"subjectAltName=DNS:{ECHO}"]
        + ["-keyout", key, "-out", chain],
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    return {
        "kind": "Certificate",
        "metadata": {"name": name},
        "spec": {"certificate": chain.read_text(), "private_key": key.read_text()},
    }


class Changes(StreamsStory):
    def __init__(self, world, directory):
        super().__init__(world, directory, (HTTP_PORT, API_PORT))
        self.weir.flags[self.weir.flags.index("--https") + 1] = f"{self.weir.address}:{HTTPS_PORT}"
        self.streams = []
        self.took_ms = []

    # --- what is applied

    def echo_balancer(self, number):
        """number: which of its routes it has, beside the one that the streams came by."""
        routes = {"/": "echo", "/lab.Echo": "grpc", f"/r{number % 7}": "web"}
        balancer = weir.load_balancer("echo", [ECHO], routes)
        balancer["spec"]["listeners"][0]["h2c"] = True
        balancer["spec"]["listeners"].append(
            {"protocol": "HTTPS", "hostnames": [ECHO], "tls": {"certificates": ["echo"]}}
        )
        return balancer

    def streams_service(self, name, ports, **spec):
        addresses = [f"{self.world['origin'].address}:{port}" for port in ports]
        return weir.service(name, addresses, idle_timeout="1h", **spec)

    def echo_service(self, both):
        return self.streams_service("echo", ECHO_PORTS if both else ECHO_PORTS[:1])

    def grpc_service(self, both):
        return self.streams_service("grpc", GRPC_PORTS if both else GRPC_PORTS[:1], protocol="HTTP2")

    def web_service(self, number):
        address = self.world["origin"].address
        ports = [ORIGIN_PORT + i for i in range(3) if i == 0 or (number >> (i - 1)) % 2 == 0]
        return weir.service("web", [{"address": f"{address}:{p}", "weight": 1 + number % 3} for p in ports])

    def change(self, number):
        """One of the six in turn."""
        turn, kind = divmod(number, 6)
        extra = weir.load_balancer("extra", [f"extra-{turn}.weir.localhost"], {"/": "web"})
        wanted = [
            self.echo_balancer(turn),
            self.certificates[turn % len(self.certificates)],
            self.web_service(turn),
            self.echo_service(both=turn % 2 == 0),
            self.grpc_service(both=turn % 2 == 0),
            extra,
        ][kind]
        began = time.monotonic()
        with self.world["edge"].inside():
            if wanted is extra and turn % 2 == 1:
                answer = self.weir.api("DELETE", "/v1/loadbalancers/extra")
            else:
                answer = self.weir.api("POST", "/v1/apply", [wanted])
        assert answer.status == 200, f"change {number}: {answer.status} {answer.text}"
        self.took_ms.append((time.monotonic() - began) * 1e3)

    # --- the story

    def start(self):
        self.certificates = [certificate(self.directory, "echo") for _ in range(4)]
        place = self.world["origin"]
        origins = {
            ports[0]: self.run("origin", name, program, place.address, *ports)
            for name, program, ports in (
                ("echo", "echo_origin.py", ECHO_PORTS),
                ("grpc", "grpc_origin.py", GRPC_PORTS),
            )
        }
        (self.directory / "web").mkdir()
        (self.directory / "web").chmod(0o755)
        listens = "".join(f"listen {place.address}:{ORIGIN_PORT + i} backlog=4096; " for i in range(3))
        web = nginx.start(
            self.directory / "web",
            f'  server {{ {listens} location / {{ return 200 "web"; }} }}',
            prefix=place.prefix,
        )
        self.processes.append(web)
        with place.inside():
            for port, origin in {**origins, ORIGIN_PORT: web}.items():
                wait_listening(origin, port, place.address)
        with self.world["edge"].inside():
            self.weir.start(prefix=MANY_DESCRIPTORS)
            self.weir.apply(
                self.certificates[0],
                self.web_service(0),
                self.echo_service(both=True),
                self.grpc_service(both=True),
                weir.load_balancer("web", [HOST], {"/": "web"}),
                self.echo_balancer(0),
            )
            self.weir.wait_serving()

    def open_streams(self):
        authority = self.directory / "authority.pem"
        authority.write_text(self.certificates[0]["spec"]["certificate"])
        for name, count, port, *more in (
            ("websockets", WEBSOCKETS, HTTP_PORT),
            ("websockets", TLS_WEBSOCKETS, HTTPS_PORT, authority),
            ("grpc", GRPC_STREAMS, HTTP_PORT),
            ("grpc", TLS_GRPC_STREAMS, HTTPS_PORT, authority),
        ):
            arguments = [name, count, ECHO, self.weir.address, port, *more]
            process = self.run("client", f"{name}-{port}", "streams.py", *arguments)
            self.streams.append((process, count))
        for process, count in self.streams:
            self.wait_open(process, count, f"{count} streams open")

    def change_all(self):
        self.load = Load(
            f"http://{self.weir.address}:{HTTP_PORT}/",
            int(SECONDS * 4),
            CONNECTIONS,
            self.directory / "wrk.log",
            host=HOST,
            prefix=self.world["client"].prefix,
        )
        for number in range(WARM_CHANGES):
            self.change(number)
        before = status_kib(self.weir.pid, "VmRSS")
        began = time.monotonic()
        for number in range(CHANGES):
            time.sleep(max(0.0, began + number * SECONDS / CHANGES - time.monotonic()))  # as many a second
            self.change(number)
        after = status_kib(self.weir.pid, "VmRSS")
        self.load.stop()
        report = self.load.report()
        assert report.errors == 0 and report.requests > 1000, f"under changes: {report}"
        assert after <= before * GROWTH_MAX, f"weir grew from {before} to {after} KiB"
        return before, after, report

    def all_echo(self):
        """How many messages gRPC's streams have sent in all."""
        for process, count in self.streams:
            assert process.running(), f"streams ended: {process.log()}"
            process.signal(signal.SIGUSR1)
        for process, count in self.streams:
            assert process.wait(60) == 0, process.log()
            assert f"echoed {count}\n" in process.log(), f"of {count} streams: {process.log()[-500:]}"
        said = "".join(process.log() for process, _ in self.streams)
        return sum(map(int, re.findall(r"^(\d+) messages$", said, re.M)))


def story(directory):
    with World(NETWORKS, NODES) as world:
        changes = Changes(world, directory)
        try:
            changes.start()
            changes.open_streams()
            before, after, report = changes.change_all()
            messages = changes.all_echo()
        finally:
            code = changes.stop()
        assert code == 0, f"weir exited with {code}"
    slowest = sorted(changes.took_ms)[int(len(changes.took_ms) * 0.99)]
    return (
        f"changes held: {WEBSOCKETS + TLS_WEBSOCKETS} WebSockets and {GRPC_STREAMS + TLS_GRPC_STREAMS} gRPC "
        f"streams ({messages} messages) stayed open and echoed after {CHANGES} changes in {SECONDS:.0f} s "
        f"(99 % answered within {slowest:.0f} ms); {report.requests} requests and no error; "
        f"{before / 1024:.1f} MiB before and {after / 1024:.1f} after."
    )
