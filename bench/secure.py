"""`http2`, `tls`, `handshake`: the same figure over TLS 1.3 with an ECDSA P-256 certificate.

http2: streams over a few connections, HTTP/1.1 with keep-alive to the origin. tls: HTTP/1.1 on connections
that are kept. handshake: each connection is new, carries one small request, which the proxy answers itself,
and is closed; once with a full handshake each, once resumed with a ticket of the connection before."""

import json
import subprocess
from dataclasses import dataclass, replace

from bench import contest
from bench.contest import SMALL_BODY, Contest
from bench.peers import HOST, Case, build_program, make_identity
from lab import h2load
from lab.process import ROOT

TLS = "TLSv1.3 TLS_AES_128_GCM_SHA256 X25519"  # that all contestants must have agreed upon
HTTP2_CASES = [
    Case("16x10", "/", len(SMALL_BODY), 16, streams=10),
    Case("16x1", "/", len(SMALL_BODY), 16),
    Case("2x100", "/", len(SMALL_BODY), 2, streams=100),
]
TLS_CASES = [Case("small-tls", "/", len(SMALL_BODY), 32)]
HANDSHAKE_CASES = [
    Case("full", "/", len(SMALL_BODY), 32, answer=SMALL_BODY),
    Case("resumed", "/", len(SMALL_BODY), 32, answer=SMALL_BODY),
]


def curl(port, path, *options):
    """The body, and what curl says of the exchange: version, status, connections made."""
    url = f"https://{HOST}:{port}{path}"
    said = "\n%{http_version} %{http_code} %{num_connects}"
    command = ["curl", "--silent", "--show-error", "--insecure", "--max-time", "10", "--tlsv1.3"]
    done = subprocess.run(
        [*command, "--connect-to", f"::127.0.0.1:{port}", "--write-out", said, *options, url],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"port {port}: {done.stderr.strip()}")
    return done.stdout.rpartition("\n")[::2]


def check(version):
    def check_answer(case, port, expected):
        body, said = curl(port, case.path, f"--http{version}")
        if body.encode() != expected or said != f"{version} 200 1":
            raise SystemExit(f"port {port}: wrong answer to {case.path}: {said}, {len(body)} bytes")

    return check_answer


def load(protocol, *options):
    """Of h2load; a run in which not all was as it should be is not a measurement."""

    def load_once(case, port, seconds):
        report = h2load.run(
            f"https://{HOST}:{port}{case.path}",
            case.connections,
            streams=case.streams,
            seconds=seconds,
            connect_to=f"127.0.0.1:{port}",
            options=options,
        )
        if (report.tls, report.protocol) != (TLS, protocol):
            raise SystemExit(f"port {port}: spoke {report.tls}, {report.protocol}; not {TLS}, {protocol}")
        if report.errors == 0 and report.data_bytes < report.requests * case.body_bytes:
            raise SystemExit(f"port {port}: bodies too short: {report}")
        return report

    return load_once


@dataclass
class Handshakes:
    """The report of bench/handshakes.cc; a connection is a request."""

    requests: int
    resumed: int
    errors: int
    seconds: float
    p50_s: float
    p99_s: float
    tls: str

    @property
    def requests_per_second(self):
        return self.requests / self.seconds


def load_handshakes(program):
    def load_once(case, port, seconds):
        options = {
            "port": port,
            "host": HOST,
            "connections": case.connections,
            "seconds": seconds,
            "body": case.body_bytes,
        }
        command = [program, *(text for name, value in options.items() for text in (f"--{name}", str(value)))]
        if case.name == "resumed":
            command.append("--resume")
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=False)
        if done.returncode != 0:
            raise SystemExit(f"port {port}: {done.stderr.strip()}")
        report = Handshakes(**json.loads(done.stdout))
        # The first connection of each of its places has nothing to resume yet.
        expected = report.requests - case.connections if case.name == "resumed" else 0
        if report.tls != TLS or (report.errors == 0 and report.resumed != expected):
            raise SystemExit(f"port {port}: not as asked for, {TLS} with {expected} resumed: {report}")
        return report

    return load_once


def run_with(name, cases, peers, load_one, check_one, options):
    def prepare(directory):
        identity = make_identity(directory)
        return [replace(case, identity=identity) for case in cases]

    return contest.run(Contest(name, prepare, peers, load_one, check_one), options)


def http2(options):
    peers = ["weir", "haproxy", "nghttpx", "nginx", "envoy"]
    return run_with("http2", HTTP2_CASES, peers, load("h2"), check("2"), options)


def tls(options):
    peers = ["weir", "haproxy", "nginx", "envoy"]
    return run_with("tls", TLS_CASES, peers, load("http/1.1", "--h1"), check("1.1"), options)


def handshake(options):
    aws_lc = ROOT / "build" / "aws-lc"
    program = build_program(
        "handshakes", f"-I{aws_lc}/include", f"{aws_lc}/libssl.a", f"{aws_lc}/libcrypto.a", "-lpthread"
    )
    peers = ["weir", "envoy", "haproxy", "nginx"]
    return run_with("handshake", HANDSHAKE_CASES, peers, load_handshakes(program), check("1.1"), options)
