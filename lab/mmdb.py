"""Files of MaxMind's format (https://maxmind.github.io/MaxMind-DB/), as small as a test needs them: which
country and which continent networks are in."""

import ipaddress
import struct
from pathlib import Path

MARKER = b"\xab\xcd\xefMaxMind.com"
SEPARATOR = bytes(16)
V4_BITS = 96  # in a file with both families, IPv4 is at ::/96


def encoded(value):
    """A value of the data section: maps, texts, and numbers as (type, bytes, number)."""
    if isinstance(value, dict):
        return head(7, len(value)) + b"".join(encoded(key) + encoded(one) for key, one in value.items())
    if isinstance(value, list):
        return head(11, len(value)) + b"".join(encoded(one) for one in value)
    if isinstance(value, str):
        text = value.encode()
        return head(2, len(text)) + text
    kind, size, number = value
    return head(kind, size) + number.to_bytes(size, "big")


def head(kind, size):
    """The control octets: types above 7 stand in an octet of their own, sizes from 29 on as well."""
    extra = bytes([size - 29]) if size >= 29 else b""
    first = min(size, 29)
    return (bytes([kind << 5 | first]) if kind <= 7 else bytes([first, kind - 7])) + extra


def uint16(number):
    return 5, 2, number


def uint32(number):
    return 6, 4, number


def uint64(number):
    return 9, 8, number


class Tree:
    """Nodes of two records each: None, the number of a node, or (offset,) of what is known."""

    def __init__(self):
        self.nodes = [[None, None]]

    def put(self, network, leaf):
        bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen]
        if network.version == 4:
            bits = "0" * V4_BITS + bits
        at = 0
        for bit in map(int, bits[:-1]):
            below = self.nodes[at][bit]
            if not isinstance(below, int):
                self.nodes.append([below, below])  # what holds for all holds for both halves
                below = self.nodes[at][bit] = len(self.nodes) - 1
            at = below
        self.nodes[at][int(bits[-1])] = leaf

    def encoded(self):
        count = len(self.nodes)
        numbers = []
        for record in (record for node in self.nodes for record in node):
            if record is None:
                numbers.append(count)
            elif isinstance(record, int):
                numbers.append(record)
            else:
                numbers.append(count + len(SEPARATOR) + record[0])
        return b"".join(struct.pack(">I", number) for number in numbers)


def write(path, places):
    """places: (country, continent) by network, wider networks before those within them. The file is put into
    its place as a whole, as who brings a new one does."""
    tree, data, offsets = Tree(), b"", {}
    for text, (country, continent) in places.items():
        entry = {"country": {"iso_code": country}} if country else {}
        entry |= {"continent": {"code": continent}} if continent else {}
        octets = encoded(entry)
        if octets not in offsets:
            offsets[octets] = len(data)
            data += octets
        tree.put(ipaddress.ip_network(text), (offsets[octets],))
    metadata = {
        "node_count": uint32(len(tree.nodes)),
        "record_size": uint16(32),
        "ip_version": uint16(6),
        "database_type": "Weir-Lab-Country",
        "languages": ["en"],
        "binary_format_major_version": uint16(2),
        "binary_format_minor_version": uint16(0),
        "build_epoch": uint64(1_795_996_800),
        "description": {"en": "of the lab"},
    }
    beside = Path(f"{path}.new")
    beside.write_bytes(tree.encoded() + SEPARATOR + data + MARKER + encoded(metadata))
    beside.rename(path)
