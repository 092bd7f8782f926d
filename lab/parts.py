"""What stands in the world and can fail: each of them started, killed and started again, with all that
belongs to it on its machine."""

import signal
import socket
import struct
import subprocess

from lab import envoy, nginx, routing, weir
from lab.agent import tunnel_token
from lab.bird import Bird
from lab.postgres import Postgres
from lab.process import Process, wait_listening, wait_until
from lab.weir import BINARY
from lab.world import ip

HTTP_PORT, HTTPS_PORT, SSH_PORT, TUNNEL_PORT = 80, 443, 2222, 8444
NETLINK_NETFILTER, CONNTRACK_DELETE, NLM_F_REQUEST, NLM_F_ACK = 12, (1 << 8) | 2, 1, 4
API_PORT, XDS_PORT, METRICS_PORT, ORIGIN_PORT, DATABASE_PORT = 8480, 18000, 9100, 9001, 5432


class Part:
    """A machine of the world, with what runs on it."""

    role = None

    def __init__(self, place, directory, name=None):
        """With a name of its own where another part has that of the machine."""
        self.place = place
        self.name = name or place.name
        self.directory = directory / self.name
        self.directory.mkdir(parents=True, exist_ok=True)

    def processes(self):
        raise NotImplementedError

    def start(self):
        raise NotImplementedError

    def running(self):
        return any(process.running() for process in self.processes())

    def kill(self):
        """As when the power goes."""
        for process in self.processes():
            process.signal(signal.SIGKILL)
        for process in self.processes():
            process.wait(10)

    def end(self):
        """With the world: nothing of it is left."""
        for process in self.processes():
            process.kill()

    def stop(self, deadline_s=15):
        """As asked to: what it has begun is finished."""
        for process in self.processes():
            process.signal(signal.SIGTERM)
        for process in self.processes():
            process.wait(deadline_s)

    def freeze(self):
        """It hangs: connections to it are neither answered nor refused."""
        for process in self.processes():
            process.signal(signal.SIGSTOP)

    def thaw(self):
        for process in self.processes():
            process.signal(signal.SIGCONT)

    def says(self):
        """{name of a file: what this part tells about itself}, for those who look why something failed."""
        return {}


class Router(Part):
    role = "router"

    def __init__(self, place, directory, atlas):
        super().__init__(place, directory)
        self.bird = Bird(place, self.directory, routing.router_config(atlas, self.name, place.address))

    def processes(self):
        return [self.bird.process] if self.bird.process else []

    def start(self):
        self.bird.start()

    def says(self):
        text = self.bird.ask("show protocols all", check=False)
        return {"routes.txt": text + self.bird.ask("show route all", check=False)}


class Gateway(Part):
    """Between a home and the world: what goes out gets its address, and nothing comes in."""

    role = "gateway"

    def __init__(self, place, directory, outside):
        super().__init__(place, directory)
        self.outside = list(place.addresses).index(outside)

    def processes(self):
        return []

    def start(self):
        rules = f"""table ip home {{
  chain out {{ type nat hook postrouting priority srcnat; oifname "eth{self.outside}" masquerade; }}
  chain through {{
    type filter hook forward priority filter; ct state invalid drop;
    iifname "eth{self.outside}" ct state != {{ established, related }} drop;
  }}
}}
"""
        file = self.directory / "nft.conf"
        file.write_text(rules)
        Process(["nft", "-f", file], self.directory / "nft.log", prefix=self.place.prefix).wait(10)
        # What is in the middle of nothing known is no flow. Not every user namespace may say so.
        strict = "net.netfilter.nf_conntrack_tcp_loose=0"
        subprocess.run([*self.place.prefix, "sysctl", "-qw", strict], capture_output=True)

    def forget(self):
        """All flows, as when it is started anew; nobody is told. What `conntrack -F` does."""
        header = struct.pack("=IHHII", 20, CONNTRACK_DELETE, NLM_F_REQUEST | NLM_F_ACK, 1, 0)
        kind = (socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        with self.place.inside(), socket.socket(*kind) as line:
            line.settimeout(5)
            line.bind((0, 0))
            line.send(header + struct.pack("=BBH", 0, 0, 0))
            problem = struct.unpack("=i", line.recv(4096)[16:20])[0]
        assert problem == 0, f"the flows of {self.name} were not forgotten: error {problem}"


class Database(Part):
    role = "database"

    def __init__(self, place, directory):
        super().__init__(place, directory)
        self.postgres = Postgres(
            self.directory / "server", address=place.address, port=DATABASE_PORT, prefix=place.prefix
        )

    @property
    def url(self):
        return self.postgres.url()

    def processes(self):
        return [self.postgres.process] if self.postgres.process else []

    def start(self):
        self.postgres.start()

    def kill(self):
        self.postgres.crash()


class Weir(Part):
    """Any role of weir."""

    server = None

    def processes(self):
        """With those that another has taken the place of, and that still have something to finish."""
        now = [self.server.process] if self.server.process else []
        return [*(old for old in self.server.replaced if old.running()), *now]

    def start_server(self, **more):
        with self.place.inside():
            self.server.start(**more)

    def metrics(self):
        with self.place.inside():
            return self.server.api("GET", "/metrics").text

    def says(self):
        return {"metrics.txt": self.metrics()}


class Controller(Weir):
    role = "controller"

    def __init__(self, place, directory, database, flags=()):
        super().__init__(place, directory)
        store = ["--store", database.url] if database else []
        self.server = weir.Controller(
            self.directory,
            address=place.address,
            prefix=place.prefix,
            ports=(0, API_PORT),
            flags=["--api-name", place.address, "--api-name", "127.0.0.1", *store, *flags],
        )
        self.server.flags[self.server.flags.index("--xds") + 1] = f"{place.address}:{XDS_PORT}"

    @property
    def url(self):
        return f"https://{self.place.address}:{API_PORT}"

    def start(self):
        self.start_server()

    def api(self, *words, **more):
        with self.place.inside():
            return self.server.api(*words, **more)

    def apply(self, *objects):
        return self.server.apply(*objects)  # by the CLI, which runs there

    def cli(self, *words, **more):
        return self.server.cli(*words, **more)


class Led(Weir):
    """What is led by controllers, and joins them at its first start."""

    joins_as, joined_file = "edge", "edge.json"

    def __init__(self, place, directory, region, controllers, kind, ports, flags, name=None):
        super().__init__(place, directory, name)
        self.region, self.controllers = region, controllers
        lead = [word for one in controllers for word in ("--controller", one.url)]
        self.server = kind(self.directory, self.name, lead, prefix=place.prefix, ports=ports)
        where = ["--provider", region.provider, "--region", region.name]
        self.server.flags += [*where, "--address", place.address, *flags]
        at = self.server.flags.index("--metrics") + 1
        self.server.flags[at] = f"0.0.0.0:{ports[1]}"

    def start(self):
        has_joined = (self.server.data / self.joined_file).exists()
        self.start_server(token=None if has_joined else self.join_token())

    def join_token(self):
        alive = next(one for one in self.controllers if one.running())
        return alive.server.join_token(self.joins_as)

    def metrics(self):
        with self.place.inside():
            return self.server.api("GET", "/metrics", token=None).text


class Edge(Led):
    """With BIRD beside it, when it is to announce addresses."""

    role = "edge"

    def __init__(self, place, directory, region, controllers, anycast=(), flags=()):
        log = directory / place.name / "access.log"
        more = ["--ssh", f"[::]:{SSH_PORT}", "--tunnel", f"[::]:{TUNNEL_PORT}", "--access-log", log]
        more += ["--tunnel-address", f"{place.address}:{TUNNEL_PORT}", *flags]
        super().__init__(
            place, directory, region, controllers, weir.Edge, (HTTP_PORT, METRICS_PORT), more
        )
        for flag, port in (("--http", HTTP_PORT), ("--https", HTTPS_PORT)):
            self.server.flags[self.server.flags.index(flag) + 1] = f"[::]:{port}"
        self.bird = None
        if anycast:
            self.announce(anycast)

    def announce(self, addresses):
        for address in addresses:
            bits = 128 if ":" in address else 32
            ip("addr", "add", f"{address}/{bits}", "dev", "lo", namespace=self.place.namespace)
        include = self.directory / "weir.conf"
        text = routing.edge_config(self.region, self.place.address, include)
        self.bird = Bird(self.place, self.directory / "bird", text)
        self.server.flags += ["--anycast", ",".join(addresses), "--anycast-as", self.region.system + 1]
        self.server.flags += ["--anycast-hold", "1s", "--anycast-drain-wait", "1s"]
        self.server.flags += ["--bird-include", include, "--bird-socket", self.bird.socket]

    def processes(self):
        birds = [self.bird.process] if self.bird and self.bird.process else []
        return [*birds, *super().processes()]

    def start(self):
        if self.bird and not (self.bird.process and self.bird.process.running()):
            self.bird.start()
        if not (self.server.process and self.server.process.running()):
            super().start()

    def says(self):
        told = super().says()
        if self.bird:
            told["routes.txt"] = self.bird.ask("show protocols all", check=False)
        return told


class Envoy(envoy.Admin, Part):
    """The real one, which gets everything from the controllers."""

    role = "envoy"
    admin_port = 9901

    def __init__(self, place, directory, region, controllers, flags=()):
        super().__init__(place, directory)
        self.region, self.controllers = region, controllers
        self.flags = list(flags)  # of its bootstrap
        self.bootstrap = self.directory / "envoy.json"
        self.process = None

    def processes(self):
        return [self.process] if self.process else []

    def start(self):
        if not self.bootstrap.exists():
            self.join()
        words = [envoy.BINARY, "-c", self.bootstrap, "--concurrency", 2, "--log-level", "warning"]
        self.process = Process(
            [*words, "--use-dynamic-base-id"], self.directory / "envoy.log", prefix=self.place.prefix
        )
        wait_until(self.ready, 20, f"{self.name} being ready")

    def join(self):
        alive = next(one for one in self.controllers if one.running())
        lead = [word for one in self.controllers for word in ("--xds", f"{one.place.address}:{XDS_PORT}")]
        where = ["--provider", self.region.provider, "--region", self.region.name]
        done = alive.cli(
            *("controller", "bootstrap", "--envoy", "--node", self.name, "--dir", self.directory),
            *(*lead, *where, *self.flags),
        )
        assert done.returncode == 0, done.stderr

    def admin(self, path):
        with self.place.inside():
            return super().admin(path)

    def says(self):
        return {"metrics.txt": self.admin("/stats"), "configuration.json": self.admin("/config_dump")}


class NameServer(Led):
    role = "dns"

    def __init__(self, place, directory, region, controllers, flags=()):
        super().__init__(
            place, directory, region, controllers, weir.NameServer, (HTTP_PORT, METRICS_PORT), flags
        )
        self.server.flags[self.server.flags.index("--dns") + 1] = f"{place.address}:53"


class Origin(Part):
    """nginx: its name, and who asked it."""

    role = "origin"
    more = ""  # that nginx has beside it, as its configuration says it

    def __init__(self, place, directory, address=None):
        super().__init__(place, directory)
        self.directory.chmod(0o755)
        self.address = address or place.address
        self.broken = self.directory / "broken"  # while this file is there, it answers 503 to everything
        self.process = None

    @property
    def endpoint(self):
        return f"{self.address}:{ORIGIN_PORT}"

    def processes(self):
        return [self.process] if self.process else []

    def start(self):
        self.process = nginx.start(
            self.directory,
            f"server {{ listen {self.endpoint} backlog=4096; open_file_cache off; "
            f"location / {{ if (-f {self.broken}) {{ return 503; }} "
            f'return 200 "{self.name} $remote_addr"; }} }} {self.more}',
            prefix=self.place.prefix,
        )
        with self.place.inside():
            wait_listening(self.process, ORIGIN_PORT, self.address)


class HomeOrigin(Origin):
    """An origin that nobody can reach, and the agent that brings it to edges."""

    def __init__(self, place, directory, edges, service):
        super().__init__(place, directory, "127.0.0.1")
        self.edges, self.service = edges, service
        self.agent = None

    def configure(self, controller, user):
        """With a token of the user's."""
        token = self.directory / "token"
        token.write_text(tunnel_token(controller, user))
        at = [f"{edge.place.address}:{TUNNEL_PORT}" for edge in self.edges]
        services = [{"name": self.service, "target": self.endpoint}]
        file = {"edges": at, "token_file": str(token), "instance": self.name, "services": services}
        (self.directory / "agent.yaml").write_text(weir.documents(file))

    def processes(self):
        return [process for process in (self.process, self.agent) if process]

    def start(self):
        super().start()
        self.start_agent()

    def start_agent(self):
        self.agent = Process(
            [BINARY, "agent", "--config", self.directory / "agent.yaml"],
            self.directory / "agent.log",
            prefix=self.place.prefix,
        )
