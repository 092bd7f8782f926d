"""A cloud of the lab: virtual machines in the networks of a World, made and ended by an HTTP API at a Unix
socket, as OpenTofu or curl call it.

    PUT /vms/NAME?region=REGION    the content is the user-data; answered when the machine is switched on
    DELETE /vms/NAME               shuts it down; answered when it is off
    GET /vms                       {name: {region, address}}

A machine is one of lab/machine.py whose boot runs the real cloud-init, by systemd's own order. Its network
comes up in that boot, as DHCP would bring it up."""

import contextlib
import json
import re
import socketserver
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from lab.machine import Machine
from lab.process import ROOT, Timeout, wait_until
from lab.world import ip

CLOUD_INIT = ROOT / "build/tools/cloud-init"
USER_DATA_BYTES_MAX = 16384  # as AWS has it
STAGES = ["cloud-init-local.service", "cloud-init.service", "cloud-config.service", "cloud-final.service"]

# What an image of a cloud has, and a datasource that is there before any network is. Packages are those of
# this system: there is no network to others.
IMAGE = r"""
cp -a srv/tree/build/tools/cloud-init/etc/. etc/
cp -a srv/tree/build/tools/cloud-init/usr/. usr/
cp -a srv/tree/build/tools/cloud-init/lib/systemd/system/. lib/systemd/system/
cat >etc/cloud/cloud.cfg.d/99_lab.cfg <<END
datasource_list: [NoCloud]
network: {config: disabled}
cloud_init_modules: [write-files, set_hostname]
cloud_config_modules: [runcmd]
cloud_final_modules: [scripts-user]
END
mkdir -p var/lib/cloud/seed/nocloud
cp srv/box/user-data srv/box/meta-data var/lib/cloud/seed/nocloud/
cat >etc/systemd/system/lab-network.service <<END
[Unit]
DefaultDependencies=no
After=cloud-init-local.service network-pre.target
Before=cloud-init.service network.target network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -eu /srv/box/network
END
mkdir -p var/log/nginx  # of a package
rm -f etc/hostname
"""


def why_not():
    """Why there is none here; None: there is."""
    return None if CLOUD_INIT.exists() else "cloud-init is not unpacked (./dev setup lab)"


@dataclass
class Slot:
    """A place for a machine: a node of the World with one link, to a network of the region."""

    place: object
    prefix_bits: int
    gateway: str
    machine: Machine | None = None
    name: str = ""


class Refusal(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Cloud:
    """slots: {region: [Slot]}"""

    def __init__(self, directory, slots):
        self.directory = directory
        self.slots = slots
        self.socket = directory / "cloud.sock"
        self.lock = threading.Lock()
        self.booted = 0
        # Whoever starts a machine has to outlive it (lab/process.py), and a thread of a request does not.
        self.hands = ThreadPoolExecutor(8)
        self.server = None

    def __enter__(self):
        # As its package does when it is installed.
        subprocess.run(
            ["/usr/bin/python3", "-m", "compileall", "-q", CLOUD_INIT / "usr/lib/python3/dist-packages"],
            check=True,
        )
        self.directory.mkdir(parents=True, exist_ok=True)
        self.server = Server(self)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind, *_):
        self.server.shutdown()
        self.server.server_close()
        for slot in self.taken().values():
            if kind:
                self.keep(slot.machine)
            slot.machine.__exit__()
        self.hands.shutdown()

    def keep(self, machine):
        """What it says of itself, for those who look why a story failed."""
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            said = machine.run("journalctl", "--no-pager", check=False, timeout_s=20).stdout
            (machine.directory / "journal.log").write_text(said)

    # --- what the API does

    def taken(self):
        return {slot.name: slot for slots in self.slots.values() for slot in slots if slot.machine}

    def create(self, name, region, user_data):
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,62}", name):
            raise Refusal(422, f"{name} is no name")
        if not user_data.startswith("#cloud-config\n") or len(user_data.encode()) > USER_DATA_BYTES_MAX:
            raise Refusal(422, "the user-data is none, or too long")
        with self.lock:
            if name in self.taken():
                raise Refusal(409, f"there is a {name} already")
            free = [slot for slot in self.slots.get(region, []) if not slot.machine]
            if not free:
                raise Refusal(422, f"there is no room in region {region!r}")
            slot, slot.name = free[0], name
            self.booted += 1
            directory = self.directory / f"{name}-{self.booted}"
            slot.machine = Machine(
                directory, place=slot.place, wants=["lab-network.service", *STAGES], image=IMAGE
            )
        try:
            self.hands.submit(self.boot, slot, user_data).result()
        except BaseException:
            slot.machine = None
            raise

    def boot(self, slot, user_data):
        box, namespace = slot.machine.box, slot.place.namespace
        ip("link", "set", "eth0", "down", namespace=namespace)
        ip("addr", "flush", "dev", "eth0", namespace=namespace)
        box.mkdir(parents=True)
        (box / "user-data").write_text(user_data)
        instance = slot.machine.directory.name  # never the same twice
        (box / "meta-data").write_text(f"instance-id: {instance}\nlocal-hostname: {slot.name}\n")
        (box / "network").write_text(
            f"ip addr replace {slot.place.address}/{slot.prefix_bits} dev eth0\n"
            f"ip link set eth0 up\nip route replace default via {slot.gateway}\n"
        )
        slot.machine.begin()

    def delete(self, name):
        slot = self.taken().get(name)
        if not slot:
            raise Refusal(404, f"there is no {name}")
        self.hands.submit(slot.machine.shut_down).result()
        slot.machine = None

    def listed(self):
        return {
            slot.name: {"region": region, "address": slot.place.address}
            for region, slots in self.slots.items()
            for slot in slots
            if slot.machine
        }

    # --- what its people see

    def machine(self, name):
        return self.taken()[name].machine

    def place(self, name):
        return self.taken()[name].place

    def network_up_s(self, name):
        """When the network of that machine was up, by time.monotonic()."""
        said = self.machine(name).says(
            "systemctl", "show", "-P", "ActiveEnterTimestampMonotonic", "lab-network.service"
        )
        return int(said) / 1e6

    def wait_booted(self, name, deadline_s=60):
        """Until cloud-init has done everything."""
        machine = self.machine(name)
        done = ("active", "failed")
        wait_until(lambda: machine.state(STAGES[-1]) in done, deadline_s, f"{name} having booted", 0.1)
        failed = [stage for stage in STAGES if machine.state(stage) != "active"]
        assert not failed, f"{name}: {failed}"


class Handler(BaseHTTPRequestHandler):
    def answer(self, status, value=None):
        content = json.dumps(value).encode() if value is not None else b""
        self.send_response(status)
        if content:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if content:  # without any, whoever asked has gone by now
            self.wfile.write(content)

    def respond(self):
        cloud, url = self.server.cloud, urlsplit(self.path)
        name = url.path.removeprefix("/vms/")
        length = int(self.headers.get("Content-Length", 0))
        try:
            if self.command == "GET" and url.path == "/vms":
                return self.answer(200, cloud.listed())
            if not url.path.startswith("/vms/") or self.command not in ("PUT", "DELETE"):
                raise Refusal(404, "there is nothing here")
            if self.command == "DELETE":
                cloud.delete(name)
                return self.answer(204)
            if length > 2 * USER_DATA_BYTES_MAX:
                raise Refusal(413, "too long")
            region = parse_qs(url.query).get("region", [""])[0]
            cloud.create(name, region, self.rfile.read(length).decode())
            return self.answer(201, cloud.listed().get(name))
        except Refusal as refusal:
            return self.answer(refusal.status, {"error": str(refusal)})
        except (AssertionError, OSError, RuntimeError, Timeout, ValueError) as problem:
            return self.answer(500, {"error": str(problem)})

    do_GET = do_PUT = do_DELETE = respond  # noqa: N815 (names of http.server)

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, cloud):
        self.cloud = cloud
        super().__init__(str(cloud.socket), Handler)
