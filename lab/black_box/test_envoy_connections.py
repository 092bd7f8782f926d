"""TCP and TLS listeners as weir translates them (src/translation/golden/tcp.json), in the real Envoy."""

import contextlib
import ctypes
import json
import os
import socket
import ssl
import time

import pytest

from lab import envoy
from lab.greeter import Greeter
from lab.origin import Origin

USER_TIMEOUT = 18  # TCP_USER_TIMEOUT
PIDFD_GETFD = 438  # on every architecture


def pair_of(golden, name):
    """The Certificate of that name: chain and key, PEM."""
    for resource in json.loads((envoy.GOLDEN / f"{golden}.json").read_text())["resources"]:
        if envoy.kind_of(resource) == "Secret" and resource["name"] == name:
            pair = resource["tls_certificate"]
            return pair["certificate_chain"]["inline_string"], pair["private_key"]["inline_string"]
    raise AssertionError(f"golden/{golden}.json has no {name}")


def server_context(directory, golden, name, alpn=()):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chain, key = directory / f"{name}.pem", directory / f"{name}.key"
    for path, text in zip((chain, key), pair_of(golden, name), strict=True):
        path.write_text(text)
    context.load_cert_chain(chain, key)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class World:
    """Endpoints by the port that golden/tcp.yaml has of them, and the Envoy before them."""

    def __init__(self, directory):
        self.first, self.second = Greeter("first"), Greeter("second")
        self.told = Greeter("told", proxied=True)
        self.secured = Greeter("secured", server_context(directory, "tls", "secure", ["mqtt"]))
        self.passed = Greeter("passed", server_context(directory, "tls", "other"))
        self.web = Origin(name="web")
        self.ends = {9101: self.first, 9102: self.second, 9103: self.told, 9104: self.secured}
        self.ends |= {9105: self.passed, 9001: self.web}
        ports = {number: end.port for number, end in self.ends.items()}
        self.envoy = envoy.Envoy("tcp", directory, ports)

    def met(self):
        return sum(len(end.met) for end in self.ends.values() if isinstance(end, Greeter))

    def connect(self, port, source="127.0.0.1"):
        where = ("127.0.0.1", self.envoy.ports[port])
        return socket.create_connection(where, timeout=10, source_address=(source, 0))

    def greeting(self, port, source="127.0.0.1", send=b""):
        """What the endpoint says first; empty when the connection is cut before."""
        with self.connect(port, source) as connected:
            connected.sendall(send)
            return first_line(connected)

    def hello(self, port, name, alpn=(), source="127.0.0.1", web=False):
        """(greeting, certificate, ALPN protocol) over TLS; None when that is not had. web: which says nothing
        first."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if alpn:
            context.set_alpn_protocols(list(alpn))
        try:
            with self.connect(port, source) as plain:
                with context.wrap_socket(plain, server_hostname=name) as secure:
                    shown = ssl.DER_cert_to_PEM_cert(secure.getpeercert(True))
                    greeting = "" if web else first_line(secure)
                    return greeting, shown, secure.selected_alpn_protocol()
        except (ConnectionError, ssl.SSLError):
            return None


def first_line(connected):
    line = b""
    with contextlib.suppress(ConnectionResetError, TimeoutError):
        while not line.endswith(b"\n") and (some := connected.recv(100)):
            line += some
    return line.decode().strip()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("tcp"))
    with made.envoy:
        yield made


SECURE = pair_of("tls", "secure")[0].strip()
OTHER = pair_of("tls", "other")[0].strip()


def test_bytes_go_both_ways_until_both_sides_have_ended(world):
    with world.connect(18085) as connected:
        assert first_line(connected) == "first"
        content = os.urandom(1 << 20)
        received = b""
        for at in range(0, len(content), 1 << 14):
            connected.sendall(content[at : at + (1 << 14)])
            received += connected.recv(1 << 14)
        connected.shutdown(socket.SHUT_WR)
        while some := connected.recv(1 << 16):
            received += some
        assert received == content


def test_by_weight(world):
    greetings = [world.greeting(18086) for _ in range(60)]
    assert set(greetings) == {"first", "second"}
    assert greetings.count("first") > greetings.count("second")


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.2", "127.9.9.9"])
def test_denied_addresses_reach_nothing(world, source):
    before = world.met()
    assert world.greeting(18090, source) == ""
    assert world.met() == before


@pytest.mark.parametrize(
    "source, served",
    [("127.0.0.1", True), ("127.9.9.9", True), ("127.0.0.3", False), ("127.0.0.8", False)],
)
def test_allowed_addresses(world, source, served):
    before = world.met()
    assert world.greeting(18091, source) == ("first" if served else "")
    assert world.met() == before + served


def test_limits(world):
    with world.connect(18088) as held:
        assert first_line(held) == "first"
        assert world.greeting(18088) == ""  # one at a time
        assert world.greeting(18089) == "first"
        assert world.greeting(18089) == ""  # three an hour, wherever they come in


def test_proxy_header(world):
    header = b"PROXY TCP4 192.0.2.%d 192.0.2.1 1234 80\r\n"
    assert world.greeting(18093, send=header % 7) == "told"
    assert world.told.met[-1].startswith("PROXY TCP4 192.0.2.7 192.0.2.1 1234 ")
    before = world.met()
    assert world.greeting(18093, send=header % 8) == ""  # denied
    assert world.greeting(18093, "127.0.0.2", send=header % 7) == ""  # may not speak for others
    assert world.met() == before


@pytest.mark.parametrize("name", ["pass.example", "PASS.example", "www.pass.example"])
def test_tls_is_passed_on_by_name(world, name):
    assert world.hello(18440, name) == ("passed", OTHER + "\n", None)


def test_tls_is_passed_on_by_what_is_offered(world):
    before = len(world.first.met)
    assert world.hello(18440, "pass.example", ["x", "mqtt"]) is None  # that endpoint speaks no TLS
    assert len(world.first.met) > before  # a connection of the test before may be late
    assert world.hello(18440, "pass.example", ["x"])[0] == "passed"


def test_tls_ends_here(world):
    assert world.hello(18440, "ended.example", ["x", "mqtt"]) == ("secured", SECURE + "\n", "mqtt")
    assert world.secured.met[-1] == "mqtt"  # as the service says, not the client
    assert world.hello(18440, "ended.example") == ("secured", SECURE + "\n", None)
    assert world.hello(18440, "ended.example", source="127.0.0.3") is None


def test_no_endpoint_is_reached_before_the_handshake(world):
    before = len(world.secured.met)
    context = ssl.create_default_context()
    with world.connect(18440) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname="ended.example")
    assert len(world.secured.met) == before


def test_https_has_the_other_names_of_a_port(world):
    for name in ("web.example", "nobody.example"):
        assert world.hello(18440, name, ["http/1.1"], web=True) == ("", SECURE + "\n", "http/1.1")
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with world.connect(18440) as plain:
        with context.wrap_socket(plain, server_hostname="web.example") as secure:
            secure.sendall(b"GET / HTTP/1.1\r\nHost: web.example\r\nConnection: close\r\n\r\n")
            answer = b""
            while some := secure.recv(4096):
                answer += some
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b"web")


def test_a_port_of_its_own(world):
    assert world.hello(18445, "first.example")[0::2] == ("first", None)
    assert world.hello(18445, "web.example", ["http/1.1"], web=True) == ("", SECURE + "\n", "http/1.1")
    assert world.hello(18445, "nobody.example")[0] == "passed"
    assert world.hello(18445, None)[0] == "passed"


def test_what_cannot_be_said_is_not_served_by_others(world):
    assert world.hello(18440, "unsayable.example") is None


def test_what_is_no_tls_is_cut(world):
    before = world.met()
    assert world.greeting(18445, send=b"GET / HTTP/1.1\r\n\r\n") == ""
    assert world.met() == before


def options(pid, here, there):
    """Keepalive's seconds and the user timeout of a connection that another process has."""
    getfd = ctypes.CDLL(None, use_errno=True).syscall
    handle = os.pidfd_open(pid)
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            copy = getfd(PIDFD_GETFD, handle, int(number), 0)
            if copy < 0:
                continue
            try:
                one = socket.socket(fileno=copy)
            except OSError:  # no socket
                os.close(copy)
                continue
            with one, contextlib.suppress(OSError):
                if (one.getsockname()[1] == here or here is None) and one.getpeername()[1] == there:
                    alive = one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                    idle = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
                    return alive and idle, one.getsockopt(socket.IPPROTO_TCP, USER_TIMEOUT)
    finally:
        os.close(handle)
    raise AssertionError(f"no connection to {there}")


def test_how_vanished_peers_are_found_out(world):
    pid = world.envoy.process.pid
    with world.connect(18086) as connected:
        assert first_line(connected)
        # A day is more than the system counts to.
        assert options(pid, world.envoy.ports[18086], connected.getsockname()[1]) == (32767, 45_000)
    with world.connect(18080) as connected:
        connected.sendall(b"GET / HTTP/1.1\r\nHost: web.example\r\n\r\n")
        assert connected.recv(4096).startswith(b"HTTP/1.1 200 OK")
        assert options(pid, None, world.web.port) == (1, 1500)
        assert options(pid, world.envoy.ports[18080], connected.getsockname()[1]) == (0, 0)


def test_the_longest_that_a_connection_may_last(tmp_path):
    """The times of golden/tcp.yaml, made short."""

    class Short(envoy.Envoy):
        def here(self, key, value):
            times = {"idle_timeout": "0.4s", "max_downstream_connection_duration": "1s"}
            times |= {"listener_filters_timeout": "0.7s"}  # for the hello, which does not come
            return times.get(key) or super().here(key, value)

    with Greeter("first") as first, Short("tcp", tmp_path, {9101: first.port, 9102: first.port}) as one:
        for port, end_s in ((18085, 0.4), (18086, 1.0), (18440, 0.7)):
            began = time.monotonic()
            with socket.create_connection(("127.0.0.1", one.ports[port]), timeout=0.1) as connected:
                with contextlib.suppress(ConnectionError):
                    while True:
                        try:
                            if not connected.recv(100):
                                break
                        except TimeoutError:
                            if port == 18086:
                                connected.sendall(b"x")  # never idle
                assert end_s * 0.9 < time.monotonic() - began < end_s + 4
