"""The API over TLS and machines that join, as curl and OpenSSL meet them."""

import json
import subprocess

import pytest

from lab import weir
from lab.process import wait_until

NAME = "weir.localhost"


@pytest.fixture(scope="module")
def controller(tmp_path_factory):
    """A weir whose API is HTTPS on loopback, because a name is given for its certificate."""
    running = weir.Weir(tmp_path_factory.mktemp("trust"), flags=("--api-name", NAME))
    running.start()
    yield running
    assert running.stop() == 0


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def request_of(directory, name):
    """A key and a certificate request that claims to be somebody else."""
    key, csr = directory / f"{name}.key", directory / f"{name}.csr"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    openssl("req", "-new", "-key", key, "-subj", "/CN=admin", "-out", csr)
    return key, csr.read_text()


def enroll(controller, name, csr, token=None, certificate=()):
    """The status and the answer of POST /v1/enroll; 0 when the connection did not come about."""
    body = {"csr": csr, "node": {"name": name, "region": "here"}}
    if token:
        body["token"] = token
    done = subprocess.run(
        ["curl", "--silent", "--cacert", controller.ca]
        + ["--resolve", f"{NAME}:{controller.api_port}:127.0.0.1", *certificate]
        + ["--json", json.dumps(body), "--write-out", "\\n%{http_code}"]
        + [f"https://{NAME}:{controller.api_port}/v1/enroll"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    text, status = done.stdout.rsplit("\n", 1)
    return int(status), json.loads(text) if text else {}


def join_token(controller, *flags):
    done = controller.cli("token", "create", "--join", "edge", *flags)
    assert done.returncode == 0, done.stderr
    secret, fingerprint = done.stdout.strip().removeprefix("weirjoin_").split(".")
    return f"weir_{secret}", fingerprint


def reasons(controller):
    items = controller.api("GET", "/v1/events").json["items"]
    return [item["spec"].get("reason", "") for item in items if item["spec"]["kind"] == "Edge"]


def test_the_cli_speaks_https_and_believes_only_whom_it_is_told_to(controller):
    assert controller.cli("get", "tokens").returncode == 0
    done = controller.cli("get", "tokens", environment={"WEIR_CA": "/etc/ssl/certs/ca-certificates.crt"})
    assert done.returncode == 1
    assert "is of an authority that is not trusted" in done.stderr
    assert "`weir ca`" in done.stderr
    done = controller.cli("get", "tokens", environment={"WEIR_CA": "/nowhere.pem"})
    assert done.returncode == 2
    assert "WEIR_CA: /nowhere.pem: no such file" in done.stderr


def test_a_machine_joins_once_and_renews_with_what_it_got(controller, tmp_path):
    token, fingerprint = join_token(controller)
    digest = openssl("x509", "-in", controller.ca, "-noout", "-fingerprint", "-sha256")
    assert digest.split("=")[1].strip().replace(":", "").lower().startswith(fingerprint)
    key, csr = request_of(tmp_path, "first")
    status, answer = enroll(controller, "lab-1", csr, token)
    assert status == 200, answer
    certificate = tmp_path / "first.pem"
    certificate.write_text(answer["certificate"])
    text = openssl("x509", "-in", certificate, "-noout", "-text")
    assert f"URI:spiffe://{NAME}/edge/lab-1" in text
    assert "admin" not in text
    assert "TLS Web Server Authentication, TLS Web Client Authentication" in text
    assert controller.api("GET", "/v1/edges/lab-1").json["spec"]["region"] == "here"

    _, other = request_of(tmp_path, "second")
    status, answer = enroll(controller, "lab-2", other, token)
    assert (status, answer["detail"]) == (403, "the join token has been used already (1 of 1)")

    shown = ["--cert", certificate, "--key", key]
    status, answer = enroll(controller, "lab-1", other, certificate=shown)
    assert status == 200, answer
    status, answer = enroll(controller, "lab-2", other, certificate=shown)
    assert (status, answer["detail"]) == (403, "the certificate is of the edge lab-1, not of lab-2")
    controller.change("edges", "lab-1", lambda spec: spec.update(revoked=True))
    status, answer = enroll(controller, "lab-1", other, certificate=shown)
    assert (status, answer["detail"]) == (403, "the edge lab-1 is revoked")
    assert "the join token has been used already (1 of 1)" in reasons(controller)
    assert "the edge lab-1 is revoked" in reasons(controller)


def test_an_edge_that_listens_on_ipv6_is_registered_with_an_address(tmp_path):
    running = weir.Weir(tmp_path)
    running.flags[running.flags.index("--http") + 1] = f"[::]:{running.http_port}"
    with running:
        [edge] = wait_until(lambda: running.api("GET", "/v1/edges").json["items"], 10, "its own edge")
        assert edge["spec"]["address"] not in ("", "::", "[::]")
        assert running.get("/", host="nobody.example").status == 404


def test_a_certificate_of_another_authority_is_refused_and_audited(controller, tmp_path):
    _, csr = request_of(tmp_path, "stranger")
    key, certificate = tmp_path / "own.key", tmp_path / "own.pem"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    openssl(
        *("req", "-new", "-x509", "-key", key, "-subj", "/CN=stranger", "-days", "1", "-out", certificate),
        *("-addext", f"subjectAltName=URI:spiffe://{NAME}/edge/lab-1"),
    )
    status, _ = enroll(controller, "lab-1", csr, certificate=["--cert", certificate, "--key", key])
    assert status == 0
    told = "the peer's certificate is self-signed"  # who was refused does not wait for the audit
    wait_until(lambda: told in reasons(controller), 5, "its being written down")
