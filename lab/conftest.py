"""Fixtures: one `weir up` for the session, and a site (host name, load balancer, service) of its own for
each test."""

import itertools
import re

import pytest

from lab import http1, weir
from lab.origin import Origin
from lab.process import wait_until

numbers = itertools.count(1)
WORKERS = 2
# How tests are given to the workers of pytest-xdist (--dist loadgroup). Those of a file go to one, as they
# share what it starts for all; those of these files are each on their own.
APART = {"test_agent", "test_dns_providers", "test_dns_servers", "test_process", "test_rollouts"}
# What runs containers shares the machine's podman: its locks, bridges and rules.
PODMAN = {"test_images", "test_node", "test_node_networks", "test_nodes", "test_podman_box"}
# What takes longest begins first, lest all the others wait for it in the end.
FIRST = [
    "test_node",
    "test_node_networks",
    "test_nodes",
    "test_images",
    "test_dns_providers",
    "test_packaging",
    "test_discovery",
    "test_service_discovery",
    "test_rollouts",
    "test_ssh",
    "test_terraform",
    "test_cloud_init",
    "test_booting",
    "test_agent",
    "test_upgrade",
    "test_mysocketctl",
    "test_deployment",
]
# What measures how long something takes is run after all others, when nothing else runs.
ALONE = {"test_console", "test_shift", "test_verdicts", "test_xds_attacks"}


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures, and is run when nothing else runs")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at the groups
def pytest_collection_modifyitems(items):
    # From here on the order is the same in all workers, as it has to be.
    items.sort(key=lambda item: FIRST.index(name) if (name := item.path.stem) in FIRST else len(FIRST))
    for item in items:
        if item.path.stem in ALONE:
            item.add_marker(pytest.mark.alone)
        if item.path.stem in PODMAN:
            item.add_marker(pytest.mark.xdist_group("podman"))
        elif item.path.stem not in APART:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
    if not weir.BINARY.exists():
        missing = pytest.mark.skip(reason=f"{weir.BINARY} is not built (./dev build)")
        for item in items:
            if "black_box" in str(item.path):
                item.add_marker(missing)


class Site:
    """A host name that is served by the given origins. Other tests use the same weir at the same time of
    its life."""

    def __init__(self, edge, ready_origin, origins, spec, route, settled=True):
        self.weir, self.origins = edge, origins
        self.name = f"site-{next(numbers)}"
        self.host = f"{self.name}.weir.localhost"
        self.ready_origin = ready_origin
        self.spec, self.route = spec, route
        self.apply(origins, **spec)

    def objects(self, addresses, **spec):
        balancer = weir.load_balancer(self.name, [self.host], {"/": self.name})
        balancer["spec"]["routes"][0].update(self.route)
        return [weir.service(self.name, addresses, **spec), balancer]

    def apply(self, origins, **spec):
        """Waits until both workers know it, by a host of the same transaction that no origin of the test
        serves."""
        probe = f"ready-{next(numbers)}"
        addresses = [o.address if isinstance(o, Origin) else o for o in origins]
        answer = self.weir.api(
            "POST",
            "/v1/apply",
            [
                *self.objects(addresses, **{**self.spec, **spec}),
                weir.service(f"{self.name}-ready", [self.ready_origin.address]),
                weir.load_balancer(
                    f"{self.name}-ready", [f"{probe}.weir.localhost"], {"/": f"{self.name}-ready"}
                ),
            ],
        )
        assert answer.status in (200, 201), f"{answer.status} {answer.text}"
        wait_until(
            lambda: all(self.weir.get("/", f"{probe}.weir.localhost").status == 200 for _ in range(4)),
            5,
            f"{probe} served",
        )

    # --- clients

    def connect(self, timeout_s=10.0):
        return http1.connect(self.weir.http_port, timeout_s)

    def request(self, first="GET / HTTP/1.1", fields=(), body=b""):
        """The bytes of a request; Host comes first and by itself. A body gets its Content-Length."""
        length = [f"Content-Length: {len(body)}"] if body else []
        return (
            "\r\n".join([first, f"Host: {self.host}", *length, *fields]).encode("latin-1")
            + b"\r\n\r\n"
            + body
        )

    def ask(self, first="GET / HTTP/1.1", fields=(), body=b"", timeout_s=10.0):
        """One exchange on a connection of its own."""
        with self.connect(timeout_s) as connection:
            connection.send(self.request(first, fields, body))
            return connection.response(first.split(" ")[0])


@pytest.fixture(scope="session")
def edge(tmp_path_factory):
    """The weir of the session. Its log is shown when it did not end well."""
    with weir.Weir(tmp_path_factory.mktemp("weir"), workers=WORKERS) as running:
        yield running
        alive = running.process.running()
        code = running.stop()
        assert alive, f"weir did not survive the tests:\n{running.process.log()[-4000:]}"
        assert code == 0, f"weir exited with {code}:\n{running.process.log()[-4000:]}"


@pytest.fixture(scope="session")
def ready_origin():
    with Origin(name="ready") as origin:
        yield origin


@pytest.fixture
def make_origin():
    """make_origin(handler): origins that end with the test; an exception in a handler fails it."""
    made = []

    def make(*arguments, **options):
        made.append(Origin(*arguments, **options))
        return made[-1]

    yield make
    for origin in made:
        origin.die()
    assert [problem for origin in made for problem in origin.problems] == []


@pytest.fixture
def make_site(edge, ready_origin):
    """make_site(origins, **spec of the Service): a site of the session's weir, deleted after the test."""
    made = []

    def make(*origins, route=None, **spec):
        made.append(Site(edge, ready_origin, origins, spec, route or {}))
        return made[-1]

    yield make
    for site in made:
        for kind, name in (
            ("loadbalancers", site.name),
            ("loadbalancers", f"{site.name}-ready"),
            ("services", site.name),
            ("services", f"{site.name}-ready"),
        ):
            edge.api("DELETE", f"/v1/{kind}/{name}")


@pytest.fixture
def new_weir(tmp_path):
    """new_weir(**options): a weir of the test's own, for what would harm the others."""
    made = []

    def make(**options):
        made.append(weir.Weir(tmp_path / f"weir-{len(made)}", **options))
        return made[-1]

    yield make
    for running in made:
        if running.process:
            running.stop(2.0)


@pytest.fixture
def unique(request):
    """A name that no other test uses."""
    return re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40] + f"-{next(numbers)}"
