"""HTTPS and HTTP/2 judged by other people's programs: h2spec, h2load, sslscan, OpenSSL, Chromium."""

import re
import subprocess

import pytest

from lab import browser, h2load, weir
from lab.origin import Origin
from lab.process import ROOT

HOST = "page.weir.localhost"
PAGE = (
    "<!doctype html><title>page</title><p id=said></p><script>"
    "document.getElementById('said').textContent ="
    " 'spoken: ' + performance.getEntriesByType('navigation')[0].nextHopProtocol</script>"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A weir with a page of its own over HTTPS; and ports of an origin, HTTPS and HTTP/2 by prior
    knowledge."""
    directory = tmp_path_factory.mktemp("page")
    h2c_port, h2_port = weir.free_port(), weir.free_port()
    with Origin() as origin, weir.Weir(directory, workers=2) as running:
        running.apply(
            weir.service("web", [origin.address]),
            {
                "kind": "LoadBalancer",
                "metadata": {"name": "page"},
                "spec": {
                    "listeners": [
                        {"protocol": "HTTPS", "hostnames": [HOST]},
                        {"protocol": "HTTP", "hostnames": [HOST], "redirect_to_https": True},
                    ],
                    "routes": [{"respond": {"content_type": "text/html", "body": PAGE}}],
                },
            },
            {
                "kind": "LoadBalancer",
                "metadata": {"name": "origin"},
                "spec": {
                    "listeners": [
                        {"protocol": "HTTP", "port": h2c_port, "h2c": True},
                        {"protocol": "HTTPS", "port": h2_port},
                    ],
                    "routes": [{"backends": [{"service": "web"}]}],
                },
            },
        )
        running.h2c_port, running.h2_port = h2c_port, h2_port
        running.authority = directory / "authority.pem"
        running.authority.write_text(running.cli("ca", "--data-dir", running.data).stdout)
        yield running


def output_of(*command, timeout_s=60, stdin=""):
    done = subprocess.run(
        [str(word) for word in command], input=stdin, capture_output=True, text=True, timeout=timeout_s
    )
    return done.returncode, done.stdout + done.stderr


# Where clients may speak HTTP/1 too, an invalid preface (http2/3.5/2) is a bad request of theirs.
CLEARTEXT = ["generic", "hpack", "http2/3.5/1", *(f"http2/{section}" for section in (4, 5, 6, 7, 8))]


@pytest.mark.parametrize("tls", [False, True], ids=["cleartext", "tls"])
def test_h2spec_finds_nothing(page, tls):
    port = page.h2_port if tls else page.h2c_port
    code, said = output_of(
        ROOT / "build" / "tools" / "h2spec",
        *("-h", "127.0.0.1", "-p", port, "-S", "-o", 3, "-P", "/"),
        *(["-t", "-k"] if tls else CLEARTEXT),
    )
    total = re.search(r"^(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed", said, re.M)
    assert total and code == 0, said[-3000:]
    assert int(total[1]) == (146 if tls else 145) and total[2] == total[1], said[-3000:]


def test_h2load_over_http2_loses_nothing(page):
    report = h2load.run(
        f"https://{HOST}:{page.https_port}/",
        4,
        streams=10,
        requests=4000,
        connect_to=f"127.0.0.1:{page.https_port}",
    )
    assert (report.requests, report.errors, report.protocol) == (4000, 0, "h2")
    assert report.tls.startswith("TLSv1.3 ")


def test_sslscan_finds_nothing_old_or_weak(page):
    code, said = output_of(
        "sslscan", "--no-colour", f"--sni-name={HOST}", f"127.0.0.1:{page.https_port}", timeout_s=120
    )
    assert code == 0, said
    for version in ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"):
        assert re.search(rf"^{re.escape(version)}\s+disabled", said, re.M), said
    for version in ("TLSv1.2", "TLSv1.3"):
        assert re.search(rf"^{re.escape(version)}\s+enabled", said, re.M), said
    assert "Session renegotiation not supported" in said and "Compression enabled" not in said, said
    ciphers = re.findall(r"^(?:Preferred|Accepted)\s+TLSv1\.[23]\s+(\d+) bits\s+(\S+)", said, re.M)
    assert ciphers, said
    for bits, name in ciphers:
        assert int(bits) >= 128, name
        assert not re.search(r"CBC|RC4|DES|NULL|EXPORT|MD5|(?<!POLY1305)-SHA$|^AES", name), name


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_session_is_resumed_on_whichever_worker_takes_the_connection(page, tmp_path, version):
    session = tmp_path / "session"
    at = f"127.0.0.1:{page.https_port}"
    connect = ["openssl", "s_client", "-connect", at, "-servername", HOST, version]
    request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    code, said = output_of(*connect, "-ign_eof", "-sess_out", session, stdin=request)
    assert code == 0 and "New, TLSv1" in said and session.exists(), said[-2000:]
    for _ in range(8):  # two workers: more than chance would leave to one
        code, said = output_of(*connect, "-ign_eof", "-sess_in", session, stdin=request)
        assert code == 0 and "Reused, TLSv1" in said, said[-2000:]


def test_plain_http_is_sent_to_https(page):
    code, said = output_of(
        *("curl", "--silent", "--include", "--location", "--cacert", page.authority, "--max-time", 10),
        *("--resolve", f"{HOST}:{page.http_port}:127.0.0.1"),
        *("--resolve", f"{HOST}:{page.https_port}:127.0.0.1"),
        f"http://{HOST}:{page.http_port}/deep?a=b",
    )
    assert code == 0, said
    assert "308 Permanent Redirect" in said and "HTTP/2 200" in said and PAGE in said, said


def test_chromium_loads_the_page_over_http2(page, tmp_path):
    certificate = browser.certificate_of(HOST, page.https_port, page.authority)
    url = f"https://{HOST}:{page.https_port}/"
    code, said = output_of(*browser.command(tmp_path, certificate, "--dump-dom", url), timeout_s=90)
    assert code == 0 and "spoken: h2" in said, said[-3000:]
