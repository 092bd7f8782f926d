"""failures: a hundred faults in ten minutes, drawn from a seed, under steady load from six cities.

People ask for the web, by IPv4 and by IPv6, and for a service that two homes behind NAT have; they look
names up at the world's name servers and try again as browsers do. Writers change objects through the API.
Meanwhile edges, controllers, the database, name servers, links, origins, tunnels and routers fail and come
back. What counts as lost is said in faults.py; nothing that was acknowledged may be lost, and all is normal
soon after the last repair.

`./dev lab failures SEED` draws the same faults again."""

import contextlib
import time

from lab import parts, visitors, weir
from lab.atlas import Atlas
from lab.dns import record_set, zone
from lab.earth import CHECK_MS, Earth
from lab.fault_hands import Hands
from lab.faults import PATIENCE_S, Model, draw
from lab.faults_report import Report
from lab.normal import NUMBER_FIELD, Normal
from lab.process import Timeout, wait_until
from lab.visitors import Names, Visitors
from lab.writers import Writer

HOST, ZONE = "web.example", "example"
HOME, HOME_HOST, HOME_ZONE = "home", "home.weir.localhost", "weir.localhost"
TTL_S = 2
NORMAL_S_MAX = 15.0
CALM_S = 3.0  # of load, once all is normal again
WEB_S, HOME_S = 0.25, 0.3  # from one request of a visitor to the next
DAY_SEED = 9
CHECK = {"interval": f"{CHECK_MS}ms", "unhealthy_threshold": 1, "healthy_threshold": 1,
         "timeout": f"{CHECK_MS}ms", "http": {"path": "/healthz"}}  # fmt: skip
# As somebody sets them who wants no request to fail for one origin.
CAREFUL = {
    "health_check": CHECK, "connect_timeout": "500ms", "outlier_detection": {"ejection_time": "2s"},
    "retries": {"attempts": 3, "budget_percent": 100, "on_statuses": ["502-504"]},
}  # fmt: skip


class Story:
    def __init__(self, earth, seed, count, seconds):
        self.earth, self.atlas = earth, earth.atlas
        self.seconds = seconds
        self.faults = draw(self.atlas, seed, count, seconds)
        self.hands = Hands(earth)
        self.loads = []  # (what it asks for, Visitors)
        self.writers = {}
        self.jobs = []

    # --- before

    def start(self):
        self.earth.start()
        self.publish()
        services = {"web": len(self.atlas.names("origins")), HOME: len(self.atlas.homes)}
        boston = self.earth.world["boston"]
        controllers = self.earth.of("controller")
        self.writers = {
            "ledger": Writer(boston, controllers, "services", "ledger"),
            "edges": Writer(boston, controllers, "loadbalancers", "web", edges_follow),
            "names": Writer(boston, controllers, "recordsets", "number", lambda n: {"values": [f'"{n}"']}),
        }
        with boston.inside():
            for writer in self.writers.values():
                begun = lambda one=writer: one.try_once(controllers[0].server, 1) or one.problem  # noqa: E731
                wait_until(begun, 10, writer.path)
                assert writer.problem is None, writer.problem
        self.normal = Normal(self.earth, host=HOST, zone=ZONE, services=services, writers=self.writers)
        self.wait_normal(30)

    def publish(self):
        every = [address for addresses in self.atlas.providers.values() for address in addresses]
        four, six = ([one for one in every if (":" in one) == v6] for v6 in (False, True))
        servers = [one.place.address for one in self.earth.of("dns")]
        names = [f"ns{number}" for number in range(1, len(servers) + 1)]
        records = "".join(f"{name} A {address}\n" for name, address in zip(names, servers))
        both = {"ttl": TTL_S, "policy": "ROUND_ROBIN"}
        self.earth.publish(
            weir.service("ledger", ["192.0.2.1:9"]),
            zone(ZONE, records, nameservers=names, ttl=TTL_S),
            record_set(HOST, ZONE, "web", "A", values=four, **both),
            record_set(f"{HOST}-6", ZONE, "web", "AAAA", values=six, **both),
            record_set("number", ZONE, "number", "TXT", values=['"0"'], ttl=TTL_S),
            zone(HOME_ZONE, records, nameservers=names, ttl=TTL_S),
            record_set(HOME_HOST, HOME_ZONE, HOME, "A", values=four, **both),
            **CAREFUL,
        )
        wait_until(self.home_is_there, 20, "the service of the homes")

    def home_is_there(self):
        """Which the agents make; then it is as careful as the other."""
        answer = self.earth.controller.api("PATCH", f"/v1/services/{HOME}", {"spec": CAREFUL})
        assert answer.status in (200, 404), answer.text
        return answer.status == 200

    def wait_normal(self, deadline_s):
        try:
            wait_until(self.normal, deadline_s, "everything being normal", 0.1)
        except Timeout as late:
            raise Timeout(f"{late}:\n" + "\n".join(self.normal.last)) from None

    # --- the day

    def visitors(self):
        """Of each city: those of the web by IPv4 and by IPv6, and those of the home's service."""
        servers = [one.place.address for one in self.earth.of("dns")]
        for number, city in enumerate(self.atlas.cities):
            place = self.earth.world[city]
            order = servers[number % len(servers) :] + servers[: number % len(servers)]
            for wanted, host, family, interval in (
                ("web", HOST, "A", WEB_S), ("web", HOST, "AAAA", WEB_S), ("home", HOME_HOST, "A", HOME_S),
            ):  # fmt: skip
                names = Names(place, order, family)
                more = {"threads": 1, "interval_s": interval, "names": names, "patience_s": PATIENCE_S}
                yield wanted, Visitors(place, host, None, **more)

    @contextlib.contextmanager
    def load(self):
        with contextlib.ExitStack() as stack:
            for wanted, one in self.visitors():
                self.loads.append((wanted, stack.enter_context(one)))
            begun = lambda: all(len(one.visits) >= 2 for _, one in self.loads)  # noqa: E731
            wait_until(begun, 10, "visitors in all cities")
            yield

    def visits(self):
        return [(wanted, visit) for wanted, one in self.loads for visit in list(one.visits)]

    def live(self):
        """All faults at their times; those that take their time don't hold the others up."""
        began = time.monotonic()
        due = [(one.at_s, self.hands.strike, one) for one in self.faults]
        due += [(one.at_s + one.length_s, self.hands.mend, one) for one in self.faults]
        for at, do, fault in sorted(due, key=lambda one: one[0]):
            time.sleep(max(0.0, began + at - time.monotonic()))  # what the day is made of
            self.jobs.append(self.earth.pool.submit(do, fault))
        for job in self.jobs:
            job.result(60)
        bad = [one for one in self.faults if one.problem]
        problems = [f"{one.number}. {one.kind} {one.victim} {one.mode}: {one.problem}" for one in bad]
        assert not problems, "\n".join(problems)
        return max(one.mended for one in self.faults)

    def end(self, mended):
        """From the last repair to everything being normal, and nobody noticing anything."""
        for writer in self.writers.values():
            writer.stop()
        for writer in self.writers.values():
            writer.join(max(0.1, mended + NORMAL_S_MAX - time.monotonic()))
            assert writer.problem is None, writer.problem
            assert not writer.is_alive(), f"{writer.path}: the last write was not acknowledged"
        self.normal.last = []
        self.wait_normal(max(0.1, mended + NORMAL_S_MAX - time.monotonic()))
        normal = time.monotonic()
        if self.normal.last:
            print(f"normal {normal - mended:.1f} s after the last repair; before, there was at last:")
            print("".join(f"  {text}\n" for text in self.normal.last[:5]), end="", flush=True)
        time.sleep(CALM_S)  # a measurement
        return normal

    def run(self):
        self.start()
        for writer in self.writers.values():
            writer.start()
        try:
            with self.load():
                mended = self.live()
                normal = self.end(mended)
        finally:
            for writer in self.writers.values():
                writer.stop()
        return mended, normal


def edges_follow(number):
    """The load balancer's route says it in a field of its answers."""
    route = {
        "match": {"path_prefix": "/"},
        "backends": [{"service": "web", "weight": 1}],
        "response_headers": {"set": [{"name": NUMBER_FIELD, "value": str(number)}]},
    }
    return {"routes": [route]}


def run(directory, name, seed, count, seconds):
    print(f"{name}: seed {seed}; the same again: ./dev lab {name} {seed}", flush=True)
    with Earth(Atlas.read("failures"), directory) as earth:
        story = Story(earth, seed, count, seconds)
        report = None
        try:
            mended, normal = story.run()
        finally:
            report = Report(story.faults, story.visits(), Model(earth.atlas))
            report.write(directory.parent / f"{name}-{seed}.csv")
            print("\n".join([report.table(), *report.told_lost()]), flush=True)
        report.check()
        calm = report.calm_from(normal)
        took = max(normal, calm) - mended
        when = f"normal {took:.1f} s after the last repair"
        assert took <= NORMAL_S_MAX, f"{when}:\n{report.told_since(normal)}"
        return f"{name} held: {report.sentence()}; {told(story.writers)}; {when}"


def told(writers):
    answered = sum(one.answered for one in writers.values())
    tries = sum(one.tries for one in writers.values())
    longest = max(one.longest_s for one in writers.values())
    return (
        f"{answered} writes acknowledged in {tries} tries, the longest after {longest:.1f} s, and all there "
        f"at every controller, edge and name server"
    )


def seed_of(given, otherwise):
    return int(given[0]) if given else otherwise


def story(directory, *given):
    return run(directory, "failures", seed_of(given, int(time.time())), 100, 600)


def story_short(directory, *given):
    return run(directory, "failures-short", seed_of(given, DAY_SEED), 12, 72)
