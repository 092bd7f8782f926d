"""The world as data: providers, regions, routers, edges, name servers, controllers, origins behind NAT,
client cities and links, read from lab/worlds/NAME.yaml, and what follows from it: networks, nodes, addresses,
numbers of autonomous systems.

| network | IPv4 | IPv6 | who |
|---|---|---|---|
| of region r | 10.r.0.0/24 | fd00:1:r::/64 | .1 router, then machines as in KINDS |
| of link n | 10.200.n.0/24 | fd00:2:n::/64 | .1 and .2, two routers |
| of city c | 10.201.c.0/24 | fd00:3:c::/64 | .1 the transit's router, .10 the clients |
| of home h | 192.168.h.0/24 | | .1 NAT, .41 origins, .61 machines; its address outside is 10.202.h.2 |

Transits are AS 64601 and up, region r is AS 65000 + 10 r, and its edges are the next one."""

from dataclasses import dataclass, field

import yaml

from lab.process import ROOT
from lab.world import Network, Node

WORLDS = ROOT / "lab" / "worlds"
KINDS = {"edges": ("edge", 11), "controllers": ("controller", 21), "name_servers": ("dns", 31),
         "origins": ("origin", 41), "database": ("database", 51), "envoys": ("envoy", 61),
         "instances": ("instance", 71)}  # fmt: skip
# Instances are machines of a story's own, that boot by themselves.
ROUTER = (
    "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.fib_multipath_hash_policy=1",
    "net.ipv6.fib_multipath_hash_policy=1", "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
)  # fmt: skip
HOST = ("net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0")
PER_KIND_MAX = 9


@dataclass(frozen=True)
class Region:
    name: str
    number: int
    provider: str
    at: str  # the transit
    machines: dict = field(hash=False)  # kind, as in KINDS: how many
    nodes: int = 0  # on so many of its edges' machines instances of workloads run, too

    @property
    def router(self):
        return f"{self.name}-router"

    @property
    def system(self):
        return 65000 + 10 * self.number

    def names(self, kind):
        word, _ = KINDS[kind]
        return [f"{self.name}-{word}-{number}" for number in range(1, self.machines.get(kind, 0) + 1)]

    def all_names(self):
        return [name for kind in KINDS for name in self.names(kind)]

    def nodes_on(self):
        """{name of a node: the edge's machine that it is on}"""
        edges = self.names("edges")[: self.nodes]
        return {f"{self.name}-node-{number}": edge for number, edge in enumerate(edges, 1)}


@dataclass(frozen=True)
class Home:
    name: str
    number: int
    at: str
    origins: int
    machines: int  # places for them: nothing runs there before somebody makes one (lab/cloud.py)
    service: str  # that its origins join, perhaps together with those of other homes

    @property
    def router(self):
        return f"{self.name}-router"

    def names(self):
        return [f"{self.name}-origin-{number}" for number in range(1, self.origins + 1)]

    def machine_names(self):
        return [f"{self.name}-machine-{number}" for number in range(1, self.machines + 1)]


@dataclass(frozen=True)
class Session:
    """Of BGP, from one router's side."""

    peer: str
    four: str
    six: str
    system: int
    is_edge: bool = False


class Atlas:
    """`Atlas.read("world")`"""

    def __init__(self, data):
        self.transits = {name: 64601 + number for number, name in enumerate(data["transits"])}
        self.providers = {name: tuple(one["anycast"]) for name, one in data["providers"].items()}
        self.regions = {}
        for provider, one in data["providers"].items():
            for name, given in one["regions"].items():
                machines = {kind: int(count) for kind, count in given.items() if kind not in ("at", "nodes")}
                nodes = given.get("nodes", 0)
                region = Region(name, len(self.regions) + 1, provider, given["at"], machines, nodes)
                assert not set(machines) - set(KINDS), f"{name}: {set(machines) - set(KINDS)} is no kind"
                assert max(machines.values(), default=0) <= PER_KIND_MAX, f"{name} has too many of a kind"
                assert nodes <= machines.get("edges", 0), f"{name} has fewer edges than nodes on them"
                self.regions[name] = region
        homes = data.get("homes", {}).items()
        self.homes = {
            name: Home(
                name,
                number,
                at=one["at"],
                origins=one.get("origins", 0),
                machines=one.get("machines", 0),
                service=one.get("service", name),
            )
            for number, (name, one) in enumerate(homes, 1)
        }
        self.cities = dict(data["cities"])
        self.links = [tuple(link) for link in data.get("links", [])]
        places = [
            *(region.at for region in self.regions.values()),
            *(home.at for home in self.homes.values()),
            *self.cities.values(),
            *(end for link in self.links for end in link),
        ]
        unknown = set(places) - set(self.transits)
        assert not unknown, f"{', '.join(sorted(unknown))}: not one of the transits"
        self.lay_out()

    @classmethod
    def read(cls, name):
        return cls(yaml.safe_load((WORLDS / f"{name}.yaml").read_text()))

    # --- names

    def names(self, kind):
        """Of all regions, in their order."""
        return [name for region in self.regions.values() for name in region.names(kind)]

    def region_of(self, machine):
        found = [one for one in self.regions.values() if machine in (*one.all_names(), one.router)]
        return found[0] if found else None

    @property
    def routers(self):
        """Those that speak BGP, but for edges."""
        return [*self.transits, *(region.router for region in self.regions.values())]

    def link(self, one, other):
        """The name of the network between two routers, given in any order, regions by their own name."""
        for network in (f"{one}~{other}", f"{other}~{one}"):
            if network in self.ends:
                return network
        raise KeyError(f"there is no link from {one} to {other}; there are {', '.join(sorted(self.ends))}")

    def anycast(self, provider, family=4):
        """The address that all edges of the provider announce."""
        return next(one for one in self.providers[provider] if (":" in one) == (family == 6))

    def nearest(self, city, provider):
        """The regions to which the fewest networks are on the way: where BGP may lead the city."""
        away = {self.cities[city]: 0}
        for _ in self.transits:
            for one, other in self.links:
                for here, there in ((one, other), (other, one)):
                    if here in away:
                        away[there] = min(away.get(there, away[here] + 1), away[here] + 1)
        regions = [one for one in self.regions.values() if one.provider == provider and one.at in away]
        least = min(away[one.at] for one in regions)
        return {one.name for one in regions if away[one.at] == least}

    def landed_farther(self, found):
        """Of {city: {provider: region}}: those that are not in the nearest region that the provider has."""
        return [
            (city, provider, region)
            for city, landed in found.items()
            for provider, region in landed.items()
            if region not in self.nearest(city, provider)
        ]

    # --- networks and nodes

    def lay_out(self):
        self.networks, self.nodes = [], []
        self.ends = {}  # of a link: the two routers
        self.sessions = {name: [] for name in self.routers}
        links = {name: {} for name in self.routers}  # of each router: network: addresses
        pairs = [(one, other, one, other) for one, other in self.links]
        pairs += [(one.at, one.name, one.at, one.router) for one in self.regions.values()]
        for number, (one, other, first, second) in enumerate(pairs, 1):
            self.lay_link(links, number, f"{one}~{other}", first, second)
        for region in self.regions.values():
            self.lay_region(links, region)
        for number, (city, at) in enumerate(self.cities.items(), 1):
            self.lay_city(links, number, city, at)
        for home in self.homes.values():
            self.lay_home(links, home)
        for name in self.routers:
            self.nodes.append(Node(name, links[name], settings=ROUTER))
        long = [network.name for network in self.networks if len(network.name) > 15]
        assert not long, f"the kernel takes no longer names than of 15 characters: {long}"

    def lay_link(self, links, number, network, first, second):
        self.networks.append(Network(network))
        self.ends[network] = (first, second)
        for name, peer, mine, other in ((first, second, 1, 2), (second, first, 2, 1)):
            links[name][network] = (f"10.200.{number}.{mine}", f"fd00:2:{number}::{mine}/64")
            self.sessions[name].append(
                Session(peer, f"10.200.{number}.{other}", f"fd00:2:{number}::{other}", self.system(peer))
            )

    def lay_region(self, links, region):
        four, six = f"10.{region.number}.0", f"fd00:1:{region.number}::"
        self.networks.append(Network(region.name))
        links[region.router][region.name] = (f"{four}.1", f"{six}1/64")
        for kind, (_, first) in KINDS.items():
            for number, name in enumerate(region.names(kind), first):
                addresses = (f"{four}.{number}", f"{six}{number}/64")
                routes = (("default", f"{four}.1"), ("default", f"{six}1"))
                self.nodes.append(Node(name, {region.name: addresses}, routes, HOST))
                if kind == "edges":
                    system = region.system + 1
                    self.sessions[region.router].append(
                        Session(name, addresses[0], f"{six}{number}", system, is_edge=True)
                    )

    def lay_city(self, links, number, city, at):
        four, six = f"10.201.{number}", f"fd00:3:{number}::"
        self.networks.append(Network(city))
        links[at][city] = (f"{four}.1", f"{six}1/64")
        routes = (("default", f"{four}.1"), ("default", f"{six}1"))
        self.nodes.append(Node(city, {city: (f"{four}.10", f"{six}10/64")}, routes, HOST))

    def lay_home(self, links, home):
        outside, inside = f"{home.at}~{home.name}", home.name
        self.networks += [Network(outside), Network(inside)]
        self.ends[outside] = (home.at, home.router)
        links[home.at][outside] = f"10.202.{home.number}.1"
        door = {outside: f"10.202.{home.number}.2", inside: f"192.168.{home.number}.1"}
        self.nodes.append(Node(home.router, door, (("default", f"10.202.{home.number}.1"),), ROUTER))
        for first, names in ((41, home.names()), (61, home.machine_names())):
            for number, name in enumerate(names, first):
                routes = (("default", f"192.168.{home.number}.1"),)
                self.nodes.append(Node(name, {inside: f"192.168.{home.number}.{number}"}, routes, HOST))

    def system(self, router):
        """The number of its autonomous system."""
        if router in self.transits:
            return self.transits[router]
        return next(one.system for one in self.regions.values() if one.router == router)
