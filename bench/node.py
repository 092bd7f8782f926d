"""`node`: as many instances on one machine as a node may have: a controller, `weir node` and a podman of its
own, containers that are probed by HTTP and have a service and a volume each."""

import contextlib
import os
import signal
import tempfile
import time
from pathlib import Path

from bench import machine, report
from lab import podman, weir
from lab.process import descriptors, status_kib, wait_until

PATIENCE_S = 900
KILLED = 10
SERVE = ["sh", "-c", "echo hello > /data/index.html; exec httpd -f -p 8080 -h /data"]
# Of a core, while nothing happens but probes.
NODE_SHARE_MAX = 0.02
# Of memory, for 200 instances.
NODE_KIB_MAX = 64 << 10


def workload(count):
    container = {"name": "app", "image": podman.IMAGE, "args": SERVE}
    container |= {"resources": {"cpu": "10m", "memory": "16Mi"}}
    container |= {"ports": [{"port": 8080, "service": "web"}]}
    container |= {"volume_mounts": [{"volume": "data", "path": "/data"}]}
    container |= {"readiness_probe": {"http": {"port": 8080, "path": "/"}}}
    spec = {"containers": [container], "volumes": ["data"], "stop_grace": "2s"}
    spec |= {"targets": [{"name": "all", "cities": ["fra"], "min_replicas": count}]}
    return {"kind": "Workload", "metadata": {"name": "web"}, "spec": spec}


def with_children(pid):
    """Seconds of processors that it has used, with those that it has waited for: runc, by podman."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / machine.TICKS


class Machine:
    """All that takes part, and what it has used."""

    def __init__(self, directory, service):
        for name in ("controller", "node"):
            (directory / name).mkdir()
        self.podman = service
        self.controller = weir.Controller(directory / "controller")
        flags = ["--address", "127.0.0.1", "--city", "fra", "--cpu", "4", "--memory", "8Gi"]
        self.node = weir.Node(
            directory / "node", "fra-n1", [self.controller], podman=service.socket, flags=flags
        )

    def processes(self):
        return {"controller": self.controller.pid, "node": self.node.pid, "podman": self.podman.service.pid}

    def used(self):
        return {name: with_children(pid) for name, pid in self.processes().items()}

    def instances(self):
        return self.controller.api("GET", "/v1/instances?limit=500").json.get("items", [])

    def ready(self):
        return sum(one.get("status", {}).get("state") == "ready" for one in self.instances())

    def restarts(self):
        return sum(int(one.get("status", {}).get("restarts", 0)) for one in self.instances())

    def taken_over(self):
        """As the node itself says, which was started anew."""
        with contextlib.suppress(OSError):
            return sum(one["state"] == "ready" for one in self.node.api("GET", "/instances", token=None).json)
        return 0

    def left(self):
        """What is in podman that is ours."""
        left, lists = [], {"containers/json?all=true": "Id", "volumes/json": "Name", "networks/json": "name"}
        for what, name in lists.items():
            try:
                status, answer = self.podman.call("GET", f"/{what}")
            except TimeoutError:
                return ["podman does not answer"]
            if status != 200:
                return [answer]  # something went while it was looked at
            left += [one[name] for one in answer or [] if one[name] != "podman"]
        return left


class Steps:
    """Each is timed, with what the processes have used meanwhile."""

    def __init__(self, rows, world):
        self.rows, self.world, self.by_name = rows, world, {}

    @contextlib.contextmanager
    def step(self, name, count):
        before, busy, began = self.world.used(), machine.busy_time(), time.monotonic()
        yield
        seconds = time.monotonic() - began
        row = {"step": name, "count": count, "seconds": seconds}
        row["machine_cpu_seconds"] = (machine.busy_time() - busy).busy_s
        for process, used in self.world.used().items():
            row[f"{process}_cpu_seconds"] = used - before[process]
        for process, pid in self.world.processes().items():
            row[f"{process}_kib"] = status_kib(pid, "VmRSS")
            row[f"{process}_descriptors"] = descriptors(pid)
        self.by_name[name] = row
        self.rows.write(row)
        shares = "  ".join(
            f"{p} {row[f'{p}_cpu_seconds'] / seconds:6.1%} {row[f'{p}_kib'] >> 10:4} MiB"
            f" {row[f'{p}_descriptors']:4} files"
            for p in self.world.processes()
        )
        busy_share = row["machine_cpu_seconds"] / seconds
        print(f"{name:23} {count:4} {seconds:6.1f} s  machine {busy_share:6.1%}  {shares}", flush=True)


def measure(world, options, steps):
    count = options.instances
    with steps.step("all ready", count):
        world.controller.apply(weir.service("web", []), workload(count))
        wait_until(lambda: world.ready() == count, PATIENCE_S, "all being ready", 0.5)
    assert world.restarts() == 0, "something was started anew"
    time.sleep(15)  # what was gathered in the rush is over
    with steps.step("steady", count):
        time.sleep(options.seconds)  # the length of the sample
    assert world.ready() == count
    with steps.step("killed, and ready again", KILLED):
        pids = [world.podman.inspect(f"web-all-fra-{i + 1}.app")["State"]["Pid"] for i in range(KILLED)]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        again = lambda: world.ready() == count and world.restarts() == KILLED  # noqa: E731
        wait_until(again, PATIENCE_S, "those that were killed", 0.2)
    before = {one["Id"] for one in world.podman.containers()}
    world.node.process.kill()
    world.node.start(wait=False)
    with steps.step("node started anew", count):
        wait_until(lambda: world.taken_over() == count, PATIENCE_S, "all being taken over", 0.2)
    assert {one["Id"] for one in world.podman.containers()} == before
    with steps.step("all gone", count):
        world.controller.api("DELETE", "/v1/workloads/web")
        wait_until(lambda: not world.left(), PATIENCE_S, "nothing being left", 0.5)


def run(options):
    if reason := podman.why_not():
        raise SystemExit(f"bench: {reason}")
    rows = report.Rows("node", machine.facts())
    with tempfile.TemporaryDirectory(prefix="weir-node-") as place:
        directory = Path(place)
        with podman.Podman(directory / "podman") as service:
            service.load(podman.busybox_archive())
            world = Machine(directory, service)
            with world.controller.start():
                world.node.start(token=world.controller.join_token("node"), wait=False)
                with world.node:
                    steps = Steps(rows, world)
                    measure(world, options, steps)
    rest = steps.by_name["steady"]
    held = rest["node_cpu_seconds"] / rest["seconds"] < NODE_SHARE_MAX and rest["node_kib"] < NODE_KIB_MAX
    print("all goals are reached" if held else "not all goals are reached")
    return held
