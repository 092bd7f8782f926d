"""A server of whole connections: it speaks first, then sends back what comes, and ends when its peer has."""

import contextlib
import socket
import threading


class Greeter:
    """context: of the TLS that it serves. proxied: a line of the PROXY protocol comes first."""

    def __init__(self, name, context=None, proxied=False):
        self.name, self.context, self.proxied = name, context, proxied
        self.met = []  # of each connection: the PROXY line, the ALPN protocol, or None
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            try:
                connected, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connected,), daemon=True).start()

    def _serve(self, plain):
        with plain, contextlib.suppress(OSError):
            said = self._line(plain) if self.proxied else None
            if self.context:
                with self.context.wrap_socket(plain, server_side=True) as connected:
                    self.met.append(connected.selected_alpn_protocol())
                    self._echo(connected)
            else:
                self.met.append(said)
                self._echo(plain)

    def _echo(self, connected):
        connected.sendall(f"{self.name}\n".encode())
        while some := connected.recv(4096):
            connected.sendall(some)

    @staticmethod
    def _line(connected):
        line = b""
        while not line.endswith(b"\r\n") and (one := connected.recv(1)):
            line += one
        return line.decode().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self.listener.close()
