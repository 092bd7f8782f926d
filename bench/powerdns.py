"""PowerDNS as `dns` compares it: one thread that takes and answers, a zone of static records or of Lua
records, with and without its packet cache (README.md says what was tried)."""

import shutil
from functools import partial
from pathlib import Path

from bench import dns_peers
from bench.dns_peers import COUNT, POLICIES, TTL, ZONE, address, label
from bench.peers import Running
from lab.process import Process

BACKEND = next(Path("/usr/lib").glob("*/pdns/libbindbackend.so"), None)
# `shared` keeps one Lua state for all queries. With `yes` there is a new one for each.
SERVER = """launch=bind
bind-config={directory}/zones.conf
local-address=127.0.0.1
local-port={port}
socket-dir={directory}
receiver-threads=1
distributor-threads=1
reuseport=yes
enable-lua-records={lua_records}
cache-ttl={packet_cache_s}
query-cache-ttl=3600
negquery-cache-ttl=3600
zone-metadata-cache-ttl=3600
zone-cache-refresh-interval=3600
dnssec-key-cache-ttl=3600
edns-subnet-processing=no
version-string=anonymous
security-poll-suffix=
loglevel=3
disable-syslog=yes
write-pid=no
daemon=no
guardian=no
"""
ZONES = 'zone "{zone}" {{ type master; file "{directory}/zone"; }};\n'
PACKET_CACHE_S = 3600
ELSEWHERE = 5  # places of each name, besides the clients'


def present():
    return shutil.which("pdns_server") is not None and BACKEND is not None


# Scripts, in strings as a record has them: of at most 255 octets each, and put together with a space.


def steered(i, origin_port):
    """As weir's in dns_peers.py, by the same policies; health is that of the third sort alone."""
    policy = POLICIES[i % 3]
    if policy == "SERVICE":  # only the first is there
        return [f"ifportup({origin_port}, {{'127.0.0.1','127.0.0.2'}})"]
    both = address(i), address(i, 1)
    if policy == "ROUND_ROBIN":
        return ["{'%s','%s'}" % both]
    return ["pickwrandom({{75,'%s'},{25,'%s'}})" % both]


def placed(i, _origin_port):
    """As weir's, but for the networks: one of each place and not twenty."""
    places = [("127.0.0.0/8", address(i))]
    places += [(f"{20 + n}.0.0.0/8", address(i, 1 + n)) for n in range(ELSEWHERE)]
    tests = [f"if netmask({{'{network}'}}) then return '{one}' end" for network, one in places]
    return [";", *tests, f"return '{address(i, 9)}'"]


SCRIPTS = {"steered": steered, "geo": placed}  # by case; the others are static


def records(case, origin_port):
    script = SCRIPTS.get(case.name)
    if not script:
        return dns_peers.records()
    strings = (" ".join(f'"{piece}"' for piece in script(i, origin_port)) for i in range(COUNT))
    return "".join(f"{label(i)} {TTL} IN LUA A {one}\n" for i, one in enumerate(strings))


def run(packet_cache_s, case, directory, origin_port):
    lua_records = "shared" if case.name in SCRIPTS else "no"
    values = {"lua_records": lua_records, "packet_cache_s": packet_cache_s}
    config, port = dns_peers.configured(directory, SERVER, records(case, origin_port), **values)
    (directory / "zones.conf").write_text(ZONES.format(zone=ZONE, directory=directory))
    # It looks for a file of that name in the folder, and for no other.
    config.rename(directory / "pdns.conf")
    process = Process(["pdns_server", f"--config-dir={directory}"], directory / "pdns.log")
    return Running(process, port, process.stop)


PEERS = {
    "powerdns": partial(run, PACKET_CACHE_S),
    "powerdns-nocache": partial(run, 0),
}
