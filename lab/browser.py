"""Chromium without a window, which believes one certificate that no authority of its own has signed."""

import base64
import hashlib
import shutil
import socket
import ssl
import subprocess


def certificate_of(host, port, authority):
    """As DER, of who listens there on loopback."""
    context = ssl.create_default_context(cafile=authority)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host) as tls,
    ):
        return tls.getpeercert(binary_form=True)


def command(directory, certificate, *more):
    """Its command line, with the profile in that directory."""
    chromium = shutil.which("chromium")
    assert chromium, "chromium is not installed (./dev setup lab)"
    public_key = subprocess.run(
        "openssl x509 -inform DER -pubkey -noout | openssl pkey -pubin -outform DER",
        shell=True,
        input=certificate,
        capture_output=True,
        check=True,
    ).stdout
    pin = base64.b64encode(hashlib.sha256(public_key).digest()).decode()
    return [
        chromium,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={directory}",
        f"--ignore-certificate-errors-spki-list={pin}",
        *more,
    ]
