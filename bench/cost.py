"""What weir costs beside throughput: memory of an idle connection, time to the first request, size of the
binary."""

import os
import resource
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench import machine, report
from bench.contest import SMALL_BODY, selected
from bench.peers import HOST, PEERS, Case, run_origin
from lab import weir
from lab.process import free_port, wait_until
from lab.weir import BINARY

CONNECTION_BYTES_MAX = 4096
START_MS_MAX = 300.0
BINARY_BYTES_MAX = 30e6
REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
HAPROXY_CONNECTIONS_MAX = 9800  # it reserves two descriptors each, and 20,000 is a common hard limit
SETTLED_BYTES = 64 * 1024  # RSS that still moves by less than this between two looks has settled


def rss_bytes(pid):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise KeyError("Rss")


def settled_rss_bytes(pid):
    last = -SETTLED_BYTES

    def settled():
        nonlocal last
        previous, last = last, rss_bytes(pid)
        return abs(last - previous) < SETTLED_BYTES

    wait_until(settled, 20, "settled RSS", interval_s=0.5)
    return last


def request(connection):
    connection.sendall(REQUEST)
    answer = b""
    while not answer.endswith(SMALL_BODY.encode()):
        got = connection.recv(65536)
        if not got:
            raise SystemExit("bench: the proxy closed an idle connection")
        answer += got


def open_connections(port, count):
    """Each from one of 64 loopback addresses, so that source ports never run short; each has made one
    request."""
    connections = []
    for i in range(count):
        connection = socket.socket()
        connection.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        connection.bind((f"127.0.1.{i % 64 + 1}", 0))
        connection.settimeout(10)
        connection.connect(("127.0.0.1", port))
        request(connection)
        connections.append(connection)
    return connections


def memory_of(name, count, directory, origin_port):
    count = min(count, HAPROXY_CONNECTIONS_MAX) if name == "haproxy" else count
    running = PEERS[name](Case("memory", "/", len(SMALL_BODY), count), Path(directory) / name, origin_port)
    with ExitStack() as stack:
        stack.callback(running.stop)
        # What every proxy allocates once (pools, page tables, code pages) is there before the first look.
        for connection in open_connections(running.port, 64):
            stack.enter_context(connection)
        before = settled_rss_bytes(running.process.pid)
        connections = open_connections(running.port, count)
        for connection in connections:
            stack.enter_context(connection)
        after = settled_rss_bytes(running.process.pid)
        for connection in connections[::97]:
            request(connection)
    return {
        "case": "memory",
        "proxy": name,
        "connections": count,
        "rss_before_bytes": before,
        "rss_after_bytes": after,
        "connection_bytes": (after - before) / count,
        "errors": 0,
    }


def memory(options):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    if limit < options.connections + 500:
        raise SystemExit(
            f"bench: {options.connections} connections need more than the {limit} open files allowed"
        )
    rows = report.Rows("memory", machine.facts())
    held = True
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as directory:
        os.chmod(directory, 0o755)
        origin, origin_port = run_origin(directory, SMALL_BODY)
        with origin:
            for name in selected(["weir", "haproxy", "nginx"], options.only):
                row = memory_of(name, options.connections, directory, origin_port)
                rows.write(row)
                text = (
                    f"{name}: {row['connection_bytes']:.0f} bytes for each of {row['connections']} idle "
                    f"connections "
                    f"({row['rss_before_bytes'] / 1e6:.1f} -> {row['rss_after_bytes'] / 1e6:.1f} MB)"
                )
                if name == "weir":
                    held &= report.line(
                        row["connection_bytes"] <= CONNECTION_BYTES_MAX,
                        f"{text}, wanted at most {CONNECTION_BYTES_MAX}",
                    )
                else:
                    print(f"      {text}")
    return held


def first_request_ms(edge):
    """From before fork to the whole answer of the first request that was proxied."""
    begin = time.monotonic()
    edge.start(wait=False)
    while True:
        if time.monotonic() - begin > 20 or not edge.process.running():
            raise SystemExit(f"bench: weir did not serve:\n{edge.process.log()[-2000:]}")
        try:
            with socket.create_connection(("127.0.0.1", edge.http_port), timeout=5) as connection:
                connection.sendall(REQUEST)
                if connection.recv(65536).startswith(b"HTTP/1.1 200"):
                    return (time.monotonic() - begin) * 1e3
        except OSError:
            pass
        time.sleep(0.001)


def start(options):
    """With a data directory that holds the configuration, health check included."""
    rows = report.Rows("start", machine.facts())
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as directory:
        os.chmod(directory, 0o755)
        origin, origin_port = run_origin(directory, SMALL_BODY)
        with origin:
            edge = weir.Weir(Path(directory) / "weir", ports=(free_port(), free_port()))
            with edge.start():
                edge.apply(
                    weir.service(
                        "web",
                        [f"127.0.0.1:{origin_port}"],
                        health_check={"interval": "5s", "timeout": "2s", "http": {"path": "/"}},
                    ),
                    weir.load_balancer("web", [HOST], {"/": "web"}),
                )
                edge.wait_serving(HOST)
            for turn in range(options.rounds):
                took = first_request_ms(edge)
                edge.stop()
                rows.write({"case": "start", "proxy": "weir", "round": turn, "errors": 0, "start_ms": took})
    times = [row["start_ms"] for row in rows.rows]
    return report.line(
        statistics.median(times) < START_MS_MAX,
        f"start to the first proxied request: {report.spread(times)} ms, wanted under {START_MS_MAX:.0f}",
    )


def size(_options):
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as directory:
        stripped = Path(directory) / "weir"
        shutil.copy(BINARY, stripped)
        subprocess.run(["strip", stripped], check=True)
        size_bytes = stripped.stat().st_size
    return report.line(
        size_bytes < BINARY_BYTES_MAX,
        f"stripped binary: {size_bytes / 1e6:.1f} MB, wanted under {BINARY_BYTES_MAX / 1e6:.0f}",
    )
