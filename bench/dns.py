"""`dns`: answers by UDP per CPU-second of a name server, under dnsperf.

static: a thousand names that a zone has. edns: the same, asked with EDNS. steered: a thousand names of weir's
with a policy each, following the health of Services, beside PowerDNS's with a Lua record each and the static
zone of Knot. geo: the same with answers by place."""

import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import contest, coredns, dns_peers, machine, powerdns, report
from bench.contest import Contest
from bench.dns_peers import COUNT, ZONE, label, wait_answering
from bench.peers import Case, build_program
from lab.process import cpu_time

CLIENTS = 8  # of dnsperf
CASES = [Case(name, "/", 0, CLIENTS) for name in ("static", "edns", "steered", "geo")]
# Queries of all clients together. From 200 on some overflow the receive buffer that a socket has by default,
# and a row with one lost is invalid.
OUTSTANDING = 100
FLOOR = "responder"
PEERS = {**dns_peers.PEERS, **powerdns.PEERS, **coredns.PEERS}


@dataclass(frozen=True)
class Load:
    requests: int  # that were answered
    errors: int  # not answered, or with another code than NOERROR
    seconds: float
    mean_s: float
    max_s: float


def parse(text):
    """The report of dnsperf; raises ValueError when a line that must be there is not."""

    def figure(pattern):
        found = re.search(rf"^  {pattern}", text, re.M)
        if not found:
            raise ValueError(f"dnsperf's output is not a report:\n{text}")
        return found.groups()

    sent, completed = (int(figure(rf"Queries {what}: +(\d+)")[0]) for what in ("sent", "completed"))
    mean, most = figure(r"Average Latency \(s\): +([\d.]+) \(min [\d.]+, max ([\d.]+)\)")
    good = re.search(r"^  Response codes: .*?NOERROR (\d+)", text, re.M)
    return Load(
        requests=completed,
        errors=sent - (int(good[1]) if good else 0),
        seconds=float(figure(r"Run time \(s\): +([\d.]+)")[0]),
        mean_s=float(mean),
        max_s=float(most),
    )


def load(names, case, port, seconds):
    command = ["dnsperf", "-f", "inet", "-s", "127.0.0.1", "-p", port, "-d", names, "-l", seconds, "-T", 1]
    command += ["-c", case.connections, "-q", OUTSTANDING, *(["-e"] if case.name == "edns" else [])]
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=seconds + 30, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"port {port}: dnsperf failed: {done.stdout}{done.stderr}")
    return parse(done.stdout)


def measure(on, case, running, seconds):
    pid = running.process.pid
    own, busy, before = contest.own_seconds(), machine.busy_time(), cpu_time(pid)
    done = on.load(case, running.port, seconds)
    used_s, busy = cpu_time(pid) - before, machine.busy_time() - busy
    load_s = contest.own_seconds() - own
    return {
        "requests": done.requests,
        "errors": done.errors,
        "seconds": done.seconds,
        "requests_per_second": done.requests / done.seconds,
        "cpu_seconds": used_s,
        "requests_per_cpu_second": done.requests / used_s,
        "mean_ms": done.mean_s * 1e3,
        "max_ms": done.max_s * 1e3,
        "load_cpu_seconds": load_s,
        "foreign_cpu_seconds": max(0.0, busy.busy_s - used_s - load_s),
        "stolen_cpu_seconds": busy.stolen_s,
    }


def progress(row):
    print(
        f"  {row['case']:>9} round {row['round'] + 1} {row['proxy']:<16}"
        f" {row['requests_per_cpu_second']:9.0f} answers/cpu-s  {row['requests_per_second']:8.0f} answers/s"
        f"  mean {row['mean_ms']:5.2f} ms  errors {row['errors']}  others {row['foreign_cpu_seconds']:.2f} s",
        file=sys.stderr,
        flush=True,
    )


def run_case(on, case, names, options, directory, _origin, origin_port, rows):
    """contest.run_case, where every name is asked for before the load and after it."""
    with ExitStack() as stack:
        servers = {}
        for name in names:
            servers[name] = on.start[name](case, Path(directory) / f"{case.name}-{name}", origin_port)
            stack.callback(servers[name].stop)
        for name, running in servers.items():
            on.check(case, name, running)
            on.load(case, running.port, 1)  # warm-up
        for turn in range(options.rounds):
            for name, running in servers.items():
                row = {"case": case.name, "round": turn, "proxy": name, "connections": case.connections}
                rows.write(row | {"outstanding": OUTSTANDING} | measure(on, case, running, options.seconds))
                progress(rows.rows[-1])
        for name, running in servers.items():
            on.check(case, name, running)


COLUMNS = [  # heading, figure, divisor, form
    ("k answers/cpu-s", "requests_per_cpu_second", 1e3, "{:.1f}"),
    ("k answers/s", "requests_per_second", 1e3, "{:.1f}"),
    ("mean ms", "mean_ms", 1, "{:.2f}"),
    ("max ms", "max_ms", 1, "{:.1f}"),
]


def judge(rows):
    report.table(rows, COLUMNS)
    print()
    held = report.invalid_rows(rows)
    for wanted in report.GOALS["dns"]:
        held &= report.goal(rows, wanted)
    for case in dict.fromkeys(row["case"] for row in rows.rows):
        _, ratios = report.ratio(rows, case, "requests_per_cpu_second", (FLOOR,))
        if ratios:
            print(f"NOTE  {case}: requests per cpu second {report.spread(ratios, 1, '{:.2f}')} of {FLOOR}")
    print(f"rows: {rows.path.relative_to(report.ROOT)}")
    return held


def plays(case, name):
    """Whether it is here and has something to say: static answers stand beside what is steered only for
    Knot, by which weir's are judged, and for the floor."""
    steered = case.name in ("steered", "geo")
    if name == "named":
        return not steered and shutil.which("named") is not None
    if name in powerdns.PEERS:
        return powerdns.present()
    if name in coredns.PEERS:
        return not steered and coredns.PROGRAM.exists()
    # It copies what comes: EDNS would come back as part of the question.
    return case.name != "edns" or name != FLOOR


def run(options):
    for name, there in (("powerdns", powerdns.present()), ("coredns", coredns.PROGRAM.exists())):
        if not there:
            print(f"{name} is left out: it is not here (./dev setup bench)")
    build_program("responder")
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as directory:
        names = Path(directory) / "names"
        names.write_text("".join(f"{label(i)}.{ZONE} A\n" for i in range(COUNT)))
        on = Contest(
            "dns",
            lambda _: CASES,
            list(PEERS),
            partial(load, names),
            wait_answering,
            start=PEERS,
            plays=plays,
            own_way={case.name: run_case for case in CASES},
            judge=judge,
        )
        return contest.run(on, options)
