"""`changes`: what one change costs where there are many objects: CPU of the whole process from the request
at the API to the edge that serves by it, by kind of change and by thread, and the memory of it all."""

import os
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench import machine, report
from bench.cost import settled_rss_bytes
from lab import weir
from lab.process import free_port

CPU_MS_MAX = 30.0
ENDPOINTS_OF_A_SERVICE = 10
OBJECTS_OF_AN_APPLY = 1000
DEADLINE_S = 300
QUIET_S = 1.5  # without a change, so that what is done from time to time has ended
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


def address(service, place):
    number = service * ENDPOINTS_OF_A_SERVICE + place
    return f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}:80"


def objects(options):
    places = range(ENDPOINTS_OF_A_SERVICE)
    for number in range(options.services):
        joined = options.joined
        yield weir.service(f"s-{number}", [] if joined else [address(number, place) for place in places])
    if options.joined:
        for number in range(options.services):
            for place in places:
                yield endpoint(number, place, 1)
    for number in range(options.balancers):
        yield balancer(f"b-{number}", number % options.services)


def endpoint(service, place, weight):
    spec = {"service": f"s-{service}", "address": address(service, place), "weight": weight}
    return {"kind": "Endpoint", "metadata": {"name": f"e-{service}-{place}"}, "spec": spec}


def balancer(name, service):
    return weir.load_balancer(name, [f"{name}.example"], {"/": f"s-{service}"})


def cpu_ms(pid):
    """By thread."""
    spent = Counter()
    for task in Path(f"/proc/{pid}/task").iterdir():
        stat = (task / "stat").read_text()
        fields = stat[stat.rindex(")") + 2 :].split()
        name = stat[stat.index("(") + 1 : stat.rindex(")")]
        spent[name] += (int(fields[11]) + int(fields[12])) * TICK_MS
    return spent


def ask(edge, method, path, content):
    answer = edge.api(method, path, content, timeout_s=DEADLINE_S)
    if answer.status not in (200, 201):
        raise SystemExit(f"bench: refused: {answer.status} {answer.text[:2000]}")


class Changes:
    """Each method makes the change of that number."""

    def __init__(self, edge, options):
        self.edge = edge
        self.options = options

    def endpoint(self, number):
        service = number * 7919 % self.options.services
        weight = 2 + number
        if self.options.joined:
            patch = {"spec": {"weight": weight}}
            ask(self.edge, "PATCH", f"/v1/endpoints/e-{service}-3", patch)
            return
        endpoints = [{"address": address(service, place)} for place in range(ENDPOINTS_OF_A_SERVICE)]
        endpoints[3]["weight"] = weight
        ask(self.edge, "PATCH", f"/v1/services/s-{service}", {"spec": {"endpoints": endpoints}})

    def balancer(self, number):
        ask(self.edge, "POST", "/v1/loadbalancers", balancer(f"new-{number}", number % self.options.services))

    def service(self, number):
        ask(self.edge, "POST", "/v1/services", weir.service(f"a-{number}", [address(number, 0)]))


def measure(edge, change, count):
    """CPU by thread and the wait for the answer, of one change, in milliseconds."""
    time.sleep(QUIET_S)
    before = cpu_ms(edge.pid)
    waits = []
    for number in range(count):
        begin = time.monotonic()
        change(number)
        waits.append((time.monotonic() - begin) * 1e3)
    time.sleep(QUIET_S)
    after = cpu_ms(edge.pid)
    return {name: (after[name] - before[name]) / count for name in after}, statistics.median(waits)


def run(options):
    rows = report.Rows("changes", machine.facts())
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as directory:
        os.chmod(directory, 0o755)
        edge = weir.Weir(Path(directory) / "weir", ports=(free_port(), free_port()))
        with edge.start():
            every = list(objects(options))
            for first in range(0, len(every), OBJECTS_OF_AN_APPLY):
                ask(edge, "POST", "/v1/apply", every[first : first + OBJECTS_OF_AN_APPLY])
        begin = time.monotonic()
        with edge.start():
            start_s = time.monotonic() - begin
            rss = settled_rss_bytes(edge.pid)
            changes = Changes(edge, options)
            for name in ("endpoint", "balancer", "service"):
                by_thread, wait_ms = measure(edge, getattr(changes, name), options.count)
                rows.write(
                    {
                        "case": name,
                        "proxy": "weir",
                        "round": 0,
                        "errors": 0,
                        "start_s": start_s,
                        "rss_bytes": rss,
                        "cpu_ms": sum(by_thread.values()),
                        "wait_ms": wait_ms,
                        "by_thread": by_thread,
                    }
                )
    return judge(rows, options)


def judge(rows, options):
    first = rows.rows[0]
    endpoints = options.services * ENDPOINTS_OF_A_SERVICE
    sort = "joined" if options.joined else "static"
    print(
        f"      {options.services} services, {endpoints} {sort} endpoints, {options.balancers} balancers: "
        f"started in {first['start_s']:.1f} s, memory (RSS) {first['rss_bytes'] / 1e6:.0f} MB, "
        f"{first['rss_bytes'] / endpoints:.0f} bytes an endpoint"
    )
    held = True
    for row in rows.rows:
        spent = sorted(row["by_thread"].items())
        threads = ", ".join(f"{name} {ms:.1f}" for name, ms in spent if ms >= 0.05)
        held &= report.line(
            row["cpu_ms"] < CPU_MS_MAX,
            f"{row['case']}: {row['cpu_ms']:.1f} ms of CPU a change, wanted under {CPU_MS_MAX:.0f} "
            f"({threads}); answered after {row['wait_ms']:.1f} ms",
        )
    print(f"rows: {rows.path.relative_to(report.ROOT)}")
    return held
