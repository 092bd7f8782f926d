"""workload: a container in two cities, behind one anycast address.

One `weir apply`, or one `tofu apply`, and three instances in each of two cities serve; each client city gets
those of the nearest. Load makes a fourth, and its end takes it away. A machine loses power, a new version
goes from city to city, a broken one goes back by itself, a city loses all its nodes, and nobody notices. What
is wrong is said in one sentence."""

import contextlib
import re
import time
from collections import Counter

from lab import podman, tofu, visitors, workloads
from lab.atlas import Atlas
from lab.earth import Earth
from lab.process import NotHere, Process, wait_until
from lab.visitors import Visitors
from lab.workloads import EXAMPLE, HOST, NAME, REPLICAS, Seen, instance_names

CITIES = {"houston": "dfw", "portland": "sea"}  # of clients, and where they land
SERVED_S_MAX, SCALED_S_MAX, REPLACED_S_MAX = 60.0, 30.0, 15.0
COUNTED = 40  # requests of each city, to see how they are spread
WORK_S = 0.02  # of a core, for one request of those that work
WORKERS = 4  # who ask one request after the other: more than three instances have CPU for
WAVE_S, WAVES = 5.0, 3  # load for so long, then none for as long, so many times
SETTLED_S_MAX = 60.0  # until what was scaled up is down again
BUSY, QUIET = "houston", "portland"


def version_of(visit):
    return int(visit.text.split()[1])


def city_of(instance):
    return instance.removeprefix(f"{NAME}-global-").rpartition("-")[0]


def landed(load, since):
    """Where its last five visits ended; nothing: there are not so many."""
    last = [one for one in load.since(since) if one.good][-5:]
    return {city_of(one.origin) for one in last} if len(last) == 5 else None


def first_answers(made, since):
    """{instance: when it answered the first of those who came since}"""
    found = {}
    for visit in (visit for one in made for visit in one.since(since) if visit.good):
        at = visit.began + visit.took_s
        found[visit.origin] = min(at, found.get(visit.origin, at))
    return found


class Story:
    def __init__(self, earth):
        self.earth, self.atlas = earth, earth.atlas
        self.address = self.atlas.anycast("cumulus")
        self.objects = workloads.objects()
        self.seen = None
        self.told = []  # parts of the report
        self.requests = 0

    # --- small steps

    def weir(self, *words, expect=0, lines=12):
        """As a person types it, and what it says."""
        done = self.earth.controller.cli(*words)
        text = done.stdout + done.stderr
        print(f"$ weir {' '.join(map(str, words))}")
        for line in text.splitlines()[:lines]:
            print(f"  {line}")
        assert expect in (None, done.returncode), f"weir {words}: {done.returncode}\n{text}"
        return text

    def say(self, text):
        print(text, flush=True)

    def load(self, **more):
        """Visitors in both cities, who take what comes."""
        return self.visitors(CITIES, **{"threads": 1, **more})

    @contextlib.contextmanager
    def visitors(self, cities, **more):
        with contextlib.ExitStack() as stack:
            made = [
                stack.enter_context(Visitors(self.earth.world[city], HOST, [self.address], **more))
                for city in cities
            ]
            yield made
        self.requests += sum(len(one.visits) for one in made)

    def all_of(self, made, *, at_once=False):
        """What they have seen, none of which was lost, or even tried twice."""
        visits = [visit for one in made for visit in one.visits]
        bad = [one for one in visits if not (one.at_once if at_once else one.good)]
        assert not bad, f"{len(bad)} of {len(visits)}:\n{visitors.told(bad)}"
        assert visits
        return visits

    def wait_ready(self, wanted, deadline_s):
        """wanted: names of instances, of both cities."""
        wait_until(lambda: self.seen.ready() == wanted, deadline_s, f"ready: {', '.join(wanted)}", 0.1)

    def everyone(self):
        return instance_names("dfw") | instance_names("sea")

    def landing(self):
        """{client city: names that answer there}"""
        found = {}
        for city in CITIES:
            with self.earth.world[city].inside():
                answers = [visitors.ask(self.address, HOST) for _ in range(COUNTED)]
            assert {status for status, _ in answers} == {200}, (city, answers)
            found[city] = Counter(text.split()[0] for _, text in answers)
        return found

    # --- what has to hold

    def start(self):
        self.earth.start()
        self.seen = Seen(self.earth.controller)
        wait_until(self.all_attached, 20, "all nodes attached", 0.1)
        self.weir("get", "nodes")
        archive = self.earth.controller.directory / "hello-edge.tar"
        archive.write_bytes(workloads.image())
        self.weir("image", "push", workloads.TAG, archive)

    def all_attached(self):
        return self.seen.attached() == {one.name for one in self.earth.of("node")}

    @contextlib.contextmanager
    def coming_up(self, how):
        """From a command until all six have answered somebody."""
        with self.load(interval_s=0.05, tries_max=1) as made:
            began = time.monotonic()
            yield
            applied = time.monotonic()

            def all_have():
                return set(first_answers(made, began)) >= self.everyone()

            wait_until(all_have, SERVED_S_MAX, f"all instances answering after {how}", 0.05)
        each = {name: at - began for name, at in first_answers(made, began).items()}
        first, last = min(each.values()), max(each.values())
        self.say(f"{how} took {applied - began:.1f} s; first request {first:.1f} s after it began")
        for name in sorted(each):
            self.say(f"  {name} answers after {each[name]:.1f} s")
        assert set(each) == self.everyone() and last <= SERVED_S_MAX, each
        self.told.append(f"{how}: first request {first:.1f} s, all six instances {last:.1f} s")

    def apply_brings_it(self):
        with self.coming_up("weir apply"):
            self.weir("apply", "-f", EXAMPLE)
        self.wait_ready(self.everyone(), 20)
        self.weir("get", "instances")

    def served(self):
        """{edge: requests that it has answered}"""
        found = {}
        for edge in self.earth.of("edge"):
            counts = re.findall(r'^weir_service_requests_total{.*class="2xx".*} (\d+)$', edge.metrics(), re.M)
            found[edge.name] = sum(map(int, counts))
        return found

    def cities_land_nearest(self):
        """And the two machines of a city share what comes there."""

        def are_home(landed):
            return all(set(names) == instance_names(CITIES[city]) for city, names in landed.items())

        wait_until(lambda: are_home(self.landing()), 20, "every city landing in the nearest")
        before = self.served()
        found = self.landing()
        shares = {name: count - before[name] for name, count in self.served().items()}
        assert are_home(found), found
        for city, names in found.items():
            self.say(f"{city}: " + ", ".join(f"{name} {count}" for name, count in sorted(names.items())))
        self.say("by edge: " + ", ".join(f"{name} {count}" for name, count in shares.items()))
        spread = []
        for region in CITIES.values():
            parts = [shares[name] for name in self.atlas.regions[region].names("edges")]
            assert sum(parts) == COUNTED and min(parts) >= COUNTED / 10, shares
            spread.append("/".join(map(str, parts)))
        self.told.append(f"each city in the nearest, whose two machines share {' and '.join(spread)}")

    def it_goes(self):
        for kind in ("workload", "loadbalancer", "service"):
            self.weir("delete", kind, NAME)
        wait_until(lambda: not self.seen.items("instances"), 30, "no instance being left", 0.1)

        def left():
            return [one["Names"] for node in self.earth.of("node") for one in node.box.containers()]

        wait_until(lambda: not left(), 30, "no container being left", 0.2)

    def tofu_brings_it(self, directory):
        folder = directory / "site"
        folder.mkdir()
        server = self.earth.controller.server
        one = tofu.Tofu(folder, server, prefix=self.earth.controller.place.prefix)
        one.environment = {"WEIR_CA": str(server.ca)}
        (folder / "main.tf").write_text((EXAMPLE / "terraform" / "main.tf").read_text())
        assert one.good("fmt", "-check", "-diff", "main.tf") == ""
        one.good("init")
        with self.coming_up("tofu apply"):
            said = one.good("apply", "-auto-approve")
        assert "Apply complete! Resources: 3 added" in said, said
        again, changes = one.plan()
        assert not changes, again
        print("$ tofu plan\n  " + next(line for line in again.splitlines() if "No changes" in line))
        self.wait_ready(self.everyone(), 20)
        done = self.earth.controller.cli("plan", "-f", EXAMPLE)
        assert "3 unchanged" in done.stdout + done.stderr, done.stdout + done.stderr

    # --- scaling

    def workers(self, turns):
        """Who keep the instances of a city busier than they should be."""
        return self.visitors([BUSY], path=f"/cgi-bin/work?{turns}", threads=WORKERS, interval_s=0)

    def load_makes_a_fourth(self):
        turns = workloads.turns_for(WORK_S)
        city = CITIES[BUSY]
        before = self.seen.revision()
        began = time.monotonic()
        with self.workers(turns) as made:
            try:
                wait_until(lambda: len(self.seen.ready(city)) > REPLICAS, SCALED_S_MAX, "a fourth", 0.1)
            finally:
                took = time.monotonic() - began
                self.weir("get", "instances")
        visits = self.all_of(made)
        self.say(f"{len(visits)} requests of {WORK_S * 1000:.0f} ms: a fourth is ready after {took:.1f} s")
        assert took <= SCALED_S_MAX, took
        up = self.decisions(before)
        assert [one["verb"] for one in up] == ["create"], self.short(up)
        waved = self.seen.revision()
        for _ in range(WAVES):  # a square wave: idle is measured, too
            time.sleep(WAVE_S)
            with self.workers(turns) as made:
                time.sleep(WAVE_S)
            self.all_of(made)
        during = self.decisions(waved)
        assert not during, self.short(during)
        ended = time.monotonic()
        return up, waved, ended, took

    def it_is_three_again(self, up, waved, ended, took):
        wait_until(
            lambda: self.seen.ready() == self.everyone() and len(self.seen.instances()) == 2 * REPLICAS,
            SETTLED_S_MAX,
            "three in each city",
            0.1,
        )
        settled = time.monotonic() - ended
        down = self.decisions(waved)
        assert [one["verb"] for one in down] == ["delete"], self.short(down)
        for one in self.short([*up, *down]):
            self.say(f"  {one}")
        assert all(one.get("reason") for one in (*up, *down))
        self.told.append(
            f"a fourth {took:.1f} s after load, three again {settled:.1f} s after its end, no decision in "
            f"{2 * WAVES * WAVE_S:.0f} s of a square wave"
        )

    @staticmethod
    def short(events):
        return [f"{one['verb']} {one['name']}: {one.get('reason', '')}" for one in events]

    def decisions(self, after):
        """Instances that were made and deleted since a revision."""
        return [
            one
            for one in self.seen.events("Instance", "create", "delete", after=after)
            if one["name"].startswith(NAME)
        ]

    # --- failures

    def a_machine_loses_power(self, city="dfw"):
        """One that runs instances, with its edge; until as many serve as before."""
        machines = self.atlas.regions[city].nodes_on()
        before = self.seen.instances(city)
        homes = Counter(one["spec"]["node"] for one in before.values())
        victim = min(machines, key=lambda name: homes[name])
        lost = {name for name, one in before.items() if one["spec"]["node"] == victim}
        assert lost, homes
        with self.load() as made:
            wait_until(lambda: all(len(one.visits) >= 5 for one in made), 10, "visitors")
            died = time.monotonic()
            self.earth.power_off(machines[victim])
            dark = time.monotonic()
            # Whoever answers by that name now is another.
            wait_until(lambda: set(first_answers(made, dark)) >= lost, 30, f"{lost} being elsewhere", 0.05)
            time.sleep(1)  # a measurement
        first = first_answers(made, dark)
        took = max(first[name] for name in lost) - died
        visits = self.all_of(made)
        told = self.told_of(visits, died)
        self.say(f"{machines[victim]} loses power; {', '.join(sorted(lost))} elsewhere after {took:.1f} s")
        self.weir("get", "nodes")
        assert took <= REPLACED_S_MAX, took
        self.told.append(f"a machine without power: elsewhere after {took:.1f} s, {told}")
        self.earth.power_on(machines[victim])
        wait_until(self.all_attached, 30, "the node being back", 0.1)
        self.wait_ready(self.everyone(), 20)
        wait_until(lambda: not self.earth[victim].box.containers(), 30, "what it had being removed", 0.2)

    @staticmethod
    def told_of(visits, since):
        """What those have noticed that were under way or came after a moment."""
        hurt = [one for one in visits if one.began + one.took_s > since]
        again = sum(not one.at_once for one in hurt)
        longest = max(one.took_s for one in hurt)
        return f"of {len(hurt)} requests {again} retried, none lost, the longest {longest:.2f} s"

    def roll(self, workload, phase, deadline_s):
        """Applies it under load; its progress in the end, how long it took, when each instance was given
        which version, and what visitors saw."""
        moments = {}

        def look():
            for name, one in self.seen.instances().items():
                moments.setdefault((name, one["spec"]["version"]), time.monotonic())

        look()
        old, before = set(moments), self.seen.progress()
        with self.load(interval_s=0.05) as made:
            began = time.monotonic()
            self.earth.controller.apply(workload)

            def done():
                look()
                progress = self.seen.progress()
                return progress if progress != before and progress["phase"] == phase else None

            progress = wait_until(done, deadline_s, f"the update being {phase}", 0.1)
            took = time.monotonic() - began
            time.sleep(1)  # a measurement
        visits = self.all_of(made, at_once=True)
        given = {key: at - began for key, at in moments.items() if key not in old}
        return progress, took, given, visits

    def a_version_rolls(self):
        wanted = workloads.version(self.objects["Workload"], 2)
        progress, took, given, visits = self.roll(wanted, "DONE", 90)
        self.weir("rollout", "status", NAME)
        spans = {}
        for city in CITIES.values():
            at = [moment for (name, _), moment in given.items() if city_of(name) == city]
            spans[city] = (min(at), max(at))
            self.say(f"  {city}: from {min(at):.1f} to {max(at):.1f} s")
        first, second = sorted(spans.values())
        assert first[1] < second[0], spans
        assert set(map(version_of, visits)) == {1, 2}, Counter(map(version_of, visits))
        self.wait_version(progress["version"], 2)
        self.told.append(
            f"a version in both cities after {took:.1f} s, one after the other, none of {len(visits)} "
            "requests failed"
        )

    def a_broken_one_goes_back(self):
        good = self.seen.progress()["version"]
        wanted = workloads.changed(workloads.version(self.objects["Workload"], 3), command=["/bin/not-there"])
        progress, took, given, visits = self.roll(wanted, "REVERTED", 60)
        self.weir("rollout", "status", NAME, expect=1)
        self.say(f"  it went back after {took:.1f} s: {progress['reason']}")
        assert "/bin/not-there" in progress["reason"] and "\n" not in progress["reason"], progress
        assert len({name for name, version in given if version != good}) == 1, given
        assert set(map(version_of, visits)) == {2}, Counter(map(version_of, visits))
        self.wait_version(good, 2)
        self.told.append(
            f"a broken one back after {took:.1f} s at one instance, none of {len(visits)} requests failed"
        )

    def wait_version(self, version, number):
        """Three instances in each city, of one version, which is what visitors get."""

        def are():
            now = self.seen.instances()
            versions = {one["spec"]["version"] for one in now.values()}
            return set(now) == self.seen.ready() == self.everyone() and versions == {version}

        wait_until(are, 30, f"all of version {number}", 0.1)
        for city in CITIES:
            with self.earth.world[city].inside():
                answers = {visitors.ask(self.address, HOST)[1].split()[1] for _ in range(COUNTED)}
            assert answers == {str(number)}, answers

    def a_city_loses_its_nodes(self, city="sea", other="dfw"):
        """Its edges live on; they withdraw the address, for a workload with `anycast` has nothing there."""
        nodes = [self.earth[name] for name in self.atlas.regions[city].nodes_on()]
        client = next(client for client, near in CITIES.items() if near == city)
        with self.load() as made:
            mine = next(one for one in made if one.place.name == client)
            wait_until(lambda: len(mine.visits) >= 5, 10, "visitors")
            died = time.monotonic()
            for node in nodes:
                node.kill()
            wait_until(lambda: not self.announced(city), 30, f"{city} withdrawn", 0.05)
            withdrawn = time.monotonic() - died
            wait_until(lambda: landed(mine, died) == {other}, 20, f"{client} landing elsewhere", 0.05)
            self.weir("get", "workload", NAME)
            self.weir("get", "edges")
            began = time.monotonic()
            self.earth.start_all(nodes)
            wait_until(lambda: len(self.announced(city)) == len(nodes), 60, f"{city} announced again", 0.05)
            wait_until(lambda: landed(mine, began) == {city}, 30, f"{client} landing in {city}", 0.05)
            back = time.monotonic() - began
            self.wait_ready(self.everyone(), 30)
        visits = self.all_of(made)
        told = self.told_of(visits, died)
        far = next(one for one in mine.since(died) if city_of(one.origin) == other)
        left = far.began + far.took_s - died
        self.say(f"{city} without nodes: {client} in {other} after {left:.1f} s")
        self.say(f"  the address is withdrawn there after {withdrawn:.1f} s")
        self.say(f"  its nodes back: {client} in {city} again after {back:.1f} s; {told}")
        self.told.append(
            f"a city without nodes: its clients in the other after {left:.1f} s, withdrawn after "
            f"{withdrawn:.1f} s, back after {back:.1f} s, {told}"
        )

    def announced(self, city):
        """Peers of the region's router that announce the address."""
        region = self.atlas.regions[city]
        routes = self.earth[region.router].bird.routes(f"{self.address}/32")
        return [name for name in routes if "edge" in name]

    # --- looking in, and what is wrong

    def logs_and_exec(self):
        name = f"{NAME}-global-sea-1"
        log = self.earth.controller.directory / "follow.log"
        server = self.earth.controller.server
        words = [workloads.BINARY, "logs", NAME, "-f", "--since", "1s"]
        environment = {"WEIR_API": server.api_url, "WEIR_CA": str(server.ca), "WEIR_TOKEN": server.token}
        prefix = self.earth.controller.place.prefix
        with Process(words, log, environment=environment, prefix=prefix) as follow:
            wait_until(lambda: self.work_is_logged(follow), 20, "every instance's line in the stream", 0.2)
            follow.stop()
        text = self.weir("logs", NAME, "--since", "1m", lines=8)
        assert all(f"{one}: has worked" in text for one in self.everyone()), text
        timed = self.weir("logs", NAME, "--since", "1m", "--timestamps", lines=0).splitlines()
        times = re.findall(r"\b\d{4}-\d\d-\d\dT\S+", "\n".join(timed))
        assert len(times) == len(timed) >= 2 * REPLICAS and times == sorted(times), timed
        said = self.weir("exec", name, "--", "hostname")
        assert said.strip() == name, said
        said = self.weir("exec", name, "--", "sh", "-c", "exit 7", expect=7)
        assert [one["name"] for one in self.seen.events("Instance", "exec")] == [name] * 2
        self.told.append("logs of all six in one stream, and a command in one of them")

    def work_is_logged(self, follow):
        for city in CITIES:
            with self.earth.world[city].inside():
                visitors.ask(self.address, HOST, "/cgi-bin/work?1")
        return all(f"{name}: has worked" in follow.log() for name in self.everyone())

    def what_is_wrong_is_said(self):
        """And nothing else is disturbed."""
        before = self.specs()
        wrong = {
            "no-image": (workloads.small("no-image", image="weir/nothing:1"), "weir/nothing:1"),
            "no-room": (workloads.small("no-room", resources={"cpu": "64"}), "cpu"),
            "no-command": (workloads.small("no-command", command=["/bin/nothing"]), "/bin/nothing"),
            "port-clash": (
                workloads.small("port-clash", replicas=3, ports=[{"port": 8080, "host_port": 31999}]),
                "31999",
            ),
            "no-key": (workloads.small("no-key", env=[self.from_secret("keys", "missing")]), "missing"),
        }
        secret = {"kind": "Secret", "metadata": {"name": "keys"}, "spec": {"values": {"one": "1"}}}
        with self.load() as made:
            self.earth.controller.apply(secret, *(one for one, _ in wrong.values()))
            for name, (_, word) in wrong.items():
                self.say(f"  {name}: {self.sentence(name, word)}")
            self.refused(workloads.small("no-secret", env=[self.from_secret("nobody", "one")]), "nobody")
            for name in wrong:
                self.weir("delete", "workload", name, lines=0)

            def left():
                return [one for one in self.seen.items("instances") if one["spec"]["workload"] != NAME]

            wait_until(lambda: not left(), 30, "all of them gone", 0.1)
        visits = self.all_of(made, at_once=True)
        assert before == self.specs(), "other instances were changed"
        self.told.append(
            f"{len(wrong) + 1} mistakes said in a sentence each, none of {len(visits)} requests failed"
        )

    def specs(self):
        """Of those that are not there for a while only."""
        return {name: one["spec"] for name, one in self.seen.instances().items() if name in self.everyone()}

    def sentence(self, name, word):
        """That the status of a workload has, and that tells of something."""
        until = time.monotonic() + 30
        while word not in (said := self.seen.reason(name)):
            assert time.monotonic() < until, f"{name}: {word} is not in {self.seen.workload(name)['status']}"
            time.sleep(0.1)
        assert "\n" not in said, said
        return said

    @staticmethod
    def from_secret(secret, key):
        return {"name": "KEY", "secret": {"secret": secret, "key": key}}

    def refused(self, workload, word):
        file = self.earth.controller.directory / "refused.yaml"
        file.write_text(workloads.documents(workload))
        said = self.weir("apply", "-f", file, expect=1)
        assert word in said, said

    def run(self, directory):
        self.start()
        self.apply_brings_it()
        self.cities_land_nearest()
        self.it_goes()
        self.tofu_brings_it(directory)
        scaled = self.load_makes_a_fourth()
        self.what_is_wrong_is_said()
        self.it_is_three_again(*scaled)
        self.a_machine_loses_power()
        self.a_version_rolls()
        self.a_broken_one_goes_back()
        self.a_city_loses_its_nodes()
        self.logs_and_exec()
        return f"workload held: {'; '.join(self.told)}; {self.requests} requests"


def why_not():
    """Why it can't be played here; None: it can."""
    return podman.why_not() or tofu.why_not()


def story(directory):
    if why := why_not():
        raise NotHere(why)
    with Earth(Atlas.read("workload"), directory) as earth:
        return Story(earth).run(directory)
