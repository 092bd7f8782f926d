"""Discovery: one controller, a thousand streams, ten thousand services with ten endpoints each. Measured from
the change in the controller's memory to the last stream that has accepted it; no store and no API in it."""

import contextlib
import json
import subprocess
import time

from lab.process import ROOT

PEER = ROOT / "build/release/xds_peer"
GOALS = {  # milliseconds and bytes
    "one endpoint flips, last of all accepts, p99": 100,
    "one load balancer more, to all": 1000,
    "restart until all are in sync": 10_000,
    "shared memory per endpoint": 300,
    "memory per idle stream": 64 * 1024,
}


class Controller:
    def __init__(self, port, options):
        command = [PEER, "serve", str(port), str(options.services), str(options.endpoints)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def kill(self):
        self.process.kill()
        self.process.wait()


def measure(options, edges):
    """Rows of (what, value), with the edges as weir's or Envoy's."""
    controller = Controller(0, options)

    def attach(streams):
        return subprocess.Popen(
            [PEER, "load", str(controller.port), str(streams), edges, str(options.services)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )

    few = options.streams // 10  # they warm the pools, which are the process's and bounded
    load = attach(few)
    try:
        controller.ask(f"sync {few}")
        warm = controller.ask("memory")
        load.kill()
        load.wait()
        controller.ask("sync 0")
        load = attach(options.streams)
        first = controller.ask(f"sync {options.streams}")
        time.sleep(1)
        idle = controller.ask("memory")
        controller.kill()
        controller = Controller(controller.port, options)
        again = controller.ask(f"sync {options.streams}")
        flips = controller.ask(f"flip {options.flips}")
        more = max(controller.ask("add")["milliseconds"] for _ in range(5))
        endpoints = options.services * options.endpoints
        return {
            "first sync of all": first["milliseconds"],
            "megabytes of responses in it": first["bytes"] / 1e6,
            "processor milliseconds of the controller in it": first["processor_seconds"] * 1000,
            "restart until all are in sync": again["milliseconds"],
            "kilobytes of responses in it": again["bytes"] / 1e3,
            "processor milliseconds of the controller in that": again["processor_seconds"] * 1000,
            "one endpoint flips, last of all accepts, p50": flips["p50"],
            "one endpoint flips, last of all accepts, p99": flips["p99"],
            "processor milliseconds of the controller per flip": flips["processor_seconds"] * 1000,
            "one load balancer more, to all": more,
            "shared memory per endpoint": (idle["resources"] + idle["catalog"]) / endpoints,
            "memory per idle stream": (idle["allocated"] - warm["allocated"]) / (options.streams - few),
            "of it, what is known of the client": idle["session"],
        }
    finally:
        load.kill()
        load.wait()
        with contextlib.suppress(OSError):
            controller.kill()


def run(options):
    reached = True
    print(
        f"{options.streams} streams, {options.services} services of {options.endpoints} endpoints; "
        "milliseconds and bytes"
    )
    for edges in options.only or ["weir", "envoy"]:
        print(f"\n| edges as {edges}'s | value | goal |\n|---|--:|--:|")
        for what, value in measure(options, edges).items():
            goal = GOALS.get(what)
            missed = goal is not None and value > goal
            reached = reached and not missed
            print(f"| {what} | {value:.1f} | {goal or ''}{' missed' if missed else ''} |", flush=True)
    return reached
