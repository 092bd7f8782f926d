"""What stories of streams share: a client, an edge and an origin, and programs that run inside of them."""

import sys

from lab import weir
from lab.process import ROOT, Process, descriptors_max, wait_until

MANY_DESCRIPTORS = descriptors_max(8000)


class StreamsStory:
    def __init__(self, world, directory, ports):
        """ports: of HTTP and of the API."""
        self.world, self.directory = world, directory
        edge = world["edge"]
        self.weir = weir.Weir(
            directory / "weir", address=edge.address, workers=2, prefix=edge.prefix, ports=ports
        )
        self.processes = []
        self.load = None

    def run(self, place, name, script, *arguments):
        """A program of this directory."""
        process = Process(
            [sys.executable, ROOT / "lab" / script, *arguments],
            self.directory / f"{name}.log",
            prefix=[*self.world[place].prefix, *MANY_DESCRIPTORS],
        )
        self.processes.append(process)
        return process

    @staticmethod
    def wait_open(process, count, what):
        wait_until(lambda: f"open {count}" in process.log() or not process.running(), 60, what)
        assert process.running(), process.log()

    def stop(self):
        for process in [self.load.process] if self.load else []:
            process.kill()
        for process in reversed(self.processes):
            process.kill()
        return self.weir.stop() if self.weir.process else None
