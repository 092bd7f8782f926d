"""Who looks for services in the world: by name at each request, by SRV records and their weights, by browsing
as DNS-SD has it, and with the programs that people have."""

import os
import random
import subprocess
from collections import Counter
from dataclasses import dataclass

from lab import avahi, dns
from lab.dns_watch import service_records
from lab.postgres import is_root_of_all
from lab.visitors import Names

AVAHI_S = 60  # it browses by timeouts of its own


class Fresh(Names):
    """Looks up each time, and keeps nothing."""

    def addresses(self, name):
        return self.look_up(name)[1]


class WeightedClient:
    """Takes one of the first priority, by weight, as RFC 2782 says."""

    def __init__(self, place, servers, name):
        self.place, self.servers, self.name = place, list(servers), name

    def records(self, server):
        with self.place.inside(), dns.Client(53, server, 2.0) as client:
            return service_records(client.ask(self.name, "SRV", udp_bytes=1232))

    def weights(self, server, machines):
        """{whether it is of these machines: the sum of the weights}; none: another priority is first."""
        hosts = {host_of(one.place.address) for one in machines}
        found = self.records(server)
        sums = {0: 0, 1: 0}
        for priority, weight, _, host in found:
            if priority != found[0][0]:
                return None
            sums[host.split(".")[0] in hosts] += weight
        return sums

    def share(self, machines, count):
        """Percent of so many choices that these machines get."""
        hosts = {host_of(one.place.address) for one in machines}
        chosen = Counter()
        for number in range(count):
            found = self.records(self.servers[number % len(self.servers)])
            first = [one for one in found if one[0] == found[0][0]]
            [one] = random.choices(first, [weight for _, weight, _, _ in first])
            chosen[one[3].split(".")[0] in hosts] += 1
        return 100 * chosen[True] / count


def host_of(address):
    """The first label of the name that an address has in weir's domain."""
    return f"ip-{address.replace('.', '-')}"


@dataclass(frozen=True)
class Found:
    type: str
    instance: str
    host: str
    address: str
    port: int
    priority: int
    text: tuple


def strings(data):
    """Of a TXT record."""
    found, at = [], 0
    while at < len(data):
        found.append(data[at + 1 : at + 1 + data[at]].decode())
        at += 1 + data[at]
    return tuple(found)


def browse(place, server, domain):
    """From the domain alone to addresses, as RFC 6763 goes: types, their instances, and of each where it is
    and what it tells."""
    made = []
    with place.inside(), dns.Client(53, server, 2.0) as client:

        def names(owner, kind="PTR"):
            answer = client.ask(owner, kind, udp_bytes=1232).sections[0]
            return [dns.data_text(kind, data) for _, found, _, data in answer if found == kind]

        for kind in names(f"_services._dns-sd._udp.{domain}"):
            for instance in names(kind):
                [(priority, _, port, host)] = service_records(client.ask(instance, "SRV"))
                [(*_, text)] = client.ask(instance, "TXT").sections[0]
                [address] = names(host, "A")
                made.append(
                    Found(kind.removesuffix(f".{domain}."), instance.removesuffix("." + kind), host, address,
                          port, priority, strings(text))
                )  # fmt: skip
    return sorted(made, key=lambda one: (one.type, one.instance))


def dig(place, server, name, kind, *flags):
    """The program itself, in a place of the world."""
    words = ["dig", "-r", f"@{server}", "+tries=2", "+timeout=2", "+norecurse", *flags]
    return dns.Shown(dns.run([*place.prefix, *words, "-q", name, "-t", kind]))


BROWSE = """\
own_names "$1"
start_avahi
avahi-browse -d "$2" -rtpk "$3"
"""


def browse_by_avahi(place, server, domain, kind, directory):
    """What avahi-browse has found; None: there is no Avahi here, or no other users, whom it wants."""
    if not is_root_of_all() or not avahi.is_installed():
        return None
    folder = directory / "avahi"
    folder.mkdir()
    avahi.prepare(folder, "eth0")
    words = avahi.in_namespaces(BROWSE, "browse", server, domain, kind, seconds=AVAHI_S)
    done = subprocess.run(
        [*place.prefix, *words],
        cwd=folder,
        env={**os.environ, "PATH": avahi.PATH},
        capture_output=True,
        text=True,
        timeout=AVAHI_S + 10,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return "\n".join(sorted(line for line in done.stdout.splitlines() if line.startswith("=")))
