"""A server of whole connections: it speaks first, then sends back what comes, and ends when its peer has."""

import contextlib

from lab.tcp import Server, echo


class Greeter(Server):
    """context: of the TLS that it serves. proxied: a line of the PROXY protocol comes first."""

    request_queue_size = 128

    def __init__(self, name, context=None, proxied=False):
        self.name, self.context, self.proxied = name, context, proxied
        self.met = []  # of each connection: the PROXY line, the ALPN protocol, or None
        super().__init__(self._serve)

    def _serve(self, plain, _server):
        with contextlib.suppress(OSError):
            said = self._line(plain) if self.proxied else None
            if self.context:
                with self.context.wrap_socket(plain, server_side=True) as connected:
                    self._greet(connected, connected.selected_alpn_protocol())
            else:
                self._greet(plain, said)

    def _greet(self, connected, told):
        self.met.append(told)
        connected.sendall(f"{self.name}\n".encode())
        echo(connected, self)

    @staticmethod
    def _line(connected):
        line = b""
        while not line.endswith(b"\r\n") and (one := connected.recv(1)):
            line += one
        return line.decode().strip()
