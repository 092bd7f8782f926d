"""HTTPS and HTTP/2 as foreign clients see them: curl, OpenSSL, and Python's own TLS."""

import socket
import ssl
import subprocess

import pytest

from lab import weir
from lab.origin import Origin

HOST = "web.weir.localhost"


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A weir of its own, with one origin behind HTTP and HTTPS."""
    directory = tmp_path_factory.mktemp("https")
    with Origin() as origin:
        running = weir.Weir(directory)
        running.start()
        running.apply(
            weir.service("web", [origin.address]),
            {
                "kind": "LoadBalancer",
                "metadata": {"name": "web"},
                "spec": {
                    "listeners": [
                        {"protocol": "HTTP", "hostnames": [HOST]},
                        {"protocol": "HTTPS", "hostnames": [HOST, "other.example"]},
                    ],
                    "routes": [
                        {"backends": [{"service": "web"}]},
                        {"match": {"path": "/edge"}, "respond": {"status": 200, "body": "edge"}},
                    ],
                },
            },
        )
        running.origin = origin
        running.authority = directory / "authority.pem"
        running.authority.write_text(running.cli("ca", "--data-dir", running.data).stdout)
        yield running
        assert running.stop() == 0


def curl(running, *arguments, host=HOST):
    """The body, and what curl says of the exchange."""
    done = subprocess.run(
        [
            "curl",
            "--silent",
            "--show-error",
            "--cacert",
            running.authority,
            "--resolve",
            f"{host}:{running.https_port}:127.0.0.1",
            "--write-out",
            "\n%{http_version} %{http_code}",
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.rpartition("\n")[::2]


@pytest.mark.parametrize(("flag", "version"), [("--http1.1", "1.1"), ("--http2", "2")])
@pytest.mark.parametrize("host", [HOST, "other.example"])
def test_a_page_over_a_certificate_of_weirs_own_authority(secure, flag, version, host):
    body, said = curl(secure, flag, f"https://{host}:{secure.https_port}/", host=host)
    assert body == secure.origin.name
    assert said == f"{version} 200"


def test_prior_knowledge_without_tls_where_it_is_configured(secure):
    port = weir.free_port()
    secure.apply(
        {
            "kind": "LoadBalancer",
            "metadata": {"name": "h2c"},
            "spec": {
                "listeners": [{"protocol": "HTTP", "port": port, "h2c": True}],
                "routes": [{"backends": [{"service": "web"}]}],
            },
        }
    )
    body, said = curl(secure, "--http2-prior-knowledge", f"http://127.0.0.1:{port}/")
    assert (body, said) == (secure.origin.name, "2 200")
    body, said = curl(secure, "--http1.1", f"http://127.0.0.1:{port}/")
    assert (body, said) == (secure.origin.name, "1.1 200")


def test_an_upload_over_http2(secure, tmp_path):
    content = tmp_path / "content"
    content.write_bytes(bytes(range(256)) * 8192)
    before = len(secure.origin.requests)
    curl(secure, "--http2", "--data-binary", f"@{content}", f"https://{HOST}:{secure.https_port}/up")
    assert secure.origin.requests[before].body == content.read_bytes()


def test_the_origin_is_told_the_scheme(secure):
    before = len(secure.origin.requests)
    curl(secure, f"https://{HOST}:{secure.https_port}/")
    assert secure.origin.requests[before].value("x-forwarded-proto") == "https"


def test_a_certificate_that_is_applied_serves_the_next_connection(secure, tmp_path):
    def make(name):
        subprocess.run(
            f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj /CN={name}"
            f" -addext subjectAltName=DNS:own.example -keyout {tmp_path}/{name}.key"
            f" -out {tmp_path}/{name}.pem",
            shell=True,
            check=True,
            capture_output=True,
        )
        return {
            "kind": "Certificate",
            "metadata": {"name": "own"},
            "spec": {
                "certificate": (tmp_path / f"{name}.pem").read_text(),
                "private_key": (tmp_path / f"{name}.key").read_text(),
            },
        }

    def subject():
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", secure.https_port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="own.example") as tls,
        ):
            pem = ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))
        done = subprocess.run(
            ["openssl", "x509", "-noout", "-subject"], input=pem, capture_output=True, text=True, check=True
        )
        return done.stdout.rpartition("=")[2].strip()

    balancer = {
        "kind": "LoadBalancer",
        "metadata": {"name": "own"},
        "spec": {
            "listeners": [
                {"protocol": "HTTPS", "hostnames": ["own.example"], "tls": {"certificates": ["own"]}}
            ],
            "routes": [{"respond": {"body": "own"}}],
        },
    }
    secure.apply(make("first"), balancer)
    assert subject() == "first"
    secure.apply(make("second"))
    assert subject() == "second"
    shown = secure.cli("get", "certificate", "own", "-o", "yaml").stdout
    assert "BEGIN CERTIFICATE" in shown and "PRIVATE KEY" not in shown
    mixed = make("third")
    mixed["spec"]["private_key"] = make("fourth")["spec"]["private_key"]
    answer = secure.api("PUT", "/v1/certificates/own", mixed, headers={"If-Match": "*"})
    assert answer.status == 422, answer.text


def test_clients_without_a_certificate_are_refused_where_one_is_required(secure, tmp_path):
    subprocess.run(
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj /CN=client"
        f" -keyout {tmp_path}/client.key -out {tmp_path}/client.pem",
        shell=True,
        check=True,
        capture_output=True,
    )
    port = weir.free_port()
    secure.apply(
        {
            "kind": "LoadBalancer",
            "metadata": {"name": "mutual"},
            "spec": {
                "listeners": [
                    {
                        "protocol": "HTTPS",
                        "port": port,
                        "hostnames": ["mutual.example"],
                        "tls": {
                            "client_certificates": "REQUIRE",
                            "client_ca": (tmp_path / "client.pem").read_text(),
                        },
                    }
                ],
                "routes": [{"backends": [{"service": "web"}]}],
            },
        }
    )
    url = f"https://mutual.example:{port}/"
    resolve = ["--resolve", f"mutual.example:{port}:127.0.0.1"]
    shown = ["--cert", tmp_path / "client.pem", "--key", tmp_path / "client.key"]
    before = len(secure.origin.requests)
    assert curl(secure, *resolve, *shown, url)[1] == "2 200"
    assert 'Subject="CN=client"' in secure.origin.requests[before].value("x-forwarded-client-cert")
    with pytest.raises(AssertionError):
        curl(secure, *resolve, url)
    assert len(secure.origin.requests) == before + 1
