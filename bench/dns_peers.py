"""The name servers that `dns` compares, each in the best configuration that was found for it (README.md says
what was tried), and the names that they answer for.

One worker or thread each, no logs of queries, no rate limit, no cookies. weir does all that it does by
default, its rate limit included, which leaves clients on loopback alone."""

import os
import socket
import struct
from dataclasses import dataclass

from bench.peers import PROGRAMS, Running
from lab import weir
from lab.process import Process, free_port, wait_until

ZONE = "bench.example"
COUNT = 1000
TTL = 300
NOERROR, AUTHORITATIVE, TYPE_A = 0, 0x0400, 1
QUERY_TIMEOUT_S = 2
OBJECTS_PER_APPLY = 400
POLICIES = ("WEIGHTED", "ROUND_ROBIN", "SERVICE")
RESPONDER_ADDRESS = "10.0.0.1"  # kRecord of responder.cc

KNOT = """server:
  listen: 127.0.0.1@{port}
  rundir: {directory}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  dbus-event: none
database:
  storage: {directory}
log:
  - target: stderr
    any: warning
zone:
  - domain: {zone}
    file: {directory}/zone
    zonefile-load: whole
    zonefile-sync: -1
    journal-content: none
"""

NAMED = """options {{
  directory "{directory}";
  pid-file "{directory}/named.pid";
  session-keyfile "{directory}/session.key";
  managed-keys-directory "{directory}";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion no;
  dnssec-validation no;
  minimal-responses yes;
  answer-cookie no;
  notify no;
  querylog no;
  zone-statistics none;
}};
controls {{ }};
zone "{zone}" {{ type primary; file "{directory}/zone"; }};
"""


def label(i):
    return f"host-{i}"


def address(i, network=0):
    return f"10.{network}.{i // 250}.{i % 250 + 1}"


def records():
    """As a zone file has them, without what makes them a zone."""
    return "".join(f"{label(i)} {TTL} IN A {address(i)}\n" for i in range(COUNT))


def zone_file():
    soa = f"ns1.{ZONE}. hostmaster.{ZONE}. 1 3600 600 604800 60"
    head = f"$ORIGIN {ZONE}.\n$TTL {TTL}\n@ IN SOA {soa}\n@ IN NS ns1\nns1 IN A 127.0.0.1\n"
    return head + records()


# --- what is answered


@dataclass(frozen=True)
class Reply:
    flags: int
    addresses: frozenset  # of the A records that answer

    @property
    def good(self):
        return self.flags & 0xF == NOERROR and self.flags & AUTHORITATIVE != 0 and bool(self.addresses)


def after_name(message, at):
    while message[at] != 0:
        if message[at] >= 0xC0:
            return at + 2
        at += message[at] + 1
    return at + 1


def parse(message):
    _, flags, _, answers, _, _ = struct.unpack_from("!6H", message)
    at = after_name(message, 12) + 4
    found = set()
    for _ in range(answers):
        at = after_name(message, at)
        kind, _, _, size = struct.unpack_from("!HHIH", message, at)
        at += 10
        if kind == TYPE_A:
            found.add(socket.inet_ntoa(message[at : at + size]))
        at += size
    return Reply(flags, frozenset(found))


def ask(port, name):
    """The reply to a query for its A records by UDP; None when there is none in time."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    identifier = os.urandom(2)
    query = identifier + struct.pack("!5H", 0x0100, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, TYPE_A, 1)
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(QUERY_TIMEOUT_S)
        client.connect(("127.0.0.1", port))
        try:
            client.send(query)
            message = client.recv(4096)
        except OSError:  # nobody listens yet, or nothing came
            return None
    return parse(message) if message[:2] == identifier else None


def wanted(case, peer, i):
    """The addresses of which every reply for the name has some, and no others."""
    if peer == "responder":
        return {RESPONDER_ADDRESS}
    if peer != "weir" or case.name != "steered":
        return {address(i)}
    return {"127.0.0.1"} if POLICIES[i % 3] == "SERVICE" else {address(i), address(i, 1)}


def answers(case, peer, port, i):
    reply = ask(port, f"{label(i)}.{ZONE}")
    return reply is not None and reply.good and reply.addresses <= wanted(case, peer, i)


def wait_answering(case, peer, running, deadline_s=60.0):
    """Until every name is answered as it is wanted."""

    def all_right():
        if not running.process.running():
            raise SystemExit(f"bench: {peer} ended:\n{running.process.log()[-2000:]}")
        return all(answers(case, peer, running.port, i) for i in range(COUNT))

    wait_until(all_right, deadline_s, f"{peer} answering all names of {case.name}", interval_s=0.1)


# --- weir


def health_checked(name, addresses):
    check = {"interval": "5s", "timeout": "2s", "http": {"path": "/"}}
    return weir.service(name, addresses, health_check=check)


def steered(i):
    """A third of the sets each: one of two by weight, both in turn, and the endpoints of a Service. Each has
    an answer more, which is not healthy."""
    spec = {"zone": ZONE, "name": label(i), "type": "A", "ttl": TTL}
    policy = POLICIES[i % 3]
    if policy == "SERVICE":
        spec |= {"policy": "WEIGHTED", "service": "web"}
    else:
        healthy = [
            {"value": address(i), "weight": 3, "service": "web"},
            {"value": address(i, 1), "service": "web"},
        ]
        spec |= {"policy": policy, "answers": [*healthy, {"value": address(i, 2), "service": "gone"}]}
    return {"kind": "RecordSet", "metadata": {"name": f"{label(i)}.{ZONE}"}, "spec": spec}


def objects(case, origin_port):
    zone = {"kind": "Zone", "metadata": {"name": ZONE}, "spec": {"nameservers": ["ns1"], "ttl": TTL}}
    own_address = f"ns1 {TTL} IN A 127.0.0.1\n"
    if case.name != "steered":
        zone["spec"]["records"] = own_address + records()
        return [zone]
    zone["spec"]["records"] = own_address
    return [
        # Only the first is there: the origin listens on no other address.
        health_checked("web", [f"127.0.0.1:{origin_port}", f"127.0.0.2:{origin_port}"]),
        health_checked("gone", [f"127.0.0.3:{origin_port}"]),
        zone,
        *(steered(i) for i in range(COUNT)),
    ]


def run_weir(case, directory, origin_port):
    server = weir.Weir(directory, workers=1).start()
    wanted_objects = objects(case, origin_port)
    for first in range(0, len(wanted_objects), OBJECTS_PER_APPLY):
        server.apply(*wanted_objects[first : first + OBJECTS_PER_APPLY])
    return Running(server.process, server.dns_port, server.stop)


# --- the others


def configured(directory, template):
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "zone").write_text(zone_file())
    config = directory / "server.conf"
    config.write_text(template.format(port=port, directory=directory, zone=ZONE))
    return config, port


def run_knot(_case, directory, _origin_port):
    config, port = configured(directory, KNOT)
    process = Process(["knotd", "-c", config], directory / "knot.log")
    return Running(process, port, process.stop)


def run_named(_case, directory, _origin_port):
    config, port = configured(directory, NAMED)
    process = Process(["named", "-f", "-n", 1, "-c", config], directory / "named.log")
    return Running(process, port, process.stop)


def run_responder(_case, directory, _origin_port):
    port = free_port()
    process = Process([PROGRAMS / "responder", "--listen", port], directory / "responder.log")
    return Running(process, port, process.stop)


PEERS = {"weir": run_weir, "knot": run_knot, "named": run_named, "responder": run_responder}
