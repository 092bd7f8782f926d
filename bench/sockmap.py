"""`sockmap`: whether connections that the kernel carries by itself (sockmap.cc) cost the machine less than
those that a process carries. Kernel workers send on what was redirected, so that the process alone says
nothing: what counts is all that the load makes the machine do.

Before that, of each: how much of what an origin sends it takes for a client that takes nothing.

The processor's time is summed up thread by thread (schedstat, in nanoseconds): proxy, load, origin, and the
kernel's workers and soft-interrupt threads. Unlike the busy time of /proc/stat it leaves out who else uses
the machine; soft interrupts on loopback run in the thread that sends, and are in its time."""

import contextlib
import itertools
import os
import socket
import statistics
import tempfile
from pathlib import Path

from bench import contest, http1, machine, report, tcp
from bench.contest import SMALL_BODY, Contest
from bench.peers import PROGRAMS, Running, build_program, run_forwarder, run_forwarder_uring
from bench.tcp_peers import run_weir
from lab.process import Process, cpu_time, free_port, wait_listening, wait_until
from lab.tcp import Server

GAIN_WANTED = 1.10  # of the whole machine, for a way of its own through weir
UNTAKEN_BYTES_MAX = 256 << 20
STALLED_S = 2
MUCH = b"much"
KERNEL_THREADS = ("kworker/", "ksoftirqd/")
KEPT = [case for case in tcp.CASES if case.name in tcp.KEPT]
RATIOS = {"machine": "requests_per_machine_second", "process": "requests_per_cpu_second"}
RIVALS = ("splice", "forwarder-uring", "weir")


def run_sockmap(case, directory, origin_port):
    port = free_port()
    process = Process(
        [PROGRAMS / "sockmap", "--listen", port, "--upstream", origin_port], directory / "sockmap.log"
    )
    wait_listening(process, port)
    return Running(process, port, process.stop)


def run_splice(case, directory, origin_port):
    return run_forwarder(case, directory, origin_port, "--backend", "epoll", "--splice")


PEERS = {
    "weir": run_weir,
    "splice": run_splice,
    "forwarder-uring": run_forwarder_uring,
    "sockmap": run_sockmap,
}


class Sender:
    """An origin that answers a request; who asks for much is sent UNTAKEN_BYTES_MAX, or what is taken until
    STALLED_S have passed without a byte."""

    def __init__(self):
        self.sent = 0
        self.over = False

    def __call__(self, connection, _server):
        asked = connection.recv(4096)
        if asked.startswith(b"GET"):
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(SMALL_BODY)}\r\nConnection: close\r\n\r\n"
            connection.sendall((head + SMALL_BODY).encode())
        elif asked == MUCH:
            connection.settimeout(STALLED_S)
            with contextlib.suppress(OSError):
                while self.sent < UNTAKEN_BYTES_MAX:
                    self.sent += connection.send(b"x" * 65536)
            self.over = True


def untaken_bytes(name, directory):
    """Held by the proxy, the kernel beneath it, and the buffers of client and origin, for one client."""
    sender = Sender()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server(sender))
        running = PEERS[name](KEPT[0], Path(directory) / f"untaken-{name}", server.port)
        stack.callback(running.stop)
        client = stack.enter_context(socket.socket())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", running.port))
        client.sendall(MUCH)
        wait_until(lambda: sender.over, 60, "the origin stalled, or done")
    return sender.sent


def show_untaken(names):
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as directory:
        for name in names:
            taken = untaken_bytes(name, directory)
            least = "at least " if taken >= UNTAKEN_BYTES_MAX else ""
            print(f"{name}: {least}{taken / 2**20:.1f} MiB held for a client that takes nothing", flush=True)


def kernel_threads():
    """{pid: nanoseconds of processor} of those that work for everybody."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "comm").read_text().startswith(KERNEL_THREADS):
                found[entry.name] = int((entry / "schedstat").read_text().split()[0])
    return found


def measure(on, case, running, origin, seconds):
    """contest.measure, with what the rest of the machine did for it."""
    pid = running.process.pid
    threads, own = kernel_threads(), contest.own_seconds()
    proxy, there, busy = cpu_time(pid), cpu_time(origin.pid), machine.busy_time()
    load = on.load(case, running.port, seconds)
    proxy_s, origin_s = cpu_time(pid) - proxy, cpu_time(origin.pid) - there
    busy_s = (machine.busy_time() - busy).busy_s
    load_s = contest.own_seconds() - own
    kernel_s = sum(now - threads.get(name, 0) for name, now in kernel_threads().items()) / 1e9
    machine_s = proxy_s + origin_s + load_s + kernel_s
    return {
        "requests": load.requests,
        "errors": load.errors,
        "seconds": load.seconds,
        "requests_per_second": load.requests_per_second,
        "p99_ms": load.p99_s * 1e3,
        "cpu_seconds": proxy_s,
        "kernel_cpu_seconds": kernel_s,
        "origin_cpu_seconds": origin_s,
        "load_cpu_seconds": load_s,
        "machine_cpu_seconds": machine_s,
        "requests_per_cpu_second": load.requests / proxy_s if proxy_s else 0.0,
        "requests_per_machine_second": load.requests / machine_s,
        "foreign_cpu_seconds": max(0.0, busy_s - machine_s),
    }


def run_whole(on, case, names, options, directory, origin, origin_port, rows):
    expected = SMALL_BODY.encode()
    if case.path != "/":
        expected = (Path(directory) / "files" / case.path.rpartition("/")[2]).read_bytes()
    with contextlib.ExitStack() as stack:
        running = {}
        for name in names:
            running[name] = on.start[name](case, Path(directory) / f"{case.name}-{name}", origin_port)
            stack.callback(running[name].stop)
            on.check(case, running[name].port, expected)
            on.load(case, running[name].port, 1)  # warm-up
        for turn in range(options.rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                row = {"case": case.name, "round": turn, "proxy": name, "connections": case.connections}
                rows.write(row | measure(on, case, running[name], origin, options.seconds))
                report.progress(rows.rows[-1])
        for name in names:
            on.check(case, running[name].port, expected)


MEDIANS = ("p99_ms", "requests_per_second")
COLUMNS = {
    "machine": "machine_cpu_seconds",
    "proxy": "cpu_seconds",
    "workers": "kernel_cpu_seconds",
    "origin": "origin_cpu_seconds",
    "load": "load_cpu_seconds",
}


def table(rows, cases, names):
    """Microseconds of processor for a request: medians of the rounds."""
    heading = "".join(f"{name:>10}" for name in (*COLUMNS, "p99 ms", "req/s"))
    print(f"\n{'us per request':<24}{heading}")
    for case in cases:
        for name in names:
            good = [row for row in rows.of(case, name) if row["errors"] == 0]
            if not good:
                continue
            cells = [
                statistics.median(row[figure] / row["requests"] * 1e6 for row in good)
                for figure in COLUMNS.values()
            ]
            cells += [statistics.median(row[figure] for row in good) for figure in MEDIANS]
            print(f"{case:<8}{name:<16}" + "".join(f"{cell:>10.2f}" for cell in cells))


def verdict(rows, cases):
    """True when the trial was without errors; whether it gained is said."""
    print()
    held = report.invalid_rows(rows)
    for case, rival, (what, figure) in itertools.product(cases, RIVALS, RATIOS.items()):
        _, ratios = report.ratio(rows, case, figure, (rival,), proxy="sockmap")
        if ratios:
            spread = report.spread(ratios, 1, "{:.2f}")
            print(f"NOTE  {case}: sockmap, requests per CPU-second of the {what}: {spread} of {rival}")
    print(f"A way of its own needs {GAIN_WANTED} of the machine in one case, and no loss in the other.")
    return held


def run(options):
    if os.geteuid() != 0:
        raise SystemExit("bench: sockmap needs CAP_BPF and CAP_NET_ADMIN: run it as root")
    build_program("sockmap")
    build_program("forwarder", "-luring")
    show_untaken(contest.selected(list(PEERS), options.only))
    on = Contest(
        "sockmap",
        lambda _: KEPT,
        list(PEERS),
        http1.load,
        http1.check,
        start=PEERS,
        own_way={case.name: run_whole for case in KEPT},
        judge=judged,
    )
    return contest.run(on, options)


def judged(rows):
    cases = list(dict.fromkeys(row["case"] for row in rows.rows))
    table(rows, cases, PEERS)
    return verdict(rows, cases)
