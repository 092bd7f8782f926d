"""A private PostgreSQL from Debian's binaries: its own directory, a socket there and a port of loopback."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from lab.process import Process, free_port, wait_until


def binaries():
    """The folder of the newest version; None: there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found else None


def is_root_of_all():
    """False: only within a user namespace, where there are no other users."""
    return Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]


def becoming_another(directory):
    """Words that make another user of root, which PostgreSQL refuses; the directory is that user's then."""
    if os.geteuid() != 0:
        return []
    if not is_root_of_all():
        return ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"]
    user = pwd.getpwnam("postgres")
    shutil.chown(directory, user.pw_uid, user.pw_gid)
    for parent in directory.parents:  # so that the other user can go there
        if parent.stat().st_uid == 0 and parent not in (Path("/"), Path("/tmp")):
            parent.chmod(parent.stat().st_mode | 0o011)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
            "--pdeathsig=KILL", "--"]  # fmt: skip


class Postgres:
    """With TLS of a certificate of its own. As root it runs as another user, since it refuses to be root."""

    def __init__(self, directory, fsync=False, address="127.0.0.1", port=None, prefix=()):
        """Beyond loopback it takes whoever has the password, by TLS."""
        self.directory = Path(directory)
        self.fsync = fsync
        self.data = self.directory / "data"
        self.address, self.prefix = address, list(prefix)
        self.port = port or free_port()
        self.process = None
        self.directory.mkdir(parents=True)
        self.becoming = becoming_another(self.directory)
        password = self.directory / "password"
        password.write_text("s3cret\n")
        self.run(
            [binaries() / "initdb", "--no-sync", "--auth=scram-sha-256", "--username=weir"]
            + [f"--pwfile={password}", "--encoding=UTF8", "--no-locale", f"--pgdata={self.data}"]
        )
        names = ["-keyout", self.data / "server.key", "-out", self.data / "server.crt"]
        self.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
            + ["-subj", "/CN=localhost", *names]
        )

        if address != "127.0.0.1":
            with open(self.data / "pg_hba.conf", "a") as rules:
                rules.write("hostssl all all all scram-sha-256\n")

    def run(self, words):
        subprocess.run([*self.becoming, *words], check=True, capture_output=True, cwd="/")

    def url(self, database="postgres", password="s3cret", options="sslmode=require"):
        return f"postgres://weir:{password}@{self.address}:{self.port}/{database}?{options}"

    def start(self):
        self.process = Process(
            [*self.becoming, binaries() / "postgres", "-D", self.data, "-p", self.port, "-h", self.address]
            + ["-k", self.directory, "-c", "ssl=on", "-c", f"fsync={'on' if self.fsync else 'off'}"],
            self.directory.parent / "postgres.log",
            directory="/",
            prefix=self.prefix,
        )
        wait_until(self.is_ready, 30, "PostgreSQL taking connections")
        return self

    def is_ready(self):
        words = [binaries() / "pg_isready", "-q", "-h", self.address, "-p", str(self.port)]
        return subprocess.run([*self.prefix, *words]).returncode == 0

    def query(self, sql):
        """What psql prints of the rows."""
        words = [binaries() / "psql", self.url(), "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-Atc", sql]
        return subprocess.run(
            [*self.prefix, *words], check=True, capture_output=True, text=True
        ).stdout

    def crash(self):
        """All of its processes end at once, without a checkpoint, as when they are killed."""
        self.process.signal(signal.SIGQUIT)
        self.process.wait(10.0)

    def stop(self):
        return self.process.stop(10.0) if self.process else None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
