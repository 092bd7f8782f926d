"""A world that stays: `./dev lab world --keep`, and what people do to it from another terminal.

    ./dev lab look                       what runs, and where each city lands
    ./dev lab kill region us-west        all of it at once; `restore region us-west` brings it back
    ./dev lab kill us-east-edge-1        a machine; likewise restore
    ./dev lab cut west asia              a link, or with one name that of a region or a home; `mend` ends it
    ./dev lab slow us-west 200 5         milliseconds each way, and percent lost
    ./dev lab in seattle curl -s web.example
"""

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading

from lab import parts, visitors
from lab.process import ROOT
from lab.weir import BINARY

SOCKET = ROOT / "lab" / "out" / "world.sock"
VERBS = {"look", "kill", "restore", "cut", "mend", "slow", "in"}
LISTENER = "WEIR_LAB_LISTENER"  # environment: a socket that is older than the namespace that we are in
API_PORTS = range(8480, 8500)
MESSAGE_BYTES_MAX = 1 << 16
DELAY_MS_MAX, LOSS_PERCENT_MAX = 10_000, 100


def listen_outside():
    """A port of this machine's loopback for the world's API; before a namespace is entered."""
    if LISTENER in os.environ:
        return
    for port in API_PORTS:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            listener.listen()
            listener.set_inheritable(True)
            os.environ[LISTENER] = str(listener.detach())
            return
    raise RuntimeError(f"no port of {API_PORTS[0]} to {API_PORTS[-1]} is free")


def is_there():
    """Whether a world was kept, and still is."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
        return control.connect_ex(str(SOCKET)) == 0


class Keeper:
    def __init__(self, earth, host):
        self.earth, self.host = earth, host
        self.api = socket.socket(fileno=int(os.environ.pop(LISTENER)))

    def run(self):
        """Until ^C."""
        SOCKET.unlink(missing_ok=True)  # nobody's: see is_there()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
            control.bind(str(SOCKET))
            control.listen()
            print(self.greeting(), flush=True)
            try:
                self.serve(control)
            except KeyboardInterrupt:
                print()
            finally:
                SOCKET.unlink(missing_ok=True)

    def serve(self, control):
        while True:
            for one in select.select([control, self.api], [], [])[0]:
                connection, _ = one.accept()
                work = self.obey if one is control else self.relay
                if one is control and not self.runs_a_program(connection):
                    self.obey(connection)  # here: what it starts is to live as long as the world
                else:
                    threading.Thread(target=work, args=[connection], daemon=True).start()

    @staticmethod
    def runs_a_program(connection):
        """In the world, for as long as it likes; or nobody asks for anything."""
        message = connection.recv(MESSAGE_BYTES_MAX, socket.MSG_PEEK)
        return not message or json.loads(message)[:1] == ["in"]

    def greeting(self):
        controller = self.earth.controller.server
        address, port = self.api.getsockname()
        return f"""
The world is there, until ^C. In another terminal:
  export WEIR_API=https://{address}:{port} WEIR_CA={controller.ca}
  export WEIR_TOKEN=$(cat {controller.data / 'admin.token'})
  {os.path.relpath(BINARY)} get edges
  ./dev lab look
  ./dev lab in seattle curl -s {self.host}
  ./dev lab kill region us-west        (and: restore, cut, mend, slow)"""

    # --- the API, for this machine

    def relay(self, outside):
        with outside, contextlib.suppress(OSError):
            controller = self.earth.controller
            with controller.place.inside():
                inside = socket.create_connection((controller.place.address, parts.API_PORT), 5)
            with inside:
                inside.settimeout(None)
                back = threading.Thread(target=copy, args=[inside, outside], daemon=True)
                back.start()
                copy(outside, inside)
                back.join()

    # --- commands

    def obey(self, connection):
        with connection:
            message, descriptors, _, _ = socket.recv_fds(connection, MESSAGE_BYTES_MAX, 3)
            if not message:
                return
            try:
                code, text = self.done(json.loads(message), descriptors)
            except (KeyError, ValueError, AssertionError, OSError) as problem:
                code, text = 1, f"lab: {problem.args[0] if len(problem.args) == 1 else problem}"
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)
            with contextlib.suppress(OSError):  # who asked may have gone
                connection.send(json.dumps([code, text]).encode())

    def done(self, words, descriptors):
        verb, *rest = words
        if verb == "look":
            return 0, self.look()
        if verb == "in":
            return self.run_in(rest, descriptors), ""
        if verb in ("kill", "restore"):
            return 0, self.kill_or_restore(verb, rest)
        return 0, self.change_link(verb, rest)

    def kill_or_restore(self, verb, rest):
        if rest[:1] == ["region"] and len(rest) == 2 and rest[1] in self.earth.atlas.regions:
            {"kill": self.earth.kill_region, "restore": self.earth.restore_region}[verb](rest[1])
        elif len(rest) == 1 and rest[0] in self.earth.parts:
            part = self.earth[rest[0]]
            part.kill() if verb == "kill" else part.start()
        else:
            regions, machines = ", ".join(self.earth.atlas.regions), ", ".join(self.earth.parts)
            raise ValueError(f"{verb} takes `region` and one of {regions}; or a machine: {machines}")
        return f"{rest[-1]} is {'gone' if verb == 'kill' else 'back'}"

    def change_link(self, verb, rest):
        names = [word for word in rest if not word.isdecimal()]
        numbers = [int(word) for word in rest if word.isdecimal()]
        if len(names) not in (1, 2) or len(numbers) > (2 if verb == "slow" else 0):
            raise ValueError(f"{verb} takes one name of a region or a home, or two of routers")
        if verb != "slow":
            {"cut": self.earth.cut, "mend": self.earth.mend}[verb](*names)
            return f"the link of {' and '.join(names)} is {'cut' if verb == 'cut' else 'whole'}"
        delay, loss = [*numbers, *[100, 0][len(numbers) :]]
        if delay > DELAY_MS_MAX or loss > LOSS_PERCENT_MAX:
            raise ValueError(f"at most {DELAY_MS_MAX} ms and {LOSS_PERCENT_MAX} percent")
        self.earth.slow(*names, delay_ms=delay, loss_percent=loss)
        return f"the link of {' and '.join(names)} takes {delay} ms each way, and loses {loss} percent"

    def run_in(self, rest, descriptors):
        name, *command = rest or [""]
        places = self.earth.world.places
        if name not in places:
            raise ValueError(f"in takes one of {', '.join(places)}, and a command")
        resolver = self.earth.directory / "resolv.conf"
        servers = [one.place.address for one in self.earth.of("dns")]
        resolver.write_text("".join(f"nameserver {address}\n" for address in servers))
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        words = ["unshare", "--mount", "sh", "-c", script, resolver]
        done = subprocess.run(
            [*places[name].prefix, *words, *(command or ["sh"])],
            stdin=descriptors[0],
            stdout=descriptors[1],
            stderr=descriptors[2],
        )
        return done.returncode

    def look(self):
        lines = [f"{'machine':24}{'address':16}what"]
        for part in self.earth.parts.values():
            runs = "" if part.running() or not part.processes() else "  (gone)"
            lines.append(f"{part.name:24}{part.place.address:16}{part.role}{runs}")
        atlas = self.earth.atlas
        lines.append(f"\n{'city':24}" + "".join(f"{name:16}" for name in atlas.providers))
        for city in atlas.cities:
            lines.append(f"{city:24}" + "".join(f"{self.lands(city, one):16}" for one in atlas.providers))
        return "\n".join(lines)

    def lands(self, city, provider):
        address = self.earth.atlas.anycast(provider)
        with self.earth.world[city].inside():
            try:
                status, text = visitors.ask(address, self.host)
            except OSError:
                return "nowhere"
        return self.earth.region_at(text.split()[1]) if status == 200 else f"status {status}"


def copy(source, to):
    """Until its end, which is passed on."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)


def command(words):
    """From the other terminal: the exit code."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
        if control.connect_ex(str(SOCKET)) != 0:
            print("lab: no world is there; `./dev lab world --keep` makes one", file=sys.stderr)
            return 1
        socket.send_fds(control, [json.dumps(words).encode()], [0, 1, 2])
        reply = control.recv(MESSAGE_BYTES_MAX)
    if not reply:
        print("lab: the world ended meanwhile", file=sys.stderr)
        return 1
    code, text = json.loads(reply)
    if text:
        print(text, file=sys.stderr if code else sys.stdout)
    return code
