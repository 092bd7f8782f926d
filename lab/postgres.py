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


class Postgres:
    """With TLS of a certificate of its own. As root it runs as another user, since it refuses to be root."""

    def __init__(self, directory, fsync=False):
        self.directory = Path(directory)
        self.fsync = fsync
        self.data = self.directory / "data"
        self.port = free_port()
        self.user = None
        self.process = None
        self.directory.mkdir(parents=True)
        if os.geteuid() == 0:
            self.user = pwd.getpwnam("postgres")
            shutil.chown(self.directory, self.user.pw_uid, self.user.pw_gid)
            for parent in self.directory.parents:  # so that the other user can go there
                if parent.stat().st_uid == 0 and parent not in (Path("/"), Path("/tmp")):
                    parent.chmod(parent.stat().st_mode | 0o011)
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

    def become(self):
        if self.user:
            os.setgroups([])
            os.setgid(self.user.pw_gid)
            os.setuid(self.user.pw_uid)

    def run(self, words):
        subprocess.run(words, check=True, capture_output=True, preexec_fn=self.become, cwd="/")

    def url(self, database="postgres", password="s3cret", options="sslmode=require"):
        return f"postgres://weir:{password}@127.0.0.1:{self.port}/{database}?{options}"

    def start(self):
        self.process = Process(
            [binaries() / "postgres", "-D", self.data, "-p", self.port, "-h", "127.0.0.1"]
            + ["-k", self.directory, "-c", "ssl=on", "-c", f"fsync={'on' if self.fsync else 'off'}"],
            self.directory.parent / "postgres.log",
            before_exec=self.become,
            directory="/",
        )
        wait_until(self.is_ready, 30, "PostgreSQL taking connections")
        return self

    def is_ready(self):
        words = [binaries() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(words).returncode == 0

    def query(self, sql):
        """What psql prints of the rows."""
        words = [binaries() / "psql", self.url(), "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-Atc", sql]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

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
