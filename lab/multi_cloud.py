"""What the story multi-cloud stands on: versions of what is served, the objects of DNS over two anycast
networks, and how many answers lead where."""

import contextlib
import subprocess
import time
from collections import Counter

from lab import routing, weir
from lab.dns import Client, data_text, record_set
from lab.earth import CHECK_MS
from lab.normal import samples

BAD_PORT, GOOD_PORT = 9002, 9003
BAD, GOOD = "web-2", "web-3"
HEALTH = {"interval": f"{CHECK_MS}ms", "timeout": f"{2 * CHECK_MS}ms", "unhealthy_threshold": 2,
          "healthy_threshold": 1}  # fmt: skip


# --- versions


class Versions:
    """Beside what origins serve: a version whose health check says that all is well and that fails every
    request, and one that is as good as it looks."""

    def __init__(self, origins):
        self.origins = origins
        for origin in origins:
            log = origin.directory / "bad.txt"
            origin.more = (
                f'log_format asked "$remote_addr $status $request_uri"; server {{ listen {origin.address}:'
                f"{BAD_PORT}; access_log {log} asked; location /healthz {{ return 200; }} "
                f'location / {{ return 500 "{BAD} $remote_addr"; }} }} server {{ listen {origin.address}:'
                f'{GOOD_PORT}; location / {{ return 200 "{GOOD} $remote_addr"; }} }}'
            )

    def service(self, port):
        """The Service at that version of all clouds."""
        check = {**HEALTH, "unhealthy_threshold": 1, "timeout": f"{CHECK_MS}ms", "http": {"path": "/healthz"}}
        return weir.service("web", [f"{one.address}:{port}" for one in self.origins], health_check=check)

    def asked_bad(self):
        """{address: how many requests}: who has asked the bad version for anything, be it its health."""
        asked = Counter()
        for origin in self.origins:
            with contextlib.suppress(FileNotFoundError):
                lines = (origin.directory / "bad.txt").read_text().splitlines()
                asked.update(line.split()[0] for line in lines)
        return asked


class Carriers:
    """Which edges have ever had something in what they were told, by the file that they would start with."""

    def __init__(self, edges, text):
        self.edges, self.text = edges, text
        self.ever = {}  # name of the edge: since when

    def look(self):
        """Those that have it now."""
        now = []
        for edge in self.edges:
            with contextlib.suppress(FileNotFoundError):
                if self.text in (edge.server.data / "snapshot.json").read_text():
                    now.append(edge.name)
                    self.ever.setdefault(edge.name, time.monotonic())
        return now


def rollout(name, service, waves):
    return {
        "kind": "Rollout",
        "metadata": {"name": name},
        "spec": {"changes": [service], "waves": waves, "gates": {"requests_min": 10}},
    }


# --- DNS


def networks(atlas, clouds, host):
    """Each cloud's anycast network as a Service: healthy while its addresses answer for the host."""
    found = []
    for cloud in clouds:
        at = [f"[{one}]:80" if ":" in one else f"{one}:80" for one in atlas.providers[cloud]]
        check = {**HEALTH, "http": {"path": "/healthz", "host": host}}
        found.append(weir.service(cloud, at, health_check=check))
    return found


def steered(atlas, host, zone_name, weights, ttl, policy):
    """RecordSets of both families over the networks; weights: by cloud."""
    owner = host.removesuffix(f".{zone_name}")
    sets = []
    for record_type, family in (("A", 4), ("AAAA", 6)):
        answers = [
            {"value": atlas.anycast(cloud, family), "weight": weight, "service": cloud}
            for cloud, weight in weights.items()
        ]
        name = f"{host}-{record_type.lower()}"
        more = {"ttl": ttl, "policy": policy, "answers": answers}
        sets.append(record_set(name, zone_name, owner, record_type, **more))
    return sets


def peer(edge):
    """The name of its session at its region's router."""
    return routing.word(edge.name, 4)


def counted(place, server, host, count):
    """{address: how often it was the first of an answer}, asked from that place."""
    first = Counter()
    with place.inside(), Client(53, server, 2) as client:
        for _ in range(count):
            given = client.ask(host).given
            first[data_text("A", given[0][3])] += 1
    return first


def answered(place, server, host):
    """The addresses of one answer, sorted; empty: there was none."""
    with contextlib.suppress(OSError), place.inside(), Client(53, server, 0.5) as client:
        return client.addresses(host)
    return []


def finds_healthy(server, services):
    """How many endpoints of these, by its own checks."""
    text = server.metrics()
    return sum(sum(samples(text, "weir_endpoint_healthy", name)) for name in services)


def dig(place, server, host):
    """As somebody there types it."""
    words = ["dig", "+short", "+tries=1", "+timeout=1", f"@{server}", host]
    done = subprocess.run([*place.prefix, *words], capture_output=True, text=True, timeout=10)
    lines = [line for line in done.stdout.splitlines() if not line.startswith(";")]
    print(f"$ {' '.join(words)}    # {place.name}", *(lines or ["(no answer)"]), "", sep="\n")


# --- tables


def show(title, rows):
    """rows: of columns, the first one of which are headings."""
    print(f"\n{title}")
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)]
        print(f"  {'  '.join(cells)}".rstrip())
    print(flush=True)
