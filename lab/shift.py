"""How long after the sending of a change traffic goes by it: a controller, edges of their own, and a client
that asks each of them until all have shifted."""

import http.client
import time
from contextlib import ExitStack

from lab import weir
from lab.origin import Origin

HOST = "web.example"
PAUSE_S = 0.05  # between two changes: one at a time is measured
POLL_S = 0.0005


class Fleet:
    """With two origins, `first` and `second`; service `web` leads to the first."""

    def __init__(self, directory, count):
        self.directory, self.count = directory, count

    def __enter__(self):
        with ExitStack() as stack:
            self.origins = [stack.enter_context(Origin(name=name)) for name in ("first", "second")]
            self.controller = stack.enter_context(weir.Controller(self.folder("controller")))
            balancer = weir.load_balancer("web", [HOST], {"/": "web"})
            self.controller.apply(weir.service("web", [self.origins[0].address]), balancer)
            names = [f"edge-{number}" for number in range(1, self.count + 1)]
            self.edges = [weir.Edge(self.folder(name), name, [self.controller]) for name in names]
            for edge in self.edges:
                edge.start(token=self.controller.join_token(), wait=False)
                stack.callback(edge.stop)
            for edge in self.edges:
                edge.wait_ready()
                edge.wait_serving(HOST)
            self.rest = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.rest.close()

    def folder(self, name):
        made = self.directory / name
        made.mkdir(parents=True, exist_ok=True)
        return made

    def shifts(self, changes):
        """Milliseconds from the beginning of each PUT until the last edge answers by it."""
        asked = [http.client.HTTPConnection(edge.address, edge.http_port, timeout=10) for edge in self.edges]
        took = []
        for number in range(1, changes + 1):
            origin = self.origins[number % 2]
            began = time.monotonic()
            wanted = weir.service("web", [origin.address])
            answer = self.controller.api("PUT", "/v1/services/web", wanted, headers={"If-Match": "*"})
            assert answer.status == 200, answer
            for connection in asked:
                while content(connection) != origin.name:
                    time.sleep(POLL_S)
            took.append((time.monotonic() - began) * 1000)
            time.sleep(PAUSE_S)
        for connection in asked:
            connection.close()
        return took


def content(connection):
    connection.request("GET", "/", headers={"Host": HOST})
    return connection.getresponse().read().decode()


def percentile(values, percent):
    return sorted(values)[(len(values) - 1) * percent // 100]


def shown(milliseconds):
    values = ", ".join(f"p{percent} {percentile(milliseconds, percent):.1f}" for percent in (50, 90, 99))
    return f"{values}, max {max(milliseconds):.1f} ms"
