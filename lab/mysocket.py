"""A weir that is all of mysocket.io, and people with its client, mysocketctl."""

import contextlib
import json
import os
import re
import signal
import subprocess

import pytest

from lab.hosts_box import HostsBox
from lab.process import ROOT, Process, wait_until
from lab.weir import BINARY, Weir

CLIENT = ROOT / "build" / "tools" / "mysocketctl" / "bin" / "mysocketctl"
PASSWORD = "correct horse"


class Service:
    """A weir that is all of mysocket.io."""

    def __init__(self, folder, flags=()):
        self.folder = folder
        self.box = HostsBox(folder, ["api.mysocket.io", "ssh.mysocket.io"])
        self.weir = Weir(folder, ports=(80, 443), flags=("--api-name", "api.mysocket.io", *flags))
        self.weir.flags[self.weir.flags.index("--ssh") + 1] = "127.0.0.1:22"

    def __enter__(self):
        self.box.__enter__()
        self.weir.prefix = self.box.prefix
        self.weir.start(wait=False)
        wait_until(lambda: self.curl("/readyz")[0] == 200, 15, "weir being ready")
        return self

    def __exit__(self, *_):
        self.weir.stop(3.0)
        self.box.__exit__()

    def curl(self, path, *arguments):
        """The status and the content."""
        done = self.box.run(
            ["curl", "--silent", "--cacert", self.weir.ca, "--write-out", "\n%{http_code}", *arguments]
            + [f"https://api.mysocket.io{path}"]
        )
        content, status = done.stdout.rsplit("\n", 1)
        return int(status), content

    def get(self, path, token):
        return self.curl(path, "-H", f"x-access-token: {token}")

    def web(self, host, *arguments):
        """The status that a visitor of a socket gets."""
        done = self.box.run(
            ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", *arguments]
            + ["-H", f"Host: {host}", "http://localhost/"]
        )
        return int(done.stdout)

    def cli(self, *arguments):
        done = self.box.run(
            [BINARY, *arguments],
            environment={
                "WEIR_API": "https://api.mysocket.io",
                "WEIR_CA": str(self.weir.ca),
                "WEIR_TOKEN": self.weir.token,
            },
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def listed(self, kind):
        return json.loads(self.cli("get", kind, "-o", "json"))["items"]

    def person(self, name):
        return Person(self, name)


class Person:
    """Somebody with a home, where the client keeps its token."""

    def __init__(self, service, name):
        self.service, self.name = service, name
        self.home = service.folder / name
        self.home.mkdir()
        self.email = f"{name}@host.example"
        self.key = self.home / "key"
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.email, "-f", self.key], check=True
        )

    def client(self, *arguments):
        return self.service.box.run(
            [CLIENT, *arguments],
            environment={"HOME": str(self.home), "REQUESTS_CA_BUNDLE": str(self.service.weir.ca)},
        )

    def done(self, *arguments):
        done = self.client(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def refused(self, *arguments):
        done = self.client(*arguments)
        assert done.returncode == 1, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def create_account(self):
        return self.client(
            "account",
            "create",
            *("--name", self.name, "--email", self.email),
            *("--password", PASSWORD, "--sshkey", f"{self.key}.pub"),
        )

    def log_in(self, password=PASSWORD):
        return self.client("login", "--email", self.email, "--password", password)

    def done_logged_in(self, *arguments):
        assert self.log_in().returncode == 0
        return self.done(*arguments)

    @property
    def token_file(self):
        return self.home / ".mysocketio_token"

    @property
    def token(self):
        return self.token_file.read_text()


def rows(table):
    """The cells of a table as the client prints it, without its titles."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines][1:]


def fields(table):
    """The same of a table of names and values."""
    pairs = (line.strip("| ").split("|", 1) for line in table.splitlines() if "|" in line)
    return {name.strip(): value.strip() for name, value in pairs}


class Connected:
    """The client, for as long as it stays connected."""

    def __init__(self, person, *arguments):
        self.person, self.log = person, person.home / "connected.log"
        service = person.service
        agent = person.home / "agent"
        self.agent = Process(["ssh-agent", "-D", "-a", agent], person.home / "agent.log")
        wait_until(agent.exists, 5, "the agent of SSH")
        subprocess.run(
            ["ssh-add", "-q", person.key], check=True, env={**os.environ, "SSH_AUTH_SOCK": str(agent)}
        )
        environment = {
            "HOME": str(person.home),
            "REQUESTS_CA_BUNDLE": str(service.weir.ca),
            "PYTHONUNBUFFERED": "1",
            "SSH_AUTH_SOCK": str(agent),  # where both of its engines look for keys
        }
        words = ["env", *(f"{name}={value}" for name, value in environment.items()), CLIENT, *arguments]
        self.process = Process(words, self.log, prefix=service.box.prefix)

    def said(self, expression, deadline_s=20):
        def found():
            return re.search(expression, self.log.read_text())

        return wait_until(found, deadline_s, f"{expression!r} in what the client shows")

    def end(self):
        """The client, and the ssh that it has started, which would go on without it."""
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.popen.wait(10)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.agent.kill()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("mysocket"), flags=("--sign-up", "open")) as running:
        yield running


@pytest.fixture
def person(service, unique):
    """Somebody with an account who is logged in."""
    someone = service.person(f"person-{unique.rsplit('-', 1)[1]}")
    assert someone.create_account().returncode == 0
    assert someone.log_in().returncode == 0
    return someone
