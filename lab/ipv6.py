"""ipv6: a network on which nothing has an IPv4 address.

Requests and whole connections are balanced over origins, one of which dies; a name with TLS is passed
through; an agent brings an origin of its own; a client is told apart by its /64; and when no local port is
left towards an origin, the record of the connection says so."""

import json
import socket
import subprocess
import time

from lab import nginx, weir
from lab.process import Process, wait_listening, wait_until
from lab.tcp import Server, echo, exchange, self_signed, tcp_balancer, tcp_service, tls_connection
from lab.world import Network, Node, World, ip

HOST, OWN = "web.weir.localhost", "own.example"
HTTP_PORT, API_PORT, ORIGIN_PORT, TLS_PORT = 8080, 8480, 9001, 9443
TCP_PORT, LIMITED_PORT, PASSED_PORT, NARROW_PORT = 15001, 15002, 15443, 15003
ORIGINS = ["origin-1", "origin-2"]
NETWORKS = [Network("lan", 64)]
NODES = [
    Node("client", {"lan": "fd77::10"}),
    Node("edge", {"lan": "fd77::1"}),
    *(Node(name, {"lan": f"fd77::{21 + i}"}) for i, name in enumerate(ORIGINS)),
    Node("laptop", {"lan": "fd77::30"}),
]
PORTS = (40000, 40015)  # that the edge has towards an origin, in the end


class Story:
    def __init__(self, world, directory):
        self.world, self.directory = world, directory
        self.log = directory / "access.log"
        self.processes, self.servers = [], []
        edge = world["edge"]
        self.weir = weir.Weir(
            directory / "weir",
            address=f"[{edge.address}]",
            prefix=edge.prefix,
            ports=(HTTP_PORT, API_PORT),
            flags=["--access-log", self.log],
        )
        self.passed = 0

    def start(self):
        for place in self.world.places.values():
            ip("addr", "flush", "dev", "lo", "scope", "host", namespace=place.namespace)
            ip("addr", "add", "::1/128", "dev", "lo", namespace=place.namespace)
        self.certificate, key = self_signed(self.directory, OWN)
        for name in ORIGINS:
            self.start_origin(self.world[name], key)
        with self.world["edge"].inside():
            self.weir.start()
            self.weir.apply(*self.objects())
        self.wait_for(lambda: self.ask().status == 200, "requests served")

    def start_origin(self, place, key):
        process = nginx.start(
            self.directory / place.name,
            f"""server {{ listen [{place.address}]:{ORIGIN_PORT}; location / {{
              return 200 "{place.name} $http_x_forwarded_for"; }} }}
            server {{ listen [{place.address}]:{TLS_PORT} ssl; ssl_certificate {self.certificate};
              ssl_certificate_key {key}; location / {{ return 200 "own"; }} }}""",
            prefix=place.prefix,
        )
        self.processes.append(process)
        with place.inside():
            wait_listening(process, ORIGIN_PORT, place.address)

    def objects(self):
        check = {"health_check": {"interval": "200ms", "tcp": {}, "healthy_threshold": 1}}
        addresses = [f"[{self.world[name].address}]" for name in ORIGINS]
        with self.world["origin-1"].inside():
            self.servers.append(Server(echo, self.world["origin-1"].address))
        echoing = self.servers[0].address
        dead = f"{addresses[1]}:9"  # refuses
        listener = {"protocol": "TCP", "port": LIMITED_PORT, "connections_per_source_max": 1}
        passing = {"protocol": "TLS", "port": PASSED_PORT, "hostnames": [OWN], "tls": {"mode": "PASSTHROUGH"}}
        return [
            weir.service("web", [f"{address}:{ORIGIN_PORT}" for address in addresses], **check),
            weir.load_balancer("web", [HOST], {"/": "web"}),
            tcp_service("echo", dead, echoing),
            tcp_balancer("echo", {"protocol": "TCP", "port": TCP_PORT}),
            tcp_balancer("limited", listener, to="echo"),
            tcp_service("own", *(f"{address}:{TLS_PORT}" for address in addresses), **check),
            tcp_balancer("own", passing),
            tcp_service("narrow", echoing),
            tcp_balancer("narrow", {"protocol": "TCP", "port": NARROW_PORT}),
        ]

    # --- small steps

    def ask(self, host=HOST):
        with self.world["client"].inside():
            return self.weir.get("/", host)

    def wait_for(self, holds, what, deadline_s=10):
        def quietly():
            try:
                return holds()
            except OSError:
                return False

        wait_until(quietly, deadline_s, what)

    def exchange(self, port, data):
        with self.world["client"].inside():
            return exchange(port, data, address=self.world["edge"].address)

    # --- what has to hold

    def requests(self):
        self.wait_for(
            lambda: {self.ask().text.split()[0] for _ in range(4)} == set(ORIGINS), "both origins serving"
        )
        assert self.ask().text.split()[1] == self.world["client"].address
        self.processes[1].kill()
        answers = [self.ask() for _ in range(20)]
        assert all(answer.status == 200 for answer in answers), [answer.status for answer in answers]
        self.passed += 24

    def connections(self):
        for number in range(10):
            data = f"connection {number}".encode() * 10_000
            assert self.exchange(TCP_PORT, data) == data
        with self.world["client"].inside():
            with tls_connection(
                PASSED_PORT, OWN, ca=self.certificate, address=self.world["edge"].address
            ) as connection:
                connection.sendall(f"GET / HTTP/1.0\r\nHost: {OWN}\r\n\r\n".encode())
                answer = b""
                while piece := connection.recv(4096):
                    answer += piece
        assert answer.endswith(b"own"), answer
        self.passed += 11

    def sources(self):
        """Two addresses of one /64 are one source."""
        client = self.world["client"]
        ip("addr", "add", "fd77::11/64", "dev", "eth0", "nodad", namespace=client.namespace)
        with client.inside():
            where = self.world["edge"].address
            held = connected(where, LIMITED_PORT, "fd77::10")
            held.sendall(b"a")
            assert held.recv(1) == b"a"
            let_in = answered(where, LIMITED_PORT, "fd77::11")
            assert not let_in, "a second connection of the same /64 was let in"
            held.close()

    def tunnel(self):
        """An agent attaches by IPv6, and brings what only its own machine can reach."""
        laptop = self.world["laptop"]
        with laptop.inside():
            origin = nginx.start(
                self.directory / "laptop",
                'server { listen [::1]:8000; location / { return 200 "laptop"; } }',
                prefix=laptop.prefix,
            )
            self.processes.append(origin)
            wait_listening(origin, 8000, "::1")
        with self.world["edge"].inside():
            user = {"kind": "User", "metadata": {"name": "ada"}, "spec": {"email": "ada@example.com"}}
            self.weir.apply(user)
            made = self.weir.cli("token", "create", "laptop", "--for", "ada")
            assert made.returncode == 0, made.stderr
        words = [weir.BINARY, "connect", "--port", "8000", "--name", "laptop"]
        words += ["--edge", f"[{self.world['edge'].address}]:{self.weir.tunnel_port}"]
        agent = Process(
            words,
            self.directory / "agent.log",
            prefix=laptop.prefix,
            environment={"WEIR_TUNNEL_TOKEN": made.stdout.strip(), "HOME": str(self.directory)},
        )
        self.processes.append(agent)
        self.wait_for(lambda: self.ask("laptop.weir.localhost").text == "laptop", "the tunnel", 20)
        self.passed += 1

    def ports_used_up(self):
        """With so few ports, the next connection finds none, and its record says so."""
        edge = self.world["edge"]
        low, high = PORTS
        subprocess.run(
            [*edge.prefix, "sysctl", "-qw", f"net.ipv4.ip_local_port_range={low} {high}"], check=True
        )
        held = []
        with self.world["client"].inside():
            for _ in range(high - low + 2):
                connection = connected(edge.address, NARROW_PORT)
                connection.sendall(b"a")
                held.append(connection)
        self.wait_for(lambda: self.record_of("no_local_port") is not None, "the record of a lack of ports")
        record = self.record_of("no_local_port")
        assert record["listener"] == "narrow/0" and "local ports" in record["detail"], record
        for connection in held:
            connection.close()
        return high - low + 1

    def record_of(self, reason):
        for line in self.log.read_text().splitlines():
            found = json.loads(line)
            if found.get("reason") == reason:
                return found
        return None

    def stop(self):
        for process in reversed(self.processes):
            process.kill()
        for server in self.servers:
            server.shutdown()
        self.weir.stop()


def connected(address, port, source=None):
    near = (source, 0) if source else None
    return socket.create_connection((address, port), timeout=10, source_address=near)


def answered(address, port, source):
    """False when the connection is cut, which may be seen as early as in connect()."""
    try:
        with connected(address, port, source) as connection:
            connection.sendall(b"b")
            return connection.recv(1) == b"b"
    except ConnectionError:
        return False


def story(directory):
    began = time.monotonic()
    with World(NETWORKS, NODES) as world:
        run = Story(world, directory)
        try:
            run.start()
            run.requests()
            run.connections()
            run.sources()
            run.tunnel()
            ports = run.ports_used_up()
        finally:
            run.stop()
    return (
        f"ipv6 held: {run.passed} requests and connections and no error on a network without IPv4, with an "
        f"origin killed, one passed through with its own certificate and one at a tunnel; two addresses of a "
        f"/64 were one source; with {ports} local ports the next connection's record said so; "
        f"{time.monotonic() - began:.0f} s."
    )
