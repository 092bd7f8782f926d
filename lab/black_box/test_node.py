"""weir node with the podman of this machine: what a file lists runs, comes back, is replaced and goes."""

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.request

import pytest

from lab import podman, weir
from lab.process import Process, free_port, wait_until

PATIENCE_S = 90  # for what takes a second on a machine that is not busy

# Says so when it is told to end.
POLITE = ["sh", "-c", "trap 'echo bye; exit 0' TERM; echo hello; while :; do sleep 1 & wait $!; done"]


class Node:
    """weir node over a file, in a directory of the test."""

    def __init__(self, machine, directory):
        self.machine, self.file = machine, directory / "instances.yaml"
        self.log_path = directory / "node.log"
        self.port = free_port()
        self.process = None

    def write(self, *instances):
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps({"instances": list(instances)}))
        os.replace(fresh, self.file)

    def start(self):
        words = [weir.BINARY, "node", "--instances", self.file, "--podman", self.machine.socket]
        self.process = Process([*words, "--metrics", f"127.0.0.1:{self.port}"], self.log_path)

    def end(self, how=signal.SIGTERM):
        if self.process:
            self.process.signal(how)
            self.process.wait(30)
            self.process = None

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
            return answer.read().decode()

    def instances(self):
        try:
            return {one["name"]: one for one in json.loads(self.get("/instances"))}
        except OSError:
            return {}

    def ready(self):
        with contextlib.suppress(OSError):
            return self.get("/readyz") == "ok\n"

    def until(self, done, what):
        """done: of the instances by name."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            now = self.instances()
            if done(now):
                return now
            time.sleep(0.05)
        raise AssertionError(f"{what}: {self.instances()}\n{self.log_path.read_text()[-3000:]}")

    def until_state(self, name, state):
        return self.until(lambda now: now.get(name, {}).get("state") == state, f"{name} {state}")[name]

    def until_empty(self):
        self.until(lambda now: now == {}, "nothing is left")

    def logs(self, *words):
        return subprocess.run(
            [weir.BINARY, "node", "logs", *words, "--podman", self.machine.socket],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip


@pytest.fixture
def node(machine, tmp_path):
    one = Node(machine, tmp_path)
    yield one
    one.write()
    if one.process is None and one.log_path.exists():
        one.start()
    if one.process:
        one.until_empty()
    one.end()


def instance(name, args, /, container=None, **more):
    return {
        "name": name,
        "drain": "0s",
        "stop_grace": "2s",
        "containers": [{"name": "app", "image": podman.IMAGE, "args": args, **(container or {})}],
        **more,
    }


def test_an_instance_is_ready_and_reached_by_its_port_and_its_name_is_its_host_name(machine, node):
    port = free_port()
    web = instance(
        "web-0",
        ["sh", "-c", "hostname > /data/index.html; exec httpd -f -p 8080 -h /data"],
        container={
            "ports": [{"port": 8080, "host_port": port, "host_address": "127.0.0.1"}],
            "volume_mounts": [{"volume": "data", "path": "/data"}],
            "security": {"user": "1000:1000", "read_only_root": True},
            "resources": {"cpu": "500m", "memory": "32Mi", "pids": 20},
            "readiness_probe": {"http": {"port": 8080, "path": "/index.html"}, "period": "200ms"},
        },
        volumes=["data"],
    )
    node.write()
    node.start()
    wait_until(node.ready, PATIENCE_S, "the node is ready")
    began = time.monotonic()
    node.write(web)
    ready = node.until_state("web-0", "ready")
    print(f"from the file to ready: {time.monotonic() - began:.2f} s")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/index.html", timeout=10) as answer:
        assert answer.read() == b"web-0\n"
    assert ready["address"].count(".") == 3 and ready["restarts"] == 0 and ready["reason"] == ""
    host = machine.inspect("web-0.app")["HostConfig"]
    assert host["Memory"] == 32 << 20 and host["PidsLimit"] == 20
    assert "no-new-privileges" in host["SecurityOpt"]
    metrics = node.get("/metrics")
    assert 'weir_instance_state{instance="web-0",state="ready"} 1\n' in metrics
    for name in ("cpu_seconds_total", "memory_bytes"):
        [line] = [x for x in metrics.splitlines() if x.startswith(f"weir_instance_{name}{{")]
        assert float(line.split()[-1]) > 0
    node.write()
    node.until_empty()
    assert machine.containers("weir.instance=web-0") == []
    assert machine.call("GET", "/volumes/web-0.data/exists")[0] == 404


def test_a_crash_loop_backs_off(node):
    node.write(instance("crash-0", ["sh", "-c", "echo once; exit 7"]))
    node.start()
    seen = node.until_state("crash-0", "backing_off")
    assert seen["reason"] == "the container app ended with exit code 7"
    node.until(lambda now: now["crash-0"]["restarts"] >= 3, "restarts")
    before = node.instances()["crash-0"]["restarts"]
    time.sleep(3)  # the pause is 4 s by now
    assert node.instances()["crash-0"]["restarts"] <= before + 1


def test_a_node_that_is_killed_and_started_anew_adopts_what_runs(machine, node):
    node.write(instance("a-0", POLITE), instance("b-0", POLITE))
    node.start()
    node.until_state("a-0", "ready")
    node.until_state("b-0", "ready")
    pids = {name: machine.inspect(f"{name}.app")["State"]["Pid"] for name in ("a-0", "b-0")}
    node.end(signal.SIGKILL)
    node.write(instance("a-0", POLITE))
    node.start()
    assert node.until_state("a-0", "ready")["restarts"] == 0
    node.until(lambda now: list(now) == ["a-0"], "b-0 is gone")
    assert machine.inspect("a-0.app")["State"]["Pid"] == pids["a-0"]
    assert machine.containers("weir.instance=b-0") == []


def test_a_container_that_is_killed_comes_back(machine, node):
    node.write(instance("kill-0", POLITE))
    node.start()
    node.until_state("kill-0", "ready")
    pid = machine.inspect("kill-0.app")["State"]["Pid"]
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    node.until(lambda now: now["kill-0"]["restarts"] == 1 and now["kill-0"]["state"] == "ready", "back")
    print(f"from its end to ready: {time.monotonic() - began:.2f} s")
    assert machine.inspect("kill-0.app")["State"]["Pid"] not in (0, pid)


def test_a_changed_spec_replaces_and_stopping_is_graceful(machine, node):
    polite = instance("polite-0", POLITE, drain="1s", stop_grace="20s")
    other = instance("other-0", POLITE)
    node.write(polite, other)
    node.start()
    node.until_state("polite-0", "ready")
    node.until_state("other-0", "ready")
    pids = {name: machine.inspect(f"{name}.app")["State"]["Pid"] for name in ("polite-0", "other-0")}
    following = subprocess.Popen(
        [weir.BINARY, "node", "logs", "polite-0", "-f", "--podman", machine.socket],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert following.stdout.readline() == "hello\n"
    began = time.monotonic()
    polite["containers"][0]["env"] = [{"name": "A", "value": "b"}]
    node.write(polite, other)
    node.until_state("polite-0", "stopping")
    assert machine.inspect("polite-0.app")["State"]["Running"]  # it drains
    assert following.stdout.read() == "bye\n"  # the end of its log
    following.wait(20)
    assert 1 <= time.monotonic() - began < 20  # after its drain, and without SIGKILL
    node.until_state("polite-0", "ready")
    assert "A=b" in machine.inspect("polite-0.app")["Config"]["Env"]
    assert machine.inspect("polite-0.app")["State"]["Pid"] != pids["polite-0"]
    assert machine.inspect("other-0.app")["State"]["Pid"] == pids["other-0"]


def test_what_can_not_run_says_why_in_a_sentence_and_disturbs_nobody(machine, node):
    port = free_port()
    published = {"ports": [{"port": 8080, "host_port": port, "host_address": "127.0.0.1"}]}
    good = instance("good-0", POLITE, container=published)
    node.write(good)
    node.start()
    node.until_state("good-0", "ready")
    pid = machine.inspect("good-0.app")["State"]["Pid"]
    node.write(
        good,
        instance("image-0", POLITE, container={"image": "localhost/nothing:1"}),
        instance("command-0", ["/bin/nothing"]),
        instance("port-0", POLITE, container=published),
        instance("memory-0", ["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"],
                 container={"resources": {"memory": "16Mi"}}),
    )  # fmt: skip
    for name, sentence in (
        ("command-0", "the command /bin/nothing is not in the image"),
        ("port-0", f"the port {port} is taken"),
    ):
        assert node.until_state(name, "failed")["reason"] == sentence
    reason = node.until_state("image-0", "failed")["reason"]
    assert reason.startswith("the image localhost/nothing:1 is not there, and can't be pulled: "), reason
    assert "\n" not in reason
    node.until(
        lambda now: now["memory-0"]["reason"]
        in (
            "the container app was ended because it needed more than its memory",
            # where podman does not hear of it
            "the container app was killed, as who needs more than its memory (16Mi) is",
        ),
        "memory",
    )
    assert node.instances()["good-0"]["restarts"] == 0
    assert machine.inspect("good-0.app")["State"]["Pid"] == pid
    node.file.write_text("instances: [{name: Wrong}]")
    time.sleep(1)
    assert node.instances()["good-0"]["state"] == "ready"
    assert "the file has changed, and is not good; what was before goes on" in node.log_path.read_text()


def test_probes_start_anew_what_hangs(machine, node):
    probe = {"exec": {"command": ["test", "-e", "/tmp/alive"]}, "period": "300ms", "timeout": "10s",
             "failure_threshold": 2}  # fmt: skip
    alive = ["sh", "-c", "touch /tmp/alive; while :; do sleep 1; done"]
    node.write(instance("live-0", alive, container={"liveness_probe": probe, "startup_probe": probe}))
    node.start()
    node.until_state("live-0", "ready")
    kill = {"Cmd": ["busybox", "rm", "/tmp/alive"]}
    exec_id = machine.call("POST", "/containers/live-0.app/exec", kill)[1]["Id"]
    machine.call("POST", f"/exec/{exec_id}/start", {"Detach": True})
    node.until(lambda now: now["live-0"]["restarts"] >= 1 and now["live-0"]["state"] == "ready", "back")
    assert "the liveness probe of the container app fails: exit code 1" in node.log_path.read_text()


def test_logs_are_read_since_a_while(node):
    node.write(instance("log-0", ["sh", "-c", "echo first; sleep 4; echo second; sleep 3600"]))
    node.start()
    node.until_state("log-0", "ready")
    end = time.monotonic() + PATIENCE_S
    while "second" not in node.logs("log-0").stdout and time.monotonic() < end:
        time.sleep(0.2)
    assert node.logs("log-0").stdout == "first\nsecond\n"
    assert "first" not in node.logs("log-0", "--since", "2s").stdout
    done = node.logs("nobody-0")
    assert done.returncode == 1 and "there is no instance nobody-0 on this node" in done.stderr


def test_what_a_person_gets_wrong_is_said(tmp_path):
    def run(*words):
        command = [weir.BINARY, "node", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, timeout=20)

    file = tmp_path / "instances.yaml"
    for words, code, said in (
        ([], 2, "either --controller or --instances is needed"),
        (["logs"], 2, "INSTANCE is missing"),
        (["frobnicate"], 2, "must be logs, not"),
        (["--instances", file], 1, "no such file or directory"),
    ):
        done = run(*words)
        assert done.returncode == code and said in done.stderr, (words, done.stderr)
    file.write_text("instances: [{name: a}]")
    done = run("--instances", file)
    assert done.returncode == 1 and "instances[0].containers" in done.stderr, done.stderr
