"""anycast: two sites announce one address of IPv4 and one of IPv6 to a router, by eBGP through BIRD.

Both are used, then one can't reach its origins: withdrawn within a second, and back behind its hold. By the
controller's order, and at its end, a site is prepended first, then withdrawn, and no request is lost; killed
or stopped, it is withdrawn by the process beside it. An upgrade touches nothing, a BIRD that is started anew
announces what was. Of a workload for anycast, a site whose own instances have died is withdrawn although the
other's could serve its clients, and the last site stays announced."""

import contextlib
import json
import re
import signal
import subprocess
import threading
import time

from lab import http1, nginx, weir
from lab.bird import SESSION, Bird
from lab.process import wait_listening, wait_until
from lab.world import Network, Node, World, ip

HOST = "web.example"
FOUR, SIX = "203.0.113.10", "2001:db8:cafe::10"
NETWORKS4 = {"clients": "10.82.1", "core": "10.82.2", "fra": "10.82.3", "ams": "10.82.4"}
NETWORKS6 = {"clients": "fd82:1::", "fra": "fd82:3::", "ams": "fd82:4::"}
SITES = {"fra": 65001, "ams": 65002}
HTTP_PORT, PROBE_PORT, API_PORT, ORIGIN_PORT = 80, 9100, 8480, 9001
INSTANCES = {9002: "fra", 9003: "ams"}  # of the same machine, as if it were one in each site
CHECK_MS, HOLD_S, DRAIN_WAIT_S = 200, 1.0, 1.0
WITHDRAWN_S_MAX = 1.0
SILENT_S_MAX = 5.0
TURNED_MAX = 2  # connections that were being made while ways changed; routers keep none of their flows

NETWORKS = [Network(name) for name in NETWORKS4]
NODES = [
    Node("router", {name: f"{prefix}.1" for name, prefix in NETWORKS4.items()}),
    Node("client", {"clients": f"{NETWORKS4['clients']}.10"}),
    Node("controller", {"core": f"{NETWORKS4['core']}.10"}),
    Node("origin", {"core": f"{NETWORKS4['core']}.21"}),
    *(Node(site, {site: f"{NETWORKS4[site]}.10"}) for site in SITES),
]


def router_config():
    sessions = "".join(
        f"""
protocol bgp {site}4 {{
  local as 65000; neighbor {NETWORKS4[site]}.10 as {number};{SESSION}
  ipv4 {{ import all; export none; }};
}}
protocol bgp {site}6 {{
  local as 65000; neighbor {NETWORKS6[site]}10 as {number};{SESSION}
  ipv6 {{ import all; export none; }};
}}"""
        for site, number in SITES.items()
    )
    return f"""router id 10.82.1.1;
protocol device {{ scan time 1; }}
protocol kernel {{ merge paths on; ipv4 {{ import none; export all; }}; }}
protocol kernel {{ merge paths on; ipv6 {{ import none; export all; }}; }}
{sessions}
"""


def site_config(site, include):
    return f"""router id {NETWORKS4[site]}.10;
protocol device {{ scan time 1; }}
include "{include}*";
protocol bgp router4 {{
  local as {SITES[site]}; neighbor {NETWORKS4[site]}.1 as 65000;{SESSION}
  ipv4 {{ import none; export where proto ~ "weir_*"; }};
}}
protocol bgp router6 {{
  local as {SITES[site]}; neighbor {NETWORKS6[site]}1 as 65000;{SESSION}
  ipv6 {{ import none; export where proto ~ "weir_*"; }};
}}
"""


class Load:
    """Requests to the shared address, each on a connection of its own, one behind the other."""

    def __init__(self, client, address):
        self.client, self.address = client, address
        self.answers, self.failures, self.turned, self.ending = 0, [], 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        with self.client.inside():
            while not self.ending:
                problem = None
                try:
                    status = http1.get((self.address, HTTP_PORT), "/", HOST).status
                    problem = None if status == 200 else status
                except (http1.Reset, ConnectionResetError):  # in the answer, and before the request
                    self.turned += 1
                except (OSError, AssertionError) as error:
                    problem = repr(error)
                self.answers += 1
                if problem is not None:
                    self.failures.append(problem)
                time.sleep(0.005)  # the load is to be light

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending = True
        self.thread.join(20)
        assert not self.thread.is_alive(), "a request hangs"


class Story:
    def __init__(self, world, directory):
        self.world, self.directory = world, directory
        self.client = world["client"]
        self.took = {}
        self.requests = 0
        self.origin = None
        self.instances = {}
        core = world["controller"]
        self.controller = weir.Controller(
            directory / "controller",
            address=core.address,
            prefix=core.prefix,
            ports=(0, API_PORT),
            flags=["--api-name", core.address],
        )
        self.router = Bird(world["router"], directory / "router", router_config())
        self.birds, self.edges = {}, {}
        for site in SITES:
            folder = directory / site
            folder.mkdir()
            include = folder / "weir.conf"
            self.birds[site] = Bird(world[site], folder / "bird", site_config(site, include))
            self.edges[site] = self.edge(site, folder, include)

    def edge(self, site, folder, include):
        place = self.world[site]
        lead = ["--controller", f"https://{self.controller.address}:{API_PORT}"]
        edge = weir.Edge(folder, site, lead, prefix=place.prefix, ports=(HTTP_PORT, PROBE_PORT))
        edge.flags[edge.flags.index("--http") + 1] = f"[::]:{HTTP_PORT}"
        edge.flags += ["--region", site, "--anycast", f"{FOUR},{SIX}", "--anycast-as", SITES[site]]
        edge.flags += ["--anycast-community", "65000:100", "--anycast-hold", f"{HOLD_S:g}s"]
        edge.flags += ["--anycast-drain-wait", f"{DRAIN_WAIT_S:g}s", "--bird-include", include]
        edge.flags += ["--bird-socket", self.birds[site].socket]
        return edge

    # --- small steps

    def plumb(self):
        router = self.world["router"].namespace
        for number, name in enumerate(NETWORKS4):
            if name in NETWORKS6:
                ip("addr", "add", f"{NETWORKS6[name]}1/64", "dev", f"eth{number}", "nodad", namespace=router)
        for name, place in self.world.places.items():
            if name == "router":
                continue
            network = next(iter(place.addresses))
            ip("route", "add", "default", "via", f"{NETWORKS4[network]}.1", namespace=place.namespace)
            if network in NETWORKS6:
                six = NETWORKS6[network]
                ip("addr", "add", f"{six}10/64", "dev", "eth0", "nodad", namespace=place.namespace)
                ip("-6", "route", "add", "default", "via", f"{six}1", namespace=place.namespace)
        settings = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
        settings += ["net.ipv4.fib_multipath_hash_policy=1", "net.ipv6.fib_multipath_hash_policy=1"]
        subprocess.run([*self.world["router"].prefix, "sysctl", "-qw", *settings], check=True)
        for site in SITES:
            for address in (f"{FOUR}/32", f"{SIX}/128"):
                ip("addr", "add", address, "dev", "lo", namespace=self.world[site].namespace)

    def serve(self, name, port):
        place = self.world["origin"]
        origin = nginx.start(
            self.directory / name,
            f'server {{ listen {place.address}:{port}; location / {{ return 200 "{name}"; }} }}',
            prefix=place.prefix,
        )
        with place.inside():
            wait_listening(origin, port, place.address)
        return origin

    def apply(self, *objects):
        with self.world["controller"].inside():
            self.controller.apply(*objects)

    def apply_web(self, zones):
        """The service, with endpoints at these ports of the one machine: {port: zone}."""
        place = self.world["origin"]
        endpoints = [
            {"address": f"{place.address}:{port}", **({"zone": zone} if zone else {})}
            for port, zone in zones.items()
        ]
        check = {"interval": f"{CHECK_MS}ms", "unhealthy_threshold": 1, "http": {"path": "/"}}
        self.apply(weir.service("web", endpoints, health_check=check))

    def all_serve(self, count):
        """As both edges find."""
        with self.world["controller"].inside():
            edges = self.controller.api("GET", "/v1/edges").json["items"]
        return [one["status"].get("endpoints") for one in edges] == [f"{count}/{count}"] * 2

    def start(self):
        self.plumb()
        self.origin = self.serve("origin", ORIGIN_PORT)
        with self.world["controller"].inside():
            self.controller.start()
        self.apply_web({ORIGIN_PORT: ""})
        self.apply(weir.load_balancer("web", [HOST], {"/": "web"}))
        self.router.start()
        for bird in self.birds.values():
            bird.start()
        for site in SITES:
            self.start_edge(site)
        self.wait_sites("fra", "ams", deadline_s=30)
        wait_until(self.known_to_controller, 10, "the controller knowing of both")

    def start_edge(self, site):
        with self.world["controller"].inside():
            has_joined = (self.edges[site].data / "edge.json").exists()
            token = None if has_joined else self.controller.join_token()
        with self.world[site].inside():
            self.edges[site].start(token=token)

    def known_to_controller(self):
        with self.world["controller"].inside():
            edges = self.controller.api("GET", "/v1/edges").json["items"]
        shown = [one["status"].get("anycast", []) for one in edges]
        return len(shown) == 2 and all([a["route"] for a in each] == ["announced"] * 2 for each in shown)

    def metric(self, site, name):
        """Of the site's edge, which shows them to everybody."""
        with self.world[site].inside():
            text = self.edges[site].api("GET", "/metrics", token=None).text
        return int(re.search(rf"^{name} (\d+)$", text, re.M)[1])

    def metric_of_four(self, site, name):
        return self.metric(site, rf'{name}\{{network="{FOUR}/32"\}}')

    def wait_line(self, site):
        wait_until(lambda: self.metric(site, "weir_anycast_bird_up") == 1, 10, "the line to BIRD")

    def sites(self, family):
        """Where the router sends what is meant for the address: {site: its hops}."""
        routes = self.router.routes(f"{FOUR}/32" if family == 4 else f"{SIX}/128")
        return {name[:-1]: route for name, route in routes.items()}

    def wait_sites(self, *names, deadline_s=10):
        """BIRD and, a moment later, the kernel, which until then sends on as before."""
        wait_until(
            lambda: all(set(self.sites(family)) == set(names) for family in (4, 6)),
            deadline_s,
            f"the router having {' and '.join(names) or 'nothing'}",
        )
        self.wait_next_hops(*names)

    def next_hops(self, family=4):
        """Where the router's kernel sends it."""
        address, networks = (FOUR, NETWORKS4) if family == 4 else (SIX, NETWORKS6)
        gateways = {f"{networks[site]}{'.10' if family == 4 else '10'}": site for site in SITES}
        namespace = self.world["router"].namespace
        routes = json.loads(ip("-j", f"-{family}", "route", "show", address, namespace=namespace))
        hops = [hop for route in routes for hop in route.get("nexthops") or [route]]
        return {gateways[hop["gateway"]] for hop in hops}

    def wait_next_hops(self, *names):
        what = f"the kernel sending to {' and '.join(names) or 'nobody'}"
        wait_until(lambda: all(self.next_hops(family) == set(names) for family in (4, 6)), 10, what)

    def since(self, site):
        """{family: at what second of the day the router got the site's route}. BIRD keeps the time that has
        passed and shows when it began, which may be another millisecond each time."""
        shown = {family: self.sites(family)[site]["since"].split(":") for family in (4, 6)}
        return {
            family: (int(hour) * 60 + int(minute)) * 60 + float(second)
            for family, (hour, minute, second) in shown.items()
        }

    @contextlib.contextmanager
    def load(self, failures_max=0, turned_max=0, least=5):
        """Requests all the while, of which so many may fail, and so many more be reset: the router had turned
        them, between two of their packets, to a site that did not know them."""
        with Load(self.client, FOUR) as four, Load(self.client, SIX) as six:
            yield
        failures = four.failures + six.failures
        self.requests += four.answers + six.answers
        assert min(four.answers, six.answers) >= least, (four.answers, six.answers)
        assert len(failures) <= failures_max, failures
        assert four.turned + six.turned <= turned_max, (four.turned, six.turned)

    @contextlib.contextmanager
    def within(self, what, seconds):
        began = time.monotonic()
        yield
        self.took[what] = time.monotonic() - began
        assert self.took[what] <= seconds, f"{what}: {self.took[what]:.2f} s"

    # --- what has to hold

    def both_are_used(self):
        with self.load():
            time.sleep(0.5)  # a measurement
        for site, number in SITES.items():
            route = self.sites(4)[site]
            assert route["path"] == 1 and "(65000,100)" in route["communities"], (number, route)

    def one_is_cut_off(self):
        """From its origins: nobody loses more than what came before its checks knew."""
        place = self.world["fra"]
        origin = f"{self.world['origin'].address}/32"
        with self.load(failures_max=400, least=0):  # it is short
            ip("route", "add", "blackhole", origin, namespace=place.namespace)
            with self.within("cut off", WITHDRAWN_S_MAX + CHECK_MS / 1000):
                self.wait_sites("ams")
        with self.load(turned_max=TURNED_MAX):
            time.sleep(0.3)  # a measurement
            ip("route", "del", "blackhole", origin, namespace=place.namespace)
            began = time.monotonic()
            self.wait_sites("fra", "ams")
        held = time.monotonic() - began
        assert held >= HOLD_S, f"back within {held:.2f} s"
        assert self.metric_of_four("fra", "weir_anycast_withdrawals") == 1

    def is_ordered_away(self):
        def annotate(value):
            with self.world["controller"].inside():
                body = {"metadata": {"annotations": {"anycast": value}}}
                headers = {"Content-Type": "application/merge-patch+json"}
                answer = self.controller.api("PATCH", "/v1/edges/fra", body, headers=headers)
            assert answer.status == 200, answer.text

        with self.load(turned_max=TURNED_MAX):
            annotate("withdraw")
            wait_until(lambda: self.sites(4).get("fra", {}).get("path") == 4, 10, "fra being prepended")
            assert "(65535,0)" in self.sites(4)["fra"]["communities"]
            self.wait_next_hops("ams")
            self.wait_sites("ams")
            annotate(None)
            self.wait_sites("fra", "ams", deadline_s=15)

    def is_upgraded(self):
        before = self.since("fra")
        with self.load():
            with self.world["fra"].inside():
                self.edges["fra"].upgrade()
            self.wait_line("fra")
        after = self.since("fra")
        same = [abs(after[family] - before[family]) < 0.005 for family in (4, 6)]
        assert all(same), f"it was withdrawn: {before}, {after}"

    def ends(self):
        with self.load(turned_max=TURNED_MAX):
            self.edges["fra"].process.signal(signal.SIGTERM)
            wait_until(lambda: self.sites(4).get("fra", {}).get("path") == 4, 5, "fra being prepended")
            self.wait_sites("ams")
            assert self.edges["fra"].process.running(), "it ended before routers had the time"
            assert self.edges["fra"].process.wait(15) == 0
        self.start_edge("fra")
        self.wait_sites("fra", "ams", deadline_s=15)

    def is_stopped(self):
        """It can't do anything, and its connections would hang."""
        self.edges["fra"].process.signal(signal.SIGSTOP)
        with self.within("stopped", SILENT_S_MAX):
            self.wait_sites("ams")
        self.edges["fra"].process.signal(signal.SIGCONT)
        self.wait_sites("fra", "ams", deadline_s=15)

    def is_killed(self):
        self.edges["fra"].process.signal(signal.SIGKILL)
        with self.within("killed", WITHDRAWN_S_MAX):
            self.wait_sites("ams")
        self.edges["fra"].process.wait(5)
        self.start_edge("fra")
        self.wait_sites("fra", "ams", deadline_s=15)

    def bird_is_started_anew(self):
        self.birds["fra"].stop()
        self.wait_sites("ams")
        self.birds["fra"].start()
        self.wait_sites("fra", "ams", deadline_s=20)
        self.wait_line("fra")

    def an_instance_dies(self):
        """The site's own, of a workload for anycast."""
        workload = {
            "kind": "Workload",
            "metadata": {"name": "shop"},
            "spec": {
                "anycast": True,
                "containers": [
                    {"name": "app", "image": "shop:1", "ports": [{"port": 80, "service": "web"}]},
                ],
                "targets": [{"name": "all"}],
            },
        }
        for port, site in INSTANCES.items():
            self.instances[site] = self.serve(f"instance-{site}", port)
        with self.load():
            self.apply_web({ORIGIN_PORT: "", **INSTANCES})
            wait_until(lambda: self.all_serve(3), 10, "both edges finding the instances healthy")
            self.apply_web(INSTANCES)
            self.apply(workload)
            time.sleep(0.5)  # a measurement
            assert set(self.sites(4)) == {"fra", "ams"}
        self.instances["fra"].kill()
        with self.load(failures_max=100, least=0):  # it is short
            with self.within("its instance died", WITHDRAWN_S_MAX + CHECK_MS / 1000):
                self.wait_sites("ams")
        with self.load(failures_max=4, turned_max=TURNED_MAX):  # what comes before it is withdrawn
            workload["spec"]["anycast"] = False
            self.apply(workload)
            self.wait_sites("fra", "ams", deadline_s=20)  # it sends its clients to the other's instance
            workload["spec"]["anycast"] = True
            self.apply(workload)
            self.wait_sites("ams")
            self.instances["fra"] = self.serve("instance-fra-2", 9002)
            self.wait_sites("fra", "ams", deadline_s=20)

    def the_last_stays(self):
        self.edges["ams"].process.signal(signal.SIGTERM)
        assert self.edges["ams"].process.wait(15) == 0
        self.wait_sites("fra")
        origin = f"{self.world['origin'].address}/32"
        ip("route", "add", "blackhole", origin, namespace=self.world["fra"].namespace)
        wait_until(lambda: self.metric_of_four("fra", "weir_anycast_kept") == 1, 10, "its alarm")
        assert set(self.sites(4)) == set(self.sites(6)) == {"fra"}
        assert "nobody else is known to announce it" in self.edges["fra"].process.log()
        ip("route", "del", "blackhole", origin, namespace=self.world["fra"].namespace)
        wait_until(lambda: self.metric_of_four("fra", "weir_anycast_kept") == 0, 10, "the end of its alarm")
        with self.load():
            time.sleep(0.3)  # a measurement

    def end(self):
        others = [self.controller, self.router, *self.birds.values()]
        for process in [*(edge.process for edge in self.edges.values()), *(one.process for one in others)]:
            if process:
                process.signal(signal.SIGCONT)
                process.kill()
        for origin in (self.origin, *self.instances.values()):
            if origin:
                origin.kill()

    def run(self):
        self.start()
        self.both_are_used()
        self.one_is_cut_off()
        self.is_ordered_away()
        self.is_upgraded()
        self.ends()
        self.is_stopped()
        self.is_killed()
        self.bird_is_started_anew()
        self.an_instance_dies()
        self.the_last_stays()


def story(directory):
    with World(NETWORKS, NODES) as world:
        told = Story(world, directory)
        try:
            told.run()
        finally:
            told.end()
    took = ", ".join(f"{what} {seconds:.2f} s" for what, seconds in told.took.items())
    return (
        f"anycast held: two sites by IPv4 and IPv6, withdrawn when {took}; an order, an end and an upgrade "
        f"cost none of {told.requests} requests, and the last site stayed"
    )
