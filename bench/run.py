#!/usr/bin/env python3
"""The benchmarks: `python3 bench/run.py NAME`. See README.md for what the figures mean.

Exit code 0 when every goal was reached, 1 when not, 2 on bad usage or on a machine that is too busy to
measure."""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import api, certificates, changes, cost, dns, http1, machine, node, secure, shift  # noqa: E402
from bench import sockmap, store, tcp, tunnel, workload, xds, xds_api, zone  # noqa: E402

FOREIGN_LOAD_MAX = 0.25  # processors
CONTESTS = [
    (
        "http1",
        http1.run,
        "weir, HAProxy, nginx and the bare forwarder in turn under wrk",
        "weir,haproxy,nginx,forwarder (or forwarder-epoll, forwarder-uring)",
        "small,small-256,16k,1m",
    ),
    (
        "http2",
        secure.http2,
        "streams over TLS 1.3: weir, HAProxy, nghttpx, nginx and Envoy in turn under h2load",
        "weir,haproxy,nghttpx,nginx,envoy",
        "16x10,16x1,2x100: connections x streams",
    ),
    (
        "tls",
        secure.tls,
        "HTTP/1.1 over TLS 1.3: weir, HAProxy, nginx and Envoy in turn under h2load",
        "weir,haproxy,nginx,envoy",
        "small-tls",
    ),
    (
        "handshake",
        secure.handshake,
        "new TLS 1.3 connections: weir, Envoy, HAProxy and nginx in turn",
        "weir,envoy,haproxy,nginx",
        "full,resumed",
    ),
    (
        "tunnel",
        tunnel.run,
        "visitors through one tunnel: weir's agent, rathole and OpenSSH's sshd in turn under wrk",
        "weir,rathole,rathole-noise,sshd",
        "small,64k,1m",
    ),
    (
        "tcp",
        tcp.run,
        "connections carried whole: weir, HAProxy, nginx, Envoy and the bare forwarder in turn",
        "weir,haproxy (all its ways, or haproxy-splice, haproxy-http),nginx,envoy,forwarder",
        "small,1m,connect,open",
    ),
    (
        "sockmap",
        sockmap.run,
        "connections carried by the kernel (BPF) or by a process: what the whole machine does for each",
        "weir,splice,forwarder-uring,sockmap",
        "small,1m",
    ),
    (
        "dns",
        dns.run,
        "answers by UDP: weir, Knot, named, PowerDNS, CoreDNS and the bare responder in turn under dnsperf",
        "weir,knot,named,responder,powerdns (both its ways, or powerdns-nocache),coredns (likewise)",
        "static,edns,steered,geo",
    ),
]


def listed(text):
    return text.split(",")


def add_control_plane(benches):
    command = benches.add_parser("workload", help="what placing a thousand instances costs")
    command.add_argument("--nodes", type=int, default=100)
    command.add_argument("--instances", type=int, default=1000)
    command.add_argument("--rounds", type=int, default=1)
    command.set_defaults(run=workload.run)
    command = benches.add_parser("api", help="the API at 200 requests a second, and a thousand watchers")
    command.add_argument("--seconds", type=int, default=20, help="of each case")
    command.set_defaults(run=api.run)
    command = benches.add_parser("node", help="as many instances on one machine as it may have, by podman")
    command.add_argument("--instances", type=int, default=200)
    command.add_argument("--seconds", type=int, default=60, help="of rest")
    command.set_defaults(run=node.run)


def arguments():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--congestion-control",
        default="cubic",
        help="of TCP, for all contestants; cubic is what Debian boots with, bbr paces even the loopback",
    )
    parser.add_argument("--force", action="store_true", help="measure although the machine is busy")
    benches = parser.add_subparsers(dest="bench", required=True)
    for name, run, about, only, cases in CONTESTS:
        command = benches.add_parser(name, help=about)
        command.add_argument("--rounds", type=int, default=3)
        command.add_argument("--seconds", type=int, default=5, help="of load in each turn")
        command.add_argument("--connections", type=int, help="instead of those of the case")
        command.add_argument("--only", type=listed, default=[], help=only)
        command.add_argument("--case", type=listed, default=[], help=cases)
        command.set_defaults(run=run)
    command = benches.add_parser("memory", help="RSS of idle keep-alive connections")
    command.add_argument("--connections", type=int, default=10000)
    command.add_argument("--only", type=listed, default=[], help="weir,haproxy,nginx")
    command.set_defaults(run=cost.memory)
    command = benches.add_parser("start", help="start of the process to the first proxied request")
    command.add_argument("--rounds", type=int, default=10)
    command.set_defaults(run=cost.start)
    command = benches.add_parser("certificates", help="thousands of hostnames, each with its own")
    command.add_argument("--count", type=int, default=10000)
    command.add_argument("--rounds", type=int, default=5, help="of a change and of a start")
    command.set_defaults(run=certificates.run)
    for name, run, about in (
        ("xds", xds.run, "discovery for many streams from one controller, and nothing else"),
        ("xds-api", xds_api.run, "the same through the API of a real controller"),
    ):
        command = benches.add_parser(name, help=about)
        command.add_argument("--streams", type=int, default=1000)
        command.add_argument("--services", type=int, default=10000)
        command.add_argument("--endpoints", type=int, default=10, help="of each service")
        command.add_argument("--flips", type=int, default=200)
        command.add_argument("--only", type=listed, default=[], help="weir,envoy: how the edges ask")
        command.set_defaults(run=run)
    command = benches.add_parser("shift", help="from a PUT to traffic shifted on several edges")
    command.add_argument("--edges", type=int, default=4)
    command.add_argument("--changes", type=int, default=200)
    command.set_defaults(run=shift.run)
    command = benches.add_parser("changes", help="one change where there are many objects")
    command.add_argument("--services", type=int, default=10000, help="of ten endpoints each")
    command.add_argument("--balancers", type=int, default=1000)
    command.add_argument("--joined", action="store_true", help="each endpoint is an object of its own")
    command.add_argument("--count", type=int, default=20, help="of changes of each sort")
    command.set_defaults(run=changes.run)
    command = benches.add_parser("store", help="commits in SQLite and in PostgreSQL, and their sight")
    command.add_argument("--rounds", type=int, default=1)
    command.add_argument("--seconds", type=int, default=5, help="of writing in each turn")
    command.add_argument("--count", type=int, default=300, help="of commits that are looked for")
    command.set_defaults(run=store.run)
    command = benches.add_parser("zone", help="one zone of many records: its load, its memory, its changes")
    command.add_argument("--records", type=int, default=1_000_000)
    command.add_argument("--rounds", type=int, default=3)
    command.add_argument("--count", type=int, default=50, help="of changes")
    command.set_defaults(run=zone.run)
    add_control_plane(benches)
    benches.add_parser("size", help="of the stripped binary").set_defaults(run=cost.size)
    return parser.parse_args()


def main():
    options = arguments()
    machine.enter_own_network(options.congestion_control, always=options.bench == "node")
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
