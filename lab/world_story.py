"""world: two providers with two regions each, six cities, and a garage behind NAT.

Each city lands where the fewest networks are between; connections are spread over the edges of a region. A
link is cut, another is slow, an origin dies, then a whole region; what is behind NAT is served to all."""

import contextlib
import time
from collections import Counter

from lab import visitors
from lab.atlas import Atlas
from lab.dns import Client, record_set, zone
from lab.earth import CHECK_MS, Earth
from lab.keep import Keeper
from lab.process import wait_until
from lab.routing import GONE_S
from lab.visitors import Visitors
from lab.world import ip

HOST, HOME_HOST, ZONE = "web.example", "garage.weir.localhost", "example"
REGION_S_MAX, ORIGIN_S_MAX = 3.0, 1.0
SLOW_MS = 80
NOTICED_S = 0.1


class Story:
    def __init__(self, earth):
        self.earth, self.atlas = earth, earth.atlas
        self.took = {}
        self.requests = 0

    # --- small steps

    def ask(self, city, address, host=HOST):
        with self.earth.world[city].inside():
            return visitors.ask(address, host)

    def region(self, city, address):
        """Where the city lands."""
        status, text = self.ask(city, address)
        assert status == 200, (city, address, status, text)
        return self.earth.region_at(text.split()[1])

    def landing(self):
        return {
            city: {name: self.region(city, self.atlas.anycast(name)) for name in self.atlas.providers}
            for city in self.atlas.cities
        }

    @contextlib.contextmanager
    def load(self, provider, **more):
        """Visitors in all cities; who looks at what they saw does so in the block."""
        with contextlib.ExitStack() as stack:
            addresses = [self.atlas.anycast(provider)]
            made = [
                stack.enter_context(Visitors(self.earth.world[city], HOST, addresses, **more))
                for city in self.atlas.cities
            ]
            wait_until(lambda: all(len(one.visits) >= 2 for one in made), 10, "visitors in all cities")
            yield made
        self.requests += sum(len(one.visits) for one in made)

    # --- what has to hold

    def start(self):
        self.earth.start()
        servers = [one.place.address for one in self.earth.of("dns")]
        records = "".join(f"ns{number} A {address}\n" for number, address in enumerate(servers, 1))
        names = [f"ns{number}" for number in range(1, len(servers) + 1)]
        every = [self.atlas.anycast(name) for name in self.atlas.providers]
        self.earth.publish(
            zone(ZONE, records, nameservers=names, ttl=2),
            record_set(HOST, ZONE, "web", "A", ttl=2, policy="ROUND_ROBIN", values=every),
        )
        for provider in self.atlas.providers:
            for family in (4, 6):
                for city in self.atlas.cities:
                    self.wait_served(city, self.atlas.anycast(provider, family))
        first = self.atlas.anycast(next(iter(self.atlas.providers)))
        for city in self.atlas.cities:
            self.wait_served(city, first, HOME_HOST)
        self.earth.wait_settled(self.landing)

    def wait_served(self, city, address, host=HOST):
        def served():
            with contextlib.suppress(OSError):
                return self.ask(city, address, host)[0] == 200

        wait_until(served, 20, f"{host} at {address} from {city}", 0.05)

    def names_are_answered(self):
        every = sorted(self.atlas.anycast(name) for name in self.atlas.providers)
        for city in self.atlas.cities:
            for server in self.earth.of("dns"):
                with self.earth.world[city].inside(), Client(53, server.place.address, 2) as client:
                    found = wait_until(lambda: client.addresses(HOST), 10, f"{HOST} at {server.name}")
                assert found == every, (city, server.name, found)

    def cities_land_nearest(self):
        found = self.landing()
        assert not self.atlas.landed_farther(found), self.atlas.landed_farther(found)
        return found

    def edges_share(self):
        """The two of one region, by connections."""
        region = next(one for one in self.atlas.regions.values() if len(one.names("edges")) == 2)
        city = next(city for city, at in self.atlas.cities.items() if at == region.at)
        shares = Counter(self.ask(city, self.atlas.anycast(region.provider))[1].split()[1] for _ in range(40))
        assert len(shares) == 2 and min(shares.values()) >= 4, f"40 connections were spread {shares}"
        return "/".join(str(count) for _, count in sorted(shares.items()))

    def a_link_is_cut(self):
        """Between two transits, without a sign to either: traffic goes the other way round."""
        city = next(city for city, at in self.atlas.cities.items() if at == "asia")
        with self.load("cumulus") as made:
            cut_at = time.monotonic()
            self.earth.cut("europe", "asia")
            seen = next(one for one in made if one.place.name == city)
            wait_until(
                lambda: any(one.good for one in seen.since(cut_at + GONE_S)), 10, f"{city} being served again"
            )
        gone = [one for each in made for one in each.since(cut_at) if not one.at_once]
        self.took["a link cut"] = max((one.began + one.took_s - cut_at for one in gone), default=0.0)
        self.earth.mend("europe", "asia")
        wait_until(self.earth.sessions_are_up, 20, "BGP over the mended link", 0.1)

    def a_link_is_slow(self):
        def took(count=5):
            best = []
            for _ in range(count):
                began = time.monotonic()
                self.ask("seattle", self.atlas.anycast("cumulus"))
                best.append(time.monotonic() - began)
            return min(best) * 1000

        before = took()
        self.earth.slow("us-west", delay_ms=SLOW_MS)
        wait_until(self.earth.sessions_are_up, 20, "BGP over the slow link", 0.1)
        # Connect, then ask: there and back. Routes that went around the exchange of the link come back to it.
        slow = wait_until(lambda: (ms := took()) >= 4 * SLOW_MS and ms, 20, "the slow link being felt")
        self.earth.mend("us-west")
        assert 4 * SLOW_MS > before + 2 * SLOW_MS, (before, slow)
        return before, slow

    def an_origin_dies(self):
        """Without a word: connections to it are neither answered nor refused."""
        victim = self.earth[self.atlas.names("origins")[0]]
        with self.load("cumulus") as made:
            died = time.monotonic()
            ip("link", "set", "eth0", "down", namespace=victim.place.namespace)
            time.sleep(ORIGIN_S_MAX + 1)  # a measurement
        visits = [one for each in made for one in each.since(died)]
        hurt = [one for one in visits if not one.at_once or one.took_s > NOTICED_S]
        assert hurt, "nobody was at it"
        self.took["a dead origin"] = max(one.began + one.took_s - died for one in hurt)
        assert not visitors.lost(visits), visitors.told(visitors.lost(visits))
        assert self.took["a dead origin"] <= ORIGIN_S_MAX, visitors.told(hurt)
        ip("link", "set", "eth0", "up", namespace=victim.place.namespace)
        gateway = f"10.{self.atlas.region_of(victim.name).number}.0.1"
        ip("route", "replace", "default", "via", gateway, namespace=victim.place.namespace)

    def a_region_dies(self, region="us-west"):
        """All of it at once: from then on until the last city is served elsewhere."""
        provider = self.atlas.regions[region].provider
        with self.load(provider, interval_s=0.05, tries_max=1) as made:
            died = time.monotonic()
            self.earth.kill_region(region)

            time.sleep(REGION_S_MAX + 1)  # a measurement
        last = {}
        for one in made:
            visit = served_again(one.since(died))
            assert visit, f"{one.place.name}: {visitors.told(one.since(died))}"
            assert self.earth.region_at(visit.edge) != region, visit
            last[one.place.name] = visit.began + visit.took_s - died
        self.took["a dead region"] = max(last.values())
        assert self.took["a dead region"] <= REGION_S_MAX, last
        self.earth.restore_region(region)
        city = next(city for city, at in self.atlas.cities.items() if at == self.atlas.regions[region].at)
        self.wait_back(city, provider, region)

    def wait_back(self, city, provider, region):
        def back():
            with contextlib.suppress(OSError, AssertionError):
                return self.region(city, self.atlas.anycast(provider)) == region

        wait_until(back, 30, f"{city} landing in {region} again", 0.05)

    def run(self):
        self.start()
        self.names_are_answered()
        show(self.cities_land_nearest())
        shares = self.edges_share()
        before, slow = self.a_link_is_slow()
        self.a_link_is_cut()
        self.an_origin_dies()
        self.a_region_dies()
        self.cities_land_nearest()
        took = ", ".join(f"{what} {seconds:.2f} s" for what, seconds in self.took.items())
        return (
            f"world held: {len(self.atlas.regions)} regions of {len(self.atlas.providers)} providers, "
            f"{len(self.atlas.cities)} cities, each in the nearest; the edges of one region shared {shares}; "
            f"a slow link showed as {before:.0f} and {slow:.0f} ms; until nobody noticed any more: {took} "
            f"(BGP with BFD of {GONE_S:g} s, checks of {CHECK_MS} ms); {self.requests} requests"
        )


def served_again(visits):
    """The first after which nothing was lost any more."""
    losses = [one.began for one in visits if not one.good]
    since = max(losses, default=0.0)
    return next((one for one in sorted(visits, key=lambda one: one.began) if one.began > since), None)


def show(landing):
    providers = list(next(iter(landing.values())))
    print(f"{'city':10}" + "".join(f"{one:12}" for one in providers))
    for city, found in landing.items():
        print(f"{city:10}" + "".join(f"{found[one]:12}" for one in providers))


def story(directory):
    with Earth(Atlas.read("world"), directory) as earth:
        return Story(earth).run()


def keep(directory):
    """Until somebody has seen enough of it."""
    with Earth(Atlas.read("world"), directory) as earth:
        Story(earth).start()
        Keeper(earth, HOST).run()
    return "world: it was there, and is gone"
