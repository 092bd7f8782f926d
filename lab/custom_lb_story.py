"""custom-lb: Envoys and edges of weir from one configuration, which is in PostgreSQL and changed by its API.

Domains and paths lead to different target groups; with load on every edge, a certificate is replaced, targets
come and go, a domain is added, a controller dies, the database dies, and origins die. No request fails."""

import contextlib
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from lab import https_load, weir
from lab.atlas import Atlas
from lab.earth import CHECK_MS, Earth
from lab.https_load import Authority, Http1, Load
from lab.office import Office
from lab.process import wait_until

GROUPS = {"web": 1, "api": 2, "static": 3, "shop": 4}  # target group: the origin of each region
SPARE = "us-west-origin-5"
DOMAINS = {
    "a.example": {"/": "web", "/api": "api", "/static": "static"},
    "b.example": {"/": "shop", "/api": "api"},
}
SORTS = ("weir", "Envoy")
NEW_DOMAIN, NEW_PATHS = "c.example", {"/": "shop", "/static": "static"}
ASKED = [
    ("a.example", "/"), ("a.example", "/apium"), ("a.example", "/api"), ("a.example", "/api/users"),
    ("a.example", "/static/logo.png"), ("b.example", "/"), ("b.example", "/api/users"),
    ("b.example", "/static"),
]  # fmt: skip
LOAD = [("a.example", "/"), ("a.example", "/api/users"), ("a.example", "/static"), ("b.example", "/")]
SAMPLES, WEIGHTS = 100, (9, 1)
DATABASE_AWAY_S, DEAD_S = 3.0, 2.5
CONNECT_MS, TRY_MS = 500, 1000
NOTICED_S, ORIGIN_S_MAX = 0.45, 1.0  # who waits so long has met a dead origin; nobody does after that time
MOVED_S_MAX = 2.0  # from a dead controller to another one, as docs/xds.md says
EVERYWHERE_S_MAX = 10.0


def group_of(paths, path):
    """By segment, the longest prefix."""
    fitting = [one for one in paths if path == one or path.startswith(one.rstrip("/") + "/")]
    return paths[max(fitting, key=len)]


def name_of(domain):
    return domain.replace(".", "-")


class Writer:
    """Writes all the time, by each controller in turn, and remembers what was acknowledged."""

    def __init__(self, place, controllers, word):
        self.place, self.controllers, self.word = place, controllers, word
        self.acknowledged, self.answers = [], Counter()  # names and by which controller; by status
        self.slowest_s = 0.0
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        number = 0
        while not self.ending.wait(0.1):
            number += 1
            name = f"{self.word}-{number}"
            began = time.monotonic()
            try:
                lead = self.controllers[number % len(self.controllers)]
                with self.place.inside():
                    wanted = weir.service(name, ["192.0.2.1:80"])
                    status = lead.server.api("POST", "/v1/services", wanted, timeout_s=30).status
            except OSError:
                status = "no answer"
            self.answers[status] += 1
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            if status == 201:
                self.acknowledged.append((name, lead.name))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join(40)
        assert not self.thread.is_alive(), "a write hangs"

    def wait_acknowledged(self, more):
        enough = len(self.acknowledged) + more
        wait_until(lambda: len(self.acknowledged) >= enough, 20, f"{more} writes being taken")

    def wait_taken_by_all(self):
        had, every = len(self.acknowledged), {one.name for one in self.controllers}
        wait_until(
            lambda: {by for _, by in self.acknowledged[had:]} == every, 20, "writes being taken by all"
        )


class Story:
    def __init__(self, earth, directory):
        self.earth, self.atlas = earth, earth.atlas
        self.authority = Authority(directory / "authority")
        self.office = Office(earth.world["seattle"], earth.of("controller"), directory)
        self.edges = {one.name: (self.city_of(one), one.place.address) for one in self.served()}
        self.members = {group: self.origins(number) for group, number in GROUPS.items()}
        self.domains = dict(DOMAINS)
        self.numbers = {}  # of the newest certificate, by domain
        self.rows = []  # of the table of steps
        self.load = None
        self.pool = ThreadPoolExecutor(len(self.edges))

    # --- small steps

    def served(self):
        return sorted(self.earth.of("edge") + self.earth.of("envoy"), key=lambda one: one.name)

    def city_of(self, part):
        at = self.atlas.region_of(part.name).at
        return self.earth.world[next(city for city, where in self.atlas.cities.items() if where == at)]

    def sort(self, edge):
        return "Envoy" if self.earth[edge].role == "envoy" else "weir"

    def origins(self, number):
        return {f"{region}-origin-{number}" for region in self.atlas.regions}

    def endpoint(self, origin):
        return self.earth[origin].endpoint

    def connect(self, edge, domain):
        place, address = self.edges[edge]
        with place.inside():
            return Http1(address, domain, self.authority.context())

    def ask(self, edge, domain, path="/", count=1):
        """Names of origins, by one connection."""
        with contextlib.closing(self.connect(edge, domain)) as connection:
            answers = [connection.get(path) for _ in range(count)]
        assert all(status == 200 for status, _ in answers), answers
        return [text.split()[0] for _, text in answers]

    def everywhere(self, seen, what, began=None):
        """Milliseconds until seen(edge) is true, by edge; each is looked at all the time."""
        began = began or time.monotonic()

        def look(edge):
            def yes():
                with contextlib.suppress(OSError, AssertionError):
                    return seen(edge)

            wait_until(yes, EVERYWHERE_S_MAX, f"{what} at {edge}", 0.002)
            return (time.monotonic() - began) * 1000

        return dict(zip(self.edges, self.pool.map(look, self.edges), strict=True))

    def by_sort(self, values):
        """{"weir": the worst of edges of weir, "Envoy": ...}"""
        found = dict.fromkeys(SORTS, 0.0)
        for edge, value in values.items():
            found[self.sort(edge)] = max(found[self.sort(edge)], value)
        return found

    def check(self, request):
        if request.status != 200:
            return f"status {request.status}: {request.text[:100]}"
        group = group_of(self.domains[request.host], request.path)
        known = self.members[group] | ({SPARE} if group == "web" else set())
        return None if request.origin in known else f"{request.origin} is not in {group}"

    @contextlib.contextmanager
    def step(self, title):
        """With load on: no request that began in it fails. Yields a dict for {"weir": ms, "Envoy": ms}."""
        print(f"\n--- {title}")
        began, figures = time.monotonic(), {}
        yield figures
        self.settle()
        requests = self.load.since(began)
        problems = https_load.failed(requests)
        self.rows.append((title, figures, requests))
        shown = ", ".join(f"{sort} {value:.0f} ms" for sort, value in figures.items())
        print(f"  {shown or 'held'}; {len(requests)} requests, {len(problems)} failed")
        assert not problems, f"{title}: {https_load.told(problems)}"
        self.accepted()

    def settle(self):
        """Until each client has ended a request that began from now on: no older one is still under way."""
        now = time.monotonic()
        wait_until(lambda: self.load.has_seen(now), 15, "requests of every client", 0.02)

    def accepted(self):
        """By all edges, all of it."""
        for one in self.served():
            if one.role == "envoy":
                assert one.counter("update_rejected") == 0, one.process.log()[-2000:]
                assert '"error_state"' not in one.admin("/config_dump"), one.name
            about = self.about(one.name)
            assert about["applied_revision"] > 0 and not about.get("refused"), (one.name, about)

    def about(self, name):
        """The status of an edge. An Envoy speaks to one controller at a time, which alone knows it."""

        def seen():
            for controller in self.earth.of("controller"):
                if controller.running():
                    said = self.office.curl("GET", f"/v1/edges/{name}", by=controller, quiet=True)
                    if said.json["status"]["attached"]:
                        return said.json["status"]

        return wait_until(seen, 10, f"{name} being attached to a controller", 0.1)

    # --- what is there from the beginning

    def service(self, group, weights=None):
        check = {"interval": f"{CHECK_MS}ms", "timeout": f"{CHECK_MS}ms", "unhealthy_threshold": 1,
                 "healthy_threshold": 1, "http": {"path": "/healthz"}}  # fmt: skip
        names = sorted(self.members[group])
        endpoints = [
            {"address": self.endpoint(name), "weight": weight}
            for name, weight in zip(names, weights or [1] * len(names), strict=True)
        ]
        # Who is silent has so long for a connection and for an answer; then another one is asked.
        retries, connect = {"per_try_timeout": f"{TRY_MS}ms"}, f"{CONNECT_MS}ms"
        return weir.service(group, endpoints, health_check=check, retries=retries, connect_timeout=connect)

    def balancer(self, domain, paths):
        wanted = weir.load_balancer(name_of(domain), [domain], paths)
        wanted["spec"]["listeners"] = [
            {"protocol": "HTTPS", "hostnames": [domain], "tls": {"certificates": [name_of(domain)]}},
            {"protocol": "HTTP", "hostnames": [domain], "redirect_to_https": True},
        ]
        return wanted

    def certificate(self, domain):
        self.numbers[domain], chain, key = self.authority.issue(domain)
        return {
            "kind": "Certificate",
            "metadata": {"name": name_of(domain)},
            "spec": {"certificate": chain, "private_key": key},
        }

    def start(self):
        self.earth.start()
        print("--- the configuration, by the API")
        for group in GROUPS:
            self.office.create("/v1/services", self.service(group))
        for domain, paths in DOMAINS.items():
            self.office.create("/v1/certificates", self.certificate(domain))
            self.office.create("/v1/loadbalancers", self.balancer(domain, paths))
        for domain in DOMAINS:
            self.everywhere(lambda edge, domain=domain: self.ask(edge, domain), domain)

    def domains_and_paths(self):
        """Each edge asks both regions' origins, and both sorts of edges the same ones."""
        print(f"\n--- who answers\n{'':29}" + "".join(f"{edge:20}" for edge in self.edges))
        for domain, path in ASKED:
            wanted = self.members[group_of(self.domains[domain], path)]
            found = {edge: set(self.ask(edge, domain, path, 4)) for edge in self.edges}
            texts = [self.shown(found[edge]) for edge in self.edges]
            print(f"{domain + path:29}" + "".join(f"{text:20}" for text in texts))
            assert all(one == wanted for one in found.values()), (domain, path, found)

    def shown(self, origins):
        groups = {group for group, members in self.members.items() if origins <= members}
        return f"{'/'.join(sorted(groups))} ({len(origins)} origins)"

    # --- what is changed

    def a_certificate_is_replaced(self):
        domain = "a.example"
        with self.step("a certificate is replaced") as figures:
            before = self.numbers[domain]
            wanted = self.certificate(domain)
            began = time.monotonic()
            self.office.replace(f"/v1/certificates/{name_of(domain)}", wanted)
            figures |= self.by_sort(self.everywhere(self.shows_newest(domain), "the new certificate", began))
            shown_at = time.monotonic()
            self.settle()
        fresh = [one for one in self.load.since(shown_at) if one.sort == "new" and one.host == domain]
        assert fresh and {one.number for one in fresh} == {self.numbers[domain]}, fresh[:3]
        print(f"  {domain} was shown as number {before}, now as {self.numbers[domain]}")

    def shows_newest(self, domain):
        def shows(edge):
            with contextlib.closing(self.connect(edge, domain)) as connection:
                return connection.number == self.numbers[domain]

        return shows

    def target(self):
        return {
            "kind": "Endpoint",
            "metadata": {"name": "web-3"},
            "spec": {"service": "web", "address": self.endpoint(SPARE)},
        }

    def a_target_comes(self, by=None):
        began = time.monotonic()
        self.office.create("/v1/endpoints", self.target(), by=by)
        return self.everywhere(lambda edge: self.has_spare(edge), "the target", began)

    def has_spare(self, edge):
        return SPARE in self.ask(edge, "a.example", count=6)

    def a_target_goes(self):
        """From then on it gets no request of the load either."""
        began = time.monotonic()
        self.office.curl("DELETE", "/v1/endpoints/web-3")
        took = self.everywhere(lambda edge: not self.has_spare(edge), "its being gone", began)
        gone = time.monotonic()
        self.settle()
        late = [one for one in self.load.since(gone) if one.origin == SPARE]
        assert not late, f"{len(late)} requests to a target that was taken out, the first {late[0]}"
        return took

    def targets_change(self):
        with self.step("a target is added") as figures:
            figures |= self.by_sort(self.a_target_comes())
        with self.step("a target is taken out") as figures:
            figures |= self.by_sort(self.a_target_goes())
        with self.step(f"targets are weighted {WEIGHTS[0]} to {WEIGHTS[1]}") as figures:
            began = time.monotonic()
            self.office.replace("/v1/services/static", self.service("static", WEIGHTS))
            took = self.everywhere(lambda edge: self.leans(edge), "the weights", began)
            figures |= self.by_sort(took)
            heavy = sorted(self.members["static"])[0]
            for edge in self.edges:
                share = self.ask(edge, "a.example", "/static", SAMPLES).count(heavy)
                print(f"  {edge}: {share} of {SAMPLES} at {heavy}")
                assert abs(share - 100 * WEIGHTS[0] / sum(WEIGHTS)) <= 10, (edge, share)
        self.office.replace("/v1/services/static", self.service("static"), quiet=True)

    def leans(self, edge):
        """Eight of ten at the heavier one: of equal weights it would be five."""
        return max(Counter(self.ask(edge, "a.example", "/static", 10)).values()) >= 8

    def a_domain_is_added(self):
        with self.step("a domain is added") as figures:
            for edge in self.edges:
                with contextlib.suppress(OSError):
                    self.connect(edge, NEW_DOMAIN).close()
                    raise AssertionError(f"{edge} shows a certificate for {NEW_DOMAIN} already")
            self.office.create("/v1/certificates", self.certificate(NEW_DOMAIN))
            began = time.monotonic()
            self.office.create("/v1/loadbalancers", self.balancer(NEW_DOMAIN, NEW_PATHS))
            took = self.everywhere(lambda edge: self.ask(edge, NEW_DOMAIN), NEW_DOMAIN, began)
            figures |= self.by_sort(took)
            self.domains[NEW_DOMAIN] = NEW_PATHS
            for path in NEW_PATHS:
                wanted = self.members[NEW_PATHS[path]]
                assert all(set(self.ask(edge, NEW_DOMAIN, path, 4)) == wanted for edge in self.edges)
            self.load.wanted += [(NEW_DOMAIN, path) for path in NEW_PATHS]

    # --- what goes wrong

    def a_controller_dies(self):
        controllers = self.earth.of("controller")

        def streams(one):
            with one.place.inside():
                return one.server.metrics()["weir_discovery_streams"]

        victim = max(controllers, key=streams)
        other = next(one for one in controllers if one is not victim)
        writes = Writer(self.office.place, controllers, "by-either")
        with self.step("a controller dies") as figures, writes as writer:
            writer.wait_acknowledged(4)
            print(f"  {victim.name} led {streams(victim):.0f} of {len(self.edges)} edges")
            victim.kill()
            died = time.monotonic()
            self.a_target_comes(by=other)
            took = (time.monotonic() - died) * 1000
            figures["the other one leads all edges after"] = took
            self.a_target_goes()
            writer.wait_acknowledged(4)
        assert took <= (MOVED_S_MAX + 1) * 1000, took
        victim.start()
        assert set(writer.answers) <= {201, "no answer"}, writer.answers
        self.nothing_is_lost(writer)

    def the_database_dies(self):
        [database] = self.earth.of("database")
        writes = Writer(self.office.place, self.earth.of("controller"), "by-both")
        late = self.service("web") | {"metadata": {"name": "late"}}
        with self.step("the database dies") as figures, writes as writer:
            writer.wait_acknowledged(10)
            database.kill()
            died = time.monotonic()
            self.office.create("/v1/services", late, expect=(503,))
            self.office.curl("GET", "/v1/services/web", expect=(200, 503))
            wait_until(lambda: time.monotonic() - died >= DATABASE_AWAY_S, 10)  # so long is it away
            database.start()
            back = time.monotonic()
            writer.wait_taken_by_all()
            figures["both take writes again after"] = (time.monotonic() - back) * 1000
            self.office.create("/v1/services", late)
        assert set(writer.answers) == {201, 503}, writer.answers
        self.nothing_is_lost(writer)

    def nothing_is_lost(self, writer):
        answers = ", ".join(f"{count} x {status}" for status, count in writer.answers.items())
        print(f"  writes all the while: {answers}; the slowest took {writer.slowest_s:.1f} s")
        names = [name for name, _ in writer.acknowledged]
        [database] = self.earth.of("database")
        rows = database.postgres.query("SELECT key FROM weir.entries WHERE key LIKE 'services/by-%'")
        lost = {f"services/{name}" for name in names} - set(rows.split())
        assert not lost, f"acknowledged and lost: {sorted(lost)[:5]}"
        for controller in self.earth.of("controller"):
            for name in names:
                self.office.curl("GET", f"/v1/services/{name}", by=controller, quiet=True)
        print(f"  {len(names)} acknowledged, all of them in PostgreSQL and at both controllers")

    def an_origin_dies(self):
        victim = self.earth["us-west-origin-2"]
        region = self.atlas.region_of(victim.name).name
        for title, dies, comes in (
            ("an origin's process is killed", victim.kill, victim.start),
            ("an origin falls silent", *self.cable(victim, region)),
        ):
            with self.step(title) as figures:
                died = time.monotonic()
                dies()
                wait_until(lambda died=died: time.monotonic() - died >= DEAD_S, 10)  # a measurement
                self.settle()
                asked = [one for one in self.load.since(died) if one.path.startswith("/api")]
                figures |= self.by_sort({edge: self.slowest_ms(asked, edge) for edge in self.edges})
                last = max((one.began - died for one in asked if one.took_s >= NOTICED_S), default=0.0)
                print(f"  the last request that had to wait began {last * 1000:.0f} ms after that")
                assert last <= ORIGIN_S_MAX, f"{title}: a request that began after {last:.2f} s had to wait"
            comes()
            self.everywhere(
                lambda edge: victim.name in self.ask(edge, "a.example", "/api", 4), f"{victim.name} again"
            )

    def cable(self, part, network):
        world = self.earth.world
        return lambda: world.cut(part.name, network), lambda: world.mend(part.name, network)

    @staticmethod
    def slowest_ms(requests, edge):
        return max((one.took_s for one in requests if one.edge == edge), default=0.0) * 1000

    # --- what is left

    def what_is_in_the_database(self):
        print("\n--- what is there afterwards")
        self.office.curl("GET", f"/v1/loadbalancers/{name_of(NEW_DOMAIN)}")
        self.office.curl("GET", "/v1/services/static")
        [database] = self.earth.of("database")
        wanted = "^(services/(web|api|static|shop)$|loadbalancers|certificates|edges)"
        sql = f"SELECT key, revision, length(value) FROM weir.entries WHERE key ~ '{wanted}' ORDER BY key"
        print(f'$ psql $STORE -c "{sql}"')
        print("".join(f"  {line}\n" for line in database.postgres.query(sql).splitlines()), end="")

    def show_edges(self):
        """What each of them has taken and refused."""
        print("\n--- the edges")
        for one in self.served():
            about = self.about(one.name)
            text = f"revision {about['applied_revision']}, {len(about.get('refused', []))} objects refused"
            if one.role == "envoy":
                counts = [one.counter(f".update_{word}") for word in ("success", "rejected")]
                text += "; of Envoy's updates, {} taken and {} rejected".format(*counts)
            print(f"  {one.name:17}{text}")

    def show_rows(self):
        print(f"\n{'with load on':34}{'weir':>22}{'Envoy':>22}")
        for title, figures, requests in self.rows:
            cells = []
            for sort in SORTS:
                mine = [one for one in requests if self.sort(one.edge) == sort]
                took = f"{figures[sort]:.0f} ms, " if sort in figures else ""
                cells.append(f"{took}{len(https_load.failed(mine))}/{len(mine)} failed")
            cells = [f"{cell:>22}" for cell in cells]
            more = [f"  {name} {value:.0f} ms" for name, value in figures.items() if name not in SORTS]
            print(f"{title:34}" + "".join(cells + more))

    def run(self):
        self.start()
        self.domains_and_paths()
        with Load(self.authority, self.edges, LOAD, self.check) as self.load:
            wait_until(lambda: self.load.has_seen(0), 10, "load at every edge")
            self.a_certificate_is_replaced()
            self.targets_change()
            self.a_domain_is_added()
            self.a_controller_dies()
            self.the_database_dies()
            self.an_origin_dies()
        self.what_is_in_the_database()
        self.show_edges()
        self.show_rows()
        return self.report()

    def report(self):
        requests = self.load.requests
        problems = https_load.failed(requests)
        assert not problems, https_load.told(problems)
        again = Counter(self.sort(one.edge) for one in requests if one.again)
        took = "; ".join(
            f"{title}: " + ", ".join(f"{name} {value:.0f} ms" for name, value in figures.items())
            for title, figures, _ in self.rows
        )
        return (
            f"custom-lb held: {len(requests)} requests over HTTPS at {len(self.edges)} edges, 0 failed "
            f"({again['weir']} and {again['Envoy']} sent again since a kept connection had ended); {took}"
        )


def story(directory):
    with Earth(Atlas.read("custom-lb"), directory) as earth:
        return Story(earth, directory).run()
