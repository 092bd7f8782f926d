"""What runs on a machine of the world ends with it, and nothing of that reaches this system."""

import os

import pytest

from lab import podman
from lab.podman_box import Box, hierarchies
from lab.process import wait_until
from lab.world import Network, Node, World

NETWORK = {"netns": {"nsmode": "bridge"}, "portmappings": [{"container_port": 8080, "host_port": 21000}]}


def groups():
    return [one for hierarchy in hierarchies() for one in hierarchy.glob(f"weir-podman-{os.getpid()}-*")]


def test_a_machine_loses_power_and_comes_back(tmp_path):
    if reason := podman.why_not():
        pytest.skip(reason)
    here = World([Network("lan")], [Node("box", {"lan": "10.9.0.2"})])
    with here as world, Box(tmp_path, world["box"]) as box:
        box.load(podman.busybox_archive())
        if reason := box.trial():
            pytest.skip(reason)
        spec = {"name": "one", "image": podman.IMAGE, "command": ["sleep", "1000"], **NETWORK}
        assert box.call("POST", "/containers/create", spec)[0] == 201
        assert box.call("POST", "/containers/one/start")[0] == 204
        running = {int(pid) for group in groups() for file in group.rglob("cgroup.procs")
                   for pid in file.read_text().split()}  # fmt: skip
        assert len(running) >= 4, "its shell, podman, conmon and the container"
        box.power_off()
        assert groups() == []
        wait_until(lambda: not [pid for pid in running if os.path.exists(f"/proc/{pid}")], 5, "all ended")
        box.start()
        assert box.inspect("one")["State"]["Running"] is False
        assert box.call("POST", "/containers/one/start")[0] == 204
        assert box.inspect("one")["State"]["Running"] is True
    assert groups() == []
