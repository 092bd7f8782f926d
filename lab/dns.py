"""DNS: objects of weir's name server, the clients people have, messages octet by octet, and other servers."""

import ipaddress
import random
import re
import socket
import struct
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.process import Process, Timeout, free_port, wait_until

TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33,
    "NAPTR": 35, "DS": 43, "SSHFP": 44, "TLSA": 52, "SVCB": 64, "HTTPS": 65, "ANY": 255, "CAA": 257,
}  # fmt: skip
NAMES = {number: name for name, number in TYPES.items()}
OPT = 41
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
# Octets before the names in record data, and the number of those names.
NAMES_IN_DATA = {
    "NS": (0, 1), "CNAME": (0, 1), "PTR": (0, 1), "SOA": (0, 2), "MX": (2, 1), "SRV": (6, 1), "SVCB": (2, 1),
    "HTTPS": (2, 1),
}  # fmt: skip


# --- objects


def zone(name, records="", **spec):
    spec = {"nameservers": ["ns1"], "ttl": 300, "negative_ttl": 60, **spec}
    if records:
        spec["records"] = records
    return {"kind": "Zone", "metadata": {"name": name}, "spec": spec}


def record_set(name, zone_name, owner, record_type, **spec):
    wanted = {"zone": zone_name, "name": owner, "type": record_type, **spec}
    return {"kind": "RecordSet", "metadata": {"name": name}, "spec": wanted}


# --- the clients


@dataclass
class Shown:
    """What dig or kdig printed."""

    text: str

    @property
    def status(self):
        return re.search(r"status: (\w+)", self.text).group(1)

    @property
    def flags(self):
        return set(re.search(r"^;; [Ff]lags: ([\w ]*);", self.text, re.M).group(1).split())

    def section(self, title):
        """Lines as (owner, ttl, type, data). Clients differ in the space that they write after CAA."""
        found = re.search(rf"^;; {title}[^\n]*\n(.*?)(?:\n\n|\n;;|\Z)", self.text, re.M | re.S)
        lines = found.group(1).splitlines() if found else []
        words = [line.rstrip().split(None, 4) for line in lines if line and not line.startswith(";")]
        return [(owner, int(ttl), kind, data) for owner, ttl, _, kind, data in words]

    @property
    def answer(self):
        return self.section("ANSWER SECTION")

    @property
    def authority(self):
        return self.section("AUTHORITY SECTION")

    @property
    def additional(self):
        return self.section("ADDITIONAL SECTION")

    @property
    def data(self):
        return [data for _, _, _, data in self.answer]


def run(words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def dig(port, name, record_type, *flags):
    words = ["dig", "-r", "@127.0.0.1", "-p", port, "+tries=1", "+timeout=5", "+norecurse", *flags]
    return Shown(run([*words, "-q", name, "-t", record_type]))


def kdig(port, name, record_type, *flags):
    words = ["kdig", "@127.0.0.1", "-p", port, "+retry=0", "+timeout=5", "+norec", *flags]
    return Shown(run([*words, "-q", name, "-t", record_type]))


def drill(port, name, record_type, *flags):
    """(rcode, data of the answers)"""
    text = run(["drill", "-p", port, "-o", "rd", *flags, name, "@127.0.0.1", record_type])
    code = re.search(r"rcode: (\w+)", text).group(1)
    answers = text.partition(";; ANSWER SECTION:\n")[2].partition("\n;; AUTHORITY")[0]
    return code, [line.split(None, 4)[4].rstrip() for line in answers.splitlines() if line]


# --- messages


def labels(name):
    """Octets of the labels of an absolute name, as a zone file writes it: \\. and \\DDD."""
    found, label, at = [], bytearray(), 0
    while at < len(name):
        if name[at] == "." and label:
            found.append(bytes(label))
            label = bytearray()
        elif name[at] == "\\":
            number = re.match(r"\d{3}", name[at + 1 :])
            label.append(int(number.group()) if number else ord(name[at + 1]))
            at += 3 if number else 1
        elif name[at] != ".":
            label.append(ord(name[at]))
        at += 1
    return [*found, bytes(label)] if label else found


def name_bytes(name):
    return b"".join(bytes([len(label)]) + label for label in labels(name)) + b"\0"


def query(name, record_type, *, number=0, flags=0, udp_bytes=None, options=b""):
    """udp_bytes: those of EDNS; None: without EDNS."""
    kind = TYPES[record_type] if isinstance(record_type, str) else record_type
    message = struct.pack(">6H", number, flags, 1, 0, 0, 0 if udp_bytes is None else 1)
    message += name_bytes(name) + struct.pack(">HH", kind, 1)
    if udp_bytes is not None:
        message += b"\0" + struct.pack(">HHIH", OPT, udp_bytes, 0, len(options)) + options
    return message


class Reader:
    def __init__(self, message):
        self.message, self.at = message, 0

    def numbers(self, form):
        found = struct.unpack_from(form, self.message, self.at)
        self.at += struct.calcsize(form)
        return found

    def name(self):
        """Lower case, in wire form, without pointers."""
        found, at, end = b"", self.at, None
        while self.message[at]:
            size = self.message[at]
            if size >= 0xC0:
                end = end or at + 2
                before, at = at, (size & 0x3F) << 8 | self.message[at + 1]
                assert at < before, "a pointer that leads forward"
                continue
            found += self.message[at : at + 1 + size]
            at += 1 + size
        self.at = end or at + 1
        return found.lower() + b"\0"

    def record(self):
        """(owner, type, TTL, data)"""
        owner = self.name()
        kind, _, ttl, size = self.numbers(">HHIH")
        end = self.at + size
        before, names = NAMES_IN_DATA.get(NAMES.get(kind), (size, 0))
        data = self.message[self.at : self.at + before]
        self.at += before
        for _ in range(names):
            data += self.name()
        data += self.message[self.at : end]
        assert self.at <= end, "a name beyond its record"
        self.at = end
        return owner, NAMES.get(kind, kind), ttl, data


@dataclass
class Reply:
    number: int
    flags: int
    question: tuple
    sections: list  # answer, authority, additional: sorted records
    opt: tuple | None
    size: int
    given: list = field(default_factory=list, compare=False)  # the answer, in the server's order

    @property
    def rcode(self):
        return self.flags & 15

    @property
    def authoritative(self):
        return bool(self.flags & 0x0400)

    @property
    def truncated(self):
        return bool(self.flags & 0x0200)

    def __str__(self):
        words = ["AA"] * self.authoritative + ["TC"] * self.truncated
        lines = [f"rcode {self.rcode} {' '.join(words)} {self.size} octets"]
        for title, records in zip(("answer", "authority", "additional"), self.sections, strict=True):
            lines += [f"  {title}: {name_text(owner)} {ttl} {kind} {data_text(kind, data)}"
                      for owner, kind, ttl, data in records]  # fmt: skip
        return "\n".join(lines)


def name_text(wire):
    text, at = "", 0
    while wire[at]:
        label = wire[at + 1 : at + 1 + wire[at]]
        text += "".join(chr(c) if 32 < c < 127 and c not in b'.\\"' else f"\\{c:03}" for c in label) + "."
        at += 1 + wire[at]
    return text or "."


def data_text(kind, data):
    if kind in ("A", "AAAA"):
        return str(ipaddress.ip_address(data))
    if kind in ("NS", "CNAME", "PTR"):
        return name_text(data)
    if kind in ("MX", "SRV"):
        before = NAMES_IN_DATA[kind][0]
        return f"{data[:before].hex()} {name_text(data[before:])}"
    return repr(data if len(data) < 60 else data[:60] + b"...")


def parse(message):
    reader = Reader(message)
    number, flags, questions, *counts = reader.numbers(">6H")
    question = [(reader.name(), *reader.numbers(">HH")) for _ in range(questions)]
    sections = [[reader.record() for _ in range(count)] for count in counts]
    assert reader.at == len(message), "octets after the message"
    opt = [record for record in sections[2] if record[1] == OPT]
    sections[2] = [record for record in sections[2] if record[1] != OPT]
    assert len(opt) <= 1, "more than one OPT"
    ordered = [sorted(section, key=str) for section in sections]
    found = opt[0] if opt else None
    return Reply(number, flags, tuple(question), ordered, found, len(message), given=sections[0])


def exactly(connection, count):
    got = b""
    while len(got) < count:
        piece = connection.recv(count - len(got))
        if not piece:
            raise ConnectionError("the server closed")
        got += piece
    return got


class Client:
    """One UDP socket and one TCP connection to one server, used for all queries."""

    def __init__(self, port, address="127.0.0.1", timeout_s=5.0):
        self.at, self.timeout_s = (address, port), timeout_s
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.settimeout(timeout_s)
        self.udp.connect(self.at)
        self.tcp = None

    def send(self, message, tcp=False):
        if tcp:
            self.tcp = self.tcp or socket.create_connection(self.at, timeout=self.timeout_s)
            self.tcp.sendall(struct.pack(">H", len(message)) + message)
        else:
            self.udp.send(message)

    def receive(self, tcp=False):
        if tcp:
            return parse(exactly(self.tcp, struct.unpack(">H", exactly(self.tcp, 2))[0]))
        return parse(self.udp.recv(65536))

    def exchange(self, message, tcp=False):
        """The reply to this message; others' are left aside."""
        try:
            self.send(message, tcp)
        except OSError:
            if self.tcp is None or not tcp:
                raise
            self.tcp = None  # it was idle for too long
            self.send(message, tcp)
        while True:
            reply = self.receive(tcp)
            if reply.number == struct.unpack(">H", message[:2])[0]:
                return reply

    def ask(self, name, record_type="A", *, tcp=False, **more):
        return self.exchange(query(name, record_type, number=random.randrange(1, 65536), **more), tcp)

    def addresses(self, name, record_type="A", **more):
        """As text, in the order of sorting."""
        answer = self.ask(name, record_type, **more).sections[0]
        return sorted(str(ipaddress.ip_address(data)) for _, kind, _, data in answer if kind == record_type)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.udp.close()
        if self.tcp:
            self.tcp.close()


# --- other servers


def wait_answering(process, port, zone_name):
    """Until it answers for the zone."""

    def answers():
        if not process.running():
            raise AssertionError(f"{process.arguments[0]} exited:\n{process.log()[-3000:]}")
        try:
            with Client(port, timeout_s=0.2) as client:
                return client.ask(zone_name, "SOA").authoritative
        except OSError:
            return False

    try:
        wait_until(answers, 20, f"{process.arguments[0]} answering for {zone_name}")
    except Timeout as late:
        raise Timeout(f"{late}\n{process.log()[-3000:]}") from None


@contextmanager
def running(words, directory, port, zone_names):
    process = Process(words, directory / "log")
    try:
        for name in zone_names:
            wait_answering(process, port, name)
        yield port
    finally:
        process.stop()


def knot(directory, zones):
    """zones: {name: text of its file}. A context whose value is the port."""
    directory.mkdir(parents=True)
    port = free_port()
    text = f"server:\n  listen: 127.0.0.1@{port}\n  rundir: {directory}\n  udp-workers: 1\n  tcp-workers: 1\n"
    text += f"database:\n  storage: {directory}/db\nlog:\n  - target: stdout\n    any: info\n"
    text += f"template:\n  - id: default\n    storage: {directory}\n    semantic-checks: off\n"
    text += "    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\nzone:\n"
    for name, records in zones.items():
        (directory / f"{name}.zone").write_text(records)
        text += f"  - domain: {name}\n    file: {name}.zone\n"
    (directory / "knot.conf").write_text(text)
    return running(["knotd", "-c", directory / "knot.conf"], directory, port, zones)


def named(directory, zones):
    """As knot()."""
    directory.mkdir(parents=True)
    port = free_port()
    text = f'options {{ directory "{directory}"; listen-on port {port} {{ 127.0.0.1; }}; recursion no;\n'
    text += f'  listen-on-v6 {{ none; }}; pid-file none; session-keyfile "{directory}/session.key";\n'
    text += f'  lock-file none; managed-keys-directory "{directory}"; notify no; dnssec-validation no;\n'
    text += "  check-names primary ignore; check-integrity no; check-mx ignore; max-records-per-type 0;\n"
    text += "  check-mx-cname ignore; check-srv-cname ignore; answer-cookie no; minimal-responses yes; };\n"
    text += "controls { };\n"
    for name, records in zones.items():
        (directory / f"{name}.zone").write_text(records)
        text += f'zone "{name}" {{ type primary; file "{name}.zone"; }};\n'
    (directory / "named.conf").write_text(text)
    words = ["named", "-g", "-n", "1", "-c", directory / "named.conf"]
    return running(words, directory, port, zones)
