"""Providers of DNS that zones are written to: real PowerDNS, Knot and BIND, Route 53 as moto plays it, and
objects that name them."""

import http.client
import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from lab.process import ROOT, Process, accepts, free_port, wait_until

SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
MOTO = ROOT / "build" / "tools" / "moto" / "bin" / "python"


def secret(name, /, **values):
    return {"kind": "Secret", "metadata": {"name": name}, "spec": {"values": values}}


def provider(name, kind, url, zones, **spec):
    wanted = {"type": kind, "url": url, "credentials": name, "zones": zones, "interval": "1s", **spec}
    return {"kind": "DnsProvider", "metadata": {"name": name}, "spec": wanted}


class PowerDns:
    """PowerDNS Authoritative Server with zones in a SQLite file."""

    KEY = "k3y-of-powerdns"

    def __init__(self, directory):
        self.port, self.dns_port = free_port(), free_port()
        database = Path(directory) / "pdns.sqlite3"
        with closing(sqlite3.connect(database)) as made:
            made.executescript(SCHEMA.read_text())
        self.process = Process(
            [
                "/usr/sbin/pdns_server",
                f"--config-dir={directory}",
                "--launch=gsqlite3",
                f"--gsqlite3-database={database}",
                "--api=yes",
                f"--api-key={self.KEY}",
                "--webserver=yes",
                "--webserver-address=127.0.0.1",
                f"--webserver-port={self.port}",
                "--local-address=127.0.0.1",
                f"--local-port={self.dns_port}",
                f"--socket-dir={directory}",
                "--guardian=no",
                "--daemon=no",
                "--disable-syslog=yes",
                "--negquery-cache-ttl=0",
                "--query-cache-ttl=0",
                "--cache-ttl=0",
                "--zone-cache-refresh-interval=0",
            ],
            Path(directory) / "pdns.log",
        )
        wait_until(lambda: accepts(self.port) and accepts(self.dns_port), 10, "PowerDNS listening")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def call(self, method, path, body=None):
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            headers = {"X-API-Key": self.KEY, "Content-Type": "application/json"}
            connection.request(method, f"/api/v1/servers/localhost{path}", json.dumps(body), headers)
            response = connection.getresponse()
            content = response.read()
            assert response.status < 300, f"{response.status} {content}"
            return json.loads(content) if content else None

    def make_zone(self, name, rrsets=()):
        wanted = {"name": name + ".", "kind": "Native", "nameservers": ["ns1.elsewhere.example."]}
        self.call("POST", "/zones", {**wanted, "rrsets": list(rrsets)})

    def write(self, zone, name, record_type, values, ttl=300):
        """As somebody does who is not weir."""
        records = [{"content": value, "disabled": False} for value in values]
        rrset = {"name": name, "type": record_type, "ttl": ttl, "changetype": "REPLACE", "records": records}
        self.call("PATCH", f"/zones/{zone}.", {"rrsets": [rrset]})

    def shown(self, zone):
        """{"www.a.example. A": {"192.0.2.1"}}, but for the zone's own SOA and NS."""
        return {
            f"{one['name']} {one['type']}": {record["content"] for record in one["records"]}
            for one in self.call("GET", f"/zones/{zone}.")["rrsets"]
            if one["type"] != "SOA" and (one["type"] != "NS" or one["name"] != zone + ".")
        }

    def stop(self):
        self.process.stop(2)


class Knot:
    """Knot with an empty zone that who has a key copies and updates."""

    KEY, SECRET = "weir-key", "YSBzZWNyZXQgb2YgMzIgb2N0ZXRzLCBvciBzbyAuLi4="

    def __init__(self, directory, zone):
        directory = Path(directory)
        self.zone, self.port = zone, free_port()
        soa = f"{zone}. 300 SOA ns1.elsewhere.example. host.{zone}. 1 3600 900 86400 60\n"
        (directory / f"{zone}.zone").write_text(soa + f"{zone}. 300 NS ns1.elsewhere.example.\n")
        self.process = Process(self.configure(directory), directory / "log")
        wait_until(lambda: accepts(self.port) and self.shown() == {}, 10, "the server having the zone")

    def configure(self, directory):
        """The words that it is started with."""
        (directory / "db").mkdir()
        (directory / "knot.conf").write_text(f"""\
server:
  listen: 127.0.0.1@{self.port}
  rundir: {directory}
  udp-workers: 1
  tcp-workers: 1
database:
  storage: {directory}/db
log:
  - target: stdout
    any: info
key:
  - id: {self.KEY}
    algorithm: hmac-sha256
    secret: {self.SECRET}
acl:
  - id: weir
    key: {self.KEY}
    action: [transfer, update]
zone:
  - domain: {self.zone}
    storage: {directory}
    file: {self.zone}.zone
    acl: weir
""")
        return ["knotd", "-c", directory / "knot.conf"]

    def run(self, words, given=None):
        key = f"hmac-sha256:{self.KEY}:{self.SECRET}"
        words = [words[0], "-y", key, *map(str, words[1:])]
        return subprocess.run(words, input=given, capture_output=True, text=True, timeout=20)

    def update(self, *lines):
        """As somebody does who is not weir: "add www.a.example. 60 A 192.0.2.1"."""
        server = f"server 127.0.0.1 {self.port}\nzone {self.zone}.\n"
        done = self.run(["knsupdate", "-v"], server + "\n".join(lines) + "\nsend\n")
        assert done.returncode == 0, done.stdout + done.stderr

    def shown(self):
        """{"www.a.example. A": {"192.0.2.1"}}, but for the zone's own SOA and NS; None: it is not there."""
        words = ["kdig", "@127.0.0.1", "-p", self.port, "+retry=0", self.zone, "AXFR"]
        lines = [line.split(None, 4) for line in self.run(words).stdout.splitlines()]
        sets = {}
        for owner, _, _, kind, data in (line for line in lines if len(line) == 5 and line[0][0] != ";"):
            sets.setdefault(f"{owner} {kind}", set()).add(data.rstrip())
        there = f"{self.zone}. SOA" in sets
        own = {f"{self.zone}. SOA", f"{self.zone}. NS"}
        shown = {key: values for key, values in sets.items() if key not in own and not key.endswith("TSIG")}
        return shown if there else None

    def stop(self):
        self.process.stop(2)


class Bind(Knot):
    """The same of BIND."""

    def configure(self, directory):
        (directory / "named.conf").write_text(f"""\
key "{self.KEY}" {{ algorithm hmac-sha256; secret "{self.SECRET}"; }};
options {{
  directory "{directory}"; listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; pid-file none; session-keyfile "{directory}/session.key"; lock-file none;
  managed-keys-directory "{directory}"; notify no; dnssec-validation no;
}};
controls {{ }};
zone "{self.zone}" {{
  type primary; file "{self.zone}.zone";
  allow-transfer {{ key "{self.KEY}"; }}; update-policy {{ grant {self.KEY} zonesub ANY; }};
}};
""")
        return ["named", "-g", "-n", "1", "-c", directory / "named.conf"]


class Moto:
    """AWS, as moto plays it, on a port of its own."""

    def __init__(self, directory):
        self.port = free_port()
        run = "import sys; from moto.server import main; main(sys.argv[1:])"
        self.process = Process(
            [MOTO, "-c", run, "-H", "127.0.0.1", "-p", self.port], Path(directory) / "moto.log"
        )
        wait_until(lambda: accepts(self.port), 30, "moto listening")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def run(self, code):
        """A piece of Python with `route53`, a client of boto3; gives what it puts into `result`, as JSON."""
        program = f"""
import boto3, json
route53 = boto3.client("route53", region_name="us-east-1", endpoint_url={self.url!r},
                       aws_access_key_id="a", aws_secret_access_key="b")
{code}
print(json.dumps(result, default=str))
"""
        done = Process([MOTO, "-c", program], self.process.log_path.with_suffix(".client"))
        assert done.wait(30) == 0, done.log()
        return json.loads(done.log().splitlines()[-1])

    def make_zone(self, name):
        made = f"route53.create_hosted_zone(Name={name!r}, CallerReference='1')"
        return self.run(f"result = {made}['HostedZone']['Id']")

    def change(self, zone, action, **record_set):
        change = {"Action": action, "ResourceRecordSet": record_set}
        return self.run(
            f"result = route53.change_resource_record_sets(HostedZoneId={zone!r}, "
            f"ChangeBatch={{'Changes': [{change!r}]}})['ChangeInfo']['Id']"
        )

    def shown(self, zone, name):
        sets = self.run(
            "result = [one for page in route53.get_paginator('list_resource_record_sets').paginate("
            f"HostedZoneId={zone!r}) for one in page['ResourceRecordSets']]"
        )
        return {
            f"{one['Name'].replace(chr(92) + '052', '*')} {one['Type']}": {
                record["Value"] for record in one.get("ResourceRecords", [])
            }
            for one in sets
            if one["Type"] != "SOA" and (one["Type"] != "NS" or one["Name"] != name + ".")
        }

    def stop(self):
        self.process.stop(2)
