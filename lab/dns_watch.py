"""What several name servers answer, all the time: when something was in their answers first, and when it
was not any more."""

import struct
import threading
import time

from lab import dns

PAUSE_S = 0.02  # between two questions to one server


def shown(kind, data):
    """Of a record, what tells whose it is: an address, the host of an SRV record, the instance of a PTR."""
    return dns.name_text(data[6:]) if kind == "SRV" else dns.data_text(kind, data)


def service_records(reply):
    """[(priority, weight, port, host)], as RFC 2782 orders them, but for the weights."""
    found = [data for _, kind, _, data in reply.given if kind == "SRV"]
    return sorted((*struct.unpack(">3H", data[:6]), dns.name_text(data[6:])) for data in found)


class Watch:
    """questions: {what it is called: (name, type)}. Asked from a place of the world."""

    def __init__(self, place, servers, questions):
        self.place, self.servers, self.questions = place, list(servers), dict(questions)
        self.seen = {(server, word): [] for server in self.servers for word in self.questions}  # (when, what)
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(one,), daemon=True) for one in self.servers]

    def run(self, server):
        with self.place.inside(), dns.Client(53, server, 1.0) as client:
            while not self.ending.is_set():
                for word, (name, kind) in self.questions.items():
                    try:
                        answer = client.ask(name, kind).sections[0]
                    except OSError:
                        continue  # nothing was answered, so nothing stale
                    told = frozenset(shown(kind, data) for _, found, _, data in answer if found == kind)
                    self.seen[server, word].append((time.monotonic(), told))
                    self.ending.wait(PAUSE_S)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join(10)

    # --- what was seen

    def first_with(self, server, word, value, since):
        """None: not yet."""
        moments = (when for when, told in list(self.seen[server, word]) if when >= since and value in told)
        return next(moments, None)

    def first_without(self, server, word, value, since):
        """From when on it never was there again, up to now; None: it is there."""
        found = None
        for when, told in list(self.seen[server, word]):
            if when < since:
                continue
            if value in told:
                found = None
            elif found is None:
                found = when
        return found

    def everywhere(self, values, since, there=True):
        """{word: the seconds after which the last server had it, or had it no more}; values: {word: value}.
        None: not so yet."""
        of = self.first_with if there else self.first_without
        took = {}
        for word, value in values.items():
            moments = [of(server, word, value, since) for server in self.servers]
            if None in moments:
                return None
            took[word] = max(moments) - since
        return took
