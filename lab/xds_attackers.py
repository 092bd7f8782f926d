#!/usr/bin/env python3
"""Clients of discovery that do what none should: `xds_attackers.py NAME IDENTITY.json` does one of them until
it is ended, and says how each of its streams ended, a line each. Each is a process of its own, so that it
takes no time from who measures."""

import json
import os
import random
import socket
import ssl
import struct
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import grpc  # noqa: E402

from lab import http2, xds  # noqa: E402

NAMES = 20_000


class Attacker:
    """An enrolled node, as the file says (Identity.save)."""

    def __init__(self, path):
        known = json.loads(Path(path).read_text())
        self.node, self.address, self.xds_port, self.NAME = known["node"], *known["controller"]
        self.pems = {what: known[what].encode() for what in ("ca", "key", "certificate")}
        self.directory = Path(path).parent

    def channel(self):
        pems = self.pems
        return xds.channel(self, grpc.ssl_channel_credentials(pems["ca"], pems["key"], pems["certificate"]))

    def stream(self, *, delta=True):
        return xds.Stream(self.channel(), self.node, delta=delta)

    def connect(self):
        """Below gRPC: a connection that has shown its certificate."""
        context = ssl.create_default_context(cadata=self.pems["ca"].decode())
        context.set_alpn_protocols(["h2"])
        pair = self.directory / f"{self.node['id']}.pem"
        pair.write_bytes(self.pems["key"] + b"\n" + self.pems["certificate"])
        context.load_cert_chain(pair)
        made = socket.create_connection((self.address, self.xds_port), 10)
        return context.wrap_socket(made, server_hostname=self.NAME)


def say(ended):
    print(*ended, flush=True)


def nonsense_nonces(attacker):
    """Says that it has accepted what nobody sent."""
    while True:
        with attacker.stream() as stream:
            stream.ask("cluster")
            stream.next()
            while not stream.over.is_set():
                stream.send(type_url=xds.url("cluster"), response_nonce=f"{random.getrandbits(64):x}")
                if stream.outbox.qsize() > 1000:
                    time.sleep(0.01)  # until gRPC has taken some
            say(stream.ended())


def unknown_types(attacker):
    while True:
        with attacker.stream() as stream:
            while not stream.over.is_set():
                stream.send(type_url=f"type.googleapis.com/lab.Type{random.getrandbits(64)}")
                if stream.outbox.qsize() > 1000:
                    time.sleep(0.01)
            say(stream.ended())


def giant_lists(attacker):
    """New names without end, on one stream after the other."""
    while True:
        with attacker.stream() as stream:
            while not stream.over.is_set():
                stream.ask("endpoints", [f"{random.getrandbits(128):x}" for _ in range(NAMES)])
                while stream.outbox.qsize() > 10 and not stream.over.is_set():
                    time.sleep(0.01)
            say(stream.ended())


def flood(attacker):
    """Asks again for what it has, as fast as it can; each time it is owed an answer."""
    while True:
        with attacker.stream() as stream:
            stream.ask("cluster")
            stream.take()
            while not stream.over.is_set():
                for _ in range(100):
                    stream.ask("cluster", ["web"])
                while not stream.inbox.empty() and not stream.over.is_set():
                    stream.take()
                while stream.outbox.qsize() > 1000 and not stream.over.is_set():
                    time.sleep(0.01)
            say(stream.ended())


def never_answers(attacker):
    while True:
        with attacker.stream(delta=False) as stream:
            stream.ask("cluster")
            stream.ask("listener")
            say(stream.ended(3600))


def garbage(attacker):
    """Messages that are none."""
    ends = Counter()
    with attacker.channel() as channel:
        while True:
            call = channel.stream_stream(xds.method(delta=True))(iter([os.urandom(200)]))
            try:
                list(call)
            except grpc.RpcError:
                pass
            end = (call.code().name, call.details())
            ends[end] += 1
            if ends[end] == 1:
                say(end)


def call_head(attacker):
    fields = [("content-type", "application/grpc"), ("te", "trailers")]
    block = http2.head(attacker.NAME, xds.method(delta=True), "POST", fields)
    return http2.frame(http2.HEADERS, http2.END_HEADERS, 1, block)


def half_messages(attacker):
    """A message that is announced and begun, on many connections, and nothing more: no answer to a PING."""
    begun = struct.pack(">BI", 0, 1 << 20) + b"\x0a" * 1000
    opening = http2.PREFACE + http2.settings() + call_head(attacker) + http2.frame(http2.DATA, 0, 1, begun)
    while True:
        held = []
        for _ in range(50):
            held.append(attacker.connect())
            held[-1].sendall(opening)
        for one in held:
            one.settimeout(3600)
            while one.recv(1 << 16):
                pass
        say(("CLOSED", "all of them"))


def never_reads(attacker):
    """Asks for all, and takes nothing off its connection."""
    request = xds.message("envoy.service.discovery.v3.DeltaDiscoveryRequest")
    while True:
        one = attacker.connect()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.sendall(http2.PREFACE + http2.settings(_4=(1 << 31) - 1))
        one.sendall(http2.frame(http2.WINDOW_UPDATE, 0, 0, struct.pack(">I", (1 << 31) - 1 - 65535)))
        one.sendall(call_head(attacker))
        for kind in ("cluster", "listener"):
            asked = request(type_url=xds.url(kind))
            asked.node.id = attacker.node["id"]
            body = asked.SerializeToString()
            framed = struct.pack(">BI", 0, len(body)) + body
            one.sendall(http2.frame(http2.DATA, 0, 1, framed))
        while True:  # a PING each second, until the server has ended the connection
            time.sleep(1)
            try:
                one.sendall(http2.frame(http2.PING, payload=b"12345678"))
            except OSError:
                break
        say(("CLOSED", "the connection"))


ATTACKS = {
    attack.__name__: attack
    for attack in (
        nonsense_nonces,
        unknown_types,
        giant_lists,
        flood,
        never_answers,
        garbage,
        half_messages,
        never_reads,
    )
}

if __name__ == "__main__":
    ATTACKS[sys.argv[1]](Attacker(sys.argv[2]))
