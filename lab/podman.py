"""A podman of one's own: its service, containers and images in one directory, and images made of files, since
no registry can be reached."""

import hashlib
import http.client
import io
import json
import os
import shutil
import signal
import socket
import tarfile
import time
import urllib.parse

from lab.process import Process

# What runs in containers here: one static program with many names.
BUSYBOX = "/bin/busybox"
NAMES = "sh cat dd echo false hostname httpd id ls nc sleep test touch true".split()
IMAGE = "localhost/busybox:1"

CONTAINERS_CONF = """[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{directory}/tmp"
volume_path = "{directory}/volumes"
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=1000:1000"]
[network]
network_config_dir = "{directory}/networks"
"""
STORAGE_CONF = """[storage]
driver = "vfs"
runroot = "{directory}/run"
graphroot = "{directory}/root"
"""


def why_not():
    """Why podman can't run here; None: it may."""
    with open("/proc/self/uid_map") as users:
        if os.geteuid() != 0 or users.read().split() != ["0", "0", "4294967295"]:
            return "podman needs root here"
    for program in ("podman", "runc", "conmon"):
        if shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is None:
            return f"{program} is not installed (./dev setup lab)"
    return None if os.path.exists(BUSYBOX) else f"{BUSYBOX} is not installed (./dev setup lab)"


def archive_of(files):
    """A tar: names to (content, mode); a content of text is a link, none a directory."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode = mode
            if content is None:
                entry.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
            else:
                entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()


def oci_archive(name, files, command=("/bin/sh",)):
    """An image of one layer."""
    blobs = {}

    def blob(content, kind):
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = (content, 0o644)
        return {
            "mediaType": f"application/vnd.oci.image.{kind}",
            "digest": f"sha256:{digest}",
            "size": len(content),
        }

    layer = blob(archive_of(files), "layer.v1.tar")
    config = blob(
        json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Cmd": list(command)},
                "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
            }
        ).encode(),
        "config.v1+json",
    )
    manifest = blob(
        json.dumps({"schemaVersion": 2, "config": config, "layers": [layer]}).encode(), "manifest.v1+json"
    )
    manifest["annotations"] = {"org.opencontainers.image.ref.name": name}
    index = json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode()
    return archive_of(
        {
            "oci-layout": (b'{"imageLayoutVersion":"1.0.0"}', 0o644),
            "index.json": (index, 0o644),
            **blobs,
        }
    )


def busybox_archive():
    with open(BUSYBOX, "rb") as file:
        program = file.read()
    links = {f"bin/{name}": ("busybox", 0o777) for name in NAMES}
    return oci_archive(
        IMAGE,
        {"bin": (None, 0o755), "tmp": (None, 0o1777), "bin/busybox": (program, 0o755), **links},
    )


class LocalConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("podman", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Podman:
    """Its service, for as long as the block lasts. What it has then is removed with it."""

    def __init__(self, directory, prefix=()):
        """prefix: words that run a program elsewhere, such as in a network namespace."""
        self.directory, self.prefix = directory, prefix
        self.socket = str(directory / "podman.sock")
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in (("containers.conf", CONTAINERS_CONF), ("storage.conf", STORAGE_CONF)):
            (directory / name).write_text(text.format(directory=directory))
        self.env = {
            "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin",
            "CONTAINERS_CONF": str(directory / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(directory / "storage.conf"),
        }

    def __enter__(self):
        words = [*self.prefix, "podman", "system", "service", "--time", "0", f"unix://{self.socket}"]
        # Where conmon puts the file "oom", when there is one.
        place = {"directory": self.directory, "environment": self.env}
        self.service = Process(words, self.directory / "podman.log", **place)
        until = time.monotonic() + 30
        while True:
            try:
                assert self.call("GET", "/version")[0] == 200
                break
            except OSError:
                assert time.monotonic() < until, "podman's service does not answer"
                time.sleep(0.05)
        return self

    def __exit__(self, *_):
        for container in self.containers():
            self.call("DELETE", f"/containers/{container['Id']}?force=true&timeout=0&v=true")
        self.service.signal(signal.SIGTERM)
        self.service.wait(20)

    def call(self, method, path, body=None):
        """Status and answer, read as JSON where it is."""
        connection = LocalConnection(self.socket)
        try:
            content = json.dumps(body).encode() if isinstance(body, dict) else body
            connection.request(method, "/v4.0.0/libpod" + path, content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            try:
                return answer.status, json.loads(text)
            except ValueError:
                return answer.status, text.decode(errors="replace")
        finally:
            connection.close()

    def load(self, archive):
        status, answer = self.call("POST", "/images/load", archive)
        assert status == 200, answer

    def containers(self, label=None):
        filters = {"label": [label]} if label else {}
        query = urllib.parse.urlencode({"all": "true", "filters": json.dumps(filters)})
        return self.call("GET", f"/containers/json?{query}")[1]

    def inspect(self, name):
        return self.call("GET", f"/containers/{name}/json")[1]

    def trial(self):
        """Why no container can be run here; None: one was."""
        spec = {"name": "trial", "image": IMAGE, "command": ["true"], "netns": {"nsmode": "bridge"}}
        for method, path, body in (
            ("POST", "/containers/create", spec),
            ("POST", "/containers/trial/start", None),
            ("POST", "/containers/trial/wait", None),
            ("DELETE", "/containers/trial?force=true", None),
        ):
            status, answer = self.call(method, path, body)
            if status >= 400:
                return f"podman can't run a container here: {answer}"
        return None
