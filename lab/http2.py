"""HTTP/2 frame by frame (RFC 9113): what a library would not let a client send. Blocking sockets; field
sections are literals, so that no state of HPACK is needed to write them."""

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING = 0, 1, 2, 3, 4, 6
GOAWAY, WINDOW_UPDATE, CONTINUATION = 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE = 4
STATUS_200 = 0x88  # HPACK's static table: what every encoder writes for it


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(**entries):
    """settings(_4=0): INITIAL_WINDOW_SIZE is 0."""
    return frame(
        SETTINGS, payload=b"".join(struct.pack(">HI", int(k[1:]), v) for k, v in entries.items())
    )


def integer(value, bits, first=0):
    """RFC 7541 section 5.1."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out = bytearray([first | most])
    value -= most
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out) + bytes([value])


def literal(name, value, indexed=False):
    """A field as a literal with a literal name; indexed: put into the dynamic table."""
    name, value = name.encode(), value.encode()
    return (b"\x40" if indexed else b"\0") + integer(len(name), 7) + name + integer(len(value), 7) + value


def head(host, path="/", method="GET", fields=(), scheme="http"):
    pairs = [(":method", method), (":scheme", scheme), (":authority", host), (":path", path), *fields]
    return b"".join(literal(name, value) for name, value in pairs)


class Connection:
    """A client's connection without TLS, by prior knowledge; or a socket that is connected already."""

    def __init__(self, address, opening=None, timeout_s=5.0):
        self.socket = address
        if not isinstance(address, socket.socket):
            self.socket = socket.create_connection(address, timeout_s)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        self.send(PREFACE + (settings() if opening is None else opening))

    def send(self, data):
        self.socket.sendall(data)

    def close(self):
        self.socket.close()

    def read_frame(self):
        """(kind, flags, stream, payload); None at the end of the connection."""
        while True:
            if len(self.received) >= 9:
                length = int.from_bytes(self.received[:3], "big")
                if len(self.received) >= 9 + length:
                    kind, flags, stream = struct.unpack(">BBI", self.received[3:9])
                    payload = bytes(self.received[9 : 9 + length])
                    del self.received[: 9 + length]
                    return kind, flags, stream, payload
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionError:
                return None
            if not data:
                return None
            self.received += data
