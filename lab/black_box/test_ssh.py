"""OpenSSH's client against our SSH side: forwards, streams, terminals, keys, and what ends a session."""

import contextlib
import hashlib
import re
import signal
import socket
import subprocess
import time

import pytest

from lab.process import free_port, wait_until
from lab.ssh import (  # noqa: F401
    PASSWORD,
    Probe,
    ask,
    fingerprint,
    make_key,
    openssh,
    origin,
    pattern,
    read_all,
    start,
    works,
)

MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ssh")


@pytest.fixture(scope="module")
def key(folder):
    return make_key(folder / "id_ed25519")


@pytest.fixture(scope="module")
def probe(folder, key):
    make_key(folder / "authority")
    made = Probe(
        folder,
        *("--fingerprint", fingerprint(key), "--password", PASSWORD),
        *("--authority", folder / "authority.pub", "--key-exchange-seconds", 3),
    )
    yield made
    made.stop()


def run(words, deadline_s=30, **options):
    return subprocess.run(words, capture_output=True, text=True, timeout=deadline_s, check=False, **options)


def said(process):
    return process.log_path.read_text()


def tunnel(start, probe, key, origin, *options, name="localhost", port=0):
    """(client, port) of a forward by name."""
    forward = f"{name}:{port}:127.0.0.1:{origin.port}"
    before = probe.text().count(f'forward "{name}"')
    client = start(openssh(probe, key, "-N", "-v", "-R", forward, *options))
    wait_until(lambda: probe.text().count(f'forward "{name}"') > before, 15, "the forward")
    return client, probe.forward(name)


def test_port_0_is_told_and_the_visitor_is_named(start, probe, key, origin):
    client, port = tunnel(start, probe, key, origin, name="any")
    told = f"Allocated port {port} for remote forward"
    wait_until(lambda: told in said(client), 10, "the port at the client")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as visitor:
        visitor.sendall(b"ping")
        visitor.shutdown(socket.SHUT_WR)
        assert read_all(visitor) == hashlib.sha256(b"ping").hexdigest().encode()
        own = visitor.getsockname()[1]
    assert f"originator 127.0.0.1 port {own}" in said(client)
    assert re.search(r"cipher: aes(128|256)-gcm@openssh.com", said(client))


@pytest.mark.parametrize("address", ["", "*", "0.0.0.0", "shop", "shop.example.org"])
def test_the_address_is_a_name_and_comes_back_as_it_was(start, probe, key, origin, address):
    wanted = free_port()
    start(openssh(probe, key, "-N", "-R", f"{address}:{wanted}:127.0.0.1:{origin.port}"))
    # An empty address or * is "" on the wire.
    wire = "" if address in ("", "*") else address
    probe.wait(rf'^forward "{re.escape(wire)}" {wanted}$')
    assert works(wanted)


def test_a_refused_forward(probe, key, origin):
    words = ["-N", "-R", f"refused:0:127.0.0.1:{origin.port}", "-o", "ExitOnForwardFailure=yes"]
    done = run(openssh(probe, key, *words))
    assert done.returncode == 255
    assert "remote port forwarding failed for listen port 0" in done.stderr


def test_several_forwards_and_one_of_them_cancelled(start, probe, key, origin, tmp_path):
    control = tmp_path / "control"
    ports = [free_port() for _ in range(3)]
    forwards = [f"many:{port}:127.0.0.1:{origin.port}" for port in ports]
    options = [word for forward in forwards for word in ("-R", forward)]
    client = start(openssh(probe, key, "-N", "-M", "-S", control, *options))
    for port in ports:
        probe.wait(rf'^forward "many" {port}$')
        assert works(port)
    done = run(openssh(probe, key, "-S", control, "-O", "cancel", "-R", forwards[1]))
    assert done.returncode == 0, done.stderr
    probe.wait(rf'^cancelled "many" {ports[1]}$')
    with pytest.raises(OSError):
        works(ports[1])
    assert works(ports[0]) and works(ports[2])
    # One more is taken while the session runs.
    assert run(openssh(probe, key, "-S", control, "-O", "forward", "-R", forwards[1])).returncode == 0
    assert works(ports[1])
    client.popen.terminate()
    for port in ports:
        probe.wait(rf'^cancelled "many" {port}$')


def test_a_forward_that_is_not_this_sessions_is_not_cancelled(start, probe, key, origin, tmp_path):
    _, port = tunnel(start, probe, key, origin, name="mine")
    control = tmp_path / "control"
    start(openssh(probe, key, "-N", "-M", "-S", control))
    wait_until(control.exists, 10, "the control socket")
    run(openssh(probe, key, "-S", control, "-O", "cancel", "-R", f"mine:{port}:127.0.0.1:1"))
    assert works(port)


def test_an_origin_that_refuses(start, probe, key, folder):
    class Nobody:
        port = free_port()

    _, port = tunnel(start, probe, key, Nobody, name="nobody")
    failed = "open failed connect_failed the tunnel's client can't reach its origin"
    before = probe.text().count(failed)
    for _ in range(5):
        # Also within the connect, whose end Python asks for when it comes to it.
        with pytest.raises(ConnectionResetError):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as visitor:
                assert visitor.recv(1) != b""
    wait_until(lambda: probe.text().count(failed) == before + 5, 10, "five failures")


@pytest.mark.parametrize("rekeys", [False, True])
def test_large_bodies_both_ways(start, probe, key, origin, rekeys):
    options = ["-o", "RekeyLimit=1M"] if rekeys else []
    client, port = tunnel(start, probe, key, origin, *options, name="large")
    size = 24 * MEBIBYTE
    with socket.create_connection(("127.0.0.1", port), timeout=20) as visitor:
        visitor.sendall(b"get %d" % size)
        assert hashlib.sha256(read_all(visitor)).digest() == hashlib.sha256(pattern(size)[:size]).digest()
    upload = pattern(size)[:size]
    assert ask(port, upload) == hashlib.sha256(upload).hexdigest().encode()
    if rekeys:
        assert said(client).count("SSH2_MSG_NEWKEYS received") > 10


def test_many_visitors_at_once(start, probe, key, origin):
    _, port = tunnel(start, probe, key, origin, name="visitors")
    visitors = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(100)]
    for number, visitor in enumerate(visitors):
        visitor.sendall(b"visitor %d" % number * 1000)
    for visitor in visitors:
        visitor.shutdown(socket.SHUT_WR)
    for number, visitor in enumerate(visitors):
        with visitor:
            expected = hashlib.sha256(b"visitor %d" % number * 1000).hexdigest().encode()
            assert read_all(visitor) == expected


def test_a_slow_visitor_does_not_fill_the_memory(start, probe, key, origin):
    _, port = tunnel(start, probe, key, origin, name="slow")
    status = f"/proc/{probe.process.popen.pid}/status"

    def resident():
        with open(status, encoding="ascii") as lines:
            return int(re.search(r"VmRSS:\s+(\d+) kB", lines.read())[1]) << 10

    before = resident()
    size = 200 * MEBIBYTE
    with socket.create_connection(("127.0.0.1", port), timeout=20) as visitor:
        visitor.sendall(b"get %d" % size)
        taken = 0
        highest = 0
        end = time.monotonic() + 3
        while time.monotonic() < end:  # some 3 MB/s
            taken += len(visitor.recv(32768))
            highest = max(highest, resident())
            time.sleep(0.01)
        assert works(port)  # and another visitor is served meanwhile
        rest = len(read_all(visitor))
    assert taken + rest == size
    assert highest - before < 64 * MEBIBYTE


# --- terminals


def test_a_shell_shows_text_and_ends_by_ctrl_c(start, probe, key, origin):
    words = openssh(probe, key, "-tt", "-R", f"shell:0:127.0.0.1:{origin.port}")
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        assert client.stdout.readline() == b"Welcome, me\r\n"
        port = int(re.match(rb"http://127.0.0.1:(\d+)\r\n", client.stdout.readline())[1])
        assert works(port)
        client.stdin.write(b"\x03")
        client.stdin.flush()
        assert client.wait(10) == 130


def test_a_command_and_its_output(probe, key):
    done = run(openssh(probe, key, command=["say", "5"]))
    assert done.stdout == "".join(f"line {number}\n" for number in range(1, 6))
    assert done.returncode == 3
    assert run(openssh(probe, key, "-s", command=["sftp"])).returncode == 255  # there is no subsystem


def test_what_a_terminal_does_not_take_is_dropped_from_the_oldest(probe, key):
    words = openssh(probe, key, command=["say", "100000"])
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as client:
        lines = client.stdout.read().splitlines()
        assert client.wait(20) == 3
    assert lines[-1] == b"line 100000" and len(lines) < 100_000


def test_a_session_is_ended_with_a_reason(probe, key):
    done = run(openssh(probe, key, command=["end"]))
    assert done.returncode == 255 and "the tunnel was ended" in done.stderr
    probe.wait(r"^ended cancelled asked to")


# --- who may come in


def test_another_key_and_other_algorithms_are_refused(probe, key, tmp_path):
    stranger = make_key(tmp_path / "stranger")
    done = run(openssh(probe, stranger, "-N"))
    assert done.returncode == 255 and "Permission denied (publickey,password)" in done.stderr
    done = run(openssh(probe, key, "-N", "-o", "HostKeyAlgorithms=rsa-sha2-512"))
    assert done.returncode == 255
    assert "no matching host key type found. Their offer: ssh-ed25519" in done.stderr
    for option in ("Ciphers=aes128-cbc", "KexAlgorithms=diffie-hellman-group14-sha1"):
        done = run(openssh(probe, key, "-N", "-o", option))
        assert done.returncode == 255 and "no matching" in done.stderr


@pytest.mark.parametrize("kind", [("ecdsa", "-b", "256"), ("ecdsa", "-b", "521"), ("rsa", "-b", "3072")])
def test_keys_of_each_type(tmp_path, kind):
    other = make_key(tmp_path / "id", *kind)
    made = Probe(tmp_path, "--fingerprint", fingerprint(other))
    done = run(openssh(made, other, command=["say", "1"]))
    assert (done.stdout, done.returncode) == ("line 1\n", 3)
    if kind[0] == "rsa":  # SHA-1
        assert run(openssh(made, other, "-o", "PubkeyAcceptedAlgorithms=ssh-rsa", "-N")).returncode == 255
    made.stop()


def test_the_right_key_behind_many_wrong_ones(probe, key, tmp_path):
    wrong = [make_key(tmp_path / f"wrong{number}") for number in range(8)]
    options = [word for path in wrong for word in ("-i", path)]
    words = openssh(probe, wrong[0], *options, "-i", key, command=["say", "1"])
    assert run(words).stdout == "line 1\n"


def certify(folder, key, tmp_path, *options, user="me"):
    path = tmp_path / "certified"
    path.write_bytes(key.read_bytes())
    path.chmod(0o600)
    public = tmp_path / "certified.pub"
    public.write_bytes(key.with_suffix(".pub").read_bytes())
    words = ["ssh-keygen", "-q", "-s", folder / "authority", "-I", "a test", "-n", user, *options, public]
    subprocess.run(words, check=True)
    return path


@pytest.mark.parametrize(
    "options, good",
    [
        ((), True),
        (("-V", "-2h:-1h"), False),
        (("-V", "+1h:+2h"), False),
        (("-O", "source-address=127.0.0.0/8,::1"), True),
        (("-O", "source-address=192.0.2.0/24"), False),
        (("-O", "critical:who@example.org=knows"), False),
        (("-h",), False),
    ],
)
def test_certificates(probe, folder, tmp_path, options, good):
    stranger = make_key(tmp_path / "stranger")
    path = certify(folder, stranger, tmp_path, *options)
    done = run(openssh(probe, path, command=["say", "1"]))
    assert (done.stdout == "line 1\n") == good, done.stderr
    assert "Permission denied" in run(openssh(probe, path, "-N", user="somebody-else")).stderr


def test_a_certificate_without_forwards_and_with_a_command(probe, folder, tmp_path, origin):
    stranger = make_key(tmp_path / "stranger")
    options = ["-O", "no-port-forwarding", "-O", "force-command=say 2"]
    path = certify(folder, stranger, tmp_path, *options)
    forward = ["-R", f"0:127.0.0.1:{origin.port}", "-o", "ExitOnForwardFailure=yes"]
    assert run(openssh(probe, path, "-N", *forward)).returncode == 255
    assert run(openssh(probe, path, command=["say", "7"])).stdout == "line 1\nline 2\n"


def test_certificates_that_are_refused_are_counted_like_keys(probe, tmp_path):
    key = make_key(tmp_path / "id")
    authority = make_key(tmp_path / "stranger")
    options = []
    for number in range(25):
        public = tmp_path / f"id{number}.pub"
        public.write_bytes(key.with_suffix(".pub").read_bytes())
        words = ["ssh-keygen", "-q", "-s", authority, "-I", f"number {number}", "-n", "me", public]
        subprocess.run(words, check=True)
        options += ["-o", f"CertificateFile={tmp_path}/id{number}-cert.pub"]
    done = run(openssh(probe, key, "-N", "-v", *options))
    assert "Too many authentication failures" in done.stderr
    # After the twentieth refusal the next may be on its way before the client hears of the end.
    assert done.stderr.count("Offering public key") in (20, 21)


# --- liveness and bad input


def test_silence_is_found_and_idleness_is_not_silence(start, probe, key, origin):
    _, idle = tunnel(start, probe, key, origin, name="idle")
    asking = ["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=2"]
    _, asks = tunnel(start, probe, key, origin, *asking, name="asks")
    stopped, port = tunnel(start, probe, key, origin, name="stopped")
    assert works(port)
    stopped.popen.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    probe.wait(rf'^cancelled "stopped" {port}$', deadline_s=12)
    assert 5 < time.monotonic() - began < 10.5
    probe.wait("^ended timed_out the client is silent")
    assert works(idle) and works(asks)


def test_garbage_ends_only_its_own_connection(start, probe, key, origin):
    _, port = tunnel(start, probe, key, origin, name="bystander")
    greeting = b"SSH-2.0-x\r\n"
    for garbage in (
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00" + b"\x00" * 512,
        b"x" * 5000,
        greeting + b"\xff" * 5000,
        greeting + b"\x00\x00\x00\x0c\x0a\x14" + b"\x00" * 100,
        greeting + b"\x00\x00\x00\x01",
        greeting + b"\x00\x00\x88\xb8" + pattern(40000)[:40000],
    ):
        with socket.create_connection(("127.0.0.1", probe.port), timeout=15) as connection:
            connection.sendall(garbage)
            with contextlib.suppress(ConnectionResetError):
                while connection.recv(65536):
                    pass
    assert works(port)


def connect_from(source, port):
    connection = socket.socket()
    connection.bind((source, 0))
    connection.settimeout(10)
    connection.connect(("127.0.0.1", port))
    return connection


def test_a_thousand_half_open_connections(start, probe, key, origin):
    _, port = tunnel(start, probe, key, origin, name="calm")
    connections = []
    for number in range(1000):
        with contextlib.suppress(ConnectionResetError):
            connections.append(connect_from(f"127.0.1.{number % 5 + 1}", probe.port))
    assert works(port)
    # Who comes from elsewhere still gets in.
    assert run(openssh(probe, key, command=["say", "1"])).stdout == "line 1\n"
    waiting = 0
    for connection in connections:
        with contextlib.suppress(ConnectionResetError):
            waiting += connection.recv(8).startswith(b"SSH-2.0-")
    assert waiting == 5 * 64  # of each source
    # And all are gone when their time is over.
    for connection in connections:
        connection.settimeout(20)
        with connection, contextlib.suppress(ConnectionResetError):
            while connection.recv(4096):
                pass
