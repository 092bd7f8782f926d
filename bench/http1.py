"""`http1`: requests (and bytes) per CPU-second of the proxy process, weir and its peers in turn, A B C D A
B C D."""

import http.client
import os
import resource
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

from bench import machine, report
from bench.peers import HOST, PEERS, Case, build_forwarder, run_origin
from lab import wrk
from lab.process import cpu_time
from lab.weir import BINARY

SMALL_BODY = "weir bench: " + "x" * 118  # 130 bytes

CASES = [
    Case("small", "/", len(SMALL_BODY), 64),
    Case("small-256", "/", len(SMALL_BODY), 256),
    Case("16k", "/files/16384", 16384, 64),
    Case("1m", "/files/1048576", 1048576, 16),
]


def check(port, case, expected):
    """Three requests on one connection: right status, length and body, and the connection is kept."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        for _ in range(3):
            connection.request("GET", case.path, headers={"Host": HOST})
            socket_before = connection.sock
            response = connection.getresponse()
            body = response.read()
            if (
                response.status != 200
                or body != expected
                or int(response.headers["Content-Length"]) != len(expected)
            ):
                raise SystemExit(
                    f"port {port}: wrong answer to {case.path}: {response.status}, {len(body)} bytes"
                )
            if connection.sock is not socket_before:
                raise SystemExit(f"port {port}: the connection was not kept")


def own_seconds():
    """CPU of this process and of the children that it has waited for (wrk)."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def measure(case, running, origin, seconds):
    url = f"http://127.0.0.1:{running.port}{case.path}"
    pid = running.process.pid
    own, busy = own_seconds(), machine.busy_time()
    proxy_before, origin_before = cpu_time(pid), cpu_time(origin.pid)
    load = wrk.run(url, seconds, case.connections, host=HOST)
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


def run_case(case, names, options, directory, origin, origin_port, rows):
    expected = SMALL_BODY.encode()
    if case.path != "/":
        expected = (Path(directory) / "files" / case.path.rpartition("/")[2]).read_bytes()
    with ExitStack() as stack:
        proxies = {}
        for name in names:
            proxies[name] = PEERS[name](case, Path(directory) / f"{case.name}-{name}", origin_port)
            stack.callback(proxies[name].stop)
        for running in proxies.values():
            check(running.port, case, expected)
            wrk.run(f"http://127.0.0.1:{running.port}{case.path}", 1, case.connections, host=HOST)  # warm-up
        for turn in range(options.rounds):
            for name, running in proxies.items():
                row = {
                    "case": case.name,
                    "round": turn,
                    "proxy": name,
                    "connections": case.connections,
                    **measure(case, running, origin, options.seconds),
                }
                rows.write(row)
                report.progress(row)
        for running in proxies.values():
            check(running.port, case, expected)


def selected(only):
    """`forwarder` stands for both of its backends; weir is left out, with a word, when it is not built."""
    names = [name for name in PEERS if not only or name in only or name.partition("-")[0] in only]
    if "weir" in names and not BINARY.exists():
        print(f"weir is left out: {BINARY} does not exist (./dev build)")
        names.remove("weir")
    return names


def run(options):
    names = selected(options.only)
    cases = [
        Case(c.name, c.path, c.body_bytes, options.connections or c.connections)
        for c in CASES
        if not options.case or c.name in options.case
    ]
    if any(name.startswith("forwarder") for name in names):
        build_forwarder()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    os.environ.pop("http_proxy", None)
    rows = report.Rows("http1", machine.facts())
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as directory:
        os.chmod(directory, 0o755)
        origin, origin_port = run_origin(directory, SMALL_BODY)
        with origin:
            for case in cases:
                run_case(case, names, options, directory, origin, origin_port, rows)
    return report.http1(rows)
