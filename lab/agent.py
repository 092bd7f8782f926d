"""`weir agent` and `weir connect`, and what they say."""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading

from lab.process import wait_until
from lab.weir import BINARY


class Agent:
    """One of the two."""

    def __init__(self, words, environment=None):
        kept = {name: value for name, value in os.environ.items() if name != "WEIR_TUNNEL_TOKEN"}
        self.lines = []
        self.process = subprocess.Popen(
            [str(BINARY), *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**kept, **(environment or {})},
        )
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        with contextlib.suppress(ValueError):
            for line in self.process.stdout:
                self.lines.append(line)

    def text(self):
        return "".join(self.lines)

    def said(self, expression, deadline_s=10):
        what = f"{expression!r} in what the agent says"
        return wait_until(lambda: re.search(expression, self.text()), deadline_s, what)

    def end(self, how=signal.SIGTERM, deadline_s=20):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(how)
        return self.process.wait(deadline_s)


def connect(edges, port, *flags, token=None, ca=None):
    words = ["connect", "--port", port, *flags]
    for edge in edges:
        words += ["--edge", f"{edge.address}:{edge.tunnel_port}"]
    if ca:
        words += ["--ca", ca]
    return Agent(words, {"WEIR_TUNNEL_TOKEN": token} if token else None)


def agent_file(path, edges, services, **more):
    """YAML is JSON, too. services: what each of them has."""
    at = [f"{edge.address}:{edge.tunnel_port}" for edge in edges]
    content = {"edges": at, "services": services, **more}
    path.write_text(json.dumps(content))
    return path


def tunnel_token(weir, user, *flags):
    """A token of the user, who is made when there is none."""
    if weir.api("GET", f"/v1/users/{user}").status == 404:
        made = {"kind": "User", "metadata": {"name": user}, "spec": {"email": f"{user}@weir.example"}}
        answer = weir.api("POST", "/v1/users", made)
        assert answer.status == 201, answer
    done = weir.cli("token", "create", "--for", user, *flags)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
