"""A network namespace with nothing but loopback in it, where names lead to it as the test says: for clients
that can't be told where else to go. Needs no root."""

import os
import subprocess

from lab.process import Process, wait_until


class HostsBox:
    """`with HostsBox(folder, ["api.mysocket.io"]) as box: box.run(["curl", ...])`"""

    def __init__(self, folder, names):
        self.hosts = folder / "hosts"
        self.hosts.write_text(f"127.0.0.1 localhost {' '.join(names)}\n")
        self.log = folder / "box.log"
        self.process = None
        self.prefix = []

    def __enter__(self):
        rooted = os.geteuid() == 0
        ready = "ip link set lo up && mount --bind \"$0\" /etc/hosts && echo ready && exec sleep infinity"
        self.process = Process(
            ["unshare", *([] if rooted else ["-Ur"]), "-n", "-m", "sh", "-c", ready, self.hosts], self.log
        )
        wait_until(lambda: "ready" in self.log.read_text() or not self.process.running(), 10, "the box")
        assert self.process.running(), self.log.read_text()
        user = [] if rooted else ["-U", "--preserve-credentials"]
        self.prefix = ["nsenter", "-t", str(self.process.pid), *user, "-n", "-m", "--"]
        return self

    def lead(self, name):
        """Another name leads to it from now on."""
        with self.hosts.open("a") as file:  # the same file: it is what is mounted
            file.write(f"127.0.0.1 {name}\n")

    def __exit__(self, *_):
        self.process.kill()

    def run(self, arguments, *, environment=None, timeout_s=30):
        return subprocess.run(
            [*self.prefix, *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**os.environ, **(environment or {})},
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
        )
