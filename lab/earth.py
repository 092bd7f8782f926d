"""The world that runs: what the atlas says, with BIRD on every router, and weir in every region.

    with Earth(Atlas.read("world"), directory) as earth:
        earth.start()
        earth.kill_region("us-west")

What was there when a story fails is kept: logs, packets of all networks, routes and metrics."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

from lab import parts, weir
from lab.delay import Delay
from lab.nodes import Node
from lab.process import Process, wait_until
from lab.world import World, ip

TOGETHER = 6  # parts that start at the same time
CAPTURE_MB, CAPTURES, CAPTURE_BYTES = 40, 3, 192  # of packets: so many files, and of each packet so much
CHECK_MS = 250


class Earth:
    def __init__(self, atlas, directory, *, edge_flags=(), controller_flags=(), capture=True):
        self.atlas, self.directory = atlas, directory
        self.edge_flags, self.controller_flags = edge_flags, controller_flags
        self.capture = capture
        self.world = World(atlas.networks, atlas.nodes)
        self.parts = {}  # by the machine's name, in the order in which they start
        self.delays = {}  # of links that are slow: the process
        self.tcpdump = None
        # For as long as the world: what a thread has started is killed when that thread ends.
        self.pool = ThreadPoolExecutor(TOGETHER)

    def __enter__(self):
        self.world.__enter__()
        try:
            self.place_parts()
        except BaseException:
            self.world.__exit__()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if kind:
                self.keep()
        finally:
            for part in self.parts.values():
                part.end()
            processes = [delay.process for delay in self.delays.values()]
            for process in [*processes, *([self.tcpdump] if self.tcpdump else [])]:
                process.kill()
            self.pool.shutdown()
            self.world.__exit__()

    def __getitem__(self, name):
        return self.parts[name]

    def of(self, role):
        return [part for part in self.parts.values() if part.role == role]

    # --- what there is

    def place_parts(self):
        atlas = self.atlas
        for name in atlas.routers:
            self.add(parts.Router, name, atlas)
        for home in atlas.homes.values():
            self.add(parts.Gateway, home.router, f"{home.at}~{home.name}")
        for name in atlas.names("database"):
            self.add(parts.Database, name)
        database = next(iter(self.of("database")), None)
        for name in atlas.names("controllers"):
            self.add(parts.Controller, name, database, self.controller_flags)
        for name in atlas.names("edges"):
            region = atlas.region_of(name)
            anycast = atlas.providers[region.provider]
            self.add(parts.Edge, name, region, self.of("controller"), anycast, self.edge_flags)
        for name in atlas.names("envoys"):
            self.add(parts.Envoy, name, atlas.region_of(name), self.of("controller"))
        for name in atlas.names("name_servers"):
            self.add(parts.NameServer, name, atlas.region_of(name), self.of("controller"))
        for name in atlas.names("origins"):
            self.add(parts.Origin, name)
        for region in atlas.regions.values():
            for name, machine in region.nodes_on().items():
                place = self.world[machine]
                self.parts[name] = Node(place, self.directory, name, region, self.of("controller"))
        for home in atlas.homes.values():
            for name in home.names():
                self.add(parts.HomeOrigin, name, self.of("edge"), home.service)

    def add(self, kind, name, *more):
        self.parts[name] = kind(self.world[name], self.directory, *more)

    # --- at work

    def start(self):
        if self.capture:
            self.start_capture()
        self.start_all(self.of("router") + self.of("gateway") + self.of("database"))
        wait_until(self.sessions_are_up, 30, "every session of BGP between routers", 0.1)
        for controller in self.of("controller"):  # the first one makes what the others find
            self.wait_databases(self[self.atlas.region_of(controller.name).router])
            controller.start()
        at_homes = [one for one in self.of("origin") if isinstance(one, parts.HomeOrigin)]
        for origin in at_homes:
            origin.configure(self.controller, "ada")
        others = self.of("edge") + self.of("envoy") + self.of("dns") + self.of("origin")
        self.start_all(others + self.of("node"))

    def start_all(self, wanted):
        for done in [self.pool.submit(part.start) for part in wanted]:
            done.result()

    def start_capture(self):
        """Every packet of every network, in a ring of files."""
        words = ["tcpdump", "-i", "any", "-s", CAPTURE_BYTES, "-w", self.directory / "world.pcap", "-U"]
        words += ["-C", CAPTURE_MB, "-W", CAPTURES, "-Z", "root", "-n"]
        prefix = ["nsenter", f"--net=/run/netns/{self.world.switch}", "--"]
        self.tcpdump = Process(words, self.directory / "tcpdump.log", prefix=prefix)

    @property
    def controller(self):
        """One that is there."""
        return next(one for one in self.of("controller") if one.running())

    def sessions_are_up(self):
        return all(self.is_connected(router) for router in self.of("router"))

    def is_connected(self, router):
        """With every router that it has a link to."""
        peers = [one for one in self.atlas.sessions[router.name] if not one.is_edge]
        names = [parts.routing.word(one.peer, family) for one in peers for family in (4, 6)]
        return router.bird.established(*names)

    def wait_settled(self, landing):
        """Until no way is gained any more. Before that, a router may turn a connection to an edge that has
        just come, which resets it; and the first edges that announce are not those that are nearest to
        everybody. landing(): {city: {provider: region, None without an answer}}."""
        wait_until(self.all_announce, 10, "every edge announcing its addresses", 0.05)
        what = "every city landing nearest"
        wait_until(lambda: not self.atlas.landed_farther(landing()), 10, what, 0.05)

    def all_announce(self):
        """Every edge to its region's router."""
        return all(
            {parts.routing.word(edge, 6 if ":" in address else 4) for edge in region.names("edges")}
            <= self[region.router].bird.routes(f"{address}/{128 if ':' in address else 32}").keys()
            for region in self.atlas.regions.values()
            for address in self.atlas.providers[region.provider]
        )

    def wait_databases(self, router):
        """Until that router's kernel knows the way to them: without it a controller does not start."""
        for database in self.of("database"):
            what = f"the routes of {router.name}"
            wait_until(lambda one=database: self.reaches(router, one.place), 20, what, 0.05)

    def reaches(self, router, place):
        with contextlib.suppress(RuntimeError):
            return bool(ip("route", "get", place.address, namespace=router.place.namespace))
        return False

    def keep(self):
        """What the parts say of themselves, beside their logs."""
        for part in self.parts.values():
            with contextlib.suppress(Exception):  # it may be dead, which is why somebody will look
                for name, text in part.says().items():
                    (part.directory / name).write_text(text)

    def region_at(self, address):
        """Whose edge or origin has it."""
        number = int(address.split(".")[1])
        return next(one.name for one in self.atlas.regions.values() if one.number == number)

    # --- what goes wrong

    def region_parts(self, region):
        one = self.atlas.regions[region]
        return [self.parts[name] for name in (one.router, *one.all_names(), *one.nodes_on())]

    def machine_parts(self, machine):
        return [part for part in self.parts.values() if part.place.name == machine]

    def power_off(self, machine):
        """Of a region: with all that runs there, and nobody is told."""
        self.world.unplug(machine, self.atlas.region_of(machine).name)
        for part in self.machine_parts(machine):
            part.kill()

    def power_on(self, machine):
        self.world.plug(machine, self.atlas.region_of(machine).name)
        self.start_all(self.machine_parts(machine))

    def kill_region(self, *regions):
        """Without a word to anybody outside; several at the same moment."""
        for region in regions:
            self.cut(region)
        for part in [part for region in regions for part in self.region_parts(region)]:
            part.kill()

    def kill_provider(self, provider):
        """All of its regions."""
        self.kill_region(*(one.name for one in self.atlas.regions.values() if one.provider == provider))

    def restore_region(self, region):
        self.mend(region)
        router, *others = self.region_parts(region)
        router.start()
        wait_until(lambda: self.is_connected(router), 20, f"BGP of {region}", 0.05)
        self.wait_databases(router)
        for role in ("database", "controller"):  # which the others may wait for
            self.start_all([one for one in others if one.role == role])
        self.start_all([one for one in others if one.role not in ("database", "controller")])

    def ends(self, one, other=None):
        """(link, the router at its one end). A region alone stands for its way to the world, and so does a
        home."""
        if other is None:
            found = {**self.atlas.regions, **self.atlas.homes}.get(one)
            if found is None:
                raise KeyError(f"{one} is no region and no home; a link has two names")
            other = found.at
        link = self.atlas.link(one, other)
        return link, self.atlas.ends[link][1]

    def cut(self, one, other=None):
        link, end = self.ends(one, other)
        self.world.cut(end, link)

    def mend(self, one, other=None):
        link, end = self.ends(one, other)
        self.end_delay(link)
        self.world.mend(end, link)

    def slow(self, one, other=None, *, delay_ms=100, loss_percent=0):
        """Each way takes so much longer; in the place of the cable there is a process."""
        link, _ = self.ends(one, other)
        self.end_delay(link)
        ends = self.atlas.ends[link]
        self.delays[link] = Delay(self.world, link, ends, self.directory, delay_ms, loss_percent)

    def end_delay(self, link):
        if link in self.delays:
            self.delays.pop(link).stop()

    # --- what is served in most stories

    def publish(self, *more, host="web.example", service="web", **spec):
        """A load balancer whose origins are those of all regions; and more objects."""
        origins = [one for one in self.of("origin") if not isinstance(one, parts.HomeOrigin)]
        check = {"interval": f"{CHECK_MS}ms", "unhealthy_threshold": 1, "healthy_threshold": 1,
                 "timeout": f"{CHECK_MS}ms", "http": {"path": "/healthz"}}  # fmt: skip
        spec = {"health_check": check, **spec}
        self.controller.apply(
            weir.service(service, [one.endpoint for one in origins], **spec),
            weir.load_balancer(service, [host], {"/": service}),
            *more,
        )
