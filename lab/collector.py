"""Somebody's log collector: takes what is posted, and keeps each batch by its id once. It can be away, and it
can take a batch without saying so."""

import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BATCH = "X-Weir-Batch"


class Collector:
    def __init__(self, *, certificate=None, token=None):
        """certificate: the files of one and of its key; with them it is HTTPS, at localhost. token: who comes
        without it is refused."""
        self.certificate = certificate
        self.token = token
        self.batches = {}  # id: content
        self.posts = 0  # that were taken, the same ones again included
        self.paths = set()
        self.faults = []  # what must not be
        self.mute = 0  # so many more are taken, and answered by 500
        self.lock = threading.Lock()
        self.server = None
        self.port = 0
        self.open()

    def open(self):
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), self.handler())
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # whoever does not trust it breaks off
        self.port = self.server.server_port
        self.connections = set()
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        """Its connections break, and no new ones are taken."""
        if self.server is None:
            return
        self.server.shutdown()
        self.server.server_close()
        self.server = None
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @property
    def url(self):
        return f"{'https://localhost' if self.certificate else 'http://127.0.0.1'}:{self.port}/in?key=s3cret"

    @property
    def name(self):
        return self.url.partition("?")[0]

    def lines(self):
        with self.lock:
            contents = list(self.batches.values())
        return [json.loads(line) for content in contents for line in content.splitlines()]

    def take(self, headers, path, content):
        if self.token and headers.get("Authorization") != self.token:
            return 401
        batch = headers.get(BATCH)
        with self.lock:
            self.paths.add(path)
            lines = headers.get("Content-Type") == "application/x-ndjson" and content.endswith(b"\n")
            if not batch or not lines:
                self.faults.append((dict(headers), content[-100:]))
            if self.batches.setdefault(batch, content) != content:
                self.faults.append(f"batch {batch} is another than before")
            self.posts += 1
            if self.mute > 0:
                self.mute -= 1
                return 500
        return 204

    def handler(self):
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                collector.connections.add(self.connection)

            def finish(self):
                super().finish()
                collector.connections.discard(self.connection)

            def do_POST(self):
                content = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(collector.take(self.headers, self.path, content))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
