"""Our SSH side with other clients than OpenSSH's: paramiko, dropbear's, PuTTY's, autossh, Go's."""

import contextlib
import hashlib
import os
import re
import signal
import socket
import subprocess
import threading

import pytest

from lab.process import ROOT, free_port, wait_until
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
GO_CLIENT = ROOT / "build/tools/ssh-client"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("clients")


@pytest.fixture(scope="module")
def key(folder):
    return make_key(folder / "id_ecdsa", "ecdsa", "-m", "PEM")


@pytest.fixture(scope="module")
def probe(folder, key):
    made = Probe(folder, "--fingerprint", fingerprint(key), "--password", PASSWORD)
    yield made
    made.stop()


def check(port):
    """Both ways, both sizes, several at once."""
    assert works(port)
    upload = pattern(3 * MEBIBYTE)[: 3 * MEBIBYTE]
    assert ask(port, upload) == hashlib.sha256(upload).hexdigest().encode()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as visitor:
        visitor.sendall(b"get %d" % len(upload))
        assert read_all(visitor) == upload
    visitors = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(20)]
    for visitor in visitors:
        visitor.sendall(b"many")
        visitor.shutdown(socket.SHUT_WR)
    for visitor in visitors:
        with visitor:
            assert read_all(visitor) == hashlib.sha256(b"many").hexdigest().encode()


# --- paramiko, as mysocketctl drives it


class Paramiko:
    """A client whose forwards lead to the origin. `windows`: the most that each channel could have sent."""

    def __init__(self, probe, origin, **credentials):
        paramiko = pytest.importorskip("paramiko", reason="python3-paramiko is not installed")
        self.origin = origin
        self.windows = []
        self.origins = []
        self.client = paramiko.SSHClient()
        self.client.load_host_keys(probe.known_hosts)
        self.client.connect(
            *("127.0.0.1", probe.port), username="me", allow_agent=False, look_for_keys=False, **credentials
        )
        self.transport = self.client.get_transport()

    def forward(self, address, port):
        return self.transport.request_port_forward(address, port, self.on_channel)

    def on_channel(self, channel, visitor, _):
        self.origins.append(visitor)
        threading.Thread(target=self.serve, args=(channel,), daemon=True).start()

    def serve(self, channel):
        with channel, socket.create_connection(("127.0.0.1", self.origin.port)) as served:

            def up():
                while data := channel.recv(65536):
                    served.sendall(data)
                served.shutdown(socket.SHUT_WR)

            uploading = threading.Thread(target=up, daemon=True)
            uploading.start()
            self.windows.append(channel.out_window_size)
            while data := served.recv(65536):
                channel.sendall(data)
                self.windows[-1] = max(self.windows[-1], channel.out_window_size)
            channel.shutdown_write()
            uploading.join(10)

    def close(self):
        self.client.close()


def test_paramiko(probe, origin, key):
    client = Paramiko(probe, origin, key_filename=str(key))
    client.transport.set_keepalive(1)
    port = client.forward("localhost", 0)
    assert port == probe.forward("localhost")
    check(port)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as visitor:
        visitor.sendall(b"get 10")
        read_all(visitor)
        assert visitor.getsockname() in client.origins
    # A second forward of the same port is refused, and a cancelled one may come again.
    with pytest.raises(Exception, match="TCP forwarding request denied"):
        client.forward("localhost", port)
    client.transport.cancel_port_forward("localhost", port)
    probe.wait(rf'^cancelled "localhost" {port}$')
    assert client.forward("localhost", port) == port
    assert works(port)
    client.close()


def test_a_terminal_of_paramiko(probe, key, origin):
    client = Paramiko(probe, origin, key_filename=str(key))
    channel = client.transport.open_session()
    channel.get_pty("xterm-256color", 80, 40)
    channel.invoke_shell()
    text = b""
    while b"\r\n" not in text:
        text += channel.recv(1000)
    assert text.startswith(b"Welcome, me\r\n")
    channel.resize_pty(100, 50)
    probe.wait("^terminal 100x50$")
    channel.sendall(b"\x04")
    assert channel.recv_exit_status() == 0
    client.close()


def test_the_window_grows_for_who_keeps_up(probe, key, origin):
    """Above the 2 MiB a round trip to which OpenSSH's own window holds a download."""
    client = Paramiko(probe, origin, key_filename=str(key))
    port = client.forward("", 0)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as visitor:
        size = 20 * MEBIBYTE
        visitor.sendall(b"get %d" % size)
        assert hashlib.sha256(read_all(visitor)).digest() == hashlib.sha256(pattern(size)[:size]).digest()
    assert 8 * MEBIBYTE < client.windows[-1] <= 16 * MEBIBYTE
    client.close()


def test_a_client_that_refuses_channels(probe, key, origin):
    client = Paramiko(probe, origin, key_filename=str(key))
    port = client.forward("", 0)
    client.transport._tcp_handler = None  # paramiko then answers: administratively prohibited
    # As soon as it is there, which may be before connect() has returned.
    with pytest.raises(ConnectionResetError):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as visitor:
            visitor.recv(1)
    probe.wait("^open failed connect_failed the tunnel's client refuses$")
    client.close()


def test_passwords(probe, origin):
    paramiko = pytest.importorskip("paramiko", reason="python3-paramiko is not installed")
    client = Paramiko(probe, origin, password=PASSWORD)
    check(client.forward("", 0))
    client.close()
    with pytest.raises(paramiko.AuthenticationException):
        Paramiko(probe, origin, password="guess")


def test_tries_are_counted(probe):
    paramiko = pytest.importorskip("paramiko", reason="python3-paramiko is not installed")
    with socket.create_connection(("127.0.0.1", probe.port), timeout=10) as connection:
        transport = paramiko.Transport(connection)
        transport.start_client(timeout=10)
        tries = 0
        with contextlib.suppress(paramiko.SSHException, EOFError):
            while tries < 100 and transport.is_active():
                with contextlib.suppress(paramiko.AuthenticationException):
                    tries += 1
                    transport.auth_password("me", f"guess {tries}")
        transport.close()
    assert 20 <= tries <= 21


def test_nothing_but_forwards(probe, key, origin):
    """No connection is made for a client from here, and unknown requests are refused in their order."""
    paramiko = pytest.importorskip("paramiko", reason="python3-paramiko is not installed")
    client = Paramiko(probe, origin, key_filename=str(key))
    with pytest.raises(paramiko.ChannelException):
        client.transport.open_channel("direct-tcpip", ("127.0.0.1", origin.port), ("127.0.0.1", 1))
    assert client.transport.global_request("hostkeys-prove-00@openssh.com", wait=True) is None
    assert client.transport.global_request("no-more-sessions@openssh.com", wait=True) is None
    assert works(client.forward("", 0))
    client.close()


# --- the others


def test_dropbear(start, probe, origin, tmp_path):
    port = free_port()
    environment = {**os.environ, "DROPBEAR_PASSWORD": PASSWORD, "HOME": str(tmp_path)}
    forward = f"{port}:127.0.0.1:{origin.port}"
    words = ["dbclient", "-y", "-N", "-R", forward, "-p", probe.port, "me@127.0.0.1"]
    client = start(words, environment=environment)
    probe.wait(rf'^forward "[a-z]*" {port}$')
    check(port)
    client.popen.terminate()
    probe.wait(rf'^cancelled "[a-z]*" {port}$')


def test_putty(start, probe, origin, tmp_path):
    port = free_port()
    line = tmp_path / "host.pub"
    line.write_text(probe.host_line + "\n")
    words = ["plink", "-ssh", "-batch", "-N", "-hostkey", fingerprint(line), "-l", "me", "-pw", PASSWORD]
    words += ["-P", probe.port, "-R", f"{port}:127.0.0.1:{origin.port}", "127.0.0.1"]
    start(words, environment={**os.environ, "HOME": str(tmp_path)})
    probe.wait(rf'^forward "[a-z]*" {port}$')
    check(port)


def test_autossh_comes_back(start, probe, key, origin):
    port = free_port()
    forward = ["-N", "-R", f"again:{port}:127.0.0.1:{origin.port}", "-o", "ExitOnForwardFailure=yes"]
    words = ["autossh", "-M", "0", *openssh(probe, key, *forward)[1:]]
    client = start(words, environment={**os.environ, "AUTOSSH_GATETIME": "0"})
    probe.wait(rf'^forward "again" {port}$')
    check(port)
    words = ["pgrep", "-P", str(client.popen.pid)]
    [child] = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    os.kill(int(child), signal.SIGKILL)
    forwards = rf'^forward "again" {port}$'
    wait_until(lambda: len(re.findall(forwards, probe.text(), re.M)) == 2, 15, "a second forward")
    assert works(port)
    client.popen.terminate()
    client.popen.wait(10)


@pytest.mark.skipif(not GO_CLIENT.exists(), reason="the Go client is not built (./dev setup lab)")
def test_go(start, probe, key, origin):
    words = [GO_CLIENT, f"127.0.0.1:{probe.port}", "me", key, f"127.0.0.1:{origin.port}"]
    client = start(words)
    line = r"^listening \S+:(\d+)$"
    said = wait_until(lambda: re.search(line, client.log_path.read_text(), re.M), 15, "the client's port")
    check(int(said[1]))
