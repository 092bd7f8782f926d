"""The name servers that `dns` compares, each in the best configuration that was found for it (README.md says
what was tried), and the names that they answer for.

One worker or thread each, no logs of queries, no rate limit, no cookies. weir does all that it does by
default, its rate limit included, which leaves clients on loopback alone."""

import socket

from bench.peers import PROGRAMS, Running
from lab import dns, weir
from lab.process import Process, free_port, wait_until

ZONE = "bench.example"
COUNT = 1000
TTL = 300
QUERY_TIMEOUT_S = 2
OBJECTS_PER_APPLY = 400
SITES = 50
NETWORKS = 20  # of each site
POLICIES = ("WEIGHTED", "ROUND_ROBIN", "SERVICE")
STEERING = ("weir", "powerdns")  # how those are called who don't answer what is static where it is steered
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


def zone_file(of_names):
    soa = f"ns1.{ZONE}. hostmaster.{ZONE}. 1 3600 600 604800 60"
    head = f"$ORIGIN {ZONE}.\n$TTL {TTL}\n@ IN SOA {soa}\n@ IN NS ns1\nns1 IN A 127.0.0.1\n"
    return head + of_names


# --- what is answered


def wanted(case, peer, i):
    """The addresses of which every reply for the name has some, and no others."""
    if peer == "responder":
        return {RESPONDER_ADDRESS}
    if case.name != "steered" or not peer.startswith(STEERING):
        return {address(i)}
    if POLICIES[i % 3] == "SERVICE":
        return {"127.0.0.1"}
    return {address(i), address(i, 1)}


def answers(case, peer, client, i):
    try:
        reply = client.ask(f"{label(i)}.{ZONE}")
    except OSError:  # nobody listens yet, or nothing came
        return False
    addresses = {socket.inet_ntoa(data) for _, kind, _, data in reply.sections[0] if kind == "A"}
    right = reply.rcode == dns.NOERROR and reply.authoritative
    return right and bool(addresses) and addresses <= wanted(case, peer, i)


def wait_answering(case, peer, running, deadline_s=60.0):
    """Until every name is answered as it is wanted."""

    def all_right():
        if not running.process.running():
            raise SystemExit(f"bench: {peer} ended:\n{running.process.log()[-2000:]}")
        with dns.Client(running.port, timeout_s=QUERY_TIMEOUT_S) as client:
            return all(answers(case, peer, client, i) for i in range(COUNT))

    wait_until(all_right, deadline_s, f"{peer} answering all names of {case.name}", interval_s=0.1)


# --- weir


def health_checked(name, addresses):
    check = {"interval": "5s", "timeout": "2s", "http": {"path": "/"}}
    return weir.service(name, addresses, health_check=check)


def steered(i):
    """A third of the sets each: one of two by weight, both in turn, and the endpoints of a Service. Each has
    an answer more, which is not healthy."""
    policy = POLICIES[i % 3]
    if policy == "SERVICE":
        spec = {"policy": "WEIGHTED", "service": "web"}
    else:
        healthy = [
            {"value": address(i), "weight": 3, "service": "web"},
            {"value": address(i, 1), "service": "web"},
        ]
        spec = {"policy": policy, "answers": [*healthy, {"value": address(i, 2), "service": "gone"}]}
    return dns.record_set(f"{label(i)}.{ZONE}", ZONE, label(i), "A", ttl=TTL, **spec)


def sites():
    """The clients are in the first; the others have networks all over."""
    elsewhere = [
        {"name": f"site-{i}", "networks": [f"{20 + i}.{10 * n}.0.0/16" for n in range(NETWORKS)]}
        for i in range(SITES)
    ]
    return [{"name": "clients", "networks": ["127.0.0.0/8"]}, *elsewhere]


def placed(i):
    """An answer at the clients' site, one at each of five others, and one for everywhere else."""
    others = [
        {"value": address(i, 1 + n), "places": [f"site/site-{(i + n) % SITES}"], "service": "web"}
        for n in range(5)
    ]
    here = {"value": address(i), "places": ["site/clients"], "service": "web"}
    answers = [here, *others, {"value": address(i, 9)}]
    return dns.record_set(f"{label(i)}.{ZONE}", ZONE, label(i), "A", ttl=TTL, policy="GEO", answers=answers)


def objects(case, origin_port):
    own_address = f"ns1 {TTL} IN A 127.0.0.1\n"
    web = [f"127.0.0.1:{origin_port}"]
    if case.name == "geo":
        zone = dns.zone(ZONE, own_address, ttl=TTL, sites=sites())
        return [health_checked("web", web), zone, *(placed(i) for i in range(COUNT))]
    if case.name != "steered":
        return [dns.zone(ZONE, own_address + records(), ttl=TTL)]
    return [
        # Only the first is there: the origin listens on no other address.
        health_checked("web", [f"127.0.0.1:{origin_port}", f"127.0.0.2:{origin_port}"]),
        health_checked("gone", [f"127.0.0.3:{origin_port}"]),
        dns.zone(ZONE, own_address, ttl=TTL),
        *(steered(i) for i in range(COUNT)),
    ]


def run_weir(case, directory, origin_port):
    server = weir.Weir(directory, workers=1).start()
    wanted_objects = objects(case, origin_port)
    for first in range(0, len(wanted_objects), OBJECTS_PER_APPLY):
        server.apply(*wanted_objects[first : first + OBJECTS_PER_APPLY])
    return Running(server.process, server.dns_port, server.stop)


# --- the others


def configured(directory, template, of_names=None, **values):
    """(its configuration, its port); the zone's records are those of records(), or others for the names."""
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "zone").write_text(zone_file(of_names or records()))
    config = directory / "server.conf"
    config.write_text(template.format(port=port, directory=directory, zone=ZONE, **values))
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
