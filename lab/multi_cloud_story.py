"""multi-cloud: two providers, an anycast network of each, and DNS over both.

Answers in turn, and by weights of 75/25. An update is rolled out to one provider, made bad on purpose; the
gate trips, it goes back, and the other one never saw it. A good one gets to both. Then each provider goes
dark, as a whole and without a word: clients go on with the other address of their answer, new lookups get the
living one alone, and homes behind NAT stay reachable. A site drains; and all sites of a provider are told to
go, of which one stays."""

import contextlib
import time
from collections import Counter

from lab import multi_cloud, visitors
from lab.atlas import Atlas
from lab.dns import record_set, zone
from lab.earth import Earth
from lab.multi_cloud import BAD, BAD_PORT, GOOD, GOOD_PORT, Carriers, Versions, show
from lab.parts import ORIGIN_PORT, HomeOrigin
from lab.process import wait_until
from lab.routing import GONE_S
from lab.visitors import Names, Visitors
from lab.weir import load_balancer

HOST, ZONE = "www.example", "example"
CLOUDS = ("cumulus", "nimbus")  # updates go to the first one first
TTL_S = 1
COUNTED = 400  # answers of each name server
DARK_S = 6.0  # how long it is dark, at least
WEIGHED_S = 6.0  # how long traffic follows the weights
DNS_S_MAX = 3.0  # until new lookups get the living one alone
AGAIN_S_MAX = 30.0


class Story:
    def __init__(self, earth):
        self.earth, self.atlas = earth, earth.atlas
        origins = [one for one in earth.of("origin") if not isinstance(one, HomeOrigin)]
        self.homes = [one for one in earth.of("origin") if isinstance(one, HomeOrigin)]
        self.versions = Versions(origins)
        self.requests = 0
        self.told = []  # parts of the report

    # --- small steps

    def cloud_of(self, edge_address):
        return self.atlas.regions[self.earth.region_at(edge_address)].provider

    def edges(self, cloud):
        return [one for one in self.earth.of("edge") if one.region.provider == cloud]

    def name_servers(self, living=CLOUDS):
        return [one.place.address for one in self.earth.of("dns") if one.region.provider in living]

    def ask(self, city, cloud, host=HOST):
        """By whose edge it was served, or None."""
        with contextlib.suppress(OSError), self.earth.world[city].inside():
            status, text = visitors.ask(self.atlas.anycast(cloud), host)
            return text.split()[-1] if status == 200 else None
        return None

    def landing(self):
        """{city: {cloud: the region that served it, None without an answer}}"""

        def region(edge):
            return edge and self.earth.region_at(edge)

        return {
            city: {cloud: region(self.ask(city, cloud)) for cloud in CLOUDS} for city in self.atlas.cities
        }

    def wait_served(self, cloud, host=HOST, deadline_s=20):
        for city in self.atlas.cities:
            what = f"{host} of {cloud} from {city}"
            wait_until(lambda city=city: self.ask(city, cloud, host), deadline_s, what)

    @contextlib.contextmanager
    def load(self, **more):
        """Visitors of the name in all cities, each with a resolver of its city."""
        with contextlib.ExitStack() as stack:
            made = []
            for city in self.atlas.cities:
                place = self.earth.world[city]
                names = Names(place, self.name_servers())
                made.append(stack.enter_context(Visitors(place, HOST, [], names=names, **more)))
            wait_until(lambda: all(len(one.visits) >= 2 for one in made), 10, "visitors in all cities")
            yield made
        self.requests += sum(len(one.visits) for one in made)

    @contextlib.contextmanager
    def home_load(self):
        """Visitors of the homes, who know both addresses."""
        every = [self.atlas.anycast(cloud) for cloud in CLOUDS]
        with contextlib.ExitStack() as stack:
            made = []
            for number, city in enumerate(self.atlas.cities):
                home = self.homes[number % len(self.homes)]
                turned = every if number % 4 < 2 else every[::-1]
                load = Visitors(self.earth.world[city], self.host_of(home), turned, threads=1)
                made.append(stack.enter_context(load))
            yield made
        self.requests += sum(len(one.visits) for one in made)

    @staticmethod
    def host_of(home):
        return f"{home.service}.weir.localhost"

    def apply_sets(self, weights, policy):
        sets = multi_cloud.steered(self.atlas, HOST, ZONE, weights, TTL_S, policy)
        self.earth.controller.apply(*sets)

    def holds(self, home, clouds=CLOUDS):
        """The providers, of these, to whose edges the home has a tunnel, as the controllers know it."""
        items = self.earth.controller.api("GET", "/v1/tunnels").json["items"]
        at = [one["spec"]["edge"] for one in items if one["spec"]["service"] == home.service]
        providers = [self.earth[edge].region.provider for edge in at]
        return sorted(one for one in providers if one in clouds)

    def wait_held(self, clouds, deadline_s):
        """A tunnel to an edge of each. What controllers think of those that went dark is another thing."""
        for home in self.homes:
            what = f"{home.name} at edges of {' and '.join(clouds)}"
            wait_until(lambda home=home: self.holds(home, clouds) == sorted(clouds), deadline_s, what, 0.05)

    # --- what has to hold

    def start(self):
        self.earth.start()
        servers = self.name_servers()
        records = "".join(f"ns{number} A {address}\n" for number, address in enumerate(servers, 1))
        names = [f"ns{number}" for number in range(1, len(servers) + 1)]
        self.earth.controller.apply(
            self.versions.service(ORIGIN_PORT),
            load_balancer("web", [HOST], {"/": "web"}),
            *multi_cloud.networks(self.atlas, CLOUDS, HOST),
            zone(ZONE, records, nameservers=names, ttl=TTL_S),
        )
        self.apply_sets(dict.fromkeys(CLOUDS, 1), "ROUND_ROBIN")
        self.wait_whole()
        rows = [(one.name, *self.holds(one)) for one in self.homes]
        show("who is behind NAT has tunnels to edges of", rows)

    def wait_whole(self):
        """Both clouds serve all cities, and nothing is on its way to there any more."""
        for cloud in CLOUDS:
            self.wait_served(cloud)
            for home in self.homes:
                self.wait_served(cloud, self.host_of(home))
            self.wait_announced(cloud)
        self.earth.wait_settled(self.landing)
        self.wait_both_answered()
        self.wait_held(CLOUDS, AGAIN_S_MAX)

    def wait_both_answered(self):
        every = sorted(self.atlas.anycast(cloud) for cloud in CLOUDS)
        addresses = sum(len(self.atlas.providers[cloud]) for cloud in CLOUDS)
        place = self.earth.world[next(iter(self.atlas.cities))]
        # Before a name server knows of anything healthy it answers all, and then the first that it finds so.
        for server in self.earth.of("dns"):
            wait_until(
                lambda server=server: multi_cloud.finds_healthy(server, CLOUDS) == addresses,
                AGAIN_S_MAX,
                f"both networks being healthy to {server.name}",
                0.05,
            )
        for server in self.name_servers():
            wait_until(
                lambda server=server: multi_cloud.answered(place, server, HOST) == every,
                AGAIN_S_MAX,
                f"both networks in the answers of {server}",
                0.05,
            )

    def in_turn(self):
        found = self.landing()
        assert not self.atlas.landed_farther(found), self.atlas.landed_farther(found)
        rows = [(city, *(landed[cloud] for cloud in CLOUDS)) for city, landed in found.items()]
        show("where each city lands in each cloud:", [("city", *CLOUDS), *rows])
        place = self.earth.world["seattle"]
        for server in self.name_servers():
            multi_cloud.dig(place, server, HOST)
            first = multi_cloud.counted(place, server, HOST, COUNTED)
            assert set(first.values()) == {COUNTED // 2}, first
        self.told.append(f"in turn {COUNTED // 2}/{COUNTED // 2} of {COUNTED} answers")

    def a_bad_update(self):
        """One edge of the first cloud gets it, and no more."""
        waves = [
            {"match": {"provider": CLOUDS[0]}, "percent": 1, "bake": "30s"},
            {"match": {"provider": CLOUDS[0]}, "bake": "30s"},
            {},
        ]
        wanted = multi_cloud.rollout(BAD, self.versions.service(BAD_PORT), waves)
        carriers = Carriers(self.earth.of("edge"), f":{BAD_PORT}")
        with self.load() as made:
            self.earth.controller.apply(wanted)
            wait_until(lambda: self.rollout_status(BAD)["phase"] == "RUNNING", 30, "its first wave")
            began = time.monotonic()
            while (status := self.rollout_status(BAD))["phase"] not in ("WITHDRAWN", "REFUSED", "DONE"):
                carriers.look()
                assert time.monotonic() < began + 60, status
            tripped = time.monotonic() - began
            wait_until(lambda: not carriers.look(), 10, "edges having what was before")
            back = time.monotonic()
            time.sleep(1)  # a measurement: of what comes behind it
        visits = [one for each in made for one in each.visits]
        self.judge_bad(status, carriers, visits, began, back, tripped)

    def judge_bad(self, status, carriers, visits, began, back, tripped):
        assert status["phase"] == "WITHDRAWN" and "5xx" in status["reason"], status
        having = {self.earth[name].place.address: name for name in carriers.ever}
        first, second = (self.edges(cloud) for cloud in CLOUDS)
        assert len(having) == 1 and set(carriers.ever) < {one.name for one in first}, carriers.ever
        # Who asked the bad version for anything, its health included: the edges of the first wave.
        asked = self.versions.asked_bad()
        assert set(asked) == set(having), (asked, having)
        bad = [one for one in visits if one.status == 500]
        assert bad and {one.text.split()[1] for one in bad} <= set(having), Counter(one.text for one in bad)
        rest = visitors.lost([one for one in visits if one.status != 500])
        assert not rest, visitors.told(rest)
        late = [one for one in bad if one.began > back]
        assert not late, visitors.told(late)
        for edge in second:
            assert '"status":500' not in (edge.directory / "access.log").read_text(), edge.name
        during = [one for one in visits if began <= one.began < back]
        there = [one for one in during if one.tries[-1].address == self.atlas.anycast(CLOUDS[0])]
        print(f"$ weir get rollout {BAD}\n  {status['phase']}: {status['reason']}")
        rows = [("edge", "had it", "500s")]
        for edge in (*first, *second):
            hurt = sum(one.text.split()[1] == edge.place.address for one in bad)
            rows.append((edge.name, "yes" if edge.name in carriers.ever else "never", hurt))
        show(f"a bad update, for {tripped:.1f} s:", rows)
        self.told.append(
            f"a bad update at one of {len(first)} edges of {CLOUDS[0]} went back after {tripped:.1f} s: "
            f"{len(bad)} of its {len(there)} requests meanwhile failed, none of the "
            f"{len(during) - len(there)} at {CLOUDS[1]}"
        )

    def rollout_status(self, name):
        return self.earth.controller.api("GET", f"/v1/rollouts/{name}").json["status"]

    def a_good_update(self):
        """One cloud after the other."""
        waves = [{"match": {"provider": CLOUDS[0]}, "bake": "6s"}, {"bake": "1s"}]
        wanted = multi_cloud.rollout(GOOD, self.versions.service(GOOD_PORT), waves)
        carriers = Carriers(self.earth.of("edge"), f":{GOOD_PORT}")
        with self.load() as made:
            self.earth.controller.apply(wanted)
            while (status := self.rollout_status(GOOD))["phase"] != "DONE":
                carriers.look()
                assert status["phase"] in ("PENDING", "RUNNING"), status
            carriers.look()
            time.sleep(0.5)  # a measurement
        first, second = ([carriers.ever[one.name] for one in self.edges(cloud)] for cloud in CLOUDS)
        assert max(first) < min(second), carriers.ever
        rest = visitors.lost([one for each in made for one in each.visits])
        assert not rest, visitors.told(rest)
        last = {one.origin for each in made for one in each.visits[-2:]}
        assert last == {GOOD}, last
        self.told.append(f"a good one reached {CLOUDS[1]} {min(second) - max(first):.1f} s after {CLOUDS[0]}")

    def goes_dark(self, dark):
        """Both regions at once, and nobody is told."""
        [living] = set(CLOUDS) - {dark}
        place = self.earth.world["lisbon"]
        with self.load() as made, self.home_load() as homes:
            died = time.monotonic()
            self.earth.kill_provider(dark)
            left = [self.atlas.anycast(living)]
            for server in self.name_servers([living]):
                wait_until(
                    lambda server=server: multi_cloud.answered(place, server, HOST) == left,
                    10,
                    f"{server} answering without {dark}",
                )
            followed = time.monotonic() - died
            for server in self.name_servers():
                multi_cloud.dig(place, server, HOST)
            self.a_change_in_the_dark(place, dark, living)
            self.wait_held([living, living], AGAIN_S_MAX)
            held = time.monotonic() - died
            time.sleep(max(0.0, died + DARK_S - time.monotonic()))  # a measurement
        visits = [one for each in made for one in each.since(died)]
        at_homes = [one for each in homes for one in each.since(died)]
        for lost in (visitors.lost(visits), visitors.lost(at_homes)):
            assert not lost, f"{len(lost)} lost:\n{visitors.told(lost)}"
        assert followed <= DNS_S_MAX, followed
        self.tell_dark(dark, died, followed, visits)
        self.told[-1] += f", none of {len(at_homes)} to homes, which had two other edges after {held:.1f} s"

    def a_change_in_the_dark(self, place, dark, living):
        """The controllers that are left take changes, and what is left takes them up."""
        name = f"dark-{dark}.{ZONE}"
        value = "192.0.2.1"
        made = record_set(name, ZONE, f"dark-{dark}", "A", ttl=TTL_S, values=[value])
        self.earth.controller.apply(made)
        for server in self.name_servers([living]):
            wait_until(lambda server=server: multi_cloud.answered(place, server, name) == [value], 10, name)

    def tell_dark(self, dark, died, followed, visits):
        address = self.atlas.anycast(dark)
        rows = [("city", "requests", "retried", "longest", "tried it until")]
        ends = []
        for city in self.atlas.cities:
            here = [one for one in visits if one.city == city]
            retried = [one for one in here if len(one.tries) > 1]
            there = [one.began - died for one in here if address in {each.address for each in one.tries}]
            ends.append(max(there, default=0.0))
            longest = max(one.took_s for one in here)
            rows.append((city, len(here), len(retried), f"{longest:.2f} s", f"{ends[-1]:.2f} s"))
        show(f"{dark} went dark:", rows)
        retried = sum(len(one.tries) > 1 for one in visits)
        self.told.append(
            f"{dark} dark: DNS without it after {followed:.2f} s, clients after {max(ends):.2f} s, "
            f"{retried} of {len(visits)} requests retried and none lost"
        )

    def comes_back(self, cloud):
        began = time.monotonic()
        for region in self.atlas.regions.values():
            if region.provider == cloud:
                self.earth.restore_region(region.name)
        self.wait_whole()
        took = time.monotonic() - began
        assert took <= AGAIN_S_MAX, took
        self.told.append(f"all as before {took:.1f} s after its repair")

    def by_weight(self):
        weights = dict(zip(CLOUDS, (75, 25), strict=True))
        self.apply_sets(weights, "WEIGHTED")
        place = self.earth.world["boston"]
        wanted = {self.atlas.anycast(cloud): COUNTED * weight // 100 for cloud, weight in weights.items()}
        for server in self.name_servers():
            wait_until(
                lambda server=server: len(multi_cloud.answered(place, server, HOST)) == 1,
                10,
                f"one answer at a time of {server}",
            )
            found = multi_cloud.counted(place, server, HOST, COUNTED)
            assert found == wanted, (server, found)
        with self.load(threads=1) as made:
            time.sleep(WEIGHED_S)  # a measurement
        visits = [one for each in made for one in each.visits]
        assert not visitors.lost(visits), visitors.told(visitors.lost(visits))
        first = self.atlas.anycast(CLOUDS[0])
        share = 100 * sum(one.tries[-1].address == first for one in visits) / len(visits)
        assert 60 <= share <= 90, share
        exact = "/".join(map(str, wanted.values()))
        self.told.append(f"75/25: {exact} answers, {share:.0f} % of the traffic")
        self.apply_sets(dict.fromkeys(CLOUDS, 1), "ROUND_ROBIN")
        self.wait_both_answered()

    def annotate(self, edge, value):
        body = {"metadata": {"annotations": {"anycast": value}}}
        headers = {"Content-Type": "application/merge-patch+json"}
        answer = self.earth.controller.api("PATCH", f"/v1/edges/{edge.name}", body, headers=headers)
        assert answer.status == 200, answer.text

    def announced(self, cloud):
        """{edge: how it announces the address of IPv4}, as its region's router hears it."""
        network = f"{self.atlas.anycast(cloud)}/32"
        found = {}
        for edge in self.edges(cloud):
            routes = self.earth[edge.region.router].bird.routes(network)
            route = routes.get(multi_cloud.peer(edge))
            how = "prepended" if route and route["path"] > 1 else "announced"
            found[edge.name] = how if route else "withdrawn"
        return found

    def withdrawn(self, cloud):
        return list(self.announced(cloud).values()).count("withdrawn")

    def wait_announced(self, cloud):
        def are():
            return set(self.announced(cloud).values()) == {"announced"}

        wait_until(are, AGAIN_S_MAX, f"all of {cloud} announcing", 0.05)

    def a_site_drains(self, region="us-west"):
        """As it is told to end: prepended, withdrawn, and what it has is finished."""
        cloud = self.atlas.regions[region].provider
        edges = [one for one in self.edges(cloud) if one.region.name == region]
        seen = {edge.name: [] for edge in edges}
        with self.load() as made:
            began = time.monotonic()
            for edge in edges:
                edge.server.process.signal(15)
            while any(edge.server.process.running() for edge in edges):
                for name, how in self.announced(cloud).items():
                    if name in seen and how not in seen[name][-1:]:
                        seen[name].append(how)
                assert time.monotonic() < began + 20, seen
            took = time.monotonic() - began
            time.sleep(0.5)  # a measurement
        lost = [one for each in made for one in each.since(began) if not one.at_once]
        assert not lost, visitors.told(lost)
        assert all(how[-2:] == ["prepended", "withdrawn"] for how in seen.values()), seen
        self.earth.start_all(edges)
        self.wait_announced(cloud)
        self.told.append(f"a site of {len(edges)} edges drained in {took:.1f} s and nobody noticed")

    def the_last_stays(self, cloud=CLOUDS[0]):
        """All of a provider's edges are told to go, at once."""
        edges = self.edges(cloud)
        with self.load() as made:
            began = time.monotonic()
            for edge in edges:
                self.annotate(edge, "withdraw")
            wait_until(lambda: self.withdrawn(cloud) == len(edges) - 1, 20, "all but one withdrawn", 0.05)
            time.sleep(1)  # a measurement: it stays so
            found = self.announced(cloud)
            for edge in edges:
                self.annotate(edge, None)
        lost = visitors.lost([one for each in made for one in each.since(began)])
        assert not lost, visitors.told(lost)
        [last] = [name for name, how in found.items() if how != "withdrawn"]
        alarm = self.earth[last].metrics()
        assert f'weir_anycast_kept{{network="{self.atlas.anycast(cloud)}/32"}} 1' in alarm, alarm
        self.wait_announced(cloud)
        self.told.append(f"of {len(edges)} edges told to go, {last} stayed, with an alarm")

    def run(self):
        self.start()
        self.in_turn()
        self.by_weight()
        self.a_bad_update()
        self.a_good_update()
        for cloud in CLOUDS:
            self.goes_dark(cloud)
            self.comes_back(cloud)
        self.a_site_drains()
        self.the_last_stays()
        return (
            f"multi-cloud held: {'; '.join(self.told)} (BGP with BFD of {GONE_S:g} s, TTL {TTL_S} s, "
            f"checks of {multi_cloud.CHECK_MS} ms); {self.requests} requests"
        )


def story(directory):
    with Earth(Atlas.read("multi-cloud"), directory) as earth:
        return Story(earth).run()
