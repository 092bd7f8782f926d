"""Three controllers on one PostgreSQL, to which weir's edges and an Envoy are attached. One dies or falls
silent: who was attached to it is with another one within two seconds, and has what is written then."""

import signal
import time
from contextlib import ExitStack

import pytest

from lab import weir
from lab.black_box.test_controllers import postgres  # noqa: F401 (a fixture)
from lab.black_box.test_discovery import AttachedEnvoy
from lab.origin import Origin
from lab.process import free_port, wait_until

REATTACHED_S_MAX = 2.0
ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")


class Controller(weir.Controller):
    """By its address; edges expect discovery on the same port of each."""

    def __init__(self, directory, address, xds_port, store):
        super().__init__(directory, address=address, flags=["--api-name", address, "--store", store])
        self.NAME = address
        self.flags[self.flags.index("--xds") + 1] = f"{address}:{xds_port}"
        self.flags.remove("--api-name")
        self.flags.remove(weir.Controller.NAME)
        self.xds_port = xds_port

    def streams(self):
        return int(self.metrics()["weir_discovery_streams"])


class World:
    def __init__(self, directory, store, stack):
        port = free_port()
        self.controllers = []
        for number, address in enumerate(ADDRESSES):
            one = Controller(self.folder(directory, f"c{number}"), address, port, store)
            self.controllers.append(stack.enter_context(one))
        self.origins = [stack.enter_context(Origin(name=name)) for name in ("first", "second")]
        self.turn = 0
        self.write(self.controllers[0])
        self.edges = []
        for name in ("fra-1", "fra-2"):
            edge = weir.Edge(self.folder(directory, name), name, self.controllers)
            edge.start(token=self.controllers[0].join_token(), wait=False)
            self.edges.append(edge)
            stack.callback(edge.stop)
        for edge in self.edges:
            edge.wait_ready()
            edge.wait_serving("web.example")
        others = [part for one in self.controllers[1:] for part in ("--xds", f"{one.address}:{port}")]
        self.envoy = AttachedEnvoy(directory / "envoy", self.controllers[0], "fra-3", *others)
        stack.enter_context(self.envoy)
        wait_until(lambda: self.envoy.serves("web.example", self.content), 10, "Envoy's serving web")

    @staticmethod
    def folder(directory, name):
        (directory / name).mkdir()
        return directory / name

    @property
    def content(self):
        return self.origins[self.turn % 2].name

    def write(self, controller):
        self.turn += 1
        balancer = weir.load_balancer("web", ["web.example"], {"/": "web"})
        controller.apply(weir.service("web", [self.origins[self.turn % 2].address]), balancer)

    def all_serve(self):
        try:
            own = all(edge.get(host="web.example").text == self.content for edge in self.edges)
        except OSError:
            return False
        return own and self.envoy.serves("web.example", self.content)

    def most_used(self):
        return max(self.controllers, key=Controller.streams)

    def attached(self, controllers):
        return sum(one.streams() for one in controllers) == len(self.edges) + 1

    def without(self, victim, lose):
        """Seconds until all are attached to the others, and until they serve what was written at once."""
        others = [one for one in self.controllers if one is not victim]
        began = time.monotonic()
        lose()
        wait_until(lambda: self.attached(others), 20, "their being attached to the others")
        reattached = time.monotonic() - began
        self.write(others[0])
        wait_until(self.all_serve, 20, "the change at all of them")
        return reattached, time.monotonic() - began - reattached


@pytest.fixture
def world(tmp_path, postgres):  # noqa: F811
    with ExitStack() as stack:
        yield World(tmp_path, postgres.url(options="sslmode=disable"), stack)


def test_a_controller_that_dies(world):
    for _ in range(3):
        victim = world.most_used()
        reattached, changed = world.without(victim, victim.process.kill)
        print(f"reattached after {reattached * 1000:.0f} ms, a change at all {changed * 1000:.0f} ms later")
        assert reattached < REATTACHED_S_MAX
        victim.start()


def test_a_controller_that_falls_silent(world):
    for _ in range(3):
        victim = world.most_used()
        try:
            lost = lambda: victim.process.signal(signal.SIGSTOP)  # noqa: E731
            reattached, changed = world.without(victim, lost)
        finally:
            victim.process.signal(signal.SIGCONT)
        print(f"reattached after {reattached * 1000:.0f} ms, a change at all {changed * 1000:.0f} ms later")
        assert reattached < REATTACHED_S_MAX
        wait_until(lambda one=victim: one.streams() == 0, 20, "its finding that they have gone")
