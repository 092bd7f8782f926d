"""smoke: one client, one edge and three origins on one network.

Twenty curls are spread evenly; an origin killed under load loses no request and comes back by itself;
changes applied under load lose none either and work at once; SIGTERM lets what is in flight finish."""

import re
import socket
import subprocess
import threading
import time
from collections import Counter

from lab import http1, nginx, weir
from lab.process import wait_listening, wait_until
from lab.world import Network, Node, World
from lab.wrk import Load

HOST = "web.weir.localhost"
HTTP_PORT, API_PORT, ORIGIN_PORT, STATUS_PORT = 8080, 8480, 9001, 9002
ORIGINS = ["origin-1", "origin-2", "origin-3"]
WORKERS = 2
EFFECTIVE_MS_MAX = 50
RETURN_S_MAX = 5  # a check each 0.2 s, and at most two seconds that a core sets a failed endpoint aside
CONNECTIONS = 16
SLOW_BYTES = 2 << 20

NETWORKS = [Network("lan")]
NODES = [
    Node("client", {"lan": "10.77.0.10"}),
    Node("edge", {"lan": "10.77.0.1"}),
    *(Node(name, {"lan": f"10.77.0.{21 + i}"}) for i, name in enumerate(ORIGINS)),
]


class Origin:
    """nginx that answers with its name, a slow file, and a count of its requests on a port that weir
    doesn't know."""

    def __init__(self, place, directory):
        self.place, self.directory = place, directory / place.name
        self.process = None
        self.status_requests = 0

    def start(self):
        files = self.directory / "files"
        files.mkdir(parents=True, exist_ok=True)
        (files / "slow").write_bytes(b"s" * SLOW_BYTES)
        self.directory.chmod(0o755)
        self.process = nginx.start(
            self.directory,
            f"""  server {{
    listen {self.place.address}:{ORIGIN_PORT} backlog=4096;
    location / {{ return 200 "{self.place.name}"; }}
    location /slow {{ alias {files}/slow; limit_rate 1m; }}
  }}
  server {{ listen {self.place.address}:{STATUS_PORT}; location / {{ stub_status; }} }}""",
            prefix=self.place.prefix,
        )
        with self.place.inside():
            for port in (ORIGIN_PORT, STATUS_PORT):
                wait_listening(self.process, port, self.place.address)

    @property
    def address(self):
        return f"{self.place.address}:{ORIGIN_PORT}"

    def requests(self):
        with self.place.inside():
            text = http1.get((self.place.address, STATUS_PORT), "/", "status").body.decode()
        self.status_requests += 1  # which nginx counts too
        return int(re.search(r"^ \d+ \d+ (\d+)", text, re.M)[1]) - self.status_requests

    def gets_traffic(self, least=1000, deadline_s=15):
        """Until it has had `least` more requests: far more than health checks make in that time."""
        before = self.requests()
        began = time.monotonic()
        wait_until(lambda: self.requests() >= before + least, deadline_s, f"traffic at {self.place.name}")
        return time.monotonic() - began


class Smoke:
    def __init__(self, world, directory):
        self.world, self.directory = world, directory
        self.client = world["client"]
        self.origins = {name: Origin(world[name], directory) for name in ORIGINS}
        edge = world["edge"]
        self.weir = weir.Weir(
            directory / "weir",
            address=edge.address,
            workers=WORKERS,
            prefix=edge.prefix,
            ports=(HTTP_PORT, API_PORT),
        )
        self.loads = []

    # --- small steps

    def service(self, origins, weights=None):
        endpoints = [
            {
                "address": self.origins[name].address,
                "weight": (weights or {}).get(name, 1),
            }
            for name in origins
        ]
        return weir.service(
            "web",
            endpoints,
            health_check={
                "interval": "200ms",
                "timeout": "1s",
                "unhealthy_threshold": 2,
                "healthy_threshold": 1,
                "http": {"path": "/healthz"},
            },
        )

    def ask(self, host=HOST, path="/"):
        """One request of the client on a connection of its own; None when nothing accepts."""
        with self.client.inside():
            try:
                return http1.get((self.weir.address, HTTP_PORT), path, host)
            except ConnectionRefusedError:
                return None

    def curl(self):
        done = subprocess.run(
            [
                *self.client.prefix,
                "curl",
                "-sS",
                "--fail",
                "--max-time",
                "5",
                "--resolve",
                f"{HOST}:{HTTP_PORT}:{self.weir.address}",
                f"http://{HOST}:{HTTP_PORT}/",
            ],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"curl failed: {done.stderr}"
        return done.stdout

    def load(self, seconds=60):
        log = self.directory / f"wrk-{len(self.loads)}.log"
        self.loads.append(
            Load(
                f"http://{self.weir.address}:{HTTP_PORT}/",
                seconds,
                CONNECTIONS,
                log,
                host=HOST,
                prefix=self.client.prefix,
            )
        )
        self.origins["origin-1"].gets_traffic()
        return self.loads[-1]

    def apply_now(self, *objects):
        """Through the API, whose answer is the moment from which the 50 ms count."""
        answer = self.weir.api("POST", "/v1/apply", list(objects))
        assert answer.status in (200, 201), f"apply: {answer.status} {answer.text}"
        return time.monotonic()

    # --- the story

    def start(self):
        for origin in self.origins.values():
            origin.start()
        with self.world["edge"].inside():
            self.weir.start()
            self.weir.apply(self.service(ORIGINS), weir.load_balancer("web", [HOST], {"/": "web"}))
        seen = set()

        def all_serve():
            answer = self.ask()
            seen.add(answer.body.decode() if answer and answer.status == 200 else "")
            return seen >= set(ORIGINS)

        wait_until(all_serve, 10, "all three origins serving")

    def spread(self):
        counts = Counter(self.curl() for _ in range(20))
        off = max(abs(counts[name] - 20 / len(ORIGINS)) for name in ORIGINS)
        assert set(counts) == set(ORIGINS) and off <= WORKERS, f"20 curls were spread {dict(counts)}"
        return "/".join(str(counts[name]) for name in ORIGINS)

    def healthy(self, name):
        with self.world["edge"].inside():
            metrics = self.weir.metrics()
        return metrics[f'weir_endpoint_healthy{{service="web",endpoint="{self.origins[name].address}"}}'] == 1

    def kill_under_load(self):
        load = self.load()
        victim = self.origins["origin-2"]
        victim.process.kill()
        victim.status_requests = 0
        wait_until(lambda: not self.healthy("origin-2"), 5, "the death noticed")
        for name in ("origin-1", "origin-3"):
            self.origins[name].gets_traffic()
        victim.start()
        back_s = victim.gets_traffic()
        load.stop()
        report = load.report()
        assert report.errors == 0 and report.requests > 1000, f"killed an origin under load: {report}"
        assert back_s <= RETURN_S_MAX, f"origin-2 had no traffic for {back_s:.1f} s after its return"
        return report.requests, back_s

    def change_under_load(self):
        load = self.load()
        took_ms = []
        with self.world["edge"].inside():
            answered = self.apply_now(weir.load_balancer("other", ["other.weir.localhost"], {"/": "web"}))
        wait_until(lambda: self.ask("other.weir.localhost").status == 200, 5, "the new load balancer", 0.001)
        took_ms.append((time.monotonic() - answered) * 1e3)

        with self.world["edge"].inside():
            answered = self.apply_now(self.service(ORIGINS, {"origin-1": 8}))
        self.origins["origin-1"].gets_traffic()
        before = {name: origin.requests() for name, origin in self.origins.items()}
        self.origins["origin-1"].gets_traffic(least=4000)
        grown = {name: origin.requests() - before[name] for name, origin in self.origins.items()}
        share = grown["origin-1"] / sum(grown.values())
        assert 0.7 < share < 0.9, f"weights 8:1:1 gave origin-1 {share:.0%} of {sum(grown.values())} requests"

        with self.world["edge"].inside():
            answered = self.apply_now(self.service(["origin-1", "origin-2"]))
        time.sleep(
            max(0.0, answered + EFFECTIVE_MS_MAX / 1e3 - time.monotonic())
        )  # from here on the promise holds
        names = {self.ask().body.decode() for _ in range(30)}
        assert names == {"origin-1", "origin-2"}, f"origin-3 was removed, and these answered: {names}"

        load.stop()
        report = load.report()
        assert report.errors == 0 and report.requests > 1000, f"changed under load: {report}"
        assert (
            max(took_ms) <= EFFECTIVE_MS_MAX
        ), f"the new load balancer answered {max(took_ms):.0f} ms after the apply"
        return report.requests, max(took_ms)

    def drain(self):
        """Eight clients that ask again and again, and a slow download: every answer that was begun is
        whole."""
        clients = [DrainedClient(self) for _ in range(8)]
        slow = DrainedClient(self, "/slow")
        for client in (*clients, slow):
            client.start()
        wait_until(
            lambda: all(client.answers >= 20 for client in clients) and slow.began, 10, "clients at work"
        )
        began = time.monotonic()
        self.weir.process.signal(15)
        wait_until(lambda: self.ask_refused(), 5, "the listener closed")
        code = self.weir.process.wait(15)
        took_s = time.monotonic() - began
        for client in (*clients, slow):
            client.join(10)
            assert not client.is_alive() and client.problem is None, f"drain: {client.problem}"
        assert code == 0, f"weir exited with {code} after SIGTERM"
        assert slow.answers == 1, "the slow download was cut"
        return sum(client.answers for client in clients), took_s

    def ask_refused(self):
        with self.client.inside(), socket.socket() as probe:
            probe.settimeout(2)
            return probe.connect_ex((self.weir.address, HTTP_PORT)) != 0

    def stop(self):
        for load in self.loads:
            load.process.kill()
        self.weir.stop()
        for origin in self.origins.values():
            if origin.process:
                origin.process.kill()


class DrainedClient(threading.Thread):
    """Asks on one connection until an answer says that it is the last. A drain must not show as any
    problem."""

    def __init__(self, smoke, path="/"):
        super().__init__(daemon=True)
        self.request = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        self.once = path != "/"
        self.answers = 0
        self.problem = None
        with smoke.client.inside():
            self.connection = http1.connect((smoke.weir.address, HTTP_PORT))

    @property
    def began(self):
        return bool(self.connection.received)

    def run(self):
        try:
            with self.connection as connection:
                while True:
                    connection.send(self.request)
                    answer = connection.response()
                    assert answer.status == 200, f"status {answer.status}"
                    self.answers += 1
                    if self.once or "close" in answer.values("connection"):
                        return
        except Exception as problem:  # noqa: BLE001 (shown by drain)
            self.problem = f"{type(problem).__name__}: {problem} after {self.answers} answers"


def story(directory):
    with World(NETWORKS, NODES) as world:
        smoke = Smoke(world, directory)
        try:
            smoke.start()
            spread = smoke.spread()
            killed, back_s = smoke.kill_under_load()
            changed, change_ms = smoke.change_under_load()
            drained, drain_s = smoke.drain()
        finally:
            smoke.stop()
    return (
        f"smoke held: 20 curls were spread {spread}; {killed} requests and no error while an origin was "
        f"killed, which had traffic again {back_s:.1f} s after its return; {changed} requests and no error "
        f"during 3 changes, effective within {change_ms:.0f} ms; SIGTERM drained {drained} answers in "
        f"{drain_s:.1f} s with exit code 0."
    )
