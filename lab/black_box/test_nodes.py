"""Controllers and the nodes that they lead: who is let in, what runs where, and what goes on without them."""

import contextlib
import os
import stat

import pytest

from lab import podman, weir
from lab.postgres import Postgres, binaries
from lab.process import wait_until

PATIENCE_S = 90  # for what takes a second on a machine that is not busy
POLITE = ["sh", "-c", "trap 'exit 0' TERM; echo $KEY; while :; do sleep 1 & wait $!; done"]
BUSY = ["sh", "-c", "while :; do i=0; while [ $i -lt 9999 ]; do i=$((i + 1)); done; sleep 0.2; done"]


@pytest.fixture
def controller(tmp_path):
    (tmp_path / "controller").mkdir()
    with weir.Controller(tmp_path / "controller").start() as one:
        yield one


def make_node(tmp_path, controller, socket, name="fra-n1", **more):
    (tmp_path / name).mkdir(exist_ok=True)
    flags = ["--address", "127.0.0.1", "--city", "fra", "--cpu", "2", "--memory", "1Gi", "--open-networks"]
    return weir.Node(tmp_path / name, name, [controller], podman=socket, flags=flags, **more)


def status(controller, path):
    answer = controller.api("GET", f"/v1/{path}")
    return answer.json.get("status", {}) if answer.status == 200 else {}


def attached(controller, name="fra-n1"):
    return status(controller, f"nodes/{name}").get("attached", False)


def wait_attached(controller, wanted=True, name="fra-n1"):
    wait_until(lambda: attached(controller, name) == wanted, PATIENCE_S, f"{name} attached: {wanted}")


# --- who is let in


def test_a_node_joins_is_known_by_its_certificate_and_is_shut_out_when_it_is_revoked(tmp_path, controller):
    flags = ["--city", "ams", "--provider", "hetzner", "--region", "eu"]
    node = make_node(tmp_path, controller, tmp_path / "no-podman.sock")
    with node.start(token=controller.join_token("node", *flags), wait=False):
        wait_attached(controller)
        spec = controller.api("GET", "/v1/nodes/fra-n1").json["spec"]
        wanted = {"provider": "hetzner", "region": "eu", "city": "ams", "address": "127.0.0.1"}
        assert {key: spec[key] for key in wanted} == wanted  # the token's word counts
        assert stat.S_IMODE(os.stat(node.data / "node.json").st_mode) == 0o600
        assert controller.metrics()["weir_node_streams"] == 1
        node.stop()
        wait_attached(controller, False)
        node.start(wait=False)  # with what it has kept
        wait_attached(controller)
        controller.change("nodes", "fra-n1", lambda spec: spec.update(revoked=True))
        wait_attached(controller, False)
        assert controller.metrics()["weir_node_streams"] == 0
        assert node.process.running()
        node.stop()


def test_a_token_for_an_edge_lets_no_node_in(tmp_path, controller):
    refusal = "the join token is for an edge, not for a node"
    for role, words in (("edge", refusal), (None, "has not joined yet")):
        token = controller.join_token(role) if role else None
        node = make_node(tmp_path, controller, tmp_path / "no-podman.sock").start(token=token, wait=False)
        wait_until(lambda process=node.process: not process.running(), 20, "its end")
        assert node.process.popen.returncode == 1
        assert words in node.process.log()
    (tmp_path / "edge").mkdir()
    edge = weir.Edge(tmp_path / "edge", "fra-1", [controller])
    edge.start(token=controller.join_token("node"), wait=False)
    wait_until(lambda: not edge.process.running(), 20, "its end")
    assert "the join token is for a node, not for an edge" in edge.process.log()


# --- what runs


def workload(args=POLITE, name="web", replicas=1, **more):
    container = {"name": "app", "image": podman.IMAGE, "args": args}
    container |= {"resources": {"cpu": "50m", "memory": "32Mi"}, **more}
    spec = {"containers": [container], "drain": "0s", "stop_grace": "2s"}
    spec |= {"targets": [{"name": "all", "cities": ["fra"], "min_replicas": replicas}]}
    spec |= {"update": {"min_healthy_time": "1s"}}
    return {"kind": "Workload", "metadata": {"name": name}, "spec": spec}


NAME = "web-all-fra-1"
CONTAINER = f"{NAME}.app"


def instance(controller):
    return status(controller, f"instances/{NAME}")


def wait_state(controller, state):
    wait_until(lambda: instance(controller).get("state") == state, PATIENCE_S, f"{state}")
    return instance(controller)


def pid(machine):
    return machine.inspect(CONTAINER).get("State", {}).get("Pid", 0)


def environment(machine):
    return machine.inspect(CONTAINER).get("Config", {}).get("Env", [])  # none between two versions


@pytest.fixture
def node(tmp_path, machine, controller):
    one = make_node(tmp_path, controller, machine.socket)
    one.start(token=controller.join_token("node"), wait=False)
    wait_attached(controller)
    yield one
    if not controller.process.running():
        controller.start()
    if not one.process.running():
        one.start(wait=False)
    controller.api("DELETE", "/v1/workloads/web")
    gone = lambda: not machine.containers("weir.node=weir")  # noqa: E731
    wait_until(gone, PATIENCE_S, "nothing being left")
    one.stop()


def test_what_is_assigned_runs_and_goes_on_whoever_is_started_anew(machine, controller, node):
    controller.apply(workload(BUSY))
    ready = wait_state(controller, "ready")
    wait_until(lambda: instance(controller).get("address"), PATIENCE_S, "its address")
    assert instance(controller)["address"].count(".") == 3
    wait_until(lambda: instance(controller).get("cpu", "0m") != "0m", PATIENCE_S, "what it uses")
    before = pid(machine)
    kept = node.data / "node.assignment"
    assert stat.S_IMODE(os.stat(kept).st_mode) == 0o600

    controller.stop()
    node.process.kill()
    machine.call("POST", f"/containers/{CONTAINER}/kill?signal=SIGKILL")
    node.start(wait=False)  # without any controller
    wait_until(lambda: pid(machine) not in (0, before), PATIENCE_S, "it being started anew")
    again = pid(machine)
    controller.start()
    wait_attached(controller)
    wait_state(controller, "ready")
    node.stop()
    node.start(wait=False)
    wait_state(controller, "ready")
    assert pid(machine) == again

    controller.apply(workload(env=[{"name": "KEY", "value": "b"}]))
    wait_until(lambda: "KEY=b" in environment(machine), PATIENCE_S, "the new version")
    wait_state(controller, "ready")


def secret(**values):
    return {"kind": "Secret", "metadata": {"name": "keys"}, "spec": {"values": values}}


def test_values_of_secrets_are_told_to_the_node_alone(machine, controller, node):
    from_secret = [{"name": "KEY", "secret": {"secret": "keys", "key": "a"}}]
    controller.apply(secret(b="x"), workload(env=from_secret))
    wait_until(
        lambda: instance(controller).get("reason") == "the secret keys has no key a", PATIENCE_S, "the reason"
    )
    assert not machine.containers("weir.node=weir")
    controller.apply(secret(a="first-value"))
    wait_state(controller, "ready")
    assert "KEY=first-value" in environment(machine)
    shown = controller.api("GET", f"/v1/instances/{NAME}").text
    assert "first-value" not in shown
    before = pid(machine)
    controller.apply(secret(a="second-value"))
    told = lambda: b"second-value" in (node.data / "node.assignment").read_bytes()  # noqa: E731
    wait_until(told, PATIENCE_S, "the node being told")
    assert pid(machine) == before and "KEY=first-value" in environment(machine)
    controller.apply(workload(env=[*from_secret, {"name": "MORE", "value": "x"}]))
    wait_until(lambda: "KEY=second-value" in environment(machine), PATIENCE_S, "the next version")


def test_ports_lead_to_the_instance(machine, controller, node):
    serve = ["sh", "-c", "echo hello > /tmp/index.html; exec httpd -f -p 8080 -h /tmp"]
    web = workload(serve, ports=[{"port": 8080, "service": "web"}])
    controller.apply(weir.service("web", []), web)
    wait_state(controller, "ready")
    endpoint = lambda: controller.api("GET", f"/v1/endpoints/{NAME}")  # noqa: E731
    wait_until(lambda: endpoint().status == 200, PATIENCE_S, "its endpoint")
    address = endpoint().json["spec"]["address"]
    host, port = address.rsplit(":", 1)
    assert host == "127.0.0.1" and 20000 <= int(port) <= 29999
    bound = machine.inspect(CONTAINER)["HostConfig"]["PortBindings"]["8080/tcp"]
    assert bound[0]["HostPort"] == port
    controller.api("DELETE", "/v1/workloads/web")
    wait_until(lambda: endpoint().status == 404, PATIENCE_S, "its end")


# --- several controllers


@pytest.fixture
def two_controllers(tmp_path):
    if binaries() is None:
        pytest.skip("there is no /usr/lib/postgresql/*/bin/postgres (package postgresql-15)")
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(Postgres(tmp_path / "postgres" / "server"))
        flags = ["--store", database.url(options="sslmode=disable")]
        both = []
        for address in ("127.0.0.2", "127.0.0.3"):  # the first one leads
            one = weir.Controller(tmp_path / address, address=address, flags=[*flags, "--api-name", address])
            one.NAME = address
            port = both[0].xds_port if both else one.xds_port  # machines expect the same one at each
            one.flags[one.flags.index("--xds") + 1] = f"{address}:{port}"
            one.directory.mkdir()
            both.append(stack.enter_context(one.start()))
        yield both


def test_the_leading_controller_dies_and_the_other_carries_out_what_is_changed(
    tmp_path, machine, two_controllers
):
    first, second = two_controllers
    token = first.token
    (tmp_path / "fra-n1").mkdir()
    flags = ["--address", "127.0.0.1", "--city", "fra", "--cpu", "2", "--memory", "1Gi", "--open-networks"]
    node = weir.Node(tmp_path / "fra-n1", "fra-n1", two_controllers, podman=machine.socket, flags=flags)

    def ready():
        answer = second.api("GET", "/v1/instances", token=token)
        return {one["metadata"]["name"] for one in answer.json["items"] if one["status"]["state"] == "ready"}

    def running():
        return {one["Names"][0]: (one["Pid"], one["Id"]) for one in machine.containers("weir.node=weir")}

    def changed(kind, name, content, done):
        answer = second.api(kind, f"/v1/workloads/{name}", content, token=token)
        assert answer.status == done, answer

    with node.start(token=first.join_token("node"), wait=False):
        first.apply(workload(name="web", replicas=2), workload(name="more"))
        names = {"web-all-fra-1", "web-all-fra-2", "more-all-fra-1"}
        wait_until(lambda: ready() == names, PATIENCE_S, "three being ready")
        before = running()
        first.process.kill()
        changed("PATCH", "more", {"spec": {"targets": workload(replicas=3)["spec"]["targets"]}}, 200)
        names |= {"more-all-fra-2", "more-all-fra-3"}
        wait_until(lambda: ready() == names, PATIENCE_S, "the other controller leading")
        after = running()
        assert {name: after[name] for name in before} == before  # nobody was started anew
        for name in ("web", "more"):
            changed("DELETE", name, None, 200)
        wait_until(lambda: not running(), PATIENCE_S, "nothing being left")
        node.stop()
