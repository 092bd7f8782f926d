"""A contest: weir and its peers in turn under the same load, A B C D A B C D. What a bench adds is its cases,
its load and its check of an answer."""

import os
import resource
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable

from bench import machine, report
from bench.peers import PEERS, Running, build_program, run_origin
from lab.process import cpu_time
from lab.weir import BINARY

SMALL_BODY = "weir bench: " + "x" * 118  # 130 bytes


@dataclass(frozen=True)
class Contest:
    name: str
    prepare: Callable  # (directory) -> the cases
    peers: list  # names, in the order in which they take their turns
    load: Callable  # (case, port, seconds) -> requests, errors, seconds, requests_per_second, p50_s, p99_s
    check: Callable  # (case, port, expected body), raises SystemExit when the answer is not right
    start: dict = field(default_factory=lambda: PEERS)  # by name: (case, directory, origin's port) -> Running
    plays: Callable = lambda case, name: True  # whether the peer of that name takes part in the case
    own_way: dict = field(default_factory=dict)  # by name of a case: what runs it in the place of run_case
    judge: Callable | None = None  # (rows) -> whether it held, in the place of the goals of report.py


def own_seconds():
    """CPU of this process and of the children that it has waited for (the load)."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def measure(contest, case, running: Running, origin, seconds):
    pid = running.process.pid
    own, busy = own_seconds(), machine.busy_time()
    proxy_before, origin_before = cpu_time(pid), cpu_time(origin.pid)
    load = contest.load(case, running.port, seconds)
    proxy_s, origin_s = cpu_time(pid) - proxy_before, cpu_time(origin.pid) - origin_before
    busy = machine.busy_time() - busy
    return {
        "requests": load.requests,
        "errors": load.errors,
        "seconds": load.seconds,
        "requests_per_second": load.requests_per_second,
        "cpu_seconds": proxy_s,
        "requests_per_cpu_second": load.requests / proxy_s,
        "bytes_per_cpu_second": load.requests * case.body_bytes / proxy_s,
        "p50_ms": load.p50_s * 1e3,
        "p99_ms": load.p99_s * 1e3,
        "origin_cpu_seconds": origin_s,
        "foreign_cpu_seconds": max(0.0, busy.busy_s - proxy_s - origin_s - (own_seconds() - own)),
        "stolen_cpu_seconds": busy.stolen_s,
    }


def run_case(contest, case, names, options, directory, origin, origin_port, rows):
    expected = SMALL_BODY.encode()
    if case.path != "/":
        expected = (Path(directory) / "files" / case.path.rpartition("/")[2]).read_bytes()
    with ExitStack() as stack:
        proxies = {}
        for name in names:
            proxies[name] = contest.start[name](case, Path(directory) / f"{case.name}-{name}", origin_port)
            stack.callback(proxies[name].stop)
        for running in proxies.values():
            contest.check(case, running.port, expected)
            contest.load(case, running.port, 1)  # warm-up
        for turn in range(options.rounds):
            for name, running in proxies.items():
                row = {
                    "case": case.name,
                    "round": turn,
                    "proxy": name,
                    "connections": case.connections,
                    **measure(contest, case, running, origin, options.seconds),
                }
                rows.write(row)
                report.progress(row)
        for running in proxies.values():
            contest.check(case, running.port, expected)


def selected(peers, only):
    """`forwarder` stands for both of its backends; weir is left out, with a word, when it is not built."""
    names = [name for name in peers if not only or name in only or name.partition("-")[0] in only]
    if "weir" in names and not BINARY.exists():
        print(f"weir is left out: {BINARY} does not exist (./dev build)")
        names.remove("weir")
    return names


def run(contest, options):
    names = selected(contest.peers, options.only)
    if any(name.startswith("forwarder") for name in names):
        build_program("forwarder", "-luring")
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    os.environ.pop("http_proxy", None)
    rows = report.Rows(contest.name, machine.facts())
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as directory:
        os.chmod(directory, 0o755)
        origin, origin_port = run_origin(directory, SMALL_BODY)
        with origin:
            for case in contest.prepare(directory):
                if not options.case or case.name in options.case:
                    case = replace(case, connections=options.connections or case.connections)
                    playing = [name for name in names if contest.plays(case, name)]
                    run_one = contest.own_way.get(case.name, run_case)
                    run_one(contest, case, playing, options, directory, origin, origin_port, rows)
    return contest.judge(rows) if contest.judge else report.contest(rows, contest.name)
