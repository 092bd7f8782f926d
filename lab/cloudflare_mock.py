"""Cloudflare's DNS API as far as weir calls it, and as strict: tokens, paging, limits, validation, and the
error codes that its documentation names (https://developers.cloudflare.com/api/resources/dns). What the real
one refuses is refused here, and a batch is made as a whole or not at all."""

import copy
import ipaddress
import itertools
import json
import re
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ZONE_KEYS = {"deletes", "patches", "puts", "posts"}
RECORD_KEYS = {"id", "name", "type", "content", "data", "ttl", "proxied", "priority", "comment", "tags"}
DATA_KEYS = {
    "SRV": {"priority", "weight", "port", "target"},
    "CAA": {"flags", "tag", "value"},
    "DS": {"key_tag", "algorithm", "digest_type", "digest"},
    "SSHFP": {"algorithm", "type", "fingerprint"},
    "TLSA": {"usage", "selector", "matching_type", "certificate"},
    "SVCB": {"priority", "target", "value"},
    "HTTPS": {"priority", "target", "value"},
    "NAPTR": {"order", "preference", "flags", "service", "regex", "replacement"},
}
CONTENT_TYPES = {"A", "AAAA", "CNAME", "MX", "NS", "PTR", "TXT"}
HOST_EXISTS = "An A, AAAA, or CNAME record with that host already exists."
HOST = re.compile(r"^(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$", re.I)


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Cloudflare:
    """One account with zones. `records` of a zone are what people made there: dictionaries by id."""

    BATCH_MAX = 200  # the free plan's

    def __init__(self, token="t0ken", zones=("a.example",), requests_max=1200, certificate=None):
        """certificate: the files of one and of its key; with them it is HTTPS, at localhost."""
        self.token = token
        self.certificate = certificate
        self.tells_all = False  # errors show what was sent, as no API should
        self.zones = {f"zone{i:028x}": name for i, name in enumerate(zones, 1)}
        self.records = {zone: {} for zone in self.zones}
        self.requests_left = requests_max  # of five minutes, which no test lasts
        self.busy = 0  # so many answers to come are 429
        self.broken = 0  # so many answers to come are 500, after what was asked for is done
        self.retry_after = 1  # seconds
        self.times = []  # of the calls
        self.calls = []  # "POST /zones/.../dns_records/batch"
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            # The handshake is in the thread of the connection.
            self.server.socket = context.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self):
        origin = "https://localhost" if self.certificate else "http://127.0.0.1"
        return f"{origin}:{self.server.server_port}/client/v4"

    def zone(self, name):
        return next(zone for zone, named in self.zones.items() if named == name)

    def add(self, name, record_type, content, **more):
        """A record that somebody else has made."""
        zone = self.zone(next(named for named in self.zones.values() if name.endswith(named)))
        record = {"name": name, "type": record_type, "content": content, "ttl": 300, "proxied": False, **more}
        return self.insert(self.records[zone], zone, record)

    def shown(self, zone_name):
        """{"www.a.example A": {content}} of all records."""
        sets = {}
        with self.lock:
            for record in self.records[self.zone(zone_name)].values():
                value = record["content"] if "content" in record else json.dumps(record["data"])
                sets.setdefault(f"{record['name']} {record['type']}", set()).add(value)
        return sets

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # --- what the API does

    def insert(self, records, zone, record):
        number = f"{next(self.numbers):032x}"
        records[number] = {**record, "id": number}
        return number

    def check(self, zone, record):
        """As the API validates a record that is written whole."""
        if unknown := set(record) - RECORD_KEYS:
            raise Refused(400, 9207, f"Request body is invalid: {unknown}")
        kind, name, ttl = record.get("type"), record.get("name", ""), record.get("ttl")
        if not isinstance(ttl, int) or (ttl != 1 and not 60 <= ttl <= 86400):
            raise Refused(400, 9021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.")
        if not HOST.match(name) or len(name) > 253:
            raise Refused(400, 9000, "DNS name is invalid.")
        if name != self.zones[zone] and not name.endswith("." + self.zones[zone]):
            raise Refused(400, 1004, "DNS Validation Error: the name is not in the zone")
        if kind in DATA_KEYS:
            if set(record.get("data", {})) != DATA_KEYS[kind] or "content" in record:
                raise Refused(400, 9101, f"data of {kind} must be {sorted(DATA_KEYS[kind])}")
            return
        if kind not in CONTENT_TYPES:
            raise Refused(400, 9004, f"DNS record type {kind} is invalid.")
        self.check_content(kind, record)

    def check_content(self, kind, record):
        content = record.get("content", "")
        if kind in ("A", "AAAA"):
            try:
                right = ipaddress.ip_address(content).version == (4 if kind == "A" else 6)
            except ValueError:
                right = False
            if not right:
                raise Refused(400, 9005, f"Content for {kind} record must be a valid IP address.")
        elif kind == "TXT":
            if not content or len(content) > 4096:
                raise Refused(400, 9009, "Content for TXT record is invalid.")
        elif not HOST.match(content):
            raise Refused(400, 9007, f"Content for {kind} record is invalid.")
        if kind == "MX" and not isinstance(record.get("priority"), int):
            raise Refused(400, 9103, "priority is required for MX records")

    def check_beside(self, records, record):
        """What a record can't be beside."""
        for other in records.values():
            if other["name"] != record["name"]:
                continue
            same = other["type"] == record["type"]
            equal = all(other.get(part) == record.get(part) for part in ("content", "data"))
            if same and equal:
                raise Refused(400, 81058, "An identical record already exists.")
            if same and record["type"] == "CNAME":
                raise Refused(400, 81053, HOST_EXISTS)
            types = {other["type"], record["type"]}
            if not same and "CNAME" in types and types <= {"A", "AAAA", "CNAME"}:
                raise Refused(400, 81053, HOST_EXISTS)
            if not same and "CNAME" in types:
                raise Refused(400, 81054, "A CNAME record with that host already exists.")

    def batch(self, zone, asked):
        if not isinstance(asked, dict) or not asked or set(asked) - ZONE_KEYS:
            raise Refused(400, 9207, "Request body is invalid.")
        if sum(len(part) for part in asked.values()) > self.BATCH_MAX:
            raise Refused(400, 81045, "The record quota of a batch has been exceeded.")
        records = copy.deepcopy(self.records[zone])
        for gone in asked.get("deletes", []):
            if records.pop(gone.get("id"), None) is None:
                raise Refused(404, 81044, "Record does not exist.")
        for put in asked.get("puts", []):
            if put.get("id") not in records:
                raise Refused(404, 81044, "Record does not exist.")
            self.check(zone, put)
            old = records.pop(put["id"])
            self.check_beside(records, put)
            records[old["id"]] = {**put}
        for post in asked.get("posts", []):
            if "id" in post:
                raise Refused(400, 9207, "Request body is invalid: id")
            self.check(zone, post)
            self.check_beside(records, post)
            self.insert(records, zone, post)
        self.records[zone] = records
        return {}

    def page(self, items, query, per_page_max):
        page = int(query.get("page", ["1"])[0])
        per_page = int(query.get("per_page", [str(min(100, per_page_max))])[0])
        if page < 1 or not 5 <= per_page <= per_page_max:
            raise Refused(400, 6003, "Invalid request parameters")
        pages = max(1, -(-len(items) // per_page))
        info = {"page": page, "per_page": per_page, "total_count": len(items), "total_pages": pages}
        shown = items[(page - 1) * per_page : page * per_page]
        return shown, {**info, "count": len(shown)}

    def respond(self, method, path, query, headers, body):
        """(result, result_info)"""
        if headers.get("Authorization") != f"Bearer {self.token}":
            raise Refused(403, 10000, "Authentication error")
        if self.busy > 0 or self.requests_left <= 0:
            self.busy -= 1
            raise Refused(429, 10429, "More than 1200 requests per 300 seconds reached.")
        self.requests_left -= 1
        parts = path.removeprefix("/client/v4/").split("/")
        if method == "GET" and parts == ["zones"]:
            named = [{"id": zone, "name": name} for zone, name in self.zones.items()]
            wanted = query.get("name")
            return self.page([zone for zone in named if not wanted or zone["name"] == wanted[0]], query, 50)
        if parts[0] != "zones" or len(parts) < 3 or parts[1] not in self.zones or parts[2] != "dns_records":
            raise Refused(404, 7003, "Could not route to the path, perhaps its identifier is invalid?")
        if method == "GET" and len(parts) == 3:
            return self.page(list(self.records[parts[1]].values()), query, 5_000_000)
        if method == "POST" and parts[3:] == ["batch"]:
            if headers.get("Content-Type") != "application/json":
                raise Refused(400, 6007, "Malformed JSON in request body")
            try:
                return self.batch(parts[1], json.loads(body)), None
            except ValueError:
                raise Refused(400, 6007, "Malformed JSON in request body") from None
        raise Refused(405, 10405, "Method not allowed for this authentication scheme")

    def handler(self):
        mock = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                url = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, told = 200, {"success": True, "errors": [], "messages": []}
                with mock.lock:
                    mock.times.append(time.monotonic())
                    mock.calls.append(f"{self.command} {url.path}")
                    try:
                        told["result"], info = mock.respond(
                            self.command, url.path, parse_qs(url.query), self.headers, body
                        )
                        if info:
                            told["result_info"] = info
                        if mock.broken > 0 and self.command != "GET":
                            mock.broken -= 1
                            status, told = 500, {"success": False, "errors": [], "result": None}
                    except Refused as why:
                        status = why.status
                        sent = f" ({self.headers.get('Authorization')})" if mock.tells_all else ""
                        error = {"code": why.code, "message": why.message + sent}
                        told = {"success": False, "errors": [error], "messages": [], "result": None}
                content = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                if status == 429:
                    self.send_header("Retry-After", str(mock.retry_after))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 (names of http.server)

            def log_message(self, *_):
                pass

        return Handler
