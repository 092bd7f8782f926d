"""People in cities: a steady load, and of each request when, how long, by which address, and what came of it.

A visitor does what browsers do: it looks the name up, tries one address after the other, and asks once more
when a connection is refused, ends or says nothing, as with GET it may."""

import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from lab import dns, http1

CONNECT_S, ANSWER_S = 0.5, 2.0
RETRIED = {502, 503, 504}
RETRY_S = 0.2  # at least, from one try to the next of those that have patience
LOOK_UP_S = 0.5  # of one server, before the next is asked


@dataclass
class Try:
    address: str
    took_s: float
    problem: str | None  # None: it was answered
    looked_up_s: float = 0.0  # of that, to find the address


@dataclass
class Visit:
    city: str
    began: float  # of time.monotonic()
    took_s: float = 0.0
    status: int | None = None
    text: str = ""
    tries: list = field(default_factory=list)

    @property
    def good(self):
        return self.status == 200

    @property
    def at_once(self):
        return self.good and len(self.tries) == 1

    @property
    def origin(self):
        return self.text.split()[0] if self.good else None

    @property
    def edge(self):
        """The address by which an edge asked the origin."""
        return self.text.split()[1] if self.good and " " in self.text else None

    @property
    def why(self):
        """Of the first try that failed."""
        return next((f"{one.address}: {one.problem}" for one in self.tries if one.problem), None)


class Names:
    """What a city's resolver does: asks name servers in turn, and remembers for as long as the TTL says."""

    def __init__(self, place, servers, record_type="A"):
        self.place, self.servers, self.record_type = place, list(servers), record_type
        self.known = {}  # name: (until, addresses in the server's order)
        self.lock = threading.Lock()
        self.asked = 0

    def addresses(self, name):
        with self.lock:
            until, found = self.known.get(name, (0, []))
            if time.monotonic() >= until:
                ttl, found = self.look_up(name)
                self.known[name] = (time.monotonic() + ttl, found)
            else:  # as resolvers do, so that each gets its share
                found = [*found[1:], found[0]]
                self.known[name] = (until, found)
            return found

    def look_up(self, name):
        problem = None
        for server in [*self.servers, *self.servers]:
            try:
                with self.place.inside(), dns.Client(53, server, LOOK_UP_S) as client:
                    reply = client.ask(name, self.record_type)
                records = [one for one in reply.given if one[1] == self.record_type]
                if records:
                    self.asked += 1
                    found = [dns.data_text(self.record_type, data) for *_, data in records]
                    return min(one[2] for one in records), found
                problem = f"{server}: rcode {reply.rcode}, no addresses"
            except OSError as error:
                problem = f"{server}: {error!r}"
                self.servers.remove(server)  # as resolvers do: the others come first from now on
                self.servers.append(server)
        raise OSError(f"{name} can't be looked up: {problem}")


def ask(address, host, path="/", port=80):
    """(status, text); an OSError when there was no answer."""
    answer = answered(address, host, path, port)
    return answer.status, answer.body.decode()


def field(address, host, name):
    """What an answer has in a field; None: nothing."""
    return answered(address, host, "/", 80).value(name)


def answered(address, host, path, port):
    connection = http1.connect((address, port), CONNECT_S)
    with connection:
        connection.socket.settimeout(ANSWER_S)
        connection.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        try:
            return connection.response()
        except http1.Broken as broken:
            raise OSError(str(broken)) from broken


class Visitors:
    """A city's load, from `threads` threads, of each a request every `interval_s`:

    with Visitors(earth.world["seattle"], "web.example", ["203.0.113.10"]) as visitors: ..."""

    def __init__(
        self, place, host, addresses, *, path="/", port=80, threads=2, interval_s=0.1, tries_max=3,
        names=None, patience_s=None,
    ):  # fmt: skip
        """names: Names that the host is looked up with, in the place of fixed addresses. patience_s: in the
        place of tries_max, for how long there are tries."""
        self.place, self.host, self.path, self.port = place, host, path, port
        self.fixed, self.names = list(addresses or []), names
        self.interval_s, self.tries_max, self.patience_s = interval_s, tries_max, patience_s
        self.visits = []  # appended to by all threads
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]

    def run(self):
        with self.place.inside():
            due = time.monotonic()
            while not self.ending.is_set():
                self.visits.append(self.visit())
                due = max(due + self.interval_s, time.monotonic())
                self.ending.wait(max(0.0, due - time.monotonic()))

    def addresses(self):
        return self.names.addresses(self.host) if self.names else self.fixed

    def numbers(self, visit):
        """Of its tries: from 0, for as long as there may be another."""
        if self.patience_s is None:
            yield from range(self.tries_max)
            return
        for number in itertools.count():
            began = time.monotonic()
            if number and began - visit.began >= self.patience_s:
                return
            yield number
            time.sleep(max(0.0, began + RETRY_S - time.monotonic()))  # what is refused is not hammered at

    def visit(self):
        visit = Visit(self.place.name, time.monotonic())
        for number in self.numbers(visit):
            began, address, looked_up_s = time.monotonic(), "-", 0.0
            try:
                found = self.addresses()
                looked_up_s = time.monotonic() - began
                tried = {one.address for one in visit.tries}
                address = next((one for one in found if one not in tried), found[number % len(found)])
                answer = answered(address, self.host, self.path, self.port)
                visit.status, visit.text = answer.status, answer.body.decode()
                reason = answer.value("weir-reason") or ""
                problem = f"status {visit.status} {reason}".rstrip() if visit.status in RETRIED else None
            except OSError as error:
                problem = repr(error)
            visit.tries.append(Try(address, time.monotonic() - began, problem, looked_up_s))
            if problem is None:
                break
        visit.took_s = time.monotonic() - visit.began
        return visit

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive(), f"a request of {self.place.name} hangs"

    # --- what was seen

    def since(self, moment, until=None):
        before = until or float("inf")
        return [one for one in list(self.visits) if moment <= one.began < before]

    def edges(self, moment):
        return Counter(one.edge for one in self.since(moment) if one.good)


def lost(visits):
    return [one for one in visits if not one.good]


def told(visits, most=5):
    """For whoever reads why a story failed."""
    return first_of(
        (f"{one.city} at {one.began:.2f} for {one.took_s:.2f} s: {one.status} {one.why}" for one in visits),
        most,
    )


def first_of(lines, most):
    """Their text, of the first ones, and how many more there are."""
    lines = list(lines)
    return "\n".join(lines[:most]) + (f"\n... and {len(lines) - most} more" if len(lines) > most else "")
