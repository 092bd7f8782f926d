"""`tcp`: what a proxy takes for connections that it carries whole, without a look into them.

small, 1m: HTTP through 64 and 16 connections that are kept, under wrk. connect: each connection is new,
carries one request, and is closed by the origin. open: what each of thousands of open connections keeps in
memory, and how long new ones take beside them; with and without them in turn."""

import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import contest, cost, http1, report
from bench.contest import SMALL_BODY, Contest
from bench.peers import HOST, Case, build_program
from bench.tcp_peers import PEERS

CASES = [
    Case("small", "/", len(SMALL_BODY), 64),
    Case("1m", "/files/1048576", 1048576, 16),
    Case("connect", "/", len(SMALL_BODY), 64),
    Case("open", "/", len(SMALL_BODY), 16),  # of the new ones at a time
]
KEPT = ("small", "1m")
OPEN_PEERS = ("weir", "haproxy", "nginx", "envoy")
OPEN = 9000


@dataclass
class Connections:
    """The report of bench/connections.cc; a connection is a request."""

    requests: int
    errors: int
    seconds: float
    p50_s: float
    p99_s: float

    @property
    def requests_per_second(self):
        return self.requests / self.seconds


def load_with(program):
    def load(case, port, seconds):
        if case.name in KEPT:
            return http1.load(case, port, seconds)
        options = {
            "port": port,
            "host": HOST,
            "connections": case.connections,
            "seconds": seconds,
            "body": case.body_bytes,
        }
        command = [program, *(text for name, value in options.items() for text in (f"--{name}", str(value)))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=False)
        if done.returncode != 0:
            raise SystemExit(f"port {port}: {done.stderr.strip()}")
        return Connections(**json.loads(done.stdout))

    return load


def plays(case, name):
    """HAProxy's HTTP mode is the best that it has for large bodies, and carries no other connections."""
    return name in OPEN_PEERS if case.name == "open" else name != "haproxy-http" or case.huge


def run_open(on, case, names, options, directory, origin, origin_port, rows):
    """Of each peer two instances: one with connections open, one without. They take turns."""
    for name in names:
        with ExitStack() as stack:
            pair = {}
            for label in (f"{name}-empty", name):
                place = Path(directory) / f"{case.name}-{label}"
                pair[label] = on.start[name](case, place, origin_port)
                stack.callback(pair[label].stop)
                on.check(case, pair[label].port, SMALL_BODY.encode())
                on.load(case, pair[label].port, 1)  # warm-up: what every proxy allocates once is there
            pid = pair[name].process.pid
            before = cost.settled_rss_bytes(pid)
            connections = cost.open_connections(pair[name].port, OPEN)
            for connection in connections:
                stack.enter_context(connection)
            after = cost.settled_rss_bytes(pid)
            each = (after - before) / OPEN
            print(
                f"  {case.name:>9} {name}: {each:.0f} bytes for each of {OPEN} connections "
                f"({before / 1e6:.1f} -> {after / 1e6:.1f} MB)",
                file=sys.stderr,
                flush=True,
            )
            for turn in range(options.rounds):
                for label, running in pair.items():
                    row = {
                        "case": case.name,
                        "round": turn,
                        "proxy": label,
                        "connections": case.connections,
                        **contest.measure(on, case, running, origin, options.seconds),
                    }
                    if label == name:
                        row |= {"open": OPEN, "connection_bytes": each}
                    rows.write(row)
                    report.progress(row)
            for connection in connections[::97]:
                cost.request(connection)


def run(options):
    program = build_program("connections")
    return contest.run(
        Contest(
            "tcp",
            lambda _: CASES,
            list(PEERS),
            load_with(program),
            http1.check,
            start=PEERS,
            plays=plays,
            own_way={"open": run_open},
        ),
        options,
    )
