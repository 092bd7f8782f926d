"""attacks: an edge on the open internet, one attacker after the other, and a client that does nobody harm,
by HTTP and through a listener of TCP.

Each attack comes from outside, over the wire, on the real binary with one worker, so that attacker and client
meet on the same core of weir's. It must end (or be held within bounds), weir's memory must stay bounded, and
the client's p99 within twice what it was (or a floor, below which it waits for the worker's turns).

What is measured is what weir does to its client, not what a processor does that all of them share: weir has
the machine's first core for itself. The client, the origins and the attackers share the others, and
attackers, with the origin of what they ask for, get what is left there. What comes of that all the same is
seen at the client's third place: the origin itself, past weir. Where there is one core only, the report
says so."""

import contextlib
import json
import os
import time
from pathlib import Path

from lab import attackers, nginx, tcp_attackers, weir
from lab.process import ROOT, Process, accepts, descriptors_max, status_kib, wait_listening, wait_until
from lab.tcp import tcp_balancer, tcp_service
from lab.world import Network, Node, World

HOST = "web.weir.localhost"
HTTP_PORT, API_PORT, HTTPS_PORT, ORIGIN_PORT, ECHO_PORT, BIG_PORT = 8080, 8480, 8443, 9001, 9002, 9003
IDLE_PORT, LIVE_PORT = 8901, 8902  # listeners of TCP; see tcp_attackers.py
SECONDS = 3.0  # of one attack
CALM_SECONDS = 4.0
FACTOR_MAX = 2.0  # what an attack may make of the calm p99
FLOOR_S = 0.002  # of what is allowed: a flood has half of weir's core, and 1 ms of what it sends is one turn
GROWTH_KIB_MAX = 96 << 10  # of resident memory while an attack goes on; 200 connections may each hold some
DESCRIPTORS = 5000  # the holders together take 3,700 of them
BIG_BYTES = 8 << 20
TCP_HELD_S = 15  # more than the deadlines of those listeners together
PAST_WEIR = "2"  # the client's third place
SAMPLES_MIN = 50  # in one attack: a client that is not served at all has no p99
TRIES = 3  # a neighbour on the machine is no attacker

NETWORKS = [Network("lan")]
NODES = [
    Node("client", {"lan": "10.78.0.10"}),
    Node("attacker", {"lan": "10.78.0.66"}),
    Node("edge", {"lan": "10.78.0.1"}),
    Node("origin", {"lan": "10.78.0.21"}),
]


def p99(samples):
    return sorted(samples)[int(len(samples) * 0.99)]


def cpu_s(pid):
    """That the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Cores:
    """Who runs where: weir on the first core that there is, this process and its children on the others."""

    def __init__(self):
        first, *others = sorted(os.sched_getaffinity(0))
        self.apart = bool(others)
        if self.apart:
            os.sched_setaffinity(0, others)
        self.ahead = False
        with contextlib.suppress(PermissionError):  # of neighbours on the machine, for root
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
            self.ahead = True

        # Prefixes of children; real attackers have processors of their own, these get what is left.
        self.weirs = ("taskset", "--cpu-list", str(first), *descriptors_max(DESCRIPTORS))
        self.attackers = ("chrt", "--other" if self.ahead else "--idle", "0")


HOLD = {attack.__name__ for attack in (*attackers.HOLD, *tcp_attackers.HOLD, *tcp_attackers.LAST)}
CROWDS = {attackers.many_connections.__name__} | {attack.__name__ for attack in tcp_attackers.CROWDS}


def carried(address, big):
    """Load balancers of TCP, each with a way of its own to be rid of those who do nothing."""
    idle = {"protocol": "TCP", "port": IDLE_PORT, "connections_per_source_max": tcp_attackers.SOURCE_MAX}
    live = {"protocol": "TCP", "port": LIVE_PORT, "tcp": {"keepalive": "1s", "user_timeout": "4s"}}
    return [
        tcp_service("carried", address),
        tcp_service("carried-big", big),
        tcp_balancer("idle", idle, to="carried", stream_idle_timeout="5s"),
        tcp_balancer("live", live, to="carried-big"),
    ]


class Attacks:
    def __init__(self, world, directory):
        self.world, self.directory = world, directory
        self.cores = Cores()
        edge = world["edge"]
        self.weir = weir.Weir(
            directory / "weir", address=edge.address, prefix=edge.prefix, ports=(HTTP_PORT, API_PORT)
        )
        self.weir.flags[self.weir.flags.index("--https") + 1] = f"{edge.address}:{HTTPS_PORT}"
        self.latencies = directory / "bystander.txt"
        self.processes, self.rows, self.holding = [], [], []
        self.calm = []

    # --- the parts

    def origin(self, name, port, prefix=()):
        place, directory = self.world["origin"], self.directory / name
        directory.mkdir()
        (directory / "big").write_bytes(b"b" * BIG_BYTES)
        directory.chmod(0o755)
        process = nginx.start(
            directory,
            f"""  server {{
    listen {place.address}:{port} backlog=4096;
    location / {{ return 200 "origin"; }}
    location /big {{ alias {directory}/big; }}
  }}""",
            prefix=[*place.prefix, *prefix],
        )
        self.processes.append(process)
        with place.inside():
            wait_listening(process, port, place.address)

    def start(self):
        place = self.world["origin"]
        self.origin("origin", ORIGIN_PORT)
        self.origin("attackers-origin", BIG_PORT, self.cores.attackers)
        echo = Process(
            ["python3", ROOT / "lab/echo_origin.py", place.address, ECHO_PORT],
            self.directory / "echo.log",
            prefix=place.prefix,
        )
        self.processes.append(echo)
        with place.inside():
            wait_listening(echo, ECHO_PORT, place.address)
        balancer = weir.load_balancer("web", [HOST], {"/": "web", "/big": "big", "/echo": "echo"})
        balancer["spec"]["listeners"][0]["h2c"] = True
        balancer["spec"]["listeners"].append({"protocol": "HTTPS", "hostnames": [HOST]})
        with self.world["edge"].inside():
            self.weir.start(prefix=self.cores.weirs)
            self.weir.apply(
                weir.service("web", [f"{place.address}:{ORIGIN_PORT}"]),
                weir.service("big", [f"{place.address}:{BIG_PORT}"]),
                weir.service("echo", [f"{place.address}:{ECHO_PORT}"]),
                balancer,
                *carried(f"{place.address}:{ORIGIN_PORT}", f"{place.address}:{BIG_PORT}"),
            )
            self.weir.wait_serving()
            for port in (IDLE_PORT, LIVE_PORT):
                wait_until(lambda port=port: accepts(port, self.weir.address), 5, f"port {port} open")
        through = [f"{self.weir.address}:{port}" for port in (HTTP_PORT, IDLE_PORT)]
        places = ",".join([*through, f"{place.address}:{ORIGIN_PORT}"])
        self.processes.append(
            Process(
                ["python3", ROOT / "lab/bystander.py", places, HOST, self.latencies],
                self.directory / "bystander.log",
                prefix=self.world["client"].prefix,
            )
        )
        wait_until(lambda: self.latencies.exists() and self.samples(0), 5, "the bystander at work")

    def attacker(self, name):
        tcp = name.startswith("tcp_")
        ports = (IDLE_PORT, LIVE_PORT) if tcp else (HTTP_PORT, HTTPS_PORT)
        program = "lab/tcp_attackers.py" if tcp else "lab/attackers.py"
        process = Process(
            ["python3", ROOT / program, name, self.weir.address, *ports, HOST, SECONDS],
            self.directory / f"{name}-{len(self.processes)}.log",
            prefix=[*self.world["attacker"].prefix, *self.cores.attackers],
        )
        self.processes.append(process)
        return process

    def samples(self, since, until=float("inf"), past=False):
        """Latencies of the answers between two instants, through weir or past it; one that is no 200 counts
        as for ever."""
        found = []
        for line in self.latencies.read_text().splitlines():
            parts = line.split()
            if len(parts) == 4 and since <= float(parts[0]) <= until and (parts[3] == PAST_WEIR) == past:
                found.append(float(parts[1]) if parts[2] == "200" else float("inf"))
        return found

    def pass_time(self, seconds):
        """The length of a measurement; the most memory that weir held meanwhile."""
        end, most = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            assert self.weir.process.running(), f"weir ended: {self.weir.process.popen.returncode}"
            most = max(most, status_kib(self.weir.pid, "VmRSS"))
            time.sleep(0.05)
        return most

    def rest(self, seconds):
        began = time.monotonic()
        self.pass_time(seconds)
        self.calm = self.samples(began + 0.3, time.monotonic())

    # --- one attack

    def endure(self, name):
        for attempt in range(TRIES):
            before_kib = status_kib(self.weir.pid, "VmRSS")
            process = self.attacker(name)
            if name in HOLD | CROWDS:
                wait_until(lambda: "held" in process.log(), 30, f"{name} holding")
            began, used_s = time.monotonic(), cpu_s(self.weir.pid)
            most = self.pass_time(SECONDS)
            used_s = cpu_s(self.weir.pid) - used_s
            now = time.monotonic()
            during, past = self.samples(began, now), self.samples(began, now, past=True)
            report = self.finish(name, process)
            growth = most - before_kib
            enough = min(len(during), len(past)) >= SAMPLES_MIN
            limit = max(FACTOR_MAX * p99(self.calm), FACTOR_MAX * p99(past or [0]), FLOOR_S)
            good = enough and p99(during) <= limit
            if good or attempt == TRIES - 1:
                break
            print(f"{name}: p99 {p99(during or [0]) * 1e3:.2f} ms, once more after a rest", flush=True)
            if name in HOLD:
                self.let_go()
            self.rest(CALM_SECONDS)
        reached = p99(during) * 1e3 if during else float("inf")
        row = [name, p99(self.calm) * 1e3, reached, used_s / SECONDS, growth / 1024, report]
        self.rows.append(row)
        self.print_row(row)
        assert good, (
            f"{name}: the client's p99 went from {row[1]:.2f} to {row[2]:.2f} ms ({len(during)} answers); "
            f"{limit * 1e3:.2f} ms is allowed"
        )
        assert growth <= GROWTH_KIB_MAX, f"{name}: weir grew by {growth >> 10} MiB"

    def finish(self, name, process):
        """What became of it. Holders go on while the next ones come, and are looked at in the end."""
        if name in HOLD:
            self.holding.append((name, process))
            return None
        assert process.wait(15) == 0, f"{name} failed: {process.log()[-2000:]}"
        report = json.loads(process.log().splitlines()[-1])
        last = 1  # is cut short by the clock
        assert report["connections"] - report["ended"] <= last, f"{name} was let be: {report}"
        return report

    def let_go(self):
        """The last one that holds, which comes once more: else its own connections would take descriptors
        that there are for one of each kind, and those that come would wait for weir to accept them."""
        _, process = self.holding.pop()
        process.kill()

    def holders_end(self):
        for name, process in self.holding:
            assert process.wait(60) == 0, f"{name} failed: {process.log()[-2000:]}"
            report = json.loads(process.log().splitlines()[-1])
            row = next(row for row in self.rows if row[0] == name)
            row[5] = report
            assert report["ended"] == report["connections"], f"{name} was let be: {report}"
        self.holding = []

    def carried_end(self):
        """Whoever came to a listener of TCP has gone, those who vanished as well; the client is there."""
        with self.world["edge"].inside():
            wait_until(
                lambda: self.weir.metrics()["weir_tcp_connections"] == 1,
                TCP_HELD_S,
                "the end of all connections of TCP but one",
            )
            refused = self.weir.metrics()["weir_tcp_connections_refused_total"]
        beyond = tcp_attackers.SILENT - tcp_attackers.SOURCE_MAX
        assert refused >= beyond, f"{refused} connections were refused: {beyond} were beyond the limit"

    @staticmethod
    def print_row(row):
        name, calm, during, busy, growth, report = row
        ended = f"{report['ended']}/{report['connections']}" if report else "held"
        sent = report["sent"] if report else ""
        latency = f"{calm:9.2f} {during:10.2f} {during / calm:5.1f}x"
        print(f"{name:22} {latency} {busy:7.0%} {growth:8.1f} {ended:>12}  {sent}", flush=True)

    def run(self):
        print(f"{'attack':22} {'calm p99':>9} {'p99 in ms':>10} {'CPU':>14} {'+MiB':>8} {'ended':>12}")
        self.rest(CALM_SECONDS)
        for attack in (*attackers.HOLD, *attackers.FLOODS):
            self.endure(attack.__name__)
        self.holders_end()
        self.rest(CALM_SECONDS)
        for attack in tcp_attackers.ALL:
            self.endure(attack.__name__)
        self.holders_end()
        self.carried_end()
        self.rest(CALM_SECONDS)
        self.endure("many_connections")
        with self.world["client"].inside():
            self.weir.wait_serving()
        print("after all:")
        for row in self.rows:
            self.print_row(row)

    def stop(self):
        for process in reversed(self.processes):
            process.kill()
        return self.weir.stop() if self.weir.process else None


def story(directory):
    with World(NETWORKS, NODES) as world:
        attacks = Attacks(world, directory)
        try:
            attacks.start()
            attacks.run()
        finally:
            code = attacks.stop()
        assert code == 0, f"weir exited with {code}"
    worst = max(attacks.rows, key=lambda row: row[2])
    grown = max(attacks.rows, key=lambda row: row[4])
    where = "a core of its own" if attacks.cores.apart else "one core with all others, which says little"
    return (
        f"attacks held: {len(attacks.rows)} of them, each ended or bounded; another client's p99 was "
        f"{worst[1]:.2f} ms and at most {worst[2]:.2f} ms ({worst[0]}), with weir on {where}; it grew "
        f"by at most {grown[4]:.0f} MiB ({grown[0]})."
    )
