"""`certificates`: thousands of hostnames, each with a certificate and a key of its own: from the start of the
process to the right certificate, what they take of memory, and a changed one through the API."""

import datetime
import os
import socket
import ssl
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench import machine, report
from bench.cost import settled_rss_bytes
from lab import weir
from lab.process import free_port, status_kib, wait_until

START_S_MAX = 2.0
RSS_BYTES_MAX = 200e6
CHANGE_MS_MAX = 50.0
HOSTNAMES_OF_A_LISTENER = 256  # the API's limit
OBJECTS_OF_AN_APPLY = 1000
DEADLINE_S = 120


@dataclass(frozen=True)
class Identity:
    name: str
    der: bytes
    pem: str
    key: str

    @property
    def host(self):
        return f"{self.name}.example"

    @property
    def object(self):
        spec = {"certificate": self.pem, "private_key": self.key}
        return {"kind": "Certificate", "metadata": {"name": self.name}, "spec": spec}


def make(name):
    """Signed by itself, ECDSA P-256. Ten thousand take a few seconds."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{name}.example")])
    now = datetime.datetime.utcnow()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(f"{name}.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Identity(
        name,
        certificate.public_bytes(serialization.Encoding.DER),
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )


def balancer(identities):
    listeners = []
    for begin in range(0, len(identities), HOSTNAMES_OF_A_LISTENER):
        some = identities[begin : begin + HOSTNAMES_OF_A_LISTENER]
        tls = {"certificates": [identity.name for identity in some]}
        hostnames = [identity.host for identity in some]
        listeners.append({"protocol": "HTTPS", "hostnames": hostnames, "tls": tls})
    routes = [{"respond": {"body": "here"}}]
    spec = {"listeners": listeners, "routes": routes}
    return {"kind": "LoadBalancer", "metadata": {"name": "all"}, "spec": spec}


CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE


def shown(port, host):
    """The certificate that a new connection gets; None when there is none."""
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            CONTEXT.wrap_socket(plain, server_hostname=host) as connection,
        ):
            return connection.getpeercert(binary_form=True)
    except OSError:
        return None


def until_shown(edge, identity, begin):
    """Seconds from `begin` until a new connection gets that certificate."""
    while shown(edge.https_port, identity.host) != identity.der:
        if time.monotonic() - begin > DEADLINE_S or not edge.process.running():
            raise SystemExit(f"bench: {identity.host} is not served:\n{edge.process.log()[-2000:]}")
        time.sleep(0.001)
    return time.monotonic() - begin


def apply(edge, objects):
    answer = edge.api("POST", "/v1/apply", objects, timeout_s=DEADLINE_S)
    if answer.status not in (200, 201):
        raise SystemExit(f"bench: refused: {answer.status} {answer.text[:2000]}")


def apply_all(edge, identities):
    """Seconds until all of them are stored and the last is served."""
    begin = time.monotonic()
    for first in range(0, len(identities), OBJECTS_OF_AN_APPLY):
        some = identities[first : first + OBJECTS_OF_AN_APPLY]
        apply(edge, [identity.object for identity in some])
    apply(edge, [balancer(identities)])
    return until_shown(edge, identities[-1], begin)


def check(edge, identities):
    """A sample of all gets what is its own."""
    for identity in identities[:: max(1, len(identities) // 100)]:
        if shown(edge.https_port, identity.host) != identity.der:
            raise SystemExit(f"bench: {identity.host} gets another certificate")


def change(edge, name):
    """Milliseconds from the request that replaces one to the connection that gets the new one."""
    new = make(name)
    begin = time.monotonic()
    answer = edge.api("PUT", f"/v1/certificates/{name}", new.object, headers={"If-Match": "*"})
    if answer.status != 200:
        raise SystemExit(f"bench: refused: {answer.status} {answer.text[:2000]}")
    return new, until_shown(edge, new, begin) * 1e3


def run(options):
    rows = report.Rows("certificates", machine.facts())
    identities = [make(f"host-{number}") for number in range(options.count)]
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as directory:
        os.chmod(directory, 0o755)
        edge = weir.Weir(Path(directory) / "weir", ports=(free_port(), free_port()))
        with edge.start():
            applied_s = apply_all(edge, identities)
            check(edge, identities)
        for turn in range(options.rounds):
            begin = time.monotonic()
            edge.start(wait=False)
            start_s = until_shown(edge, identities[-1], begin)
            with edge:
                check(edge, identities)
                rss = settled_rss_bytes(edge.pid)
                place = turn * 7919 % len(identities)
                wait_until(lambda: edge.api("GET", "/readyz", token=None).status == 200)
                identities[place], change_ms = change(edge, identities[place].name)
                rows.write(
                    {
                        "case": "certificates",
                        "proxy": "weir",
                        "round": turn,
                        "errors": 0,
                        "count": len(identities),
                        "applied_s": applied_s,
                        "start_s": start_s,
                        "rss_bytes": rss,
                        "peak_bytes": status_kib(edge.pid, "VmHWM") * 1024,
                        "change_ms": change_ms,
                    }
                )
    return judge(rows, len(identities))


def judge(rows, count):
    def values(figure):
        return [row[figure] for row in rows.rows]

    peak = report.spread(values("peak_bytes"), 1e6, "{:.0f}")
    applied_s = rows.rows[0]["applied_s"]
    print(f"      {count} certificates: applied and served in {applied_s:.2f} s, peak {peak} MB")
    held = report.line(
        statistics.median(values("start_s")) < START_S_MAX,
        f"start to the right one of {count} certificates: {report.spread(values('start_s'), 1, '{:.2f}')} s, "
        f"wanted under {START_S_MAX:.0f}",
    )
    held &= report.line(
        max(values("rss_bytes")) < RSS_BYTES_MAX,
        f"memory (RSS): {report.spread(values('rss_bytes'), 1e6, '{:.0f}')} MB, "
        f"wanted under {RSS_BYTES_MAX / 1e6:.0f}",
    )
    held &= report.line(
        statistics.median(values("change_ms")) < CHANGE_MS_MAX,
        f"a changed one served: {report.spread(values('change_ms'))} ms, wanted under {CHANGE_MS_MAX:.0f}",
    )
    print(f"rows: {rows.path.relative_to(report.ROOT)}")
    return held
