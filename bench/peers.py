"""The proxies that are compared, each in the best configuration that was found for it (README.md says what
was tried).

One worker or thread each, keep-alive to clients and to the origin without end, no logs. The peers add no
field to the request; weir does all that it does by default (Via, X-Forwarded-*, request id, active health
checks)."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab import nginx, weir
from lab.process import ROOT, Process, free_port, wait_listening

HOST = "web.weir.localhost"
PROGRAMS = ROOT / "build" / "bench"
FORWARDER = PROGRAMS / "forwarder"
ENVOY = next((ROOT / "build" / "tools" / "envoy").glob("lib/python3*/site-packages/envoy/_bin/envoy"), None)
# What weir and Envoy choose by themselves; OpenSSL would take the AES-256 that its clients offer first.
TLS13_CIPHERS = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"


@dataclass(frozen=True)
class Case:
    name: str
    path: str
    body_bytes: int
    connections: int
    streams: int = 1  # at once on each connection: HTTP/2
    answer: str = ""  # given by the proxy itself, in place of the origin
    identity: Path | None = None  # certificate and key in one PEM file: over TLS

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
  ssl-default-bind-ciphersuites {ciphers}
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
  bind 127.0.0.1:{port} backlog 4096 {tls}
  {rules}
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
    listen 127.0.0.1:{port} {listen} backlog=4096;
    {tls}
    location / {{
      {rules}
    }}
  }}
"""
NGINX_PROXY = """proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off; proxy_buffer_size {0}; proxy_busy_buffers_size {0}; proxy_buffers 8 {0};"""
NGINX_TLS = """ssl_certificate {identity};
    ssl_certificate_key {identity};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_prefer_server_ciphers on;
    ssl_conf_command Ciphersuites {ciphers};"""


def run_haproxy(case, directory, origin_port):
    port = free_port()
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "haproxy.cfg"
    config.write_text(
        HAPROXY.format(
            port=port,
            origin=origin_port,
            bufsize=20480 if case.large and not case.huge else 16384,
            ciphers=TLS13_CIPHERS,
            defaults="option splice-response" if case.huge else "",
            tls=f"ssl crt {case.identity} alpn h2,http/1.1" if case.identity else "",
            rules=f'http-request return status 200 content-type text/plain string "{case.answer}"'
            if case.answer
            else "",
        )
    )
    process = Process(["haproxy", "-db", "-f", config], directory / "haproxy.log")
    wait_listening(process, port)
    return Running(process, port, process.stop)


def run_nginx(case, directory, origin_port):
    port = free_port()
    size = "64k" if case.huge else "32k" if case.large else "4k"
    http = NGINX.format(
        port=port,
        origin=origin_port,
        listen="ssl http2" if case.identity else "",
        tls=NGINX_TLS.format(identity=case.identity, ciphers=TLS13_CIPHERS) if case.identity else "",
        rules=f'return 200 "{case.answer}";' if case.answer else NGINX_PROXY.format(size),
    )
    process = nginx.start(directory, http)
    wait_listening(process, port)
    return Running(process, port, process.stop)


def run_nghttpx(case, directory, origin_port):
    port = free_port()
    options = {
        "frontend": f"127.0.0.1,{port}",
        "backend": f"127.0.0.1,{origin_port}",
        "workers": 1,
        "backlog": 4096,
        "tls13-ciphers": TLS13_CIPHERS,
        "tls-dyn-rec-warmup-threshold": 0,
        "frontend-keep-alive-timeout": "1h",
        "backend-keep-alive-timeout": "1h",
    }
    switches = ["single-process", "no-ocsp", "no-via", "no-add-x-forwarded-proto"]
    process = Process(
        [
            "nghttpx",
            "--conf=/dev/null",
            *(f"--{name}={value}" for name, value in options.items()),
            *(f"--{name}" for name in switches),
            case.identity,
            case.identity,
        ],
        directory / "nghttpx.log",
    )
    wait_listening(process, port)
    return Running(process, port, process.stop)


def envoy_listener(case, port):
    """Names and nesting of Envoy's API version 3."""
    types = "type.googleapis.com/envoy.extensions"
    manager = f"{types}.filters.network.http_connection_manager.v3.HttpConnectionManager"
    route = (
        {"direct_response": {"status": 200, "body": {"inline_string": case.answer}}}
        if case.answer
        else {"route": {"cluster": "origin", "timeout": "0s"}}
    )
    identity = {"filename": str(case.identity)}
    return {
        "name": "in",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "tcp_backlog_size": 4096,
        "filter_chains": [
            {
                "transport_socket": {
                    "name": "tls",
                    "typed_config": {
                        "@type": f"{types}.transport_sockets.tls.v3.DownstreamTlsContext",
                        "common_tls_context": {
                            "alpn_protocols": ["h2", "http/1.1"],
                            "tls_params": {
                                "tls_minimum_protocol_version": "TLSv1_2",
                                "tls_maximum_protocol_version": "TLSv1_3",
                            },
                            "tls_certificates": [{"certificate_chain": identity, "private_key": identity}],
                        },
                    },
                },
                "filters": [
                    {
                        "name": "http",
                        "typed_config": {
                            "@type": manager,
                            "stat_prefix": "in",
                            "codec_type": "AUTO",
                            "generate_request_id": False,
                            "http2_protocol_options": {"max_concurrent_streams": 128},
                            "route_config": {
                                "virtual_hosts": [
                                    {
                                        "name": "all",
                                        "domains": ["*"],
                                        "routes": [{"match": {"prefix": "/"}, **route}],
                                    }
                                ]
                            },
                            "http_filters": [
                                {
                                    "name": "router",
                                    "typed_config": {
                                        "@type": f"{types}.filters.http.router.v3.Router",
                                        "dynamic_stats": False,
                                        "suppress_envoy_headers": True,
                                    },
                                }
                            ],
                        },
                    }
                ],
            }
        ],
    }


def envoy_cluster(origin_port):
    most = {"max_connections": 100000, "max_pending_requests": 100000, "max_requests": 100000}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": origin_port}}
    return {
        "name": "origin",
        "type": "STATIC",
        "connect_timeout": "10s",
        "circuit_breakers": {"thresholds": [most]},
        "load_assignment": {
            "cluster_name": "origin",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }


def start_envoy(directory, port, listener, origin_port):
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "envoy.json"
    config.write_text(
        json.dumps(
            {
                "static_resources": {"listeners": [listener], "clusters": [envoy_cluster(origin_port)]},
                "stats_config": {"stats_matcher": {"reject_all": True}},
            },
            indent=1,
        )
    )
    # The base id names shared memory, which is the machine's: a port is nobody else's either.
    options = ["--concurrency", 1, "--base-id", port, "--log-level", "warning"]
    process = Process([ENVOY, "-c", config, *options], directory / "envoy.log")
    wait_listening(process, port)
    return Running(process, port, process.stop)


def run_envoy(case, directory, origin_port):
    port = free_port()
    return start_envoy(directory, port, envoy_listener(case, port), origin_port)


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


def run_weir(case, directory, origin_port):
    edge = weir.Weir(directory, workers=1).start()
    service = weir.service(
        "web",
        [f"127.0.0.1:{origin_port}"],
        health_check={"interval": "5s", "timeout": "2s", "http": {"path": "/"}},
    )
    balancer = weir.load_balancer("web", [HOST], {"/": "web"})
    spec = balancer["spec"]
    if case.answer:
        spec["routes"] = [{"respond": {"body": case.answer}}]
    if case.identity:
        key, begin, rest = case.identity.read_text().partition("-----BEGIN CERTIFICATE-----")
        identity = {"certificate": begin + rest, "private_key": key}
        certificate = {"kind": "Certificate", "metadata": {"name": "web"}, "spec": identity}
        tls = {"certificates": ["web"]}
        spec["listeners"].append({"protocol": "HTTPS", "hostnames": [HOST], "tls": tls})
        edge.apply(certificate, service, balancer)
    else:
        edge.apply(service, balancer)
    edge.wait_serving(HOST)
    return Running(edge.process, edge.https_port if case.identity else edge.http_port, edge.stop)


PEERS = {
    "weir": run_weir,
    "haproxy": run_haproxy,
    "nginx": run_nginx,
    "nghttpx": run_nghttpx,
    "envoy": run_envoy,
    "forwarder-epoll": run_forwarder_epoll,
    "forwarder-uring": run_forwarder_uring,
}


def build_program(name, *options):
    """bench/NAME.cc into build/bench/NAME."""
    source, program = ROOT / "bench" / f"{name}.cc", PROGRAMS / name
    if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
        return program
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    flags = ["-std=c++23", "-O2", "-Wall", "-Wextra", "-Wno-missing-field-initializers"]
    subprocess.run(["clang++-19", *flags, source, *options, "-o", program], check=True, cwd=ROOT)
    return program


def make_identity(directory):
    """An ECDSA P-256 certificate of its own for HOST, and its key, in one PEM file."""
    path = Path(directory) / "identity.pem"
    made = subprocess.run(
        [
            *"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30".split(),
            *["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", "-", "-out", "-"],
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    path.write_text(made.stdout)
    return path


def run_origin(directory, small_body):
    """nginx on a free port with the bodies of every case: `small_body` at /, files by their size in bytes."""
    files = Path(directory) / "files"
    files.mkdir(parents=True)
    for size in (16 * 1024, 64 * 1024, 1024 * 1024):
        (files / str(size)).write_bytes(bytes(i * 31 % 251 for i in range(size)))
    files.chmod(0o755)
    port = free_port()
    return nginx.origin(Path(directory) / "origin", port, small_body, files=files), port
