"""The CLI: exit codes, one clear sentence on stderr, data on stdout."""

import json
import os
import pty
import subprocess

import pytest

from lab import weir
from lab.process import free_port


def service(name, **spec):
    return {
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"endpoints": [{"address": "127.0.0.1:9"}], **spec},
    }


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "file.yaml"
        path.write_text(text)
        return path

    return write


def test_apply_get_delete(edge, file, unique):
    objects = weir.documents(
        weir.load_balancer(unique, [f"{unique}.example"], {"/": unique}), service(unique)
    )
    done = edge.cli("apply", "-f", file(objects))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(unique) == 2
    shown = edge.cli("get", "services", unique, "-o", "json")
    assert json.loads(shown.stdout)["metadata"]["name"] == unique
    table = edge.cli("get", "services")
    assert table.returncode == 0 and unique in table.stdout and "NAME" in table.stdout.splitlines()[0].upper()
    assert "\x1b" not in table.stdout, "no colour but on a terminal"
    gone = edge.cli("delete", "loadbalancer", unique)
    assert gone.returncode == 0, gone.stderr
    assert edge.cli("delete", "service", unique).returncode == 0
    missing = edge.cli("get", "services", unique)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert unique in missing.stderr


def test_what_get_prints_can_be_applied(edge, file, unique):
    assert (
        edge.cli("apply", "-f", "-", stdin=weir.documents(service(unique, balance="RANDOM"))).returncode == 0
    )
    for form in ("yaml", "json"):
        text = edge.cli("get", "service", unique, "-o", form).stdout
        before = edge.api("GET", f"/v1/services/{unique}").json
        done = edge.cli("apply", "-f", file(text))
        assert done.returncode == 0, done.stderr
        assert edge.api("GET", f"/v1/services/{unique}").json == before


def test_plan_says_what_would_change(edge, file, unique):
    path = file(weir.documents(service(unique)))
    done = edge.cli("plan", "-f", path)
    assert done.returncode == 0 and unique in done.stdout
    assert edge.api("GET", f"/v1/services/{unique}").status == 404
    edge.cli("apply", "-f", path)
    done = edge.cli("plan", "-f", file(weir.documents(service(unique, balance="RANDOM"))))
    assert "RANDOM" in done.stdout and "ROUND_ROBIN" in done.stdout
    assert edge.api("GET", f"/v1/services/{unique}").json["spec"]["balance"] == "ROUND_ROBIN"


def test_describe(edge, unique):
    edge.cli("apply", "-f", "-", stdin=weir.documents(service(unique)))
    done = edge.cli("describe", "service", unique)
    assert done.returncode == 0 and unique in done.stdout and "127.0.0.1:9" in done.stdout


def test_the_yaml_of_the_design(edge, unique):
    text = f"""
kind: Service
metadata: {{name: {unique}}}
spec:
  protocol: HTTP                 # HTTP | HTTP2 | TCP
  balance: ROUND_ROBIN           # ROUND_ROBIN | LEAST_REQUEST | RANDOM | RING_HASH | MAGLEV
  endpoints:                     # static ones; joined, tunnelled and workload endpoints come by themselves
  - {{address: "127.0.0.1:9001", weight: 1}}
  - {{address: "127.0.0.1:9002", weight: 1}}
  health_check: {{interval: 5s, timeout: 2s, unhealthy_threshold: 2, healthy_threshold: 1,
    http: {{path: /healthz}}}}
---
kind: LoadBalancer
metadata: {{name: {unique}}}
spec:
  listeners: [{{protocol: HTTP, hostnames: [{unique}.weir.localhost]}}]
  routes:
  - match: {{path_prefix: /}}
    backends: [{{service: {unique}, weight: 1}}]
"""
    done = edge.cli("apply", "-f", "-", stdin=text)
    assert done.returncode == 0, done.stderr
    for kind in ("loadbalancer", "service"):
        assert edge.cli("delete", kind, unique).returncode == 0


# (what is wrong, the YAML, what the sentence must name)
BAD_YAML = [
    ("not YAML", "kind: [Service", ["line 1"]),
    ("a tab", "kind: Service\nmetadata:\n\tname: a\n", ["line 3"]),
    ("an unknown kind", "kind: Servce\nmetadata: {name: a}\nspec: {}\n", ["Servce", "Service"]),
    (
        "an unknown field",
        "kind: Service\nmetadata: {name: a}\nspec: {endpionts: []}\n",
        ["endpionts", "endpoints"],
    ),
    (
        "a wrong value",
        "kind: Service\nmetadata: {name: a}\nspec: {balance: NONSENSE}\n",
        ["spec.balance", "NONSENSE"],
    ),
    ("a key twice", "kind: Service\nkind: Service\nmetadata: {name: a}\nspec: {}\n", ["kind"]),
    ("no name", "kind: Service\nspec: {}\n", ["metadata"]),
    ("nothing", "", []),
    ("only comments", "# nothing\n---\n", []),
    (
        "the second document",
        "kind: Service\nmetadata: {name: a}\nspec: {}\n---\nkind: Nothing\n",
        [":5: kind"],
    ),
    (
        "aliases that grow",
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)),
        [],
    ),
    (
        "no service",
        "kind: LoadBalancer\nmetadata: {name: a}\nspec: "
        "{listeners: [{protocol: HTTP, hostnames: [a.example]}], "
        "routes: [{backends: [{service: none-such}]}]}\n",
        ["spec.routes[0].backends[0].service"],
    ),
]


@pytest.mark.parametrize(("text", "named"), [row[1:] for row in BAD_YAML], ids=[row[0] for row in BAD_YAML])
def test_bad_yaml(edge, file, text, named):
    path = file(text)
    done = edge.cli("apply", "-f", path)
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert 1 <= len(done.stderr.strip().splitlines()) <= 3, done.stderr
    for word in named:
        assert word in done.stderr, done.stderr


def test_the_place_of_a_violation_is_told(edge, file):
    path = file("# a comment\nkind: Service\nmetadata: {name: a}\nspec:\n  balance: NONSENSE\n")
    done = edge.cli("apply", "-f", path)
    assert done.returncode == 1
    assert "Service/a" in done.stderr or str(path) in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["apply"],
        ["apply", "-f"],
        ["get"],
        ["get", "gadgets"],
        ["delete", "services"],
        ["get", "services", "-o", "xml"],
        ["--nonsense"],
        ["get", "services", "a", "b"],
    ],
)
def test_bad_usage(edge, arguments):
    done = edge.cli(*arguments)
    assert done.returncode == 2, f"{done.returncode}: {done.stdout}{done.stderr}"
    assert done.stdout == "" and 1 <= len(done.stderr.strip().splitlines()) <= 3, done.stderr


def test_did_you_mean(edge):
    assert "apply" in edge.cli("aply", "-f", "-").stderr
    assert "services" in edge.cli("get", "servces").stderr


def test_help(edge):
    for arguments in (["--help"], ["apply", "--help"], ["up", "--help"]):
        done = edge.cli(*arguments)
        assert done.returncode == 0 and done.stderr == "" and "weir" in done.stdout
    assert "--data-dir" in edge.cli("up", "--help").stdout
    assert edge.cli("--version").stdout.startswith("weir ")


def test_no_such_file(edge, tmp_path):
    done = edge.cli("apply", "-f", tmp_path / "none.yaml")
    assert done.returncode in (1, 2) and "none.yaml" in done.stderr


def test_no_controller(edge):
    port = free_port()
    done = edge.cli("get", "services", environment={"WEIR_API": f"http://127.0.0.1:{port}"})
    assert done.returncode == 1 and str(port) in done.stderr and len(done.stderr.splitlines()) == 1


def test_wrong_token(edge):
    done = edge.cli("get", "services", environment={"WEIR_TOKEN": "wrong"})
    assert done.returncode == 1 and "token" in done.stderr.lower()
    assert "wrong" not in done.stderr, "what was given as a secret is not shown"


def test_configuration_file(edge, tmp_path):
    """~/.config/weir/config.yaml is read when the environment says nothing."""
    config = tmp_path / ".config" / "weir" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text(f"api: http://{edge.address}:{edge.api_port}\ntoken: {edge.token}\n")
    config.chmod(0o600)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WEIR_")} | {"HOME": str(tmp_path)}
    environment.pop("XDG_CONFIG_HOME", None)
    done = subprocess.run(
        [weir.BINARY, "get", "services", "-o", "json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=10,
    )
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)


def test_get_watches(edge, unique):
    """`get -w` prints changes as they come, until it is told to stop."""
    environment = {
        **os.environ,
        "WEIR_API": f"http://{edge.address}:{edge.api_port}",
        "WEIR_TOKEN": edge.token,
    }
    with subprocess.Popen(
        [weir.BINARY, "get", "services", "-w"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as watching:
        try:
            assert "NAME" in watching.stdout.readline().upper()
            edge.api("POST", "/v1/services", service(unique))
            for line in watching.stdout:
                if unique in line:
                    break
        finally:
            watching.terminate()


def test_closed_pipe(edge):
    """`weir get ... | head -1` ends quietly."""
    environment = {
        **os.environ,
        "WEIR_API": f"http://{edge.address}:{edge.api_port}",
        "WEIR_TOKEN": edge.token,
    }
    done = subprocess.run(
        f"{weir.BINARY} get services -o json | true",
        shell=True,
        capture_output=True,
        text=True,
        env=environment,
        timeout=10,
    )
    assert "terminate" not in done.stderr and "abort" not in done.stderr.lower()


def test_help_on_a_terminal():
    """On a terminal nothing waits for a key or breaks."""
    master, slave = pty.openpty()
    done = subprocess.run([weir.BINARY, "--help"], stdin=slave, stdout=slave, stderr=slave, timeout=10)
    os.close(slave)
    text = os.read(master, 65536)
    os.close(master)
    assert done.returncode == 0 and b"weir" in text
