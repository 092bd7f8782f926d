"""`weir up` as a child process, its API and its CLI. Knows only what the design's contracts promise."""

import http.client
import json
import os
import re
import ssl
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lab.process import HANDED_OUT, ROOT, Adopted, Process, free_port, wait_until

# Of this worker of pytest-xdist alone: listeners share their ports, also with those of other processes.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
TCP_PORTS = f"{HANDED_OUT[WORKER % 8 * 1250]}-{HANDED_OUT[WORKER % 8 * 1250 + 1249]}"  # of this worker's
BINARY = Path(os.environ.get("WEIR_BINARY", ROOT / "build" / "release" / "weir"))


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def json(self):
        return json.loads(self.text)


def documents(*objects):
    """Resources as the text of one YAML file: every JSON document is YAML too."""
    return "\n---\n".join(json.dumps(o, indent=1) for o in objects) + "\n"


def service(name, addresses, **spec):
    endpoints = [a if isinstance(a, dict) else {"address": a, "weight": 1} for a in addresses]
    return {
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"protocol": "HTTP", "balance": "ROUND_ROBIN", "endpoints": endpoints, **spec},
    }


def load_balancer(name, hostnames, routes):
    """routes: {path prefix: service name}"""
    return {
        "kind": "LoadBalancer",
        "metadata": {"name": name},
        "spec": {
            "listeners": [{"protocol": "HTTP", "hostnames": hostnames}],
            "routes": [
                {"match": {"path_prefix": prefix}, "backends": [{"service": to, "weight": 1}]}
                for prefix, to in routes.items()
            ],
        },
    }


class Weir:
    """One `weir up`, or another role that has an API. Restarting on the same data directory is start() again,
    with the same ports."""

    def __init__(
        self,
        directory,
        *,
        address="127.0.0.1",
        workers=1,
        flags=(),
        prefix=(),
        ports=None,
        log_name="weir.log",
        role="up",
    ):
        self.directory = Path(directory)
        self.data = self.directory / "data"
        self.address = address
        self.http_port, self.api_port = ports or (free_port(), free_port())
        self.https_port = free_port()
        self.prefix = list(prefix)
        self.xds_port = free_port()
        self.ssh_port = free_port()
        self.tunnel_port = free_port()
        self.dns_port = free_port()
        traffic = ["--workers", workers, "--http", f"{address}:{self.http_port}"]
        traffic += ["--https", f"{address}:{self.https_port}", "--ssh", f"{address}:{self.ssh_port}"]
        traffic += ["--tunnel", f"{address}:{self.tunnel_port}", "--dns", f"{address}:{self.dns_port}"]
        self.flags = [
            role,
            "--data-dir",
            self.data,
            *(traffic if role == "up" else []),
            "--api",
            f"{address}:{self.api_port}",
            "--xds",
            f"{address}:{self.xds_port}",
            "--tcp-ports",
            TCP_PORTS,
            *flags,
        ]
        self.log_name = log_name
        self.process = None
        self.environment = {}  # beside the test's own
        self.replaced = []  # processes that another has taken the place of

    def start(self, *, wait=True, prefix=()):
        self.process = Process(
            [BINARY, *self.flags],
            self.directory / self.log_name,
            prefix=[*self.prefix, *prefix],
            environment=self.environment,
        )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, deadline_s=10.0):
        def ready():
            if not self.process.running():
                raise AssertionError(
                    f"weir exited with {self.process.popen.returncode}:\n{self.process.log()[-3000:]}"
                )
            try:
                return self.api("GET", "/readyz", token=None).status == 200
            except OSError:
                return False

        wait_until(ready, deadline_s, "weir being ready")

    @property
    def pid(self):
        return self.process.pid

    @property
    def host(self):
        return self.address.strip("[]")

    @property
    def url(self):
        return f"http://{self.address}:{self.http_port}"

    @property
    def api_tls(self):
        """Beyond loopback, or with a name for its certificate, the API is HTTPS."""
        return not self.address.startswith("127.") or "--api-name" in self.flags

    @property
    def api_url(self):
        return f"{'https' if self.api_tls else 'http'}://{self.address}:{self.api_port}"

    @property
    def ca(self):
        return self.data / "ca.pem"

    def api_connection(self, timeout_s=10.0):
        if not self.api_tls:
            return http.client.HTTPConnection(self.host, self.api_port, timeout=timeout_s)
        context = ssl.create_default_context(cafile=str(self.ca))
        return http.client.HTTPSConnection(self.host, self.api_port, timeout=timeout_s, context=context)

    @property
    def token(self):
        return (self.data / "admin.token").read_text().strip()

    # --- API

    def api(self, method, path, body=None, *, headers=None, token="", timeout_s=10.0):
        """token: "" means the admin's, None means none at all. A body that is not bytes is sent as JSON."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token or self.token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        with closing(self.api_connection(timeout_s)) as connection:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())

    def change(self, kind, name, edit):
        """Reads the object, lets edit(spec) change it in place, and writes it back on the condition of its
        revision."""
        wanted = self.api("GET", f"/v1/{kind}/{name}").json
        edit(wanted["spec"])
        answer = self.api("PUT", f"/v1/{kind}/{name}", wanted)
        assert answer.status == 200, f"{answer.status} {answer.text}"
        return answer.json

    def metrics(self):
        """{name with labels: value} of /metrics."""
        answer = self.api("GET", "/metrics")
        assert answer.status == 200, answer
        samples = re.findall(r"^([a-zA-Z_:][\w:]*(?:\{[^\n]*\})?) ([^\s]+)", answer.text, re.M)
        return {name: float(value) for name, value in samples}

    # --- CLI

    def cli(self, *arguments, stdin=None, environment=None, timeout_s=20):
        done = {
            **os.environ,
            "WEIR_API": self.api_url,
            "HOME": str(self.directory),
            "NO_COLOR": "1",
        }
        if self.api_tls:
            done["WEIR_CA"] = str(self.ca)
        if (self.data / "admin.token").exists():
            done["WEIR_TOKEN"] = self.token
        done.update(environment or {})
        return subprocess.run(
            [*self.prefix, BINARY, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            env=done,
            timeout=timeout_s,
        )

    def apply(self, *objects):
        """Through the CLI, as a person would; the text of what was applied stays beside the log."""
        file = self.directory / "applied.yaml"
        file.write_text(documents(*objects))
        done = self.cli("apply", "-f", file)
        assert done.returncode == 0, f"weir apply failed ({done.returncode}): {done.stdout}{done.stderr}"
        return done.stdout

    # --- traffic

    def get(
        self, path="/", host="web.weir.localhost", *, method="GET", headers=None, body=None, timeout_s=10.0
    ):
        """One request through the proxy on a connection of its own."""
        with closing(
            http.client.HTTPConnection(self.host, self.http_port, timeout=timeout_s)
        ) as connection:
            connection.request(method, path, body, {"Host": host, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode("latin-1"))

    def wait_serving(self, host="web.weir.localhost", path="/", deadline_s=10.0):
        """Until the proxy answers 200 there: configuration applied, first health check passed."""

        def serving():
            try:
                return self.get(path, host).status == 200
            except OSError:
                return False

        wait_until(serving, deadline_s, f"weir serving {host}{path}")

    # --- replacing the binary

    def upgrade(self, *flags, expect=0, timeout_s=60):
        """By `weir upgrade`; self.process is the new one then, and the old one the last of self.replaced."""
        done = self.cli("upgrade", "--data-dir", self.data, *flags, timeout_s=timeout_s)
        said = f"{done.returncode}: {done.stdout}{done.stderr}"
        assert done.returncode == expect, f"{said}\n{self.process.log()[-3000:]}"
        if expect == 0:
            pid = int(re.search(r"^replaced by process (\d+), weir \S+$", done.stdout, re.M).group(1))
            self.replaced.append(self.process)
            self.process = Adopted(pid, self.process)
        return done

    def stop(self, deadline_s=10.0):
        for old in self.replaced:
            old.stop(deadline_s)
        self.replaced = []
        return self.process.stop(deadline_s) if self.process else None

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, *_):
        self.stop(3.0)


class Controller(Weir):
    """One `weir controller`: it carries no traffic. TLS for whoever calls it, by a name of loopback too."""

    NAME = "weir.localhost"

    def __init__(self, directory, *, flags=(), **more):
        super().__init__(directory, **more)
        self.xds_port = free_port()
        self.flags = [
            "controller",
            "--data-dir",
            self.data,
            "--api",
            f"{self.address}:{self.api_port}",
            "--api-name",
            self.NAME,
            "--xds",
            f"{self.address}:{self.xds_port}",
            *flags,
        ]

    def join_token(self, kind="edge", *flags):
        done = self.cli("token", "create", "--join", kind, *flags)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


class Edge(Weir):
    """One `weir edge`. In the place of an API it has /healthz, /readyz and /metrics."""

    def __init__(self, directory, name, lead, *, flags=(), **more):
        """lead: the controllers, or the flags that name another control plane."""
        super().__init__(directory, **more)
        self.name = name
        leaders = []
        for one in lead:
            leaders += (
                [one]
                if isinstance(one, str)
                else ["--controller", f"https://{one.NAME}:{one.api_port}"]
            )
        self.flags = ["edge", "--data-dir", self.data, "--name", name, *leaders]
        self.flags += ["--workers", 1, "--http", f"{self.address}:{self.http_port}"]
        self.flags += ["--https", f"{self.address}:{self.https_port}"]
        self.flags += ["--metrics", f"{self.address}:{self.api_port}", *flags]

    def start(self, *, token=None, **more):
        flags = self.flags
        if token:
            self.flags = [*flags, "--join-token", token]
        try:
            return super().start(**more)
        finally:
            self.flags = flags


class NameServer(Edge):
    """One `weir dns`."""

    def __init__(self, directory, name, lead, *, flags=(), **more):
        super().__init__(directory, name, lead, **more)
        leaders = self.flags[self.flags.index(name) + 1 : self.flags.index("--workers")]
        self.flags = ["dns", "--data-dir", self.data, "--name", name, *leaders, "--workers", 1]
        self.flags += ["--dns", f"{self.address}:{self.dns_port}"]
        self.flags += ["--metrics", f"{self.address}:{self.api_port}", *flags]


class Node(Edge):
    """One `weir node`, with a podman."""

    def __init__(self, directory, name, lead, *, podman, flags=(), **more):
        super().__init__(directory, name, lead, **more)
        leaders = self.flags[self.flags.index(name) + 1 : self.flags.index("--workers")]
        self.flags = ["node", "--data-dir", self.data, "--name", name, *leaders, "--podman", podman]
        self.flags += ["--metrics", f"{self.address}:{self.api_port}", *flags]
