"""Machines of the world that run containers: weir node and a podman of its own, beside the machine's edge."""

from lab import weir
from lab.parts import Led
from lab.podman_box import Box

METRICS_PORT = 9101  # 9100 is the edge's


class Node(Led):
    role = "node"
    joins_as, joined_file = "node", "node.json"

    def __init__(self, place, directory, name, region, controllers):
        self.box = Box(directory / name / "podman", place)

        def server(*words, **more):
            return weir.Node(*words, podman=self.box.socket, **more)

        flags = ["--city", region.name]
        super().__init__(place, directory, region, controllers, server, (0, METRICS_PORT), flags, name)

    def processes(self):
        return [*super().processes(), *([self.box.service] if self.box.service else [])]

    def start(self):
        if not self.box.service:
            self.box.start()
        if not (self.server.process and self.server.process.running()):
            super().start()

    def kill(self):
        """Containers end at this moment, too."""
        self.box.power_off()
        super().kill()

    def end(self):
        self.kill()
        self.box.groups.remove()
