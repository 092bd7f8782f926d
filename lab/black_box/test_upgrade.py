"""`weir upgrade`: another process takes the place of a running weir, under load, and nobody notices."""

import hashlib
import os
import random
import socket
import threading
from contextlib import closing, contextmanager

import pytest

from lab import http1, weir
from lab.agent import connect
from lab.origin import response
from lab.process import wait_until
from lab.tcp import Server, echo, exchange, tcp_balancer, tcp_service, tls_connection

HOST = "web.weir.localhost"
REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


class Load:
    """Clients in threads, each of which goes on until the end; what any of them finds wrong is kept."""

    def __init__(self):
        self.ending = threading.Event()
        self.failures = []
        self.counts = {}
        self.threads = []

    def start(self, client, *arguments):
        thread = threading.Thread(target=self._run, args=(client, *arguments), daemon=True)
        self.threads.append(thread)
        self.counts.setdefault(client.__name__, 0)
        thread.start()

    def _run(self, client, *arguments):
        name = client.__name__
        try:
            for _ in client(*arguments):
                self.counts[name] += 1
                if self.ending.is_set():
                    return
        except Exception as problem:  # noqa: BLE001
            self.failures.append(f"{name} after {self.counts[name]}: {problem!r}")

    def go_on(self, more=50, deadline_s=20):
        """Until each kind of client has done so much more."""
        before = dict(self.counts)
        wait_until(
            lambda: self.failures
            or all(self.counts[name] >= before[name] + more for name in before),
            deadline_s,
            "the clients going on",
        )
        assert self.failures == []

    def end(self):
        self.ending.set()
        for thread in self.threads:
            thread.join(20)
        assert self.failures == []
        assert not any(thread.is_alive() for thread in self.threads)


@contextmanager
def load(*clients):
    running = Load()
    for client, *arguments in clients:
        running.start(client, *arguments)
    try:
        yield running
    finally:
        running.ending.set()
    running.end()


def answered(connection):
    response = connection.response()
    assert (response.status, response.body) == (200, b"origin"), f"{response.status} {response.body[:200]}"
    return response


def until_told_not_to(connection):
    while True:
        connection.send(REQUEST)
        response = answered(connection)
        yield
        if response.value("connection") == "close":
            break


def kept_connections(port):
    """A client that keeps its connection until it is told not to."""
    while True:
        with http1.connect(port) as connection:
            yield from until_told_not_to(connection)


def new_connections(port):
    while True:
        with http1.connect(port) as connection:
            connection.send(REQUEST)
            answered(connection)
            yield


def tls_connections(port):
    """As kept_connections, over TLS."""
    while True:
        with tls_connection(port, HOST) as secured:
            yield from until_told_not_to(http1.Connection(secured))


def api_calls(running):
    """Each on a connection of its own: none is refused, and none finds the API away."""
    while True:
        answer = running.api("GET", "/v1/services/web", timeout_s=20)
        assert answer.status == 200, f"{answer.status} {answer.text}"
        yield


def new_tcp_connections(port):
    number = 0
    while True:
        number += 1
        data = f"connection {number}".encode()
        assert exchange(port, data) == data
        yield


def long_stream(port):
    """One connection that lasts, its data checked."""
    numbers = random.Random(port)
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
        while True:
            data = numbers.randbytes(numbers.choice((1, 100, 5000, 200_000)))
            sender = threading.Thread(target=connection.sendall, args=(data,), daemon=True)
            sender.start()
            got, left = hashlib.sha256(), len(data)
            while left > 0:
                piece = connection.recv(min(left, 1 << 16))
                assert piece, "the stream has ended"
                got.update(piece)
                left -= len(piece)
            sender.join()
            assert got.digest() == hashlib.sha256(data).digest(), "the stream's data is another"
            yield


@pytest.fixture
def tcp_origin():
    with Server(echo) as server:
        yield server


def serve(running, origin, tcp_origin=None):
    """HTTP, and TCP on a port of its own, with health checks, whose state a new process has to know."""
    check = {"interval": "1s", "http": {"path": "/"}}
    balancer = weir.load_balancer("web", [HOST], {"/": "web"})
    balancer["spec"]["listeners"].append({"protocol": "HTTPS", "hostnames": [HOST]})
    running.apply(weir.service("web", [origin.address], health_check=check), balancer)
    running.wait_serving()
    if tcp_origin is None:
        return None
    port = weir.free_port()
    running.apply(
        tcp_service("echo", tcp_origin.address, health_check={"interval": "1s", "tcp": {}}),
        tcp_balancer("echo", {"protocol": "TCP", "port": port}),
    )

    def ready():
        try:
            return exchange(port, b"ready") == b"ready"
        except OSError:
            return False

    wait_until(ready, 10, "the TCP listener")
    return port


@pytest.mark.parametrize("workers", [1, 2])
def test_upgrades_in_a_row_under_load(make_origin, new_weir, tcp_origin, workers):
    running = new_weir(workers=workers).start()
    port = serve(running, make_origin(name="origin"), tcp_origin)
    clients = [
        (kept_connections, running.http_port),
        (kept_connections, running.http_port),
        (new_connections, running.http_port),
        (new_connections, running.http_port),
        (tls_connections, running.https_port),
        (new_tcp_connections, port),
        (long_stream, port),
        (long_stream, port),
        (api_calls, running),
    ]
    with load(*clients) as now:
        now.go_on()
        for _ in range(5):
            before = running.pid
            running.upgrade()
            assert running.pid != before
            now.go_on(20)
        for old in running.replaced:
            assert old.wait(10) == 0, "what it had has been handed over, or has ended"
    assert (running.data / "lock").read_text().strip() == str(running.pid)
    assert "connections were lost" not in running.process.log()


def test_idle_and_established_connections_are_handed_over(make_origin, new_weir, tcp_origin):
    running = new_weir(workers=2).start()
    port = serve(running, make_origin(name="origin"), tcp_origin)
    idle = [http1.connect(running.http_port) for _ in range(20)]
    silent = http1.connect(running.http_port)  # has not asked anything yet
    streams = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(20)]
    for connection in idle:
        connection.send(REQUEST)
        answered(connection)
    for stream in streams:
        stream.sendall(b"before")
        assert receive(stream, 6) == b"before"
    streams[0].shutdown(socket.SHUT_WR)
    running.upgrade()
    assert running.replaced[-1].wait(10) == 0
    for connection in (*idle, silent):
        connection.send(REQUEST)
        assert answered(connection).value("connection") != "close"
    assert streams[0].recv(10) == b"", "its end went through"
    for stream in streams[1:]:
        stream.sendall(b"after")
        assert receive(stream, 5) == b"after"
        stream.shutdown(socket.SHUT_WR)
        assert stream.recv(10) == b""
    for connection in (*idle, silent, *streams):
        connection.close()


def tunnelled_requests(port):
    while True:
        with http1.connect(port, 20) as connection:
            connection.send(b"GET / HTTP/1.1\r\nHost: hello.weir.localhost\r\n\r\n")
            answered(connection)
            yield


def test_agents_attach_to_the_new_process_and_nobody_notices(make_origin, new_weir):
    running = new_weir(workers=2).start()
    agent = connect([running], make_origin(name="origin").port, "--name", "hello", ca=running.ca)
    try:
        agent.said(r"http://hello\.weir\.localhost")
        running.wait_serving("hello.weir.localhost")
        with load((tunnelled_requests, running.http_port)) as now:
            now.go_on(20)
            for _ in range(3):
                running.upgrade()
                now.go_on(20)
                assert running.replaced[-1].wait(20) == 0
    finally:
        agent.end()


def receive(stream, count):
    got = b""
    while len(got) < count:
        piece = stream.recv(count - len(got))
        assert piece, f"ended after {got!r}"
        got += piece
    return got


def test_a_stream_that_is_not_read_keeps_its_bytes(make_origin, new_weir, tcp_origin):
    """What is in weir's hands and the client does not take is handed over, too; again and again."""
    running = new_weir(workers=1).start()
    port = serve(running, make_origin(name="origin"), tcp_origin)
    data = random.Random(1).randbytes(8_000_000)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as stream:
        sender = threading.Thread(target=stream.sendall, args=(data,), daemon=True)
        sender.start()
        for turn in range(3):
            wait_until(lambda: running.api("GET", "/readyz", token=None).status == 200, 10)
            running.upgrade()
            assert running.replaced[-1].wait(10) == 0
            got = receive(stream, 1_000_000)
            assert got == data[turn * 1_000_000 : (turn + 1) * 1_000_000]
        assert receive(stream, 5_000_000) == data[3_000_000:]
        sender.join(10)


def test_a_websocket_stays_with_the_old_process_which_is_counted(make_origin, new_weir):
    running = new_weir().start()
    serve(running, make_origin(upgrading, name="origin"))
    client = http1.connect(running.http_port)
    client.send(
        f"GET /ws HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert client.head().status == 101
    running.upgrade()
    running.upgrade()
    [first, second] = running.replaced
    assert second.wait(10) == 0
    client.send(b"hello")
    assert client.exactly(5) == b"hello"
    assert first.running()

    def counted():
        metrics = running.metrics()
        return metrics["weir_replaced_processes"], metrics["weir_replaced_process_connections"]

    wait_until(lambda: counted() == (1, 1), 10, "the old process counted")
    client.close()
    assert first.wait(10) == 0
    wait_until(lambda: counted() == (0, 0), 10, "nothing left of it")


def upgrading(connection, _origin):
    while request := connection.request():
        if request.target != "/ws":
            connection.send(response(body=b"origin"))
            continue
        connection.send(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        )
        while connection.fill():
            connection.send(connection.available())
            connection.used = len(connection.received)
        return


def script(directory, text):
    file = directory / "not-weir"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_what_goes_wrong_leaves_the_old_process_as_it_was(make_origin, new_weir, tmp_path):
    running = new_weir().start()
    serve(running, make_origin(name="origin"))
    before = running.pid
    plain = tmp_path / "plain"
    plain.write_text("no program")
    with load((kept_connections, running.http_port), (new_connections, running.http_port)) as now:
        for arguments, why in [
            (["--binary", tmp_path / "none"], "can't be started: No such file"),
            (["--binary", plain], "can't be started: Permission denied"),
            (["--binary", script(tmp_path, "exit 3")], "has ended without being ready"),
        ]:
            done = running.upgrade(*arguments, expect=1)
            assert why.lower() in done.stderr.lower(), done.stderr
            assert f"process {before} goes on as before" in done.stderr
            now.go_on(20)
        hanging = script(tmp_path, "exec sleep 60")
        done = running.upgrade("--binary", hanging, "--timeout", "1s", expect=1)
        assert "was not ready within 1 s" in done.stderr
        now.go_on(20)
    assert running.process.running()
    running.upgrade()
    assert running.replaced[-1].wait(10) == 0


def test_a_new_process_that_dies_changes_nothing(make_origin, new_weir, tmp_path):
    """One that takes what it is offered, and is killed before it says that it is ready."""
    running = new_weir().start()
    serve(running, make_origin(name="origin"))
    taker = script(tmp_path, "exec python3 -c 'import socket; s = socket.socket(fileno=3); print(s.recv(9))'")
    with load((new_connections, running.http_port)) as now:
        done = running.upgrade("--binary", taker, expect=1)
        assert "goes on as before" in done.stderr
        now.go_on()


def test_nobody_there(new_weir, tmp_path):
    running = new_weir()
    (running.directory / "data").mkdir(parents=True)
    done = running.cli("upgrade", "--data-dir", running.data)
    assert done.returncode == 1
    assert f"no weir that can be replaced runs on {running.data}" in done.stderr


def test_the_service_manager_is_told(new_weir, tmp_path):
    """Type=notify: ready, and who is the main process from then on."""
    path = f"/tmp/weir-notify-{random.getrandbits(64):x}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(20)
        try:
            running = new_weir()
            running.environment = {"NOTIFY_SOCKET": path}
            running.start()
            assert manager.recv(100) == b"READY=1"
            running.upgrade()
            assert manager.recv(100) == f"MAINPID={running.pid}".encode()
            assert manager.recv(100) == b"READY=1"
            running.process.signal(15)
            assert manager.recv(100) == b"STOPPING=1"
        finally:
            os.unlink(path)


def test_edges_and_controllers_are_replaced_too(make_origin, tmp_path):
    for name in ("controller", "fra-1"):
        (tmp_path / name).mkdir()
    controller = weir.Controller(tmp_path / "controller").start()
    edge = weir.Edge(tmp_path / "fra-1", "fra-1", [controller])
    first, second = make_origin(name="origin"), make_origin(name="another")
    try:
        edge.start(token=controller.join_token(), wait=False)
        point_to(controller, first)
        edge.wait_ready()
        edge.wait_serving(HOST)
        with load((kept_connections, edge.http_port), (new_connections, edge.http_port)) as now:
            now.go_on()
            edge.upgrade()
            now.go_on()
            controller.upgrade()
            now.go_on()
            controller.upgrade()
            edge.upgrade()
            now.go_on()
        for old in (*edge.replaced, *controller.replaced):
            assert old.wait(10) == 0
        point_to(controller, second)
        wait_until(lambda: edge.get(host=HOST).text == "another", 15, "what the new controller says")
    finally:
        edge.stop()
        controller.stop()


def point_to(controller, origin):
    controller.apply(
        weir.service("web", [origin.address]), weir.load_balancer("web", [HOST], {"/": "web"})
    )
