"""The metadata services of clouds, as strict as their own: what a request lacks (a token, a header, the
method), is refused as the real one refuses it, and everything else is 404."""

import base64
import contextlib
import json
import os
import re
import socket
import threading
import tty
import zlib
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "AQAEAtoken=="


@dataclass(frozen=True)
class Machine:
    """What a cloud knows of one."""

    instance: str
    region: str  # of those clouds that have both, the zone says the region
    zone: str
    private: str
    public: str


def aws(method, path, headers, machine):
    """IMDSv2: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-v2-how-it-works.html"""
    if path == "/latest/api/token":
        ttl = headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if method != "PUT" or "X-Forwarded-For" in headers:
            return 405 if method != "PUT" else 403, ""
        return (200, TOKEN) if ttl.isdigit() and 1 <= int(ttl) <= 21600 else (400, "")
    if not path.startswith("/latest/"):
        return 404, ""
    if method != "GET" or headers.get("X-aws-ec2-metadata-token") != TOKEN:
        return 401, ""
    document = {
        "instanceId": machine.instance,
        "region": machine.region,
        "availabilityZone": machine.zone,
        "privateIp": machine.private,
    }
    answers = {
        "/latest/dynamic/instance-identity/document": json.dumps(document),
        "/latest/meta-data/public-ipv4": machine.public,
    }
    return (200, answers[path]) if path in answers else (404, "")


def gcp(method, path, headers, machine):
    if "X-Forwarded-For" in headers or headers.get("Metadata-Flavor") != "Google":
        return 403, "Missing Metadata-Flavor:Google header."
    if method != "GET" or path != "/computeMetadata/v1/instance/?recursive=true":
        return 404, ""
    outside = {"externalIp": machine.public, "type": "ONE_TO_ONE_NAT"}
    interface = {"ip": machine.private, "accessConfigs": [outside]}
    zone = f"projects/12/zones/{machine.zone}"
    return 200, json.dumps({"id": int(machine.instance), "zone": zone, "networkInterfaces": [interface]})


def azure(method, path, headers, machine):
    if headers.get("Metadata") != "true" or "X-Forwarded-For" in headers:
        return 400, json.dumps({"error": "Bad request. Required metadata header not specified"})
    name, _, query = path.partition("?")
    if method != "GET" or name != "/metadata/instance":
        return 404, ""
    if query != "api-version=2021-02-01":
        return 400, json.dumps({"error": "Bad request. api-version is invalid or was not specified"})
    address = {"privateIpAddress": machine.private, "publicIpAddress": machine.public}
    network = {"interface": [{"ipv4": {"ipAddress": [address]}}]}
    compute = {"location": machine.region, "vmId": machine.instance, "zone": machine.zone}
    return 200, json.dumps({"compute": compute, "network": network})


def digitalocean(method, path, headers, machine):
    if method != "GET" or path != "/metadata/v1.json":
        return 404, ""
    interfaces = {
        "public": [{"ipv4": {"ip_address": machine.public}}],
        "private": [{"ipv4": {"ip_address": machine.private}}],
    }
    told = {"droplet_id": int(machine.instance), "region": machine.region, "interfaces": interfaces}
    return 200, json.dumps(told)


def hetzner(method, path, headers, machine):
    answers = {
        "instance-id": machine.instance,
        "availability-zone": machine.zone,
        "region": machine.region,
        "public-ipv4": machine.public,
        "private-networks": f"- ip: {machine.private}\n  alias_ips: []\n  interface_num: 1\n",
    }
    name = path.removeprefix("/hetzner/v1/metadata/")
    return (200, answers[name]) if method == "GET" and name in answers else (404, "not found")


def openstack(method, path, headers, machine):
    answers = {
        "/openstack/latest/meta_data.json": json.dumps(
            {"uuid": machine.instance, "availability_zone": machine.zone}
        ),
        "/latest/meta-data/local-ipv4": machine.private,
        "/latest/meta-data/public-ipv4": machine.public,
    }
    return (200, answers[path]) if method == "GET" and path in answers else (404, "")


CLOUDS = {
    "aws": (aws, Machine("i-0abc", "eu-central-1", "eu-central-1b", "10.0.0.4", "198.51.100.4")),
    "gcp": (gcp, Machine("4711", "europe-west3", "europe-west3-b", "10.0.0.5", "198.51.100.5")),
    "azure": (azure, Machine("02aab8a4-74ef", "westeurope", "2", "10.0.0.6", "198.51.100.6")),
    "digitalocean": (digitalocean, Machine("2756294", "fra1", "", "10.0.0.7", "198.51.100.7")),
    "hetzner": (hetzner, Machine("42", "eu-central", "fsn1-dc14", "10.0.0.8", "198.51.100.8")),
    "openstack": (openstack, Machine("83679162", "", "nova", "10.0.0.9", "198.51.100.9")),
}


class Metadata:
    """The service of one cloud; machines: who is told what, by the address that asks, as clouds do it.
    Without, everybody is the same one."""

    def __init__(self, cloud, at=("127.0.0.1", 0), machines=None):
        answer, everybody = CLOUDS[cloud]

        class Handler(BaseHTTPRequestHandler):
            def respond(self):
                machine = machines.get(self.client_address[0]) if machines is not None else everybody
                known = machine is not None
                status, text = answer(self.command, self.path, self.headers, machine) if known else (404, "")
                content = text.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = respond  # noqa: N815 (names of http.server)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(at, Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class SmartOs:
    """The metadata socket of a zone of SmartOS: version 2 of its protocol, once that is agreed upon, and to
    the letter: https://eng.tritondatacenter.com/mdata/protocol.html"""

    REQUEST = re.compile(rb"V2 (\d+) ([0-9a-f]{8}) (([0-9a-f]{8}) (GET) ([A-Za-z0-9+/]+={0,2}))")
    NICS = [
        {"interface": "net1", "ip": "10.0.0.10", "ips": ["10.0.0.10/16"], "nic_tag": "internal"},
        {"interface": "net0", "ip": "198.51.100.10", "ips": ["198.51.100.10/24"], "primary": True},
    ]
    VALUES = {
        "sdc:uuid": "7a3c1f60-0f0e-4e5b",
        "sdc:datacenter_name": "eu-ams-1",
        "sdc:nics": json.dumps(NICS),
        "sdc:hostname": "web",
    }

    def __init__(self, directory):
        self.url = str(directory / "metadata.sock")
        self.asked = []
        self.listener = socket.create_server(self.url, family=socket.AF_UNIX)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                with connection, connection.makefile("rwb", buffering=0) as stream:
                    self.serve(stream)

    def serve(self, stream):
        agreed = False
        for line in stream:
            if line == b"NEGOTIATE V2\n":
                agreed = True
                stream.write(b"V2_OK\n")
            else:
                stream.write((self.answer(line[:-1]) if agreed else None) or b"invalid command\n")

    def answer(self, line):
        """None: that is no request."""
        found = self.REQUEST.fullmatch(line)
        if not found or int(found[1]) != len(found[3]) or int(found[2], 16) != zlib.crc32(found[3]):
            return None
        key = base64.b64decode(found[6], validate=True).decode()
        self.asked.append(key)
        value = self.VALUES.get(key)
        words = b"NOTFOUND" if value is None else b"SUCCESS " + base64.b64encode(value.encode())
        body = found[4] + b" " + words
        return f"V2 {len(body)} {zlib.crc32(body):08x} ".encode() + body + b"\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


class SmartOsSerial(SmartOs):
    """The same at the serial port of a virtual machine, where half of an answer to somebody else lies."""

    def __init__(self, _directory):
        self.asked = []
        host, self.machine = os.openpty()
        tty.setraw(self.machine)
        self.url = os.ttyname(self.machine)
        self.stream = os.fdopen(host, "r+b", buffering=0)
        self.stream.write(b"CCESS aGFsZg==\n")
        threading.Thread(target=self.serve_serial, daemon=True).start()

    def serve_serial(self):
        with contextlib.suppress(OSError):
            self.serve(self.stream)

    def __exit__(self, *_):
        os.close(self.machine)


if __name__ == "__main__":
    import sys

    with Metadata(sys.argv[1], ("169.254.169.254", 80)):
        threading.Event().wait()
