"""The proxies that are compared, each in the best configuration that was found for it (README.md says what
was tried).

One worker or thread each, keep-alive to clients and to the origin without end, no logs. The peers add no
field to the request; weir does all that it does by default (Via, X-Forwarded-*, request id, active health
checks)."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab import nginx, weir
from lab.process import ROOT, Process, free_port, wait_listening

HOST = "web.weir.localhost"
FORWARDER = ROOT / "build" / "bench" / "forwarder"


@dataclass(frozen=True)
class Case:
    name: str
    path: str
    body_bytes: int
    connections: int

    @property
    def large(self):
        return self.body_bytes > 4096

    @property
    def huge(self):
        return self.body_bytes > 256 * 1024


@dataclass
class Running:
    process: Process
    port: int
    stop: callable


HAPROXY = """global
  nbthread 1
  maxconn 9900
  tune.bufsize {bufsize}
  maxpipes 40
  tune.pipesize 1048576
defaults
  mode http
  timeout connect 10s
  timeout client 3600s
  timeout server 3600s
  timeout http-keep-alive 3600s
  option http-keep-alive
  http-reuse always
  {defaults}
frontend in
  bind 127.0.0.1:{port} backlog 4096
  default_backend out
backend out
  server origin 127.0.0.1:{origin} pool-purge-delay 3600s
"""

NGINX = """  upstream origin {{
    server 127.0.0.1:{origin};
    keepalive 512;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      {options}
    }}
  }}
"""


def run_haproxy(case, directory, origin_port):
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "haproxy.cfg"
    config.write_text(
        HAPROXY.format(
            port=port,
            origin=origin_port,
            bufsize=20480 if case.large and not case.huge else 16384,
            defaults="option splice-response" if case.huge else "",
        )
    )
    process = Process(["haproxy", "-db", "-f", config], directory / "haproxy.log")
    wait_listening(process, port)
    return Running(process, port, process.stop)


def run_nginx(case, directory, origin_port):
    port = free_port()
    size = "64k" if case.huge else "32k" if case.large else "4k"
    names = ("proxy_buffer_size", "proxy_busy_buffers_size", "proxy_buffers 8")
    options = "proxy_buffering off; " + " ".join(f"{name} {size};" for name in names)
    process = nginx.start(directory, NGINX.format(port=port, origin=origin_port, options=options))
    wait_listening(process, port)
    return Running(process, port, process.stop)


def run_forwarder(case, directory, origin_port, *options):
    port = free_port()
    process = Process(
        [FORWARDER, "--listen", port, "--upstream", origin_port, *options], directory / "forwarder.log"
    )
    wait_listening(process, port)
    return Running(process, port, process.stop)


def run_forwarder_epoll(case, directory, origin_port):
    options = ["--splice"] if case.huge else ["--buffer", 65536 if case.large else 16384]
    return run_forwarder(case, directory, origin_port, "--backend", "epoll", *options)


def run_forwarder_uring(case, directory, origin_port):
    return run_forwarder(
        case, directory, origin_port, "--backend", "uring", "--buffer", 32768 if case.large else 4096
    )


def run_weir_uring(case, directory, origin_port):
    import os
    os.environ["WEIR_URING"] = "1"
    os.environ["WEIR_URING_BYTES"] = os.environ.get("BYTES", "4096")
    os.environ["WEIR_URING_COUNT"] = os.environ.get("COUNT", "256")
    try:
        return run_weir(case, directory, origin_port)
    finally:
        del os.environ["WEIR_URING"]


def run_weir(case, directory, origin_port):
    edge = weir.Weir(directory, workers=1).start()
    edge.apply(
        weir.service(
            "web",
            [f"127.0.0.1:{origin_port}"],
            health_check={"interval": "5s", "timeout": "2s", "http": {"path": "/"}},
        ),
        weir.load_balancer("web", [HOST], {"/": "web"}),
    )
    edge.wait_serving(HOST)
    return Running(edge.process, edge.http_port, edge.stop)


# In the order in which they take their turns.
PEERS = {
    "weir": run_weir,
    "weir-uring": run_weir_uring,
    "haproxy": run_haproxy,
    "nginx": run_nginx,
    "forwarder-epoll": run_forwarder_epoll,
    "forwarder-uring": run_forwarder_uring,
}


def build_forwarder():
    source = ROOT / "bench" / "forwarder.cc"
    if FORWARDER.exists() and FORWARDER.stat().st_mtime > source.stat().st_mtime:
        return
    FORWARDER.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            "clang++-19",
            "-std=c++23",
            "-O2",
            "-Wall",
            "-Wextra",
            "-Wno-missing-field-initializers",
            source,
            "-luring",
            "-o",
            FORWARDER,
        ],
        check=True,
    )


def run_origin(directory, small_body):
    """nginx on a free port with the bodies of every case: `small_body` at /, files by their size in bytes."""
    files = Path(directory) / "files"
    files.mkdir(parents=True)
    for size in (16 * 1024, 1024 * 1024):
        (files / str(size)).write_bytes(bytes(i * 31 % 251 for i in range(size)))
    files.chmod(0o755)
    port = free_port()
    return nginx.origin(Path(directory) / "origin", port, small_body, files=files), port
