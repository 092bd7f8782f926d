"""deployment: machines of two clouds boot nginx by one script, are in DNS, and are not any more when they
have shut down or died; PostgreSQL is found by priority and fails over; two versions side by side.

Every question about "gone" is put to all name servers, all the time."""

import base64
import contextlib
import datetime
import re
import time
from collections import Counter

from lab import deployment_databases, visitors
from lab.atlas import Atlas
from lab.deployment_clients import Fresh, WeightedClient, browse, browse_by_avahi, dig
from lab.deployment_databases import DEAD_S_MAX
from lab.dns import record_set, zone
from lab.dns_watch import Watch
from lab.earth import CHECK_MS, Earth
from lab.instances import Clouds, Instance
from lab.process import ROOT, wait_until
from lab.visitors import Names, Visitors
from lab.weir import service

DOMAIN = "cloud.example"  # weir's own
HOST, ZONE = "www.shop.example", "shop.example"
TYPE = "_http._tcp"
QUESTIONS = {"A": (HOST, "A"), "SRV": (f"web.service.{DOMAIN}", "SRV"), "PTR": (f"{TYPE}.{DOMAIN}", "PTR")}
BOOT_S_MAX = 5.0  # from the power to the first request served
LEASE_S = 10  # as examples/boot/web.sh has it
SCRIPT = ROOT / "examples" / "boot" / "web.sh"


def filled_in(text, **values):
    """The script's first lines, as docs/deployment.md fills them in."""
    for name, value in values.items():
        text, count = re.subn(rf"(?m)^{name}=.*$", lambda _, to=f"{name}={value}": to, text, count=1)
        assert count == 1, f"the script has no line {name}="
    return text


class Story:
    def __init__(self, earth):
        self.earth, self.atlas = earth, earth.atlas
        self.clouds = Clouds(earth)
        self.took, self.counts = {}, Counter()
        for name in self.atlas.names("instances"):
            machine = self.clouds.machines[earth.world[name].address]
            earth.add(Instance, name, self.atlas.region_of(name), machine)

    # --- small steps

    @property
    def servers(self):
        return [one.place.address for one in self.earth.of("dns")]

    def city(self, name="berlin"):
        return self.earth.world[name]

    def nearest_servers(self, city):
        """Those in the city's part of the world first, as its resolver has learned."""
        at = self.atlas.cities[city]
        machines = self.earth.of("dns")
        machines.sort(key=lambda one: self.atlas.region_of(one.name).at != at)
        return [one.place.address for one in machines]

    def web(self, region, number=1):
        return self.earth[f"{region}-instance-{number}"]

    def show(self, title, text):
        print(f"\n--- {title}\n{text.rstrip()}", flush=True)

    def is_shown(self, one):
        """Of a machine: what tells in each of the questions that it is meant."""
        host = f"ip-{one.place.address.replace('.', '-')}.{DOMAIN}."
        return {"A": one.place.address, "SRV": host, "PTR": f"{one.instance}.{TYPE}.{DOMAIN}."}

    def wait_in_dns(self, one, since, words=tuple(QUESTIONS)):
        values = {word: value for word, value in self.is_shown(one).items() if word in words}
        return wait_until(
            lambda: self.watch.everywhere(values, since), 20, f"{one.name} at all name servers: {values}"
        )

    def wait_out_of_dns(self, one, since, deadline_s=20):
        values = self.is_shown(one)
        return wait_until(
            lambda: self.watch.everywhere(values, since, there=False), deadline_s, f"{one.name} being gone"
        )

    def hosts(self, name, kind="A", server=None):
        return sorted(dig(self.city(), server or self.servers[0], name, kind).data)

    @contextlib.contextmanager
    def load(self, host=HOST, names=Fresh, **more):
        """Visitors in both cities; what they saw is looked at when the load has ended."""
        with contextlib.ExitStack() as stack:
            made = []
            for city in self.atlas.cities:
                place = self.earth.world[city]
                found = names(place, self.nearest_servers(city))
                visiting = Visitors(place, host, None, names=found, tries_max=4, **more)
                made.append(stack.enter_context(visiting))
            wait_until(lambda: all(len(one.visits) >= 2 for one in made), 10, "visitors in all cities")
            yield made
        self.counts["requests"] += sum(len(one.visits) for one in made)

    def seen(self, made, since=0.0, until=None):
        return [visit for one in made for visit in one.since(since, until)]

    # --- the world, and what is served in it

    def start(self):
        self.earth.start()
        check = {"interval": f"{CHECK_MS}ms", "timeout": f"{CHECK_MS}ms", "unhealthy_threshold": 1,
                 "healthy_threshold": 1, "http": {"path": "/"}}  # fmt: skip
        records = "".join(f"ns{number} A {one}\n" for number, one in enumerate(self.servers, 1))
        names = [f"ns{number}" for number in range(1, len(self.servers) + 1)]
        self.earth.controller.apply(
            service("web", [], discovery={"type": TYPE}, health_check=check),
            zone(ZONE, records, nameservers=names, negative_ttl=1),
            record_set(HOST, ZONE, "www", "A", ttl=5, service="web", policy="FAILOVER"),
        )
        self.token = self.token_for("web")
        self.ca = base64.b64encode(self.earth.controller.server.ca.read_bytes()).decode()
        for server in self.servers:

            def served(server=server):
                return dig(self.city(), server, ZONE, "NS").data

            wait_until(served, 10, f"{ZONE} being served at {server}")

    def token_for(self, name):
        done = self.earth.controller.cli("token", "create", f"{name}-members", "--service", name)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def user_data(self, version="1.0", priority=0):
        """One script for all clouds."""
        return filled_in(SCRIPT.read_text(), API=self.earth.controller.url, TOKEN=self.token,
                         CA=self.ca, VERSION=version, PRIORITY=priority)  # fmt: skip

    def records_of(self, title, instance=None):
        """As the article shows them."""
        wanted = [(HOST, "A"), (f"_services._dns-sd._udp.{DOMAIN}", "PTR"), (f"{TYPE}.{DOMAIN}", "PTR"),
                  (f"web.service.{DOMAIN}", "SRV")]  # fmt: skip
        if instance:
            wanted += [(f"{instance}.{TYPE}.{DOMAIN}", "SRV"), (f"{instance}.{TYPE}.{DOMAIN}", "TXT")]
        text = ""
        for name, kind in wanted:
            found = dig(self.city(), self.servers[0], name, kind)
            text += f"$ dig @{self.servers[0]} {name} {kind}   ; {found.status}\n"
            text += "".join(f"{owner} {ttl} {kind} {data}\n" for owner, ttl, kind, data in found.answer)
        self.show(title, text)

    # --- what has to hold

    def nobody_is_there(self):
        self.records_of("before the first machine boots")
        for server in self.servers:
            for name, kind in QUESTIONS.values():
                assert self.hosts(name, kind, server) == [], (server, name)

    def a_machine_boots(self, one):
        """From the power to the first request that somebody who looks the name up gets from it."""
        one.configure(self.user_data())
        one.start()
        place, names = self.city(), Fresh(self.city(), self.servers)

        def served():
            with contextlib.suppress(OSError), place.inside():
                address = names.addresses(HOST)[0]
                return visitors.ask(address, HOST)[1].split()[0] == one.instance

        wait_until(served, 20, f"{one.name} being served")
        took = time.monotonic() - one.began
        in_dns = self.wait_in_dns(one, one.began)
        self.took["boot to DNS"] = max(in_dns.values())
        self.took["boot to first request"] = took
        assert took <= BOOT_S_MAX, (took, one.log())

    def the_others_boot(self, others):
        """Of both clouds, all at once, by the same script."""
        for one in others:
            one.configure(self.user_data())
            one.start()
        for one in others:
            self.wait_in_dns(one, one.began)
        all_there = sorted(one.place.address for one in self.machines)
        for server in self.servers:
            assert self.hosts(HOST, "A", server) == all_there, server
        self.records_of("when all have booted", self.machines[0].instance)

    def are_browsed(self):
        """By what a client of DNS-SD does, at every name server: types, instances, and what each tells."""
        found = [browse(self.city(), server, DOMAIN) for server in self.servers]
        assert all(one == found[0] for one in found), found
        lines = [f"{one.instance:12} {one.type:12} {one.host:22} {one.address}:{one.port:<5} {one.text}"
                 for one in found[0]]  # fmt: skip
        self.show("browsed, the same at all name servers", "\n".join(lines))
        assert {one.instance for one in found[0]} == {one.instance for one in self.machines}
        for one in found[0]:
            machine = next(each for each in self.machines if each.instance == one.instance)
            told = {f"provider={machine.region.provider}", f"region={machine.region.name}", "version=1.0"}
            assert set(one.text) == told and one.address == machine.place.address, one
        text = browse_by_avahi(self.city(), self.servers[0], DOMAIN, TYPE, self.earth.directory)
        if text is not None:
            self.show(f"$ avahi-browse -d {DOMAIN} -rt {TYPE}", text)
            assert all(one.place.address in text and one.instance in text for one in self.machines), text

    def one_shuts_down(self, one):
        """With load of those that look up each time, and of those that keep what they were told. Then it is
        there again."""
        with self.load() as fresh, self.load(names=Names, threads=1) as keeping:
            wait_until(lambda: any(v.origin == one.instance for v in self.seen(fresh)), 10, "visits to it")
            began = time.monotonic()
            assert one.stop() == 0, one.log()
            ended = time.monotonic()
            gone = self.wait_out_of_dns(one, began)
            self.nothing_is_left(one)
            wait_until(lambda: self.seen(keeping, ended + 0.5), 10, "visits after its end")
        visits = self.seen(fresh) + self.seen(keeping)
        hurt = [visit for visit in visits if not visit.at_once]
        assert not hurt, visitors.told(hurt)
        late = [v for v in self.seen(fresh, began + max(gone.values())) if v.origin == one.instance]
        assert not late, visitors.told(late)
        assert self.seen(fresh, ended) and self.seen(keeping, ended)
        self.took["shutdown to gone"] = max(gone.values())
        self.took["served on after it"] = max(
            (v.began - began for v in visits if v.origin == one.instance), default=0.0
        )
        one.start()
        self.wait_in_dns(one, one.began)

    def nothing_is_left(self, one):
        """At no name server, under none of its names."""
        shown = self.is_shown(one)
        for server in self.servers:
            for owner, kind in ((shown["PTR"], "SRV"), (shown["PTR"], "TXT"), (shown["SRV"], "A")):
                found = dig(self.city(), server, owner, kind)
                assert (found.status, found.answer) == ("NXDOMAIN", []), (server, found.text)

    def one_loses_power(self, one):
        with self.load() as made:
            wait_until(lambda: any(v.origin == one.instance for v in self.seen(made)), 10, "visits to it")
            died, self.died_at = time.monotonic(), time.time()
            one.lose_power(self.earth)
            gone = self.wait_out_of_dns(one, died)
            forgotten = died + max(gone.values())
            self.nothing_is_left(one)
            wait_until(lambda: len(self.seen(made, forgotten)) > 60, 20, "visits afterwards")
        visits = self.seen(made)
        assert not visitors.lost(visits), visitors.told(visitors.lost(visits))
        hurt = [visit for visit in visits if not visit.at_once]
        late = [visit for visit in hurt if visit.began > forgotten]
        assert not late, visitors.told(late)
        self.counts["tried again"] = len(hurt)
        self.took["power loss to gone"] = max(gone.values())
        assert self.took["power loss to gone"] <= DEAD_S_MAX, gone
        self.dead, self.died = one, died

    def its_lease_ends(self):
        """The registry has forgotten it, too, without a stale answer in between."""
        name = f"web-80-{self.dead.instance}"

        def ended():
            """When, of time.time()."""
            events = self.earth.controller.api("GET", "/v1/events?limit=500").json["items"]
            found = [one["spec"] for one in events if one["spec"].get("name") == name]
            ends = [one for one in found if one["verb"] == "delete" and "ended" in one.get("reason", "")]
            return ends and datetime.datetime.fromisoformat(ends[-1]["time"]).timestamp()

        took = wait_until(ended, LEASE_S + 5, f"{name} being removed", 0.05) - self.died_at
        self.took["power loss to removed"] = took
        assert LEASE_S / 2 <= took <= LEASE_S + 2, took
        assert self.earth.controller.api("GET", f"/v1/endpoints/{name}").status == 404
        assert self.watch.everywhere(self.is_shown(self.dead), self.died, there=False)
        self.nothing_is_left(self.dead)
        self.dead.power_on(self.earth)
        self.dead.wait_said("has joined")
        self.wait_in_dns(self.dead, self.dead.began)

    # --- two versions

    def weigh(self, machines, **spec):
        """As an operator writes it, while the machines are members and renew their leases."""
        controller = self.earth.controller
        for one in machines:
            name = f"web-80-{one.instance}"
            for _ in range(5):
                wanted = controller.api("GET", f"/v1/endpoints/{name}").json
                wanted["spec"].update(spec)
                answer = controller.api("PUT", f"/v1/endpoints/{name}", wanted)
                if answer.status != 409:  # renewed meanwhile
                    break
            assert answer.status == 200, f"{answer.status} {answer.text}"

    def a_second_version_boots(self):
        """Of another priority: who asks for it by name gets it, and nobody else does."""
        for one in self.second:
            one.configure(self.user_data(version="2.0", priority=1))
            one.start()
        for one in self.second:
            self.wait_in_dns(one, one.began, ("SRV", "PTR"))
        for server in self.servers:
            for version, machines in (("1-0", self.machines), ("2-0", self.second)):
                name = f"v{version}.web.service.{DOMAIN}"
                wanted = sorted(one.place.address for one in machines)
                assert self.hosts(name, "A", server) == wanted, (server, name)
                found = self.hosts(f"_v{version}._sub.{TYPE}.{DOMAIN}", "PTR", server)
                assert found == sorted(self.is_shown(one)["PTR"] for one in machines), found
        with self.load() as made, self.load(host=f"v2-0.web.service.{DOMAIN}", threads=1) as curious:
            wait_until(lambda: min(len(self.seen(made)), len(self.seen(curious))) > 40, 20, "visits")
        assert all(one.at_once for one in self.seen(made) + self.seen(curious))
        shares = {"www": self.versions(self.seen(made)), "v2-0.web": self.versions(self.seen(curious))}
        assert set(shares["www"]) == {"1.0"} and set(shares["v2-0.web"]) == {"2.0"}, shares
        text = "\n".join(f"{name:9} {dict(found)}" for name, found in shares.items())
        self.show("a second version beside the first: requests by version", text)

    @staticmethod
    def versions(visits):
        return Counter(visit.text.split()[3] for visit in visits)

    def traffic_is_shifted(self):
        """Three quarters and one quarter, then all of it; with load, and without a failed request."""
        lines = []
        with self.load() as made:
            for first, second in ((3, 2), (1, 2), (0, 1)):
                self.weigh(self.machines, weight=first)
                self.weigh(self.second, weight=second)
                if not lines:  # the name by its own policy; those that ask for SRV by priority
                    self.earth.controller.apply(
                        record_set(HOST, ZONE, "www", "A", ttl=5, service="web", policy="WEIGHTED")
                    )
                    self.weigh(self.second, priority=0)
                lines.append(self.share(made, first * len(self.machines), second * len(self.second)))
        hurt = [visit for visit in self.seen(made) if not visit.at_once]
        assert not hurt, visitors.told(hurt)
        self.show("shifted by weight", "\n".join(lines))

    def share(self, made, first, second):
        """Of requests by name, of clients of SRV, and of `weir resolve`, once all servers know."""
        percent = 100 * second / (first + second)
        client = WeightedClient(self.city(), self.servers, f"web.service.{DOMAIN}")
        wanted = {0: first, 1: second}

        def known():
            return all(client.weights(server, self.second) == wanted for server in self.servers)

        wait_until(known, 10, f"the weights {first} and {second} at all name servers", 0.05)
        since = time.monotonic()
        wait_until(lambda: len(self.seen(made, since + 0.1)) >= 80, 30, "visits")
        visits = self.seen(made, since + 0.1)
        by_name = 100 * self.versions(visits)["2.0"] / len(visits)
        by_srv = client.share(self.second, 400)
        assert abs(by_name - percent) <= 10 and abs(by_srv - percent) <= 10, (percent, by_name, by_srv)
        self.took[f"{percent:.0f}"] = by_name
        return (f"weights {first}:{second} ({percent:.0f} % of 2.0): of {len(visits)} requests by name "
                f"{by_name:.0f} %, of 400 by SRV {by_srv:.0f} %")  # fmt: skip

    def run(self):
        self.machines = [self.web(region) for region in self.atlas.regions]
        self.second = [self.web("us-west-2", 2), self.web("europe-west3", 2)]
        self.start()
        with self.clouds, Watch(self.city(), self.servers, QUESTIONS) as self.watch:
            self.nobody_is_there()
            self.a_machine_boots(self.machines[0])
            self.the_others_boot(self.machines[1:])
            self.are_browsed()
            self.one_shuts_down(self.web("us-central1"))
            self.one_loses_power(self.web("eu-central-1"))
            databases = deployment_databases.Databases(self, DOMAIN)
            databases.run()
            self.its_lease_ends()
            self.a_second_version_boots()
            self.traffic_is_shifted()
        return self.report(databases)

    def report(self, databases):
        took = self.took
        return (
            f"deployment held: {len(self.machines)} machines of {len(self.atlas.providers)} clouds by one "
            f"script, in DNS {took['boot to DNS']:.2f} s after the power came, the first request "
            f"{took['boot to first request']:.2f} s; out of all {len(self.servers)} name servers "
            f"{took['shutdown to gone']:.2f} s after a shutdown began and {took['power loss to gone']:.2f} s "
            f"after a power loss ({self.counts['tried again']} requests tried again), its lease ended after "
            f"{took['power loss to removed']:.1f} s; {databases.told()}; version 2.0 got {took['25']:.0f}, "
            f"{took['50']:.0f} and 100 % by weight; {self.counts['requests']} requests, none lost"
        )


def story(directory):
    with Earth(Atlas.read("deployment"), directory, controller_flags=("--domain", DOMAIN)) as earth:
        return Story(earth).run()
