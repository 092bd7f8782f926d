"""Origins that live in the test itself: one thread per connection, a handler that may do anything, every
byte recorded."""

import contextlib
import socket
import threading
from itertools import count

from lab import http1


def response(status="200 OK", body=b"", fields=(), version="HTTP/1.1"):
    """A whole response with Content-Length; fields: ("name: value", ...)"""
    lines = [f"{version} {status}", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answer(connection, origin):
    """The handler of a good origin: answers every request with its name."""
    while request := connection.request():
        origin.requests.append(request)
        connection.send(response(body=b"" if request.method == "HEAD" else origin.name.encode()))


def scripted(*steps):
    """A handler that reads a request and sends the next step, and closes after the last. A step: bytes, or
    None to close."""

    def handler(connection, origin):
        for step in steps:
            request = connection.request() if step is not None else None
            if request is None:
                return
            origin.requests.append(request)
            connection.send(step)

    return handler


class Origin:
    numbers = count(1)

    def __init__(self, handler=answer, name=None):
        self.name = name or f"origin-{next(self.numbers)}"
        self.handler = handler
        self.connections = []  # http1.Connection, in the order of accept
        self.requests = []  # filled by the handler
        self.problems = []  # exceptions of the handler other than the peer's going away
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def received(self):
        return b"".join(bytes(connection.received) for connection in self.connections)

    def _accept(self, listener):
        while True:
            try:
                connected, _ = listener.accept()
            except OSError:
                return
            connection = http1.Connection(connected, timeout_s=30)
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self.handler(connection, self)
        except (http1.Broken, OSError):
            pass  # the peer went away, or is broken: the test looks at what was recorded
        except Exception as problem:  # noqa: BLE001
            self.problems.append(problem)
        finally:
            connection.close()

    def die(self):
        """As SIGKILL does it: nothing listens any more, and every connection is reset."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self.listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                connection.socket.shutdown(socket.SHUT_RDWR)
            connection.close()

    def live_again(self):
        """On the same port."""
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=512)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.die()
