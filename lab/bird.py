"""BIRD 2 of Debian in a node of the world: started with a configuration, asked by birdc."""

import re
import subprocess

from lab.process import Process, wait_until

# As fast as BIRD goes: the lab waits for nobody.
SESSION = """
  hold time 3; keepalive time 1; connect delay time 0; connect retry time 1; error wait time 1, 1;
  error forget time 1; direct;
"""


class Bird:
    """`Bird(place, directory, "router id ...; ...").start()`"""

    def __init__(self, place, directory, text):
        self.place, self.directory = place, directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config = directory / "bird.conf"
        self.config.write_text(f'log "{directory}/bird.log" all;\n{text}')
        self.socket = directory / "ctl"
        self.process = None

    def start(self):
        self.process = Process(
            ["bird", "-f", "-c", self.config, "-s", self.socket, "-P", self.directory / "pid"],
            self.directory / "output.log",
            prefix=self.place.prefix,
        )
        wait_until(self.answers, 10, f"BIRD in {self.place.name}")
        return self

    def answers(self):
        assert self.process.running(), self.process.log()
        return "Daemon is up" in self.ask("show status", check=False)

    def ask(self, *words, check=True):
        done = subprocess.run(
            ["birdc", "-s", self.socket, *words], capture_output=True, text=True, timeout=10
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def established(self, *protocols):
        text = self.ask("show protocols")
        return all(re.search(rf"^{name}\s.*\sEstablished", text, re.M) for name in protocols)

    def routes(self, network):
        """{protocol that it came by: (when, the path's length, communities)} of a network."""
        text = self.ask("show", "route", network, "all", check=False)  # fails when there is none
        found, current = {}, None
        for line in text.splitlines():
            began = re.search(r"\[(\w+) ([\d:.-]+)", line)
            if began and "via" not in line.split("[")[0]:
                current = found[began[1]] = {"since": began[2], "path": 0, "communities": ""}
            if current is not None and "BGP.as_path:" in line:
                current["path"] = len(line.split(":")[1].split())
            if current is not None and "BGP.community:" in line:
                current["communities"] = line.split(":", 1)[1].strip()
        return found

    def stop(self):
        self.process.stop(5)
