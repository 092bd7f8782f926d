"""Origins that come to `weir up` by themselves: plain `ssh -R`, without any account on loopback."""

import contextlib
import re
import signal
import subprocess
import threading
import time

import pytest

from lab.process import free_port, wait_until
from lab.ssh import make_key
from lab.tunnels import get, origins, serves, tunnels, weir  # noqa: F401 (fixtures)
from lab.weir import Weir


class Ssh:
    """OpenSSH's client with -R, and what it says. options: words of its own."""

    def __init__(self, weir, folder, *forwards, session=False, user="anyone", options=()):
        self.known_hosts = folder / "known_hosts"
        words = ["ssh", "-F", "none", "-T" if session else "-N", "-p", weir.ssh_port]
        for name, value in {
            "UserKnownHostsFile": self.known_hosts,
            "StrictHostKeyChecking": "accept-new",
            "ExitOnForwardFailure": "yes",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
        }.items():
            words += ["-o", f"{name}={value}"]
        for forward in forwards:
            words += ["-R", forward]
        words += [*options, f"{user}@127.0.0.1"]
        self.lines = []
        self.process = subprocess.Popen(
            [str(word) for word in words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        with contextlib.suppress(ValueError):
            self.lines += self.process.stdout

    def said(self, expression, deadline_s=10):
        def found():
            return re.search(expression, "".join(self.lines))

        return wait_until(found, deadline_s, f"{expression!r} in what ssh shows")

    def end(self, how=signal.SIGTERM):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(how)
        self.process.wait(10)


@pytest.fixture
def ssh(weir, tmp_path):
    made = []

    def start(*forwards, **options):
        made.append(Ssh(weir, tmp_path, *forwards, **options))
        return made[-1]

    yield start
    for one in made:
        one.end()


def test_a_name_of_ones_own_without_an_account(weir, ssh, origins):
    origin = origins("laptop")
    client = ssh(f"hello:80:127.0.0.1:{origin.port}")
    assert len(serves(weir, "hello", 40)) == 40  # both workers, whichever has the session
    [tunnel] = tunnels(weir)
    assert tunnel["spec"]["service"] == "hello"
    assert tunnel["spec"]["via"] == "SSH"
    assert tunnel["spec"]["user"] == "anonymous"
    client.end()
    wait_until(lambda: tunnels(weir) == [], 5, "the tunnel having gone")
    wait_until(lambda: get(weir, "hello").status == 503, 5, "nobody being asked any more")


def test_a_session_shows_where_visitors_find_it(weir, ssh, origins):
    origin = origins("laptop")
    client = ssh(f"0:127.0.0.1:{origin.port}", session=True)
    url = client.said(r"http://([a-z]+-[a-z]+-\d{4})\.weir\.localhost:(\d+)")
    assert int(url[2]) == weir.http_port
    serves(weir, url[1], 10)
    client.said(r"\d\d:\d\d:\d\d 127\.0\.0\.1 GET / 200 [\d.]+ ms")
    wait_until(lambda: sum("GET / 200" in line for line in client.lines) >= 10, 5, "a line for each request")


def test_two_origins_of_one_name_share_it_and_one_that_dies_is_missed_by_nobody(weir, ssh, origins):
    one, other = origins("one"), origins("other")
    ssh(f"both:80:127.0.0.1:{one.port}")
    client = ssh(f"both:80:127.0.0.1:{other.port}")
    wait_until(lambda: len(tunnels(weir)) == 2, 10, "both being there")
    served = {answer.text for answer in serves(weir, "both", 40)}
    assert served == {"one", "other"}
    client.end(signal.SIGKILL)
    assert {answer.text for answer in serves(weir, "both", 40)} == {"one"}


def test_an_origin_that_refuses_is_passed_over(weir, ssh, origins):
    origin = origins("one")
    ssh(f"half:80:127.0.0.1:{origin.port}")
    ssh(f"half:80:127.0.0.1:{free_port()}")
    wait_until(lambda: len(tunnels(weir)) == 2, 10, "both being there")
    assert {answer.text for answer in serves(weir, "half", 40)} == {"one"}


def test_a_client_that_falls_silent_is_out_of_the_pool_in_ten_seconds(weir, ssh, origins):
    origin = origins("laptop")
    client = ssh(f"quiet:80:127.0.0.1:{origin.port}")
    serves(weir, "quiet")
    client.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    wait_until(lambda: tunnels(weir) == [], 15, "the silent one being given up")
    assert time.monotonic() - began < 11


@pytest.mark.parametrize(
    "forward, why",
    [
        ("81:127.0.0.1:1", "a port that is kept for nobody"),
        ("not_a_name:80:127.0.0.1:1", "a name that is none"),
        ("taken:80:127.0.0.1:1", "a service that is not its own"),
    ],
)
def test_what_is_refused(weir, ssh, forward, why):
    answer = weir.api("POST", "/v1/services", {"kind": "Service", "metadata": {"name": "taken"}, "spec": {}})
    assert answer.status == 201, answer
    client = ssh(forward)
    assert client.process.wait(10) == 255, why
    assert tunnels(weir) == []


def test_the_key_of_every_edge_is_known_beforehand(weir, ssh, origins, tmp_path):
    """By `weir ca --ssh`, which asks nobody: a client that believes nothing else comes in."""
    said = weir.cli("ca", "--ssh", "--data-dir", weir.data)
    assert said.returncode == 0 and re.fullmatch(r"\* ssh-ed25519 [A-Za-z0-9+/=]+\n", said.stdout)
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(said.stdout)
    origin = origins("known")
    client = ssh(f"known:80:127.0.0.1:{origin.port}")
    serves(weir, "known")
    client.end()
    assert known_hosts.read_text() == said.stdout  # nothing was new
    make_key(tmp_path / "other")
    _, kind_and_key = said.stdout.strip().split(" ", 1)
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    known_hosts.write_text(said.stdout.replace(kind_and_key, other))
    client = ssh(f"known:80:127.0.0.1:{origin.port}")
    client.said("REMOTE HOST IDENTIFICATION HAS CHANGED")
    refused = weir.cli("ca", "--ssh", "--data-dir", tmp_path / "nothing")
    assert refused.returncode == 1 and "ca.pem" in refused.stderr


def test_nobody_comes_in_without_an_account_beyond_loopback(tmp_path):
    public = Weir(tmp_path)
    public.flags[public.flags.index("--ssh") + 1] = f"0.0.0.0:{public.ssh_port}"
    public.start()
    try:
        client = Ssh(public, tmp_path, "hello:80:127.0.0.1:1")
        assert client.process.wait(10) == 255
        client.said("Permission denied")
    finally:
        public.process.stop()
