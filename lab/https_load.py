"""A steady load over HTTPS, every answer checked: connections of HTTP/1.1 that are kept, new ones for each
request, and HTTP/2. Clients believe the authority that they are given, for the names that they ask for."""

import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass

import hpack

from lab import http1, http2
from lab.visitors import first_of

CONNECT_S, ANSWER_S = 2.0, 10.0
INTERVAL_S = {"new": 0.15, "kept": 0.06, "h2": 0.06}  # between two requests of one client
HTTPS_PORT = 443


class Authority:
    """Of the story's own: certificates for names, numbered so that one can tell which was shown."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.file = directory / "authority.pem"
        self.key = directory / "authority.key"
        self.openssl("-subj", "/CN=story", "-keyout", self.key, "-out", self.file)
        self.number = 1000

    def openssl(self, *words):
        made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        subprocess.run([*made, "-nodes", "-days", "2", *map(str, words)], check=True, capture_output=True)

    def issue(self, name):
        """(its number, chain, key)"""
        self.number += 1
        chain, key = (self.directory / f"{name}-{self.number}.{end}" for end in ("pem", "key"))
        self.openssl(
            *("-CA", self.file, "-CAkey", self.key, "-subj", f"/CN={name}", "-set_serial", self.number),
            *("-addext", f"subjectAltName=DNS:{name}", "-addext", "basicConstraints=critical,CA:FALSE"),
            *("-keyout", key, "-out", chain),
        )
        return self.number, chain.read_text(), key.read_text()

    def context(self, *protocols):
        """For clients."""
        context = ssl.create_default_context(cafile=str(self.file))
        if protocols:
            context.set_alpn_protocols(protocols)
        return context


def number_of(connected):
    """Of the certificate that the peer has shown."""
    return int(connected.getpeercert()["serialNumber"], 16)


def secure(address, host, context):
    plain = socket.create_connection((address, HTTPS_PORT), CONNECT_S)
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.settimeout(ANSWER_S)
        return context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


class Unanswered(OSError):
    """A connection that was kept ended before anything of an answer came: it may be asked again (RFC 9112,
    9.3.1; RFC 9113, 8.7)."""


class Http1:
    """One connection."""

    protocol = "http/1.1"

    def __init__(self, address, host, context):
        self.host = host
        self.socket = secure(address, host, context)
        self.number = number_of(self.socket)
        self.connection = http1.Connection(self.socket, ANSWER_S)
        self.used = False
        self.ends = False  # it was said that nothing more will be answered

    def get(self, path):
        """(status, text)"""
        before = len(self.connection.received)
        try:
            self.connection.send(f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode())
            answer = self.connection.response()
        except (ConnectionError, http1.Closed) as problem:
            if self.used and len(self.connection.received) == before:
                raise Unanswered(repr(problem)) from problem
            raise
        self.used = True
        self.ends = "close" in answer.values("connection")
        return answer.status, answer.body.decode()

    def close(self):
        self.socket.close()


class Http2:
    """One connection, a request at a time. Frame by frame, since Python's h2 takes a GOAWAY for the end."""

    protocol = "h2"

    def __init__(self, address, host, context):
        self.host = host
        self.socket = secure(address, host, context)
        assert self.socket.selected_alpn_protocol() == "h2", self.socket.selected_alpn_protocol()
        self.number = number_of(self.socket)
        self.connection = http2.Connection(self.socket)
        self.decoder = hpack.Decoder()
        self.stream = -1
        self.ends = False

    def get(self, path):
        self.stream += 2
        self.status, self.body = None, b""
        head = http2.head(self.host, path, scheme="https")
        flags = http2.END_STREAM | http2.END_HEADERS
        try:
            self.connection.send(http2.frame(http2.HEADERS, flags, self.stream, head))
            while not self.take(self.connection.read_frame()):
                pass
        except ConnectionError as problem:
            if self.status is None and self.stream > 1:
                raise Unanswered(repr(problem)) from problem
            raise
        return self.status, self.body.decode()

    def take(self, frame):
        """True: that was the last one of the answer."""
        if frame is None:
            raise ConnectionResetError("closed before the end of an answer")
        kind, flags, stream, payload = frame
        if kind in (http2.SETTINGS, http2.PING) and not flags & http2.ACK:
            payload = payload if kind == http2.PING else b""
            self.connection.send(http2.frame(kind, http2.ACK, payload=payload))
        elif kind == http2.GOAWAY:
            self.ends = True
            if int.from_bytes(payload[:4], "big") < self.stream:
                raise ConnectionResetError("GOAWAY")
        elif kind == http2.HEADERS:
            assert flags & http2.END_HEADERS, "a field section of several frames"
            fields = dict(self.decoder.decode(payload))
            self.status = self.status or int(fields[":status"])
        elif kind == http2.DATA and payload:
            self.body += payload
            self.connection.send(
                http2.frame(http2.WINDOW_UPDATE, payload=len(payload).to_bytes(4, "big"))
            )
        elif kind == http2.RST_STREAM:
            raise OSError(f"stream reset: {int.from_bytes(payload, 'big')}")
        return kind in (http2.HEADERS, http2.DATA) and stream == self.stream and flags & http2.END_STREAM

    def close(self):
        self.socket.close()


@dataclass
class Request:
    edge: str
    sort: str  # as in INTERVAL_S
    host: str
    path: str
    began: float  # of time.monotonic()
    took_s: float = 0.0
    status: int | None = None
    text: str = ""
    number: int | None = None  # of the certificate
    again: bool = False  # on another connection, since the one that was kept had ended
    problem: str | None = None  # why it is a failed one

    @property
    def ended(self):
        return self.began + self.took_s

    @property
    def origin(self):
        return self.text.split(" ")[0]


class Load:
    """One client of each sort at each edge: `with Load(...) as load`.

    edges: {name: (the city's place, address)}; wanted: [(host, path)], in turn; check(request): what is wrong
    with its answer, or None."""

    def __init__(self, authority, edges, wanted, check):
        self.authority, self.edges, self.check = authority, edges, check
        self.wanted = list(wanted)
        self.requests = []  # appended to by all threads
        self.ending = threading.Event()
        self.threads = [
            threading.Thread(target=self.run, args=(edge, sort), daemon=True)
            for edge in edges
            for sort in INTERVAL_S
        ]

    def run(self, edge, sort):
        place, address = self.edges[edge]
        kind = Http2 if sort == "h2" else Http1
        context = self.authority.context(kind.protocol)
        kept, turn = {}, 0  # connections by host
        with place.inside():
            due = time.monotonic()
            while not self.ending.is_set():
                host, path = self.wanted[turn % len(self.wanted)]
                turn += 1
                request = Request(edge, sort, host, path, time.monotonic())
                self.ask(request, kept, lambda host=host: kind(address, host, context))
                self.requests.append(request)
                due = max(due + INTERVAL_S[sort], time.monotonic())
                self.ending.wait(max(0.0, due - time.monotonic()))
        for connection in kept.values():
            connection.close()

    def ask(self, request, kept, connect):
        for _ in range(2):
            connection = kept.pop(request.host, None)
            was_kept = connection is not None
            try:
                connection = connection or connect()
                request.number = connection.number
                request.status, request.text = connection.get(request.path)
                if request.sort == "new" or connection.ends:
                    connection.close()
                else:
                    kept[request.host] = connection
                request.problem = self.check(request)
                break
            except (OSError, ssl.SSLError, http1.Broken) as problem:
                request.problem = repr(problem)
                if connection:
                    connection.close()
                if not (was_kept and isinstance(problem, Unanswered)):
                    break
                request.again = True
        request.took_s = time.monotonic() - request.began

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join(2 * ANSWER_S)
            assert not thread.is_alive(), "a request hangs"

    # --- what was seen

    def since(self, moment):
        return [one for one in list(self.requests) if one.began >= moment]

    def has_seen(self, moment):
        """Whether every client has ended a request that began since."""
        return len({(one.edge, one.sort) for one in self.since(moment)}) == len(self.threads)


def failed(requests):
    return [one for one in requests if one.problem]


def told(requests, most=5):
    return first_of(
        (
            f"{one.edge} {one.sort} {one.host}{one.path} for {one.took_s:.2f} s: {one.problem}"
            for one in requests
        ),
        most,
    )
