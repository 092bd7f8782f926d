"""weir cloud-init: user-data that cloud-init takes, by its schema and on a machine that boots with it."""

import hashlib
import json
import os
import re
import string
import subprocess
import zlib

import pytest
import yaml

from lab import machine
from lab.black_box.test_packaging import build, needs_machine, processes_of
from lab.process import ROOT, wait_until
from lab.weir import BINARY

CLOUD_INIT = ROOT / "build" / "tools" / "cloud-init"
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


def token(prefix):
    """As weir token create makes it, but always the same."""
    text = f"weir_{'4' * 10}_{'k' * 33}"
    left, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        left, digit = divmod(left, 62)
        digits = BASE62[digit] + digits
    return text.replace("weir_", prefix) + digits + "." + "0b1c" * 8


JOIN_TOKEN, TUNNEL_TOKEN = token("weirjoin_"), token("weirtunnel_")
DIGEST = "ab" * 32
PACKAGE = ["--package", "https://packages.example/weir.deb", "--sha256", DIGEST]
LEAD = ["--controller", "https://c1.example:8480", "--controller", "https://c2.example:8480"]
AGENT = "edges: [edge-1.example:8444]\nservices:\n- name: shop\n  target: 127.0.0.1:8000\n"
KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQINBF==\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"

needs_cloud_init = pytest.mark.skipif(
    not CLOUD_INIT.exists(), reason="cloud-init is not unpacked (./dev setup lab)"
)


def made(*words, expect=0):
    done = subprocess.run(
        [BINARY, "cloud-init", *map(str, words)], capture_output=True, text=True, timeout=20
    )
    assert done.returncode == expect, f"{done.returncode}: {done.stdout}{done.stderr}"
    if expect:
        assert done.stdout == ""
        return done.stderr
    return done.stdout


def judged(path):
    """What cloud-init's own command says of it."""
    return subprocess.run(
        ["/usr/bin/python3", CLOUD_INIT / "usr/bin/cloud-init", "schema", "--config-file", path],
        env={**os.environ, "PYTHONPATH": str(CLOUD_INIT / "usr/lib/python3/dist-packages")},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def given(tmp_path):
    """Files that the command reads."""
    texts = {"join": JOIN_TOKEN, "tunnel": TUNNEL_TOKEN + "\n", "agent.yaml": AGENT, "key": KEY}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def roles(given):
    repository = ["--repository", "https://packages.example/debian stable main", "--key", given / "key"]
    join = ["--token-file", given / "join"]
    return {
        "edge": ["edge", *LEAD, *join, *PACKAGE, "--with", "ssh=[::]:2222", "--with", "label=tier=front"],
        "dns": ["dns", *LEAD, *join, *repository],
        "node": ["node", *LEAD, *join, *PACKAGE, "--with", "ports=30000-30999"],
        "controller": ["controller", *PACKAGE, "--with", "store=postgres://weir@db.example/weir"],
        "up": ["up", "--with", "domain=weir.example", "--with", "http=8080"],
        "agent": ["agent", *PACKAGE, "--config", given / "agent.yaml", "--token-file", given / "tunnel"],
    }


def files_of(text):
    return {one["path"]: one for one in yaml.safe_load(text)["write_files"]}


@needs_cloud_init
@pytest.mark.parametrize("role", ["edge", "dns", "node", "controller", "up", "agent"])
def test_cloud_init_takes_it(role, given):
    text = made(*roles(given)[role])
    path = given / "user-data"
    path.write_text(text)
    done = judged(path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Valid cloud-config" in done.stdout
    path.write_text(text.replace("write_files:\n", "write_files: yes\nno_such_key:\n"))
    assert judged(path).returncode != 0  # it would have said


@needs_cloud_init
def test_it_takes_the_example_of_several_regions(tmp_path):
    text = (ROOT / "examples/multi-region/user-data.yaml").read_text()
    words = {"edge": "edge-1.example", "port": "2222", "service": "hello", "token": TUNNEL_TOKEN}
    words["known_hosts"] = "* ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPuabIPJk2rS5s4kRnRBq4RhbNKbo3"
    text = re.sub(r"\$\{(\w+)\}", lambda found: words[found[1]], text)
    path = tmp_path / "user-data"
    path.write_text(text)
    done = judged(path)
    assert done.returncode == 0 and "Valid cloud-config" in done.stdout, done.stdout + done.stderr
    files = files_of(text)
    assert files["/etc/weir-tunnel/token"]["permissions"] == "0600"
    unit = files["/etc/systemd/system/weir-tunnel.service"]["content"]
    assert "-R hello:80:127.0.0.1:8000 %H@edge-1.example\n" in unit
    [[shell, options, script]] = yaml.safe_load(text)["runcmd"]
    assert (shell, options) == ("sh", "-euc")
    assert subprocess.run(["sh", "-n"], input=script, text=True, timeout=5).returncode == 0


def test_what_a_machine_is_told(given):
    text = made(*roles(given)["edge"])
    files = files_of(text)
    assert all(one["permissions"] == "0600" and one["owner"] == "root:root" for one in files.values())
    assert files["/etc/weir/join-token"]["content"] == JOIN_TOKEN + "\n"
    assert files["/etc/weir/edge.env"]["content"] == (
        'WEIR_DETECT=yes\nWEIR_FLAGS="--controller https://c1.example:8480 '
        '--controller https://c2.example:8480 --public --http [::]:80 --https [::]:443 '
        '--ssh [::]:2222 --label tier=front"\n'
    )
    assert "CAUTION" in text
    [[shell, options, script]] = yaml.safe_load(text)["runcmd"]
    assert (shell, options) == ("sh", "-euc")
    assert f"{DIGEST}  $package" in script and "systemctl enable --now --no-block weir-edge" in script
    assert subprocess.run(["sh", "-n"], input=script, text=True, timeout=5).returncode == 0

    data = yaml.safe_load(made(*roles(given)["node"]))
    [environment, token] = data["write_files"]
    assert environment["path"] == "/etc/weir/node.env" and token["path"] == "/etc/weir/join-token"
    assert environment["content"] == (
        'WEIR_DETECT=yes\nWEIR_FLAGS="--controller https://c1.example:8480 '
        '--controller https://c2.example:8480 --ports 30000-30999"\n'
    )
    [[_, _, script]] = data["runcmd"]
    assert ' install "$package" podman netavark nftables; }\n' in script
    assert "systemctl enable --now --no-block weir-node" in script

    data = yaml.safe_load(made(*roles(given)["dns"]))
    assert data["packages"] == ["weir"]
    assert data["apt"]["sources"]["weir.list"] == {
        "source": "deb [signed-by=$KEY_FILE] https://packages.example/debian stable main",
        "key": KEY,
    }
    files = files_of(made(*roles(given)["agent"]))
    credential = "token_file: /run/credentials/weir-agent.service/tunnel-token\n"
    assert files["/etc/weir/agent.yaml"]["content"] == AGENT + credential
    assert files["/etc/weir/tunnel-token"]["content"] == TUNNEL_TOKEN + "\n"
    assert "--http 8080" in files_of(made(*roles(given)["up"]))["/etc/weir/up.env"]["content"]


HOSTILE = ["a\nruncmd: [reboot]", "a' 'b", "$(reboot)", "`reboot`", 'a"\nb', "a;reboot", "a\\", "a b"]
HOSTILE += ["é\x1b["]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_becomes_more_than_a_value(text, given):
    edge = ["edge", *LEAD, "--token-file", given / "join"]
    assert "URL" in made(*edge, "--package", f"https://p.example/{text}", "--sha256", DIGEST, expect=2)
    assert "SHA-256" in made(*edge, "--package", "https://p.example/a", "--sha256", DIGEST + text, expect=2)
    assert "characters" in made(*edge, "--with", f"city={text}", expect=2)
    made(*edge, "--with", f"label=a={text}", expect=2)
    made(*edge, "--with", text, expect=2)
    made("edge", "--controller", f"https://{text}:8480", "--token-file", given / "join", expect=2)
    made("edge", *LEAD, "--token", JOIN_TOKEN + text, expect=2)
    if text != "a b":  # two components of a repository
        made(*edge, "--repository", f"https://p.example/a stable {text}", "--key", given / "key", expect=2)


def test_what_does_not_fit_is_refused_before_it_boots(given):
    join = ["--token-file", given / "join"]
    edge = ["edge", *LEAD, *join]
    assert "must be edge, dns" in made("box", expect=2)
    assert "--join node" in made("node", *LEAD, expect=2)
    assert "--token-file or --token is missing" in made("edge", *LEAD, expect=2)
    assert "either --controller or --xds" in made("edge", *join, expect=2)
    assert "no flag" in made(*edge, "--with", "no-such-flag", expect=2)
    assert "is given twice" in made(*edge, "--with", "name=a", "--with", "name=b", expect=2)
    for word in ("data-dir=/tmp", "join-token=x", "join-token-file=/x"):
        assert "the package's unit says by itself" in made(*edge, "--with", word, expect=2)
    assert "go together" in made(*edge, "--package", "https://p.example/a", expect=2)
    assert "weirjoin_" in made("edge", *LEAD, "--token-file", given / "tunnel", expect=2)
    assert "goes with edge, dns, node and agent" in made("controller", *join, expect=2)
    assert "--config is missing" in made("agent", "--token-file", given / "tunnel", expect=2)
    assert "no such file" in made("edge", *LEAD, "--token-file", given / "nothing", expect=2)
    assert JOIN_TOKEN not in made(*edge, "--with", "x", expect=2)
    (given / "agent.yaml").write_text(AGENT + "token_file: /elsewhere\n")
    agent = ["agent", "--config", given / "agent.yaml", "--token-file", given / "tunnel"]
    assert "/run/credentials" in made(*agent, expect=2)
    (given / "agent.yaml").write_text("edges: 5\n")
    assert "edges" in made(*agent, expect=2)


# --- a first boot

CONFIG = """
datasource_list: [NoCloud]
cloud_init_modules: [write-files]
cloud_config_modules: [runcmd]
cloud_final_modules: [scripts-user]
"""


def boot(box, user_data):
    """What cloud-init does at a first boot, stage by stage."""
    seed = "/var/lib/cloud/seed/nocloud"
    box.run("sh", "-ec", f"cd {machine.TREE}/build/tools/cloud-init && cp -r etc usr / && mkdir -p {seed}")
    box.run("sh", "-c", "cat >/etc/cloud/cloud.cfg.d/99_lab.cfg", stdin=CONFIG)
    box.run("sh", "-c", f"cat >{seed}/user-data", stdin=user_data)
    box.run("sh", "-c", f"cat >{seed}/meta-data", stdin="instance-id: i-0abc\n")
    for stage in (["init", "--local"], ["init"], ["modules", "--mode=config"], ["modules", "--mode=final"]):
        done = box.run("/usr/bin/python3", "/usr/bin/cloud-init", *stage, check=False)
        log = box.run("tail", "-n", "30", "/var/log/cloud-init.log", check=False).stdout
        assert done.returncode == 0, f"{stage}: {done.stdout}{done.stderr}\n{log}"


@needs_machine
@needs_cloud_init
def test_a_first_boot(tmp_path):
    """A machine of AWS that has nothing: it loads the package, joins, serves; and leaves at its shutdown."""
    package = build(tmp_path, "1")
    with machine.Machine(tmp_path / "boot") as box:
        weir = box.copy(BINARY, "weir")
        box.run("ip", "address", "add", "169.254.169.254/32", "dev", "lo")
        box.serve("cloud", "/usr/bin/python3", "-m", "lab.metadata_mock", "aws", directory=machine.TREE)
        box.copy(package, "weir.deb")
        box.serve("packages", "/usr/bin/python3", "-m", "http.server", "8000")
        lead = ["--data-dir", "/srv/lead", "--api", "127.0.0.1:8480", "--api-name", "weir.localhost"]
        box.serve("lead", weir, "controller", *lead)
        asking = (
            "WEIR_API=https://weir.localhost:8480 WEIR_CA=/srv/lead/ca.pem "
            f"WEIR_TOKEN=$(cat /srv/lead/admin.token) exec {weir} "
        )

        def ask(words, check=True):
            return box.run("sh", "-c", asking + words, check=check)

        wait_until(lambda: ask("get edges", check=False).returncode == 0, 20, "a controller", 0.1)
        secret = ask("token create --join edge").stdout.strip()
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        url = "http://127.0.0.1:8000/weir.deb"
        words = ["--controller", "https://weir.localhost:8480", "--token", secret, "--package", url]
        flags = ["--with", "metrics=127.0.0.1:9100", "--with", "http=8080"]
        text = made("edge", *words, "--sha256", digest, *flags)

        wrong = made("edge", *words, "--sha256", DIGEST)
        [[*_, script]] = yaml.safe_load(wrong)["runcmd"]
        done = box.run("sh", "-euc", script, check=False)
        assert done.returncode != 0 and "weir.deb: FAILED" in done.stdout + done.stderr
        assert box.run("test", "-e", "/usr/bin/weir", check=False).returncode != 0

        boot(box, text)
        box.wait_active("weir-edge")
        edges = json.loads(ask("get edges -o json").stdout)
        [edge] = edges["items"] if isinstance(edges, dict) else edges
        assert edge["metadata"]["name"] == "aws-i-0abc"
        told = edge["spec"]
        assert (told["provider"], told["region"], told["city"], told["address"]) == (
            "aws", "eu-central-1", "frankfurt", "198.51.100.4"
        )
        assert box.says("stat", "-c", "%U %a", "/etc/weir/join-token") == "root 600"
        main = processes_of(box, "weir-edge")
        assert secret not in box.says("cat", f"/proc/{main}/cmdline").replace("\0", " ")
        assert re.search(r"CapEff:\s+0*400\n", box.run("cat", f"/proc/{main}/status").stdout)
        status = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}"]
        assert box.says(*status, "http://127.0.0.1:9100/readyz") == "200"
        assert box.says(*status, "http://127.0.0.1:8080/") == "404"  # weir's own: nothing is configured
        assert re.search(r"\*:443 |\[::\]:443 ", box.says("ss", "-ltn"))  # 80 has what plays the cloud
        box.run("systemctl", "reload", "weir-edge")
        assert processes_of(box, "weir-edge") != main
        box.run("systemctl", "stop", "weir-edge")
        assert box.says("systemctl", "show", "-P", "Result", "weir-edge") == "success"
