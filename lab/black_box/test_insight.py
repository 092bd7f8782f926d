"""Logs of workloads and commands in instances, from a controller, over two nodes in two cities."""

import os
import pathlib
import select
import subprocess
import time

import pytest

from lab import podman, weir
from lab.black_box.conftest import podman_of
from lab.process import wait_until
from lab.terminal import Terminal

PATIENCE_S = 90  # for what takes a second on a machine that is not busy
CITIES = ("fra", "ams")
FRA, AMS = (f"web-all-{city}-1" for city in CITIES)
TALK = "trap 'exit 0' TERM; echo hello; i=0; while :; do echo tick $i; i=$((i+1)); sleep 1 & wait $!; done"


def make_node(directory, controller, socket, city, first_port):
    name = f"{city}-n1"
    (directory / name).mkdir()
    flags = ["--address", "127.0.0.1", "--city", city, "--cpu", "2", "--memory", "1Gi", "--open-networks"]
    flags += ["--node", name, "--ports", f"{first_port}-{first_port + 99}"]
    return weir.Node(directory / name, name, [controller], podman=socket, flags=flags)


def networks(machine):
    """Of nodes: a bridge that is left over stays behind its podman, and is in the way of the next one's."""
    return [one["name"] for one in machine.call("GET", "/networks/json")[1] if one["name"] != "podman"]


class World:
    def __init__(self, controller, machine, nodes):
        self.controller, self.machine, self.nodes = controller, machine, nodes

    def state(self, name):
        answer = self.controller.api("GET", f"/v1/instances/{name}")
        return answer.json.get("status", {}).get("state") if answer.status == 200 else None

    def wait_ready(self, *names):
        for name in names or (FRA, AMS):
            wait_until(lambda one=name: self.state(one) == "ready", PATIENCE_S, f"{name} ready")

    def start(self, *words, **more):
        """weir, beside the test."""
        environment = {**os.environ, **self.environment()}
        return subprocess.Popen([weir.BINARY, *words], env=environment, **more)

    def environment(self):
        one = self.controller
        return {"WEIR_API": one.api_url, "WEIR_TOKEN": one.token, "WEIR_CA": str(one.ca), "NO_COLOR": "1"}

    def run(self, *words, **more):
        return self.controller.cli(*words, timeout_s=60, **more)

    def execs(self):
        """Of the audit: actor, instance, what, and why not."""
        items = self.controller.api("GET", "/v1/events?limit=10000").json["items"]
        specs = [one["spec"] for one in items if one["spec"]["verb"] == "exec"]
        return [
            (one["actor"], one["name"], one["after"]["command"], one.get("reason", ""))
            for one in specs
        ]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    directory = tmp_path_factory.mktemp("insight")
    with podman_of(directory / "podman") as machine:
        (directory / "controller").mkdir()
        with weir.Controller(directory / "controller").start() as controller:
            nodes = {}
            for i, city in enumerate(CITIES):
                nodes[city] = make_node(directory, controller, machine.socket, city, 20000 + 100 * i)
                nodes[city].start(token=controller.join_token("node"), wait=False)
            container = {"name": "app", "image": podman.IMAGE, "args": ["sh", "-c", TALK]}
            spec = {"containers": [container], "drain": "0s", "stop_grace": "1s"}
            spec["targets"] = [{"name": "all", "cities": list(CITIES)}]
            controller.apply({"kind": "Workload", "metadata": {"name": "web"}, "spec": spec})
            one = World(controller, machine, nodes)
            one.wait_ready()
            yield one
            controller.api("DELETE", "/v1/workloads/web")
            wait_until(lambda: not machine.containers(), PATIENCE_S, "nothing being left")
            wait_until(lambda: not networks(machine), PATIENCE_S, "no network being left")
            for node in nodes.values():
                node.stop()


class Lines:
    """What a process writes, line by line."""

    def __init__(self, process):
        self.process, self.text = process, ""

    def until(self, done, what):
        end = time.monotonic() + PATIENCE_S
        while not done(self.text):
            left = end - time.monotonic()
            assert left > 0, f"{what}: {self.text[-2000:]}"
            if select.select([self.process.stdout], [], [], left)[0]:
                piece = os.read(self.process.stdout.fileno(), 65536).decode()
                assert piece, f"it ended before {what}: {self.text[-2000:]}"
                self.text += piece
        return self.text


def test_logs_are_those_of_all_cities_in_the_order_of_time(world):
    done = world.run("logs", "web", "--timestamps")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    times = [line.split(" ")[0] for line in lines]
    assert times == sorted(times)
    for name in (FRA, AMS):
        assert any(line.endswith(f" {name}: hello") for line in lines)
    tail = world.run("logs", "web", "--tail", "1").stdout.splitlines()
    assert sorted(line.split(": ")[0] for line in tail) == sorted([FRA, AMS])
    assert all(" tick " in line for line in tail)
    one = world.run("logs", FRA).stdout.splitlines()
    assert one[0] == "hello" and one[1] == "tick 0"
    other = world.run("logs", "web", "--instance", AMS).stdout
    assert AMS in other and FRA not in other
    missing = world.run("logs", "nothing")
    assert (missing.returncode, missing.stderr) == (
        1,
        "weir: there is no workload and no instance nothing\n",
    )


def test_logs_are_followed_from_both_nodes_and_behind_a_restart(world):
    with world.start("logs", "web", "-f", "--tail", "0", stdout=subprocess.PIPE) as process:
        lines = Lines(process)
        both = lambda text: f"{FRA}: tick" in text and f"{AMS}: tick" in text  # noqa: E731
        lines.until(both, "ticks of both")
        world.machine.call("POST", f"/containers/{FRA}.app/kill?signal=SIGKILL")
        text = lines.until(lambda text: f"{FRA}: hello" in text, "the line of its restart")
        text = lines.until(lambda text: f"{FRA}: tick 2" in text.split(f"{FRA}: hello")[1], "what follows")
        before = [line for line in text.split(f"{FRA}: hello")[0].splitlines() if line.startswith(FRA)]
        assert len(before) == len(set(before))  # nothing is told twice
        process.terminate()
    world.wait_ready()


def test_a_command_has_three_streams_and_its_exit_code(world):
    script = "cat; echo err >&2; exit 7"
    done = world.run("exec", FRA, "--", "sh", "-c", script, stdin="in\n")
    assert (done.returncode, done.stdout, done.stderr) == (7, "in\n", "err\n")
    assert world.run("exec", AMS, "--", "hostname").stdout == f"{AMS}\n"
    large = "x" * 1_000_000
    done = world.run("exec", FRA, "--", "cat", stdin=large)
    assert (done.returncode, len(done.stdout), done.stdout == large) == (0, len(large), True)
    missing = world.run("exec", FRA, "--", "no-such-command", stdin="")
    assert missing.returncode == 127 and "not found" in missing.stderr
    wrong = world.run("exec", FRA, "--container", "db", "--", "id", stdin="")
    assert (wrong.returncode, wrong.stderr) == (1, f"weir: {FRA} has no container db\n")
    commands = [(one[1], one[2]) for one in world.execs() if one[3] == ""]
    assert (FRA, ["sh", "-c", script]) in commands and (AMS, ["hostname"]) in commands
    assert (FRA, ["id"]) not in commands
    assert all(one[0] for one in world.execs())


def test_a_command_has_this_terminal(world):
    terminal = Terminal([weir.BINARY, "exec", FRA, "-t", "--", "sh"], {**os.environ, **world.environment()})
    terminal.until(b"# ")
    terminal.send(b"busybox tty; busybox stty size; echo en''d\r")
    terminal.until(b"/dev/pts/0")
    terminal.until(b"33 101")
    terminal.until(b"\r\nend")
    terminal.resize(40, 50)
    for _ in range(100):  # it comes by another way than keys do
        terminal.send(b"busybox stty size; echo en''d\r")
        if b"40 50" in terminal.until(b"\r\nend"):
            break
    else:
        raise AssertionError("the terminal's size did not follow")
    terminal.send(b"sleep 54321\r")
    wait_until(lambda: processes("54321"), PATIENCE_S, "what runs in it")
    terminal.send(b"\x03")  # goes to the command, and not to weir
    wait_until(lambda: not processes("54321"), PATIENCE_S, "its end")
    terminal.send(b"exit 3\r")
    terminal.until(b"exit 3")
    assert terminal.end() == 3


def test_who_may_only_read_reads_logs_and_runs_nothing(world):
    token = world.run("token", "create", "reader", "--role", "viewer").stdout.strip()
    as_reader = {"environment": {"WEIR_TOKEN": token}}
    assert world.run("logs", FRA, "--tail", "1", **as_reader).returncode == 0
    refused = world.run("exec", FRA, "--", "id", stdin="", **as_reader)
    reason = "a token of the role viewer may not run commands in instances"
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", f"weir: {reason}\n")
    assert ("reader", FRA, ["id"], reason) in world.execs()


def processes(argument):
    found = []
    for place in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if argument.encode() in place.read_bytes().split(b"\0"):
                found.append(place.parent.name)
        except OSError:
            continue
    return found


def test_a_command_ends_when_its_user_goes(world):
    for how, words in (("terminate", ()), ("kill", ())):
        process = world.start("exec", FRA, *words, "--", "sleep", "98765", stdin=subprocess.PIPE)
        running = lambda: len(processes("98765")) > 1  # noqa: E731  (weir's own, and the command)
        wait_until(running, PATIENCE_S, "the command")
        getattr(process, how)()
        process.wait(20)
        process.stdin.close()
        wait_until(lambda: not processes("98765"), PATIENCE_S, f"the command's end after {how}")


def test_a_node_that_goes_ends_commands_and_logs_go_on_when_it_is_back(world):
    node = world.nodes["ams"]
    logs = world.start("logs", AMS, "-f", "--tail", "0", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    command = world.start(
        "exec", AMS, "--", "cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    command.stdin.write(b"hello\n")
    command.stdin.flush()
    assert command.stdout.readline() == b"hello\n"
    lines = Lines(logs)
    lines.until(lambda text: "tick" in text, "a tick")
    node.process.kill()
    assert command.wait(PATIENCE_S) == 1
    assert command.stderr.read() == b"weir: the way to the node was lost\n"
    refused = world.run("exec", AMS, "--", "id", stdin="")
    assert (refused.returncode, refused.stderr) == (
        1,
        "weir: on the node ams-n1: it is not attached\n",
    )
    node.start(wait=False)
    seen = lines.text.count("tick")
    lines.until(lambda text: text.count("tick") > seen + 2, "more ticks")
    logs.terminate()
    assert b"the way to the node ams-n1 was lost" in logs.communicate(timeout=20)[1]
    world.wait_ready()


def test_an_update_is_shown_city_by_city(world):
    done = world.run("rollout", "status", "web", "--wait")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "done"
    assert [line.split()[1:4] for line in done.stdout.splitlines()[1:3]] == [
        ["ams", "1/1", "1/1"],
        ["fra", "1/1", "1/1"],
    ] or [line.split()[1] for line in done.stdout.splitlines()[1:3]] == ["fra", "ams"]
    assert world.run("rollout", "status", "nothing").returncode == 1
    assert world.run("rollout", "undo", "web").returncode == 2
