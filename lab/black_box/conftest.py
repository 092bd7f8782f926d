"""Clients that are slow, started with the session: their deadlines pass while the other tests run."""

import contextlib
import threading
import time

import pytest

from lab import podman
from lab.conftest import Site
from lab.origin import Origin

PATIENCE_S = 45


@contextlib.contextmanager
def podman_of(directory, prefix=()):
    """A podman that has busybox, and has run it; else the test is skipped, and says why."""
    if reason := podman.why_not():
        pytest.skip(reason)
    with podman.Podman(directory, prefix) as service:
        service.load(podman.busybox_archive())
        if reason := service.trial():
            pytest.skip(reason)
        yield service


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with podman_of(tmp_path_factory.mktemp("podman")) as service:
        yield service


class SlowClient(threading.Thread):
    """Sends `begin`, then `drip` once a second, until weir closes the connection."""

    def __init__(self, site, begin, drip):
        super().__init__(daemon=True)
        [self.origin] = site.origins
        self.connection = site.connect()
        self.begin, self.drip = begin, drip
        self.ended_s = None  # after the start; None: it did not end
        self.start()

    def run(self):
        began = time.monotonic()
        self.connection.send(self.begin)
        self.connection.socket.settimeout(1)
        while time.monotonic() - began < PATIENCE_S:
            try:
                if self.connection.fill():
                    continue
            except TimeoutError:
                if self.sent():
                    continue
            except OSError:
                return  # closed here, with the session
            self.ended_s = time.monotonic() - began
            return

    def sent(self):
        try:
            self.connection.send(self.drip)
        except OSError:
            return False
        return True


@pytest.fixture(scope="session", autouse=True)
def slow_clients(edge, ready_origin):
    """A head that comes byte by byte, and a body that stops after its beginning."""
    with Origin() as first, Origin() as second:
        head = Site(edge, ready_origin, [first], {}, {})
        body = Site(edge, ready_origin, [second], {}, {})
        clients = [
            SlowClient(head, b"GET / HTTP/1.1\r\nHost: ", b"a"),
            SlowClient(body, body.request("POST / HTTP/1.1", ["Content-Length: 100"]) + b"abc", b""),
        ]
        yield clients
        for client in clients:
            client.connection.close()  # weir's drain would wait for them
