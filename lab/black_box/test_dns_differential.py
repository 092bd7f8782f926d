"""The same random zones at weir, Knot and BIND, and the same random queries to each of them."""

import random
import struct
import subprocess

import pytest

from lab import dns
from lab.dns import NXDOMAIN, Client, data_text, dig, drill, kdig, knot, name_text, named, query, zone
from lab.weir import Weir

CODES = {dns.NOERROR: "NOERROR", NXDOMAIN: "NXDOMAIN", dns.REFUSED: "REFUSED"}
SEEDS = (1, 2, 3, 4, 5, 6)
QUERIES = 1200  # to each server, for each seed
WORDS = ["a", "b", "c", "www", "mail", "_tcp", "_sip", "deep", "x-1", "UPPER", "MiXed", "0", "k" * 40]
ALL_TYPES = ["A", "AAAA", "MX", "TXT", "SRV", "CNAME", "NS", "SOA", "CAA", "HTTPS", "SVCB", "PTR", "DS"]
ALL_TYPES += ["ANY", 65280]


# --- zones


class RandomZone:
    """Records that every server takes, as the text of a zone file without SOA and NS of the zone itself."""

    def __init__(self, choose, apex):
        self.choose, self.apex = choose, apex
        self.lines = ["ns1 A 192.0.2.53", "ns1 AAAA 2001:db8::53"]
        self.names = ["ns1"]
        self.cuts = []
        self.plain_names()
        self.wildcards()
        self.delegations()
        self.aliases()
        self.targets()
        self.large()
        choose.shuffle(self.lines)

    def add(self, owner, data, ttl=""):
        self.lines.append(f"{owner} {ttl} {data}")
        self.names.append(owner)

    def owner(self, depth=4):
        """Often below or above one that is there."""
        words = [self.choose.choice(WORDS) for _ in range(self.choose.randrange(1, depth))]
        return ".".join(words) + f".n{self.choose.randrange(4)}"

    def address(self):
        number = self.choose.randrange(1, 255)
        return self.choose.choice([f"A 198.51.100.{number}", f"AAAA 2001:db8::{number:x}"])

    def plain_names(self):
        for _ in range(30):
            owner = self.owner()
            for _ in range(self.choose.randrange(1, 4)):
                self.add(owner, self.address(), 600)
        for i in range(4):
            few = ["TXT one two", 'CAA 0 issue "ca.example"', "PTR www.b.example."]
            self.add(f"p{i}", self.choose.choice(few))
        self.add(".".join("d" * 40), "A 192.0.2.40")  # all between are empty

    def wildcards(self):
        self.add("*.w", "A 192.0.2.7")
        self.add("*.w", "TXT wild")
        self.add("there.w", "TXT there")
        self.add("below.empty.w", "A 192.0.2.8")
        self.add("*.m", "MX 10 ns1")
        self.add("*.v", "CNAME ns1")
        self.add("*.u", f"CNAME {self.choose.choice(['some.w', 'nothing', 'www.elsewhere.example.', 'x.u'])}")
        self.add("*.*.s", "TXT twice")
        self.add(f"*.{self.owner()}", self.address(), 600)

    def delegations(self):
        for i, cut in enumerate(["cut", "cut.deeper", "Plain.cut2", "_cut3"]):
            cut = f"{cut}.z{i}"
            self.cuts.append(cut)
            inside = self.choose.random() < 0.7
            self.add(cut, f"NS ns.{cut}" if inside else "NS ns.elsewhere.example.")
            if inside:
                self.add(f"ns.{cut}", self.address())
            if self.choose.random() < 0.5:
                self.add(cut, "NS ns1")
            if self.choose.random() < 0.5:
                self.add(cut, f"DS {i} 13 2 {i:064x}")
            self.add(f"occluded.{cut}", "TXT occluded")
            self.add(f"a.b.{cut}", self.address())
        self.add("sub.cut.z0", "NS ns1")  # below another
        self.add("*.z9", "A 192.0.2.9")
        self.add("no-glue.z9", "NS ns.no-glue.z9")

    def aliases(self):
        ends = ["ns1", "www.elsewhere.example.", "nothing", "any.w", "deep.cut.z0", "cut.z0", "n0", "loop1"]
        ends.append("@")
        for i, end in enumerate(ends):
            last = end
            for step in range(self.choose.randrange(1, 5)):
                self.add(f"c{step}.to{i}", f"CNAME {last}")
                last = f"c{step}.to{i}"
        self.add("loop1", "CNAME loop2")
        self.add("loop2", "CNAME loop1")
        self.add("self", "CNAME self")

    def targets(self):
        within = [name for name in self.names if "*" not in name]
        for i in range(12):
            others = ["mx.elsewhere.example.", "any.w", "gone"]
            target = self.choose.choice([*self.choose.sample(within, 3), *others])
            self.add(f"mx{i % 5}", f"MX {i} {target}")
            self.add(f"_srv._tcp.s{i % 5}", f"SRV {i} 0 80 {target}")
        self.add("null", "MX 0 .")
        self.add("h", "HTTPS 1 . alpn=h2")
        self.add("h", "A 192.0.2.80")
        self.add("alias.h", "HTTPS 0 h")
        self.add("*.many.h", "HTTPS 1 h alpn=h2,h3 port=8443 ipv4hint=192.0.2.1,192.0.2.2")
        self.add("*.many.h", "HTTPS 2 .")
        self.add("_dns.ns1", "SVCB 1 ns1 alpn=dot ipv6hint=2001:db8::53")
        self.add("to.h", "CNAME x.many.h")
        self.add("@", "MX 10 ns1")
        self.add("@", "A 192.0.2.1")

    def large(self):
        for i in range(1, 150):
            self.add("big", f"TXT {i:03}{'x' * 40}")
        for i in range(1, 25):
            self.add("medium", f"A 192.0.2.{i}")
        for i in range(1, 8):
            self.add("MEDIUM2", f"MX {i} ns1")

    @property
    def text(self):
        return "".join(f"{line}\n" for line in self.lines)

    # --- queries

    def query_name(self):
        """Absolute: of the zone, below, beside, above, or outside."""
        name = self.choose.choice(self.names)
        way = self.choose.random()
        if way < 0.2:
            name = f"{self.choose.choice(WORDS)}.{name}"
        elif way < 0.3:
            name = f"{self.choose.choice(WORDS)}.{self.choose.choice(WORDS)}.{name}"
        elif way < 0.45:
            name = name.partition(".")[2] or self.choose.choice(WORDS)
        elif way < 0.5:
            name = self.owner()
        elif way < 0.6:
            name = name.replace("*", self.choose.choice(WORDS))
        elif way < 0.62:
            return f"{name.replace('@', 'x')}.outside.example."
        elif way < 0.65:
            name = f"{self.choose.choice(WORDS)}.{self.choose.choice(self.cuts)}"
        full = f"{self.apex}." if name == "@" else f"{name.replace('@', 'at')}.{self.apex}."
        return "".join(self.choose.choice([c.upper(), c.lower()]) for c in full) if way > 0.9 else full

    def query(self):
        """(what to show, message, whether by TCP)"""
        name, kind = self.query_name(), self.choose.choice(ALL_TYPES)
        size = self.choose.choice([None, None, 300, 512, 700, 1000, 1232, 1400, 4096])
        tcp = self.choose.random() < 0.2
        flags = self.choose.choice([0, 0, 0x0100, 0x0010])
        message = query(name, kind, number=self.choose.randrange(65536), flags=flags, udp_bytes=size)
        return f"{name} {kind} edns {size} {'tcp' if tcp else 'udp'} flags {flags:#x}", message, tcp


# --- what is compared


def kind_of(message):
    return struct.unpack(">H", message[-4:-2] if message[11] == 0 else message[-15:-13])[0]


def comparable(reply, message):
    """What must be equal: the code, AA, TC, and the sections answer and authority as sets."""
    # A server may say less of what it refuses, and AA is without meaning there.
    if reply.rcode in (dns.REFUSED, dns.NOTIMP):
        return (reply.rcode,)
    answer = set(reply.sections[0])
    authority = set(reply.sections[1])
    # A truncated reply is thrown away by who gets it: how much of it is there differs.
    if reply.truncated:
        return reply.rcode, reply.authoritative, "truncated"
    # RFC 8482: to ANY one set is enough; which one is for any_is_true().
    if kind_of(message) == dns.TYPES["ANY"] and any(kind != "CNAME" for _, kind, _, _ in answer):
        return reply.rcode, reply.authoritative, "any"
    # The zone's own NS beside a positive answer are an extra (minimal responses leave it out).
    if answer:
        ends_here = any(kind != "CNAME" for _, kind, _, _ in answer)
        authority = {record for record in authority if record[1] != "NS" or not ends_here}
    return reply.rcode, reply.authoritative, frozenset(answer), frozenset(authority)


def any_is_true(ours, others):
    """What is given of ANY are records that another server has there, too."""
    known = {record for reply in others for record in reply.sections[0]}
    return set(ours.sections[0]) <= known


def is_circle(reply):
    """Aliases that lead to each other, and nothing else."""
    aliases = {owner: data for owner, kind, _, data in reply.sections[0] if kind == "CNAME"}
    return len(aliases) == len(reply.sections[0]) > 0 and set(aliases.values()) <= set(aliases)


def needed_glue(reply):
    """Additional addresses without which a referral leads nowhere: of servers below the cut itself."""
    if reply.truncated or reply.rcode != 0:
        return set()
    cuts = [(owner, data) for owner, kind, _, data in reply.sections[1] if kind == "NS"]
    inside = {server for owner, server in cuts if server.endswith(owner)}
    return {record for record in reply.sections[2] if record[0] in inside and record[1] in ("A", "AAAA")}


def says_same(ours, theirs, message):
    # Nobody can use a circle of aliases: others end earlier, and BIND says SERVFAIL beside it.
    if is_circle(ours) and ours.rcode == 0 and ours.authoritative:
        return set(theirs.sections[0]) <= set(ours.sections[0])
    if comparable(ours, message) != comparable(theirs, message):
        return False
    return needed_glue(theirs) <= set(ours.sections[2])


def problem_of(ours, message, limit):
    """What is wrong whatever others say."""
    if ours.size > limit:
        return f"{ours.size} octets in place of {limit}"
    if ours.rcode == NXDOMAIN and not any(kind == "SOA" for _, kind, _, _ in ours.sections[1]):
        return "NXDOMAIN without SOA" if not ours.truncated else None
    if ours.question[0][0] != dns.name_bytes(name_text(dns.Reader(message[12:]).name())).lower():
        return "another question"
    return None


# --- the servers


def apex_records(client, apex):
    """The records that weir makes by itself, for the others' zone files."""
    lines = []
    for kind in ("SOA", "NS"):
        for owner, _, ttl, data in client.ask(f"{apex}.", kind).sections[0]:
            text = soa_text(data) if kind == "SOA" else data_text(kind, data)
            lines.append(f"{name_text(owner)} {ttl} {kind} {text}\n")
    assert len(lines) == 2, lines
    return "".join(lines)


def whole_text(client, one):
    """The text of a zone file that needs nothing beside it."""
    return f"$ORIGIN {one.apex}.\n$TTL 300\n{apex_records(client, one.apex)}{one.text}"


def soa_text(data):
    reader = dns.Reader(data)
    names = [name_text(reader.name()) for _ in range(2)]
    return " ".join([*names, *map(str, reader.numbers(">5I"))])


@pytest.fixture(scope="module")
def zones():
    return {f"seed{seed}.example": RandomZone(random.Random(seed), f"seed{seed}.example") for seed in SEEDS}


@pytest.fixture(scope="module")
def servers(tmp_path_factory, zones):
    """Clients of weir, Knot and BIND."""
    directory = tmp_path_factory.mktemp("dns")
    with Weir(directory / "weir") as weir:
        transfers = {"networks": ["127.0.0.0/8"]}
        weir.apply(*[zone(name, one.text, transfers=transfers) for name, one in zones.items()])
        with Client(weir.dns_port) as ours:
            files = {name: whole_text(ours, one) for name, one in zones.items()}
            with knot(directory / "knot", files) as first, named(directory / "named", files) as second:
                with Client(first) as to_knot, Client(second) as to_named:
                    yield ours, to_knot, to_named


def judged(ours, others, message, limit):
    """What is wrong with our reply, if anything. Where Knot and BIND are of two minds, either is right."""
    problem = problem_of(ours, message, limit)
    if problem is None and not any(says_same(ours, theirs, message) for theirs in others):
        problem = "differs from both"
    if problem is None and kind_of(message) == dns.TYPES["ANY"] and not ours.truncated:
        whole = [theirs for theirs in others if not theirs.truncated]
        if whole and not any_is_true(ours, whole):
            problem = "ANY has what nobody else has"
    return problem


@pytest.mark.parametrize("seed", SEEDS)
def test_random_queries_of_a_random_zone(servers, zones, seed):
    one = zones[f"seed{seed}.example"]
    found = []
    for _ in range(QUERIES):
        shown, message, tcp = one.query()
        ours, *others = [client.exchange(message, tcp) for client in servers]
        size = struct.unpack(">H", message[-8:-6])[0] if message[11] else 512
        problem = judged(ours, others, message, 65535 if tcp else max(512, size))
        if problem:
            replies = f"weir: {ours}\nknot: {others[0]}\nbind: {others[1]}"
            found.append(f"seed {seed}: {shown}: {problem}\n{replies}")
    assert not found, f"{len(found)} of {QUERIES}\n" + "\n\n".join(found[:20])


def canonical(apex, text, file):
    """The records that BIND finds in the text, as it writes them."""
    file.write_text(text)
    # What names lead to is not looked at: ours lead to nowhere, too.
    words = ["named-checkzone", "-i", "none", "-k", "ignore", "-M", "ignore", "-S", "ignore", "-D", "-o", "-"]
    done = subprocess.run([*words, apex, file], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted({line.casefold() for line in done.stdout.splitlines() if line and not line.startswith(";")})


@pytest.mark.parametrize("seed", SEEDS)
def test_a_copy_is_a_zone_file_that_bind_takes_for_the_same_zone(servers, zones, seed, tmp_path):
    apex = f"seed{seed}.example"
    flags = ["+nocmd", "+nostats", "+nocomments", "+noquestion"]
    copied = dig(servers[0].at[1], apex, "AXFR", *flags).text
    ours = canonical(apex, copied, tmp_path / "copied.zone")
    assert len(ours) > 300
    assert ours == canonical(apex, whole_text(servers[0], zones[apex]), tmp_path / "written.zone")


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_drill_and_kdig_read_what_is_answered(servers, zones, seed):
    one = RandomZone(random.Random(seed), f"seed{seed}.example")
    ours = servers[0]
    for _ in range(30):
        name, kind = one.query_name(), one.choose.choice(ALL_TYPES[:13])
        reply = ours.exchange(query(name, kind), tcp=True)
        shown = kdig(ours.at[1], name, kind)
        code, data = drill(ours.at[1], name, kind, "-t")
        found = (CODES[reply.rcode], len(reply.sections[0]))
        assert (shown.status, len(shown.answer)) == found == (code, len(data)), f"{name} {kind}"
