"""The SSH side of weir by itself (bench/ssh_probe.cc), origins to put behind it, and OpenSSH's client."""

import contextlib
import hashlib
import os
import random
import re
import signal
import socket
import subprocess
import threading

import pytest

from lab.process import ROOT, Process, wait_until

PROBE = os.environ.get("WEIR_SSH_PROBE", ROOT / "build/release/ssh_probe")
PASSWORD = "weir_token_of_a_test"


def make_key(path, kind="ed25519", *options):
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path, *options], check=True)
    return path


def fingerprint(path):
    output = subprocess.run(["ssh-keygen", "-l", "-f", path], check=True, capture_output=True, text=True)
    return output.stdout.split()[1]


def pattern(size):
    """Bytes that repeat at no power of two."""
    return random.Random(size).randbytes(min(size, 999_983)) * (size // 999_983 + 1)


class Origin(threading.Thread):
    """Answers each connection: what it read until the end, as a SHA-256; or, asked for `get N`, N bytes."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, connection):
        with connection, contextlib.suppress(OSError):
            first = connection.recv(65536)
            if first.startswith(b"get "):
                size = int(first[4:])
                connection.sendall(pattern(size)[:size])
                return
            digest = hashlib.sha256(first)
            while data := connection.recv(65536):
                digest.update(data)
            connection.sendall(digest.hexdigest().encode())

    def close(self):
        self.listener.close()


def read_all(connection):
    data = bytearray()
    while piece := connection.recv(1 << 20):
        data += piece
    return bytes(data)


def ask(port, message, timeout_s=20):
    """Sends, half-closes, and reads the answer to its end."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        connection.sendall(message)
        connection.shutdown(socket.SHUT_WR)
        return read_all(connection)


def works(port):
    return ask(port, b"ping") == hashlib.sha256(b"ping").hexdigest().encode()


class Probe:
    """ssh_probe, and the lines that it has said."""

    def __init__(self, folder, *arguments):
        self.process = Process([PROBE, *arguments], folder / "probe.log")
        self.port = int(self.wait(r"^listening (\d+)$")[1])
        self.host_line = self.wait(r"^host (.*)$")[1]
        self.known_hosts = folder / "known_hosts"
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {self.host_line}\n")

    def text(self):
        return self.process.log_path.read_text()

    def wait(self, expression, deadline_s=15):
        what = f"{expression!r} in the probe's words"
        return wait_until(lambda: re.search(expression, self.text(), re.M), deadline_s, what)

    def forward(self, address="localhost"):
        """The port of the last forward of this address."""
        self.wait(rf'^forward "{address}" (\d+)$')
        return int(re.findall(rf'^forward "{address}" (\d+)$', self.text(), re.M)[-1])

    def stop(self):
        self.process.popen.send_signal(signal.SIGTERM)
        code = self.process.popen.wait(20)
        assert code == 0, self.text()[-4000:]


def openssh(probe, key, *options, command=(), user="me"):
    """The command line of OpenSSH's client."""
    settings = {
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": probe.known_hosts,
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
    }
    words = ["ssh", "-F", "none", "-i", key, "-p", probe.port, *options]
    for name, value in settings.items():
        words += ["-o", f"{name}={value}"]
    return [str(word) for word in [*words, f"{user}@127.0.0.1", *command]]


# --- what the tests of both files have in common


@pytest.fixture(scope="module")
def origin():
    made = Origin()
    yield made
    made.close()


@pytest.fixture
def start(tmp_path):
    """Starts a client in the background, which is ended with the test."""
    started = []

    def run(words, **options):
        process = Process(words, tmp_path / f"client{len(started)}.log", **options)
        started.append(process)
        return process

    yield run
    for process in started:
        process.popen.kill()
        process.popen.wait(10)
