"""`xds-api`: what `xds` measures, through the API of a real `weir controller`: from the beginning of a PUT to
the last of all streams that has answered for it. Discovery is plain; all of it is on this machine."""

import json
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bench.xds import GOALS, PEER
from lab import weir
from lab.process import cpu_time, status_kib, wait_until
from lab.shift import percentile

OBJECTS_OF_AN_APPLY = 1000
ROUTES = 100  # of a load balancer
QUIET_S = 2.0  # nothing said for so long: all are in sync
PAUSE_S = 0.02
DEADLINE_S = 300


def service(number, endpoints, weight):
    first = {"address": f"10.{number >> 8}.{number & 255}.0:8080", "weight": weight}
    more = [f"10.{number >> 8}.{number & 255}.{place}:8080" for place in range(1, endpoints)]
    return weir.service(f"service-{number}", [first, *more])


def objects(options):
    for number in range(options.services):
        yield service(number, options.endpoints, 1)
    for first in range(0, options.services, ROUTES):
        names = [f"service-{number}" for number in range(first, min(first + ROUTES, options.services))]
        yield weir.load_balancer(f"lb-{first}", [f"lb-{first}.example"], {f"/{name}": name for name in names})
    for number in range(options.streams):
        yield {"kind": "Edge", "metadata": {"name": f"edge-{number}"}, "spec": {}}


class Api:
    """One kept connection."""

    def __init__(self, controller):
        self.connection = controller.api_connection(DEADLINE_S)
        self.fields = {"Authorization": f"Bearer {controller.token}", "Content-Type": "application/json"}

    def ask(self, method, path, body, **fields):
        self.connection.request(method, path, json.dumps(body).encode(), {**self.fields, **fields})
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status in (200, 201), f"{answer.status} {text[:500]}"

    def close(self):
        self.connection.close()


class Load:
    """As many streams as are wanted, in a process."""

    def __init__(self, controller, options, edges):
        words = [PEER, "load", controller.xds_port, options.streams, edges, options.services]
        self.process = subprocess.Popen(
            [str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def told(self, word):
        while True:
            words = self.process.stdout.readline().split()
            if words[0] == word:
                return words

    def answers(self, change):
        """Milliseconds from the beginning of the change until every stream has answered."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.told("counting")
        began = time.monotonic()
        change()
        return (float(self.told("answered")[1]) - began) * 1000

    def end(self):
        self.process.kill()
        self.process.wait()


def in_sync(controller, options, began):
    """(milliseconds from `began` until the last request or response, bytes of the responses)"""
    last, seen, metrics = began, None, {}
    while time.monotonic() < last + QUIET_S or metrics["weir_discovery_streams"] < options.streams:
        metrics = controller.metrics()
        now = [metrics[f"weir_discovery_{what}_total"] for what in ("requests", "responses")]
        if now != seen:
            last, seen = time.monotonic(), now
        time.sleep(0.05)
        assert time.monotonic() < began + DEADLINE_S, metrics
    return (last - began) * 1000, metrics["weir_discovery_response_bytes_total"]


def new_balancer(number, edges):
    # All of Envoy's routes of a port are one resource: there the new one has a port of its own.
    made = weir.load_balancer(f"new-{number}", [f"new-{number}.example"], {"/": "service-0"})
    if edges == "envoy":
        made["spec"]["listeners"][0]["port"] = 20000 + number
    return made


def measure(options, edges, directory):
    """Rows of (what, value), as they come."""
    controller = weir.Weir(directory, role="controller", flags=["--xds-plain"])
    with controller.start(), closing(Api(controller)) as api:
        empty = status_kib(controller.pid, "VmRSS")
        every = list(objects(options))
        for first in range(0, len(every), OBJECTS_OF_AN_APPLY):
            api.ask("POST", "/v1/apply", every[first : first + OBJECTS_OF_AN_APPLY])
        wait_until(lambda: controller.api("GET", "/readyz").status == 200, DEADLINE_S, "its being ready")
        time.sleep(QUIET_S)
        filled = status_kib(controller.pid, "VmRSS")
        yield "resident memory per endpoint", (filled - empty) * 1024 / (options.services * options.endpoints)
        began = time.monotonic()
        load = Load(controller, options, edges)
        try:
            took, sent = in_sync(controller, options, began)
            yield "first sync of all", took
            yield "megabytes of responses in it", sent / 1e6
            idle = status_kib(controller.pid, "VmRSS")
            yield "resident memory per idle stream", (idle - filled) * 1024 / options.streams
            yield from changes(options, edges, controller, api, load)
            controller.process.kill()
            began = time.monotonic()
            controller.start()
            took, sent = in_sync(controller, options, began)
            yield "restart until all are in sync", took
            yield "kilobytes of responses in it", sent / 1e3
        finally:
            load.end()


def changes(options, edges, controller, api, load):
    flips, more = [], []
    before = cpu_time(controller.pid)
    for number in range(options.flips):
        which = number * 7919 % options.services
        changed = service(which, options.endpoints, 2 + number % 2)
        path = f"/v1/services/service-{which}"
        flips.append(load.answers(lambda: api.ask("PUT", path, changed, **{"If-Match": "*"})))  # noqa: B023
        time.sleep(PAUSE_S)
    spent = cpu_time(controller.pid) - before
    yield "one endpoint flips, last of all accepts, p50", percentile(flips, 50)
    yield "one endpoint flips, last of all accepts, p99", percentile(flips, 99)
    yield "one endpoint flips, last of all accepts, at most", max(flips)
    yield "processor milliseconds of the controller per flip", spent * 1000 / options.flips
    for number in range(5):
        made = new_balancer(number, edges)
        more.append(load.answers(lambda: api.ask("POST", "/v1/loadbalancers", made)))  # noqa: B023
        time.sleep(PAUSE_S)
    yield "one load balancer more, to all", max(more)


def run(options):
    reached = True
    print(
        f"{options.streams} streams, {options.services} services of {options.endpoints} endpoints, written "
        "through the API of a controller; milliseconds and bytes"
    )
    for edges in options.only or ["weir", "envoy"]:
        print(f"\n| edges as {edges}'s | value | goal |\n|---|--:|--:|")
        with tempfile.TemporaryDirectory() as directory:
            for what, value in measure(options, edges, Path(directory)):
                goal = GOALS.get(what)
                missed = goal is not None and value > goal
                reached = reached and not missed
                print(f"| {what} | {value:.1f} | {goal or ''}{' missed' if missed else ''} |", flush=True)
    return reached
