"""`api`: what the API takes at a steady rate, SQLite on disk, and what a thousand watchers cost while nothing
changes. A request has its time, whether the one before it was answered or not: what waits counts as slow."""

import asyncio
import json
import os
import tempfile
import time
from pathlib import Path

from bench import machine, report
from lab import weir
from lab.process import cpu_time, status_kib

RATE = 200  # requests a second, of all sorts together
CONNECTIONS = 32
OBJECTS = 1000
WATCHERS = 1000
WEIGHT_MAX = 100
# p99, and of a core.
READ_MS_MAX, WRITE_MS_MAX, IDLE_SHARE_MAX = 10.0, 25.0, 0.10

weights = [1] * OBJECTS  # as the services were made


class Connection:
    """Kept alive; one request at a time."""

    def __init__(self, server):
        self.server, self.reader, self.writer = server, None, None
        self.turn = asyncio.Lock()

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection(self.server.host, self.server.api_port)

    def send(self, method, path, body=b""):
        head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {self.server.token}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self.writer.write(head.encode() + b"\r\n" + body)

    async def head(self):
        text = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        return int(text.split(" ", 2)[1]), text.lower()

    async def ask(self, method, path, body=b""):
        async with self.turn:
            self.send(method, path, body)
            status, head = await self.head()
            length = int(head.partition("content-length:")[2].split("\r\n", 1)[0])
            return status, await self.reader.readexactly(length)


def service(number, weight):
    endpoint = {"address": f"10.0.{number >> 8}.{number & 255}:80", "weight": weight}
    return weir.service(f"s{number}", [endpoint])


def read(turn):
    return "GET", f"/v1/services/s{turn * 7919 % OBJECTS}", b""


def write(turn):
    """Of another weight than it has: what changes nothing is answered without the disk."""
    number = turn * 7919 % OBJECTS
    weights[number] = weights[number] % WEIGHT_MAX + 1
    spec = service(number, weights[number])["spec"]
    return "PATCH", f"/v1/services/s{number}", json.dumps({"spec": spec}).encode()


def sync_ms(place):
    """Of the disk, the median: a write is answered when it is there."""
    took = []
    with open(Path(place) / "sync", "wb") as file:
        for _ in range(100):
            file.write(bytes(4096))
            file.flush()
            began = time.monotonic()
            os.fdatasync(file.fileno())
            took.append((time.monotonic() - began) * 1000)
    return percentile(took, 0.5)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def at_rate(connections, sorts, seconds):
    """Milliseconds of each sort of request, from when it was due."""
    took, errors, tasks = {sort.__name__: [] for sort in sorts}, [], []
    began = time.monotonic()

    async def one(turn, due):
        sort = sorts[turn % len(sorts)]
        status, content = await connections[turn % len(connections)].ask(*sort(turn))
        took[sort.__name__].append((time.monotonic() - due) * 1000)
        if status != 200:
            errors.append((status, content))

    for turn in range(RATE * seconds):
        due = began + turn / RATE
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(turn, due)))
    await asyncio.gather(*tasks)
    if errors:
        raise SystemExit(f"bench: {len(errors)} requests were refused, such as {errors[0]}")
    return took


async def rates(server, rows, options):
    connections = [Connection(server) for _ in range(CONNECTIONS)]
    for one in connections:
        await one.open()
    held = True
    for name, sorts in (("reads", [read]), ("both", [read, write]), ("writes", [write])):
        await at_rate(connections, sorts, 1)
        busy, before, began = machine.busy_time(), cpu_time(server.pid), time.monotonic()
        took = await at_rate(connections, sorts, options.seconds)
        seconds = time.monotonic() - began
        share = (cpu_time(server.pid) - before) / seconds
        others = (machine.busy_time() - busy).busy_s / seconds - share
        for sort, all_ms in took.items():
            p50, p99, most = (percentile(all_ms, part) for part in (0.5, 0.99, 1.0))
            row = {"case": name, "sort": sort, "p50_ms": p50, "p99_ms": p99, "max_ms": most, "share": share}
            rows.write({**row, "foreign_cpu_seconds": others * seconds})
            figures = f"{p50:8.2f} {p99:8.2f} {most:8.2f} {share:12.1%} {others:9.1%}"
            print(f"{name:8} {sort:6} {len(all_ms):6} {figures}", flush=True)
            if name != "writes":  # one after the other, each with a sync: that is the disk's figure
                held &= p99 < (READ_MS_MAX if sort == "read" else WRITE_MS_MAX)
    for one in connections:
        one.writer.close()
    return held


async def watchers(server, rows, options):
    revision = server.api("GET", "/v1/services?limit=1").json["revision"]
    idle_kib = status_kib(server.pid, "VmRSS")
    connections = [Connection(server) for _ in range(WATCHERS)]
    for one in connections:
        await one.open()
        one.send("GET", f"/v1/services?watch=true&from={revision}")
        status, _ = await one.head()
        assert status == 200
    await asyncio.sleep(2)
    before, began = cpu_time(server.pid), time.monotonic()
    await asyncio.sleep(options.seconds)
    share = (cpu_time(server.pid) - before) / (time.monotonic() - began)
    kib = (status_kib(server.pid, "VmRSS") - idle_kib) / WATCHERS
    before, began = cpu_time(server.pid), time.monotonic()
    changer = Connection(server)
    await changer.open()
    status, _ = await changer.ask(*write(1))
    assert status == 200
    await asyncio.gather(*(one.reader.readuntil(b"event: modified") for one in connections))
    told_ms, told_cpu = (time.monotonic() - began) * 1000, (cpu_time(server.pid) - before) * 1000
    row = {"case": "watchers", "count": WATCHERS, "idle_share": share, "kib_each": kib}
    rows.write({**row, "told_ms": told_ms, "told_cpu_ms": told_cpu})
    print(f"\n{WATCHERS} watchers: {share:.2%} of a core while nothing changes, {kib:.1f} KiB each")
    print(f"a change is with all of them after {told_ms:.0f} ms, for {told_cpu:.0f} ms of CPU")
    return share < IDLE_SHARE_MAX


def run(options):
    rows = report.Rows("api", machine.facts())
    with tempfile.TemporaryDirectory(prefix="weir-api-") as place, weir.Weir(Path(place)).start() as server:
        for first in range(0, OBJECTS, 100):
            server.apply(*(service(number, 1) for number in range(first, first + 100)))
        disk = f"a sync of the disk takes {sync_ms(place):.1f} ms"
        print(f"{RATE} requests a second, {OBJECTS} services; {disk}\n")
        titles = f"{'p50 ms':>8} {'p99 ms':>8} {'most ms':>8} {'of a core':>12} {'others':>9}"
        print(f"{'case':8} {'':6} {'count':>6} {titles}")
        held = asyncio.run(rates(server, rows, options))
        held &= asyncio.run(watchers(server, rows, options))
    print("all goals are reached" if held else "not all goals are reached")
    return held
