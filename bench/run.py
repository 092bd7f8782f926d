#!/usr/bin/env python3
"""The benchmarks: `python3 bench/run.py http1|memory|start|size`. See README.md for what the figures mean.

Exit code 0 when every goal was reached, 1 when not, 2 on bad usage or on a machine that is too busy to
measure."""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import cost, http1, machine  # noqa: E402

FOREIGN_LOAD_MAX = 0.25  # processors


def arguments():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--congestion-control",
        default="cubic",
        help="of TCP, for all contestants; cubic is what Debian boots with, bbr paces even the loopback",
    )
    parser.add_argument("--force", action="store_true", help="measure although the machine is busy")
    benches = parser.add_subparsers(dest="bench", required=True)
    command = benches.add_parser(
        "http1", help="weir, HAProxy, nginx and the bare forwarder in turn under wrk"
    )
    command.add_argument("--rounds", type=int, default=3)
    command.add_argument("--seconds", type=int, default=5, help="of load in each turn")
    command.add_argument("--connections", type=int, help="instead of those of the case")
    command.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=[],
        help="weir,haproxy,nginx,forwarder (or forwarder-epoll, forwarder-uring)",
    )
    command.add_argument(
        "--case", type=lambda text: text.split(","), default=[], help="small,small-256,16k,1m"
    )
    command.set_defaults(run=http1.run)
    command = benches.add_parser("memory", help="RSS of idle keep-alive connections")
    command.add_argument("--connections", type=int, default=10000)
    command.add_argument("--only", type=lambda text: text.split(","), default=[], help="weir,haproxy,nginx")
    command.set_defaults(run=cost.memory)
    command = benches.add_parser("start", help="start of the process to the first proxied request")
    command.add_argument("--rounds", type=int, default=10)
    command.set_defaults(run=cost.start)
    benches.add_parser("size", help="of the stripped binary").set_defaults(run=cost.size)
    return parser.parse_args()


def main():
    options = arguments()
    machine.enter_own_network(options.congestion_control)
    load = machine.foreign_load()
    if load > FOREIGN_LOAD_MAX and options.bench != "size":
        busy = ", ".join(f"{name} {share:.0%}" for name, share in machine.heaviest())
        print(
            f"bench: other processes keep {load:.1f} of {os.cpu_count()} processors busy ({busy})",
            file=sys.stderr,
        )
        if not options.force:
            print("bench: not measuring; --force to do it all the same", file=sys.stderr)
            return 2
    return 0 if options.run(options) else 1


if __name__ == "__main__":
    sys.exit(main())
