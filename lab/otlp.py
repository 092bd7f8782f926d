"""An OpenTelemetry collector: takes traces by OTLP over HTTP as JSON, and is strict about them."""

import json
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lab.process import ROOT

PYTHON = ROOT / "build" / "tools" / "otlp" / "bin" / "python"
SERVER, CLIENT = 2, 3
FIELDS = {
    "traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes",
    "status",
}  # fmt: skip


def attributes_of(listed):
    """A dictionary; a name that is there twice is a fault."""
    found = {}
    for one in listed:
        [(sort, value)] = one["value"].items()
        assert one["key"] not in found, one
        found[one["key"]] = int(value) if sort == "intValue" else value
    return found


class Span:
    def __init__(self, written, resource):
        assert set(written) <= FIELDS, written
        assert re.fullmatch(r"[0-9a-f]{32}", written["traceId"]) and int(written["traceId"], 16)
        assert re.fullmatch(r"[0-9a-f]{16}", written["spanId"]) and int(written["spanId"], 16)
        self.trace, self.id, self.parent = written["traceId"], written["spanId"], written.get("parentSpanId")
        assert self.parent is None or re.fullmatch(r"[0-9a-f]{16}", self.parent)
        self.name, self.kind = written["name"], written["kind"]
        self.start, self.end = int(written["startTimeUnixNano"]), int(written["endTimeUnixNano"])
        assert self.start <= self.end, written
        self.attributes = attributes_of(written["attributes"])
        self.error = written.get("status", {}).get("code") == 2
        self.resource = resource


class Receiver:
    def __init__(self):
        self.messages = []
        self.faults = []
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/v1/traces"

    def spans(self):
        with self.lock:
            messages = list(self.messages)
        found = []
        for message in messages:
            for resource in message["resourceSpans"]:
                of = attributes_of(resource["resource"]["attributes"])
                for scope in resource["scopeSpans"]:
                    found += [Span(span, of) for span in scope["spans"]]
        return found

    def judge(self):
        """By OpenTelemetry's own definition; how many spans there are."""
        done = subprocess.run(
            [PYTHON, ROOT / "lab" / "otlp_check.py"],
            input=json.dumps(self.messages),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    def handler(self):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                content = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.lock:
                    if self.path != "/v1/traces" or self.headers["Content-Type"] != "application/json":
                        receiver.faults.append((self.path, dict(self.headers)))
                    receiver.messages.append(json.loads(content))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        return Handler

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
