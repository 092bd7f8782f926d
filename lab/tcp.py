"""Load balancers of TCP and TLS, and the small servers and clients that speak through them."""

import socket
import socketserver
import ssl
import subprocess
import threading
from contextlib import contextmanager

from lab.weir import service


def tcp_service(name, *addresses, **spec):
    return service(name, list(addresses), protocol="TCP", **spec)


def tcp_balancer(name, *listeners, to=None, **route):
    return {
        "kind": "LoadBalancer",
        "metadata": {"name": name},
        "spec": {
            "listeners": list(listeners),
            "routes": [{"backends": [{"service": to or name, "weight": 1}], **route}],
        },
    }


class Server(socketserver.ThreadingTCPServer):
    """Calls talk(connection, self) for each connection, in a thread of its own."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, talk, address="127.0.0.1", port=0):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        server = self
        self.connections = 0

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                server.connections += 1
                talk(self.request, server)

        super().__init__((address, port), Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]

    @property
    def address(self):
        host = self.server_address[0]
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def handle_error(self, request, client_address):
        """A client that went away is none of ours."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def echo(connection, _server):
    while data := connection.recv(65536):
        connection.sendall(data)


def greeter(word):
    """Speaks first, as SMTP does, and answers every line."""

    def talk(connection, _server):
        connection.sendall(f"220 {word}\r\n".encode())
        lines = connection.makefile("rb")
        for line in lines:
            if line.strip() == b"QUIT":
                connection.sendall(b"221 bye\r\n")
                return
            connection.sendall(b"250 " + line)

    return talk


def exchange(port, data=b"", *, address="127.0.0.1", ends=True, timeout_s=10):
    """All that comes back on a connection of its own. ends: our side, after the data."""
    with socket.create_connection((address, port), timeout=timeout_s) as connection:
        connection.sendall(data)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        got = b""
        while piece := connection.recv(65536):
            got += piece
        return got


@contextmanager
def tls_connection(port, name, *, ca=None, protocols=(), address="127.0.0.1"):
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    if ca is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    with socket.create_connection((address, port), timeout=10) as below:
        with context.wrap_socket(below, server_hostname=name) as connection:
            yield connection


def self_signed(directory, name):
    """(certificate, key), as files."""
    certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        + ["-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
        + ["-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    return certificate, key
