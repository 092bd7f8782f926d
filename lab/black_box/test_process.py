"""weir as a process: start and stop, signals, descriptors, what it listens on."""

import os
import signal
import socket
import stat
import threading
import time

import pytest

from lab import http1, weir
from lab.origin import answer, response
from lab.process import accepts, cpu_time, descriptors, descriptors_max, wait_until

HOST = "web.weir.localhost"
REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


def serve(running, *origins):
    running.apply(
        weir.service("web", [o.address for o in origins]), weir.load_balancer("web", [HOST], {"/": "web"})
    )
    running.wait_serving()
    return running


class Holding:
    """A handler that holds /hold until it may go on."""

    def __init__(self):
        self.go_on = threading.Event()
        self.held = 0

    def __call__(self, connection, origin):
        while request := connection.request():
            if request.target == "/hold":
                self.held += 1
                self.go_on.wait(20)
            connection.send(response(body=b"whole"))


def hold(running, holding):
    connection = http1.connect(running.http_port, 20)
    before = holding.held
    connection.send(f"GET /hold HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    wait_until(lambda: holding.held > before, 5, "the request at the origin")
    return connection


def test_sigterm_drains(make_origin, new_weir):
    holding = Holding()
    running = serve(new_weir().start(), make_origin(holding))
    in_flight = hold(running, holding)
    idle = http1.connect(running.http_port)
    idle.send(REQUEST)
    idle.response()
    running.process.signal(signal.SIGTERM)
    wait_until(lambda: not accepts(running.http_port), 5, "the listener closed")
    assert idle.closed(), "an idle connection is told to go"
    assert running.process.running(), "a request is in flight"
    holding.go_on.set()
    answered = in_flight.response()
    assert (answered.status, answered.body) == (200, b"whole")
    assert answered.value("connection") == "close" and in_flight.closed()
    assert running.process.wait(10) == 0


def test_connections_that_never_said_anything_do_not_hold_up_the_end(new_weir):
    running = new_weir().start()
    silent = [http1.connect(port) for port in (running.http_port, running.api_port)]
    assert running.get(path="/healthz-of-nobody").status == 404, "so they have been accepted"
    started = time.monotonic()
    running.process.signal(signal.SIGTERM)
    assert running.process.wait(10) == 0
    assert time.monotonic() - started < 3
    assert all(connection.closed() for connection in silent)


def test_a_second_sigterm_stops_at_once(make_origin, new_weir):
    holding = Holding()
    running = serve(new_weir().start(), make_origin(holding))
    in_flight = hold(running, holding)
    running.process.signal(signal.SIGTERM)
    wait_until(lambda: not accepts(running.http_port), 5, "the listener closed")
    running.process.signal(signal.SIGTERM)
    running.process.wait(2)
    with pytest.raises(http1.Broken):
        in_flight.response()
    holding.go_on.set()


def test_sigint_is_as_sigterm(make_origin, new_weir):
    running = serve(new_weir().start(), make_origin())
    running.process.signal(signal.SIGINT)
    assert running.process.wait(10) == 0


def test_the_api_answers_while_draining(make_origin, new_weir):
    """Who watches over it must be able to see it drain: /readyz says no."""
    holding = Holding()
    running = serve(new_weir().start(), make_origin(holding))
    assert running.api("GET", "/readyz", token=None).status == 200
    hold(running, holding)
    running.process.signal(signal.SIGTERM)
    wait_until(lambda: not accepts(running.http_port), 5, "the listener closed")
    try:
        assert running.api("GET", "/readyz", token=None).status == 503
    except OSError:
        pass  # closed like the rest: that says no as well
    holding.go_on.set()
    assert running.process.wait(10) == 0


def test_traffic_after_a_restart_needs_no_new_apply(make_origin, new_weir):
    origin = make_origin()
    running = serve(new_weir().start(), origin)
    token = running.token
    assert running.stop() == 0
    running.start()
    running.wait_serving()
    assert running.get().text == origin.name
    assert running.token == token, "the admin token is made once"


def test_the_admin_token(new_weir):
    running = new_weir().start()
    path = running.data / "admin.token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(running.token) >= 32
    log = running.process.log()
    assert log.count(running.token) == 1, "printed once, at the first start"
    running.stop()
    running.start()
    assert running.process.log().count(running.token) == 1
    for file in running.data.rglob("*"):
        if file.is_file() and file != path:
            assert running.token.encode() not in file.read_bytes(), f"the token stands in {file.name}"


def test_listens_on_loopback_only(new_weir):
    running = new_weir().start()
    listening = set()
    inodes = {os.readlink(f"/proc/{running.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{running.pid}/fd")}
    for name in ("tcp", "tcp6"):
        with open(f"/proc/{running.pid}/net/{name}") as table:
            for line in list(table)[1:]:
                fields = line.split()
                if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                    listening.add(fields[1].split(":")[0])
    assert listening == {"0100007F"}


def test_port_in_use(new_weir):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        running = new_weir(ports=(port, weir.free_port()))
        running.start(wait=False)
        assert running.process.wait(5) == 1
    assert str(port) in running.process.log()


def test_the_data_directory_has_one_owner(new_weir, tmp_path):
    """Two on the same store would each believe to be the only one."""
    first = new_weir().start()
    second = weir.Weir(tmp_path / "second")
    second.flags[second.flags.index("--data-dir") + 1] = first.data
    second.start(wait=False)
    try:
        assert second.process.wait(5) == 1
        assert str(first.data) in second.process.log()
    finally:
        second.stop()
    assert first.process.running()


def test_out_of_descriptors(make_origin, new_weir):
    """Accepting pauses, nothing spins, what is open goes on, and it recovers."""
    running = new_weir(workers=1).start(prefix=descriptors_max(64))
    serve(running, make_origin(answer))
    first = http1.connect(running.http_port)
    first.send(REQUEST)
    assert first.response().status == 200
    crowd = [http1.connect(running.http_port) for _ in range(200)]  # the kernel accepts them for weir
    try:
        wait_until(lambda: descriptors(running.pid) >= 60, 5, "descriptors used up")
        for _ in range(20):  # the pooled upstream connection serves those that are in
            first.send(REQUEST)
            assert first.response().status == 200
        before, began = cpu_time(running.pid), time.monotonic()
        time.sleep(1.0)  # the length of a measurement
        share = (cpu_time(running.pid) - before) / (time.monotonic() - began)
        assert share < 0.1, f"spins: {share:.0%} of a processor with nothing to do"
        assert running.process.running()
    finally:
        for connection in crowd:
            connection.close()

    def recovered():
        try:
            return running.get(timeout_s=1).status == 200
        except OSError:
            return False

    wait_until(recovered, 10, "accepting again")
    assert running.api("GET", "/v1/services").status == 200
    first.send(REQUEST)
    assert first.response().status == 200


def test_no_descriptor_is_leaked(make_origin, make_site):
    """By clients that leave at any moment, and origins that do."""
    origin = make_origin()
    site = make_site(origin)
    pid = site.weir.pid
    site.ask()
    others = site.weir.metrics()["weir_downstream_connections"]

    def provoke():
        for turn in range(60):
            connection = site.connect()
            data = site.request("POST / HTTP/1.1", ["Content-Length: 1000"]) + b"a" * 1000
            connection.send(data[: turn * len(data) // 60])
            connection.reset() if turn % 2 else connection.close()
        origin.die()
        for _ in range(10):
            assert site.ask().status in (502, 503)
        origin.live_again()

    provoke()
    wait_until(lambda: site.ask().status == 200, 5, "the origin back")
    wait_until(lambda: descriptors(pid) < 200, 5, "the first turn settled")
    wait_until(lambda: site.weir.metrics()["weir_downstream_connections"] <= others, 5, "no client left")
    before = descriptors(pid)
    for _ in range(3):
        provoke()
    wait_until(lambda: site.ask().status == 200, 5, "the origin back")
    wait_until(lambda: descriptors(pid) <= before + 4, 5, f"descriptors back to {before}")


@pytest.mark.parametrize(
    "flags",
    [
        ["--workers", "0"],
        ["--workers", "x"],
        ["--http", "nonsense"],
        ["--http", "127.0.0.1:99999"],
        ["--no-such-flag"],
        ["--workers"],
    ],
)
def test_bad_flags(tmp_path, flags):
    running = weir.Weir(tmp_path)
    done = running.cli(
        "up", "--data-dir", tmp_path / "data", "--api", "127.0.0.1:0", "--http", "127.0.0.1:0", *flags
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert flags[0] in done.stderr and len(done.stderr.strip().splitlines()) <= 3, done.stderr
    assert not (tmp_path / "data" / "admin.token").exists()


@pytest.mark.parametrize("flag", ["--http", "--https", "--ssh", "--tunnel", "--dns", "--api", "--xds"])
def test_a_port_that_another_program_has(tmp_path, flag):
    running = weir.Weir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        running.flags[running.flags.index(flag) + 1] = address
        done = running.cli(*running.flags)
    assert done.returncode == 1
    assert done.stderr == f"weir: cannot listen on {address} ({flag}): address already in use\n"


def test_data_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    done = weir.Weir(tmp_path).cli(
        "up", "--data-dir", tmp_path / "file" / "data", "--api", "127.0.0.1:0", "--http", "127.0.0.1:0"
    )
    assert done.returncode == 1
    assert str(tmp_path / "file") in done.stderr
