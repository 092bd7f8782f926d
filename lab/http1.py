"""HTTP/1.1 byte by byte: what http.client and friends would repair or hide, the tests must see.

Connection reads requests (as an origin) or responses (as a client) strictly; a Message keeps the fields as
they came."""

import socket
from dataclasses import dataclass, field


class Broken(AssertionError):
    """The peer did not send a well-formed message."""


class Closed(Broken):
    """The peer closed where a message should have begun or gone on."""


class Reset(Closed):
    """It did so by RST: nobody there knew the connection, or it was given up."""


@dataclass
class Message:
    first: list  # the three words of the first line
    fields: list = field(default_factory=list)  # (name in lower case, value), in order
    body: bytes = b""
    trailers: list = field(default_factory=list)

    @property
    def status(self):
        return int(self.first[1])

    @property
    def method(self):
        return self.first[0]

    @property
    def target(self):
        return self.first[1]

    def values(self, name):
        return [value for other, value in self.fields if other == name]

    def value(self, name):
        """The only one; None when there is none."""
        values = self.values(name)
        if len(values) > 1:
            raise Broken(f"{name} came {len(values)} times: {values}")
        return values[0] if values else None


class Connection:
    """One TCP connection. Records every byte that came in."""

    def __init__(self, connected, timeout_s=10.0):
        self.socket = connected
        self.socket.settimeout(timeout_s)
        self.received = bytearray()
        self.used = 0  # of received
        self.was_reset = False  # by the peer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def end(self):
        """No more from here; the other direction goes on."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()

    # --- reading

    def fill(self):
        """Waits for more; False at the end of the stream."""
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            self.was_reset = True
            data = b""
        self.received += data
        return bool(data)

    def ended(self, where):
        return Reset(f"reset {where}") if self.was_reset else Closed(f"closed {where}")

    def available(self):
        return bytes(self.received[self.used :])

    def line(self):
        while (end := self.received.find(b"\r\n", self.used)) < 0:
            if not self.fill():
                raise self.ended(f"within a line: {self.available()[:200]!r}")
        text = bytes(self.received[self.used : end])
        self.used = end + 2
        if b"\n" in text or b"\r" in text:
            raise Broken(f"bare CR or LF in {text!r}")
        return text.decode("latin-1")

    def exactly(self, count):
        while len(self.received) - self.used < count:
            if not self.fill():
                raise self.ended(f"after {len(self.received) - self.used} of {count} bytes")
        data = bytes(self.received[self.used : self.used + count])
        self.used += count
        return data

    def until_end(self):
        while self.fill():
            pass
        data = self.available()
        self.used = len(self.received)
        return data

    def field_section(self):
        fields = []
        while line := self.line():
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise Broken(f"not a field: {line!r}")
            fields.append((name.lower(), value.strip(" \t")))
        return fields

    def head(self):
        return Message(self.line().split(" ", 2), self.field_section())

    def chunked(self, message):
        while True:
            size = int(self.line().partition(";")[0], 16)
            if size == 0:
                break
            message.body += self.exactly(size)
            if self.exactly(2) != b"\r\n":
                raise Broken("no CRLF after a chunk")
        message.trailers = self.field_section()

    def body(self, message, until_end=False):
        if message.values("transfer-encoding"):
            if message.value("transfer-encoding").lower() != "chunked" or message.values("content-length"):
                raise Broken(f"framing: {message.fields}")
            self.chunked(message)
        elif (length := message.value("content-length")) is not None:
            message.body = self.exactly(int(length))
        elif until_end:
            message.body = self.until_end()
        return message

    def request(self):
        """None when the peer closed instead. Says 100 when the peer waits for it."""
        if self.used == len(self.received) and not self.fill():
            return None
        head = self.head()
        if "100-continue" in head.values("expect"):
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self.body(head)

    def response(self, method="GET"):
        """A whole response, interim ones included: use head() to see those."""
        message = self.head()
        if method == "HEAD" or message.status in (204, 304) or message.status < 200:
            return message
        return self.body(message, until_end=True)

    def closed(self):
        """True when the peer closes without another byte (waits for it)."""
        return self.used == len(self.received) and not self.fill()


def connect(address, timeout_s=10.0):
    """address: a port of loopback, or (host, port)"""
    return Connection(
        socket.create_connection(
            address if isinstance(address, tuple) else ("127.0.0.1", address), timeout_s
        ),
        timeout_s,
    )


def get(address, path, host, method="GET"):
    """One request on a connection of its own."""
    with connect(address) as connection:
        connection.send(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return connection.response(method)
