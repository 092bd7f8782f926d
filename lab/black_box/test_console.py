"""The web console in a real browser: what people do with it, and how every page looks. The tests themselves
are in console/tests; pictures of all pages are left in build/console-shots. With WEIR_WRITE_DOCS those in
docs/pictures/console are taken anew."""

import contextlib
import itertools
import os
import shutil
import socket
import subprocess
import threading

import pytest

from lab import weir
from lab.origin import Origin
from lab.process import ROOT

TESTS = ROOT / "console" / "tests" / "run.mjs"
SHOTS, PICTURES = ROOT / "build" / "console-shots", ROOT / "docs" / "pictures" / "console"
REQUESTS_APART_S = 0.05
CHECK = {"interval": "500ms", "timeout": "1s", "http": {"path": "/healthz"}}


def dead_address():
    """An address that nobody listens at, for as long as the socket is there."""
    kept = socket.socket()
    kept.bind(("127.0.0.1", 0))
    return kept, f"127.0.0.1:{kept.getsockname()[1]}"


def objects(origins, dead):
    """Something of everything: what is well, what is half out, and what is out."""
    alive = [origin.address for origin in origins]
    services = {"web": [*alive[:2], dead], "api": alive[:2], "shop": alive[2:], "media": [dead]}
    for name, addresses in {**services, "auth": alive[:1]}.items():
        yield weir.service(name, addresses, health_check=CHECK)
    for name in ("web", "api", "shop", "media"):
        balancer = weir.load_balancer(name, [f"{name}.weir.localhost"], {"/": name})
        if name == "web":
            shares = [{"service": "api", "weight": 9}, {"service": "auth", "weight": 1}]
            match = {"path_prefix": "/api", "methods": ["GET"]}
            balancer["spec"]["routes"].append({"match": match, "backends": shares})
        yield balancer


def more_objects():
    """What the pages beside load balancers and services show, as far as it can be without machines."""

    def kind(kind, name, /, **spec):
        return {"kind": kind, "metadata": {"name": name}, "spec": spec}

    records = "ns1 A 192.0.2.53\n@ MX 10 mail\nmail A 192.0.2.25"
    yield kind("Zone", "example.com", nameservers=["ns1"], records=records)
    www = {"zone": "example.com", "name": "www", "type": "A", "ttl": 30, "policy": "WEIGHTED"}
    answers = [
        {"value": "198.51.100.1", "weight": 75, "service": "web"},
        {"value": "203.0.113.1", "weight": 25, "service": "media"},
    ]
    yield kind("RecordSet", "www.example.com", **www, answers=answers)
    yield kind("Secret", "pdns", values={"api_key": "sesame"})
    server = {"type": "POWERDNS", "url": "http://127.0.0.1:9", "credentials": "pdns"}
    yield kind("DnsProvider", "pdns", **server, zones=["example.com"])
    where = {"provider": "hetzner", "region": "fsn1", "city": "fra"}
    yield kind("Node", "fra-1", **where, address="192.0.2.12", cordoned=True)
    app = {"name": "app", "image": "weir/hello:1", "ports": [{"port": 8080, "service": "hello"}]}
    target = {"name": "all", "cities": ["fra"], "min_replicas": 2}
    yield kind("Workload", "hello", containers=[app], targets=[target])
    yield kind("Service", "hello", discovery={"type": "_http._tcp"})
    yield kind("User", "ada", email="ada@example.com", display_name="Ada Lovelace")
    yield kind("Organization", "acme", display_name="Acme", members=[{"user": "ada", "role": "editor"}])
    changed = kind("Service", "api", endpoints=[{"address": "192.0.2.9:80"}])
    waves = [{"percent": 10, "bake": "5m"}, {}]
    yield kind("Rollout", "web-2", changes=[changed], waves=waves, paused=True)


@contextlib.contextmanager
def visitors(running):
    """Somebody who asks all the time, so that graphs have something to show."""
    over = threading.Event()

    def ask():
        hosts = itertools.cycle(["web", "web", "api", "shop"])
        while not over.wait(REQUESTS_APART_S):
            with contextlib.suppress(OSError):
                running.get(host=f"{next(hosts)}.weir.localhost")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    flags = ["--provider", "aws", "--region", "eu-central-1", "--city", "Frankfurt"]
    running = weir.Weir(tmp_path_factory.mktemp("console"), flags=flags).start()
    with contextlib.ExitStack() as held:
        held.callback(running.stop)
        origins = [held.enter_context(Origin()) for _ in range(3)]
        kept, dead = dead_address()
        held.enter_context(kept)
        running.apply(*objects(origins, dead), *more_objects())
        running.wait_serving()
        held.enter_context(visitors(running))
        yield running, origins[0]


def test_people_use_the_console(site):
    running, origin = site
    node = shutil.which("node")
    assert node and (TESTS.parent.parent / "node_modules").exists(), "run ./dev console"
    environment = {**os.environ, "WEIR_CONSOLE": running.api_url, "WEIR_TOKEN": running.token}
    environment |= {"WEIR_ORIGIN": origin.address, "CHROMIUM": shutil.which("chromium") or ""}
    done = subprocess.run(
        [node, TESTS], env=environment, capture_output=True, text=True, timeout=560, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    shown = sorted(one.name for one in PICTURES.iterdir())
    assert shown and all((SHOTS / name).exists() for name in shown), shown
    if os.environ.get("WEIR_WRITE_DOCS"):
        for name in shown:
            shutil.copyfile(SHOTS / name, PICTURES / name)
