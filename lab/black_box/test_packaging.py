"""The Debian package, installed by dpkg on a machine of its own, and its units run by systemd there."""

import gzip
import json
import os
import re
import stat
import subprocess

import pytest

from lab import machine
from lab.process import ROOT, wait_until
from lab.weir import BINARY

UNITS = sorted((ROOT / "packaging" / "systemd").iterdir())
ROLES = ["up", "controller", "edge", "dns", "node"]
BUILD = [ROOT / "packaging" / "build.py", "--binary", BINARY, "--fast"]
EXPOSURE_MAX = 25  # tenths


def needs_machine(test):
    why = machine.why_not()
    return pytest.mark.skipif(why is not None, reason=str(why))(test)


def build(output, revision):
    done = subprocess.run(
        [*BUILD, "--output", output, "--revision", revision], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return output / done.stdout.strip().split("/")[-1]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return build(tmp_path_factory.mktemp("package"), "1")


@pytest.fixture(scope="module")
def unpacked(package, tmp_path_factory):
    root = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "-R", package, root], check=True, timeout=60)
    return root


def flags(box, role, words):
    """In the sandbox no process may trace itself, as a sanitizer does to look for leaks, and then fails."""
    text = f'WEIR_FLAGS="{words}"\nASAN_OPTIONS=detect_leaks=0\n'
    box.run("sh", "-c", f"cat >/etc/weir/{role}.env", stdin=text)


# --- what is in it


def test_its_files_have_their_modes_and_sums(package, unpacked):
    said = subprocess.run([unpacked / "usr/bin/weir", "version"], capture_output=True, text=True, timeout=20)
    assert f"_{said.stdout.split()[1]}-1_" in package.name
    modes = {
        str(path.relative_to(unpacked)): stat.S_IMODE(path.stat().st_mode)
        for path in unpacked.rglob("*")
        if "DEBIAN" not in path.parts
    }
    programs = {"usr/bin/weir", "usr/libexec/weir/start", "usr/libexec/weir/join"}
    for path, mode in modes.items():
        secret = path.startswith("etc/weir/")
        folder = (unpacked / path).is_dir()
        assert mode == (0o755 if folder or path in programs else 0o600 if secret else 0o644), path
    assert {"usr/share/weir/prometheus/weir.rules.yml", "usr/share/weir/grafana/weir.json"} <= set(modes)
    conffiles = (unpacked / "DEBIAN/conffiles").read_text().split()
    assert conffiles == [f"/etc/weir/{role}.env" for role in ROLES]
    sums = (unpacked / "DEBIAN/md5sums").read_text()
    done = subprocess.run(
        ["md5sum", "--check", "--strict", "--quiet"], cwd=unpacked, input=sums, text=True, timeout=60
    )
    assert done.returncode == 0
    summed = {line.split("  ")[1] for line in sums.splitlines()}
    files = {path for path in modes if (unpacked / path).is_file()}
    assert summed == {path for path in files if not path.startswith("etc/")}


def said_by(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_it_depends_on_what_the_program_links(package, unpacked):
    linked = said_by("ldd", unpacked / "usr/bin/weir")
    needed = said_by("readelf", "-d", unpacked / "usr/bin/weir")
    depends = said_by("dpkg-deb", "-f", package, "Depends")
    named = {part.split()[0] for part in depends.replace("|", ",").split(",")}
    real = []
    for library in re.findall(r"\(NEEDED\).*\[(.+)\]", needed):
        path = re.search(rf"{re.escape(library)} => (\S+)|(/\S*{re.escape(library)}) ", linked)
        assert path, library
        real.append(f"*{os.path.realpath(path[1] or path[2]).split('/lib/')[-1]}")
    assert len(real) > 10
    owners = {line.split(":")[0] for line in said_by("dpkg", "-S", *real).splitlines()}
    for also in said_by("dpkg-query", "-W", "-f", "${Package} ${Provides}\n", *owners).splitlines():
        assert set(re.findall(r"[\w.+-]+", also)) & named, also


def test_the_same_tree_makes_the_same_package(package, tmp_path):
    assert build(tmp_path, "1").read_bytes() == package.read_bytes()


def test_each_command_has_its_page_and_each_shell_its_completion(unpacked):
    done = subprocess.run([unpacked / "usr/bin/weir", "help"], capture_output=True, text=True, timeout=20)
    words = re.findall(r"^  weir ([a-z-]+)", done.stdout, re.M)
    wanted = {"weir.1.gz"} | {f"weir-{word}.1.gz" for word in words}
    pages = unpacked / "usr/share/man/man1"
    assert {path.name for path in pages.iterdir()} == wanted and len(wanted) > 30
    whole = gzip.decompress((pages / "weir.1.gz").read_bytes()).decode()
    assert ".B weir cloud\\-init\n" in whole and ".SH SERVICES\n" in whole and ".SH FILES\n" in whole
    for path, begin in (
        ("bash-completion/completions/weir", "# Completion of weir for bash"),
        ("zsh/vendor-completions/_weir", "#compdef weir\n"),
        ("fish/vendor_completions.d/weir.fish", "# Completion of weir for fish"),
    ):
        assert (unpacked / "usr/share" / path).read_text().startswith(begin)


def test_lintian_finds_nothing(package):
    done = subprocess.run(
        ["lintian", "--fail-on", "error,warning", "--allow-root", package],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


# --- the units


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_a_sandbox(unit):
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", "--no-pager", unit],
        capture_output=True,
        text=True,
        timeout=60,
    )
    overall = re.search(r"Overall exposure level for .*: ([\d.]+)", said.stdout)
    assert overall and float(overall[1]) <= EXPOSURE_MAX / 10, said.stdout + said.stderr
    assert said.returncode == 0
    text = unit.read_text()
    # Ports below 1024 where there are some, rules of nftables on a node, and no other capability.
    low_ports = unit.stem in ("weir-up", "weir-edge", "weir-dns")
    assert re.findall(r"^AmbientCapabilities=(.*)", text, re.M) == ["CAP_NET_BIND_SERVICE"] * low_ports
    kept = "CAP_NET_ADMIN" if unit.stem == "weir-node" else "CAP_NET_BIND_SERVICE" if low_ports else ""
    assert re.findall(r"^CapabilityBoundingSet=(.*)", text, re.M) == [kept]


def test_the_beginning_of_a_unit_says_what_the_cloud_says(tmp_path):
    """packaging/start, with a weir that tells what it was called with."""
    fake = tmp_path / "weir"
    fake.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = metadata ]; then\n'
        "  [ -n \"$CLOUD\" ] || exit 1\n"
        '  [ "$*" = "metadata --wait 10s -o env" ] || exit 2\n'  # a cloud may answer late, at a boot
        "  echo \"WEIR_PROVIDER='aws' WEIR_REGION='eu-central-1' WEIR_CITY='' WEIR_INSTANCE='i-0abc'\"\n"
        "  echo \"WEIR_PRIVATE_ADDRESS='10.0.0.4' WEIR_PUBLIC_ADDRESS='198.51.100.4'\"\n"
        "  exit\n"
        "fi\n"
        'echo "$@"\n'
    )
    fake.chmod(0o755)

    def begun(role, words, cloud="yes", **more):
        variables = {"PATH": os.environ["PATH"], "WEIR": str(fake), "CLOUD": cloud, "WEIR_FLAGS": words}
        done = subprocess.run(
            [ROOT / "packaging/start", role],
            env={**variables, **more},
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    yes = {"WEIR_DETECT": "yes"}
    place = "--provider aws --region eu-central-1 --address 198.51.100.4 --name aws-i-0abc"
    assert begun("edge", "--public", **yes) == f"edge {place} --public"
    assert begun("dns", "--public", **yes) == f"dns {place} --public"
    assert begun("node", "", **yes) == f"node {place}"
    assert begun("node", "", STATE_DIRECTORY="/s", CREDENTIALS_DIRECTORY="/c") == (
        "node --data-dir /s --join-token-file /c/join-token"
    )
    assert begun("up", "", **yes) == "up --provider aws --region eu-central-1 --api-name 198.51.100.4"
    assert begun("controller", "", **yes) == "controller --api-name 198.51.100.4"
    # What is said holds, and is said once.
    assert begun("edge", "--name fra --region=here --address 192.0.2.1", **yes) == (
        "edge --provider aws --name fra --region=here --address 192.0.2.1"
    )
    # In no cloud, and where nobody asks.
    assert begun("edge", "--public", cloud="", **yes) == "edge --public"
    assert begun("edge", "--public * $HOME") == "edge --public * $HOME"
    assert begun("edge", "", STATE_DIRECTORY="/s", CREDENTIALS_DIRECTORY="/c") == (
        "edge --data-dir /s --join-token-file /c/join-token"
    )
    assert begun("up", "", STATE_DIRECTORY="/s", CREDENTIALS_DIRECTORY="/c") == "up --data-dir /s"


# --- on a machine


def tree_of(box, *folders):
    """Every file there that is not a socket of the moment."""
    return set(box.says("find", *folders, "-xdev", "!", "-type", "s").splitlines())


def processes_of(box, unit):
    return box.says("systemctl", "show", "-P", "MainPID", unit)


@needs_machine
def test_a_life_of_the_package(package, tmp_path):
    """Installed, in use, upgraded without a gap, removed, purged."""
    second = build(tmp_path, "2")
    with machine.Machine(tmp_path / "life") as box:
        before = tree_of(box, "/etc", "/usr/bin", "/usr/lib/systemd", "/usr/libexec", "/var/lib")
        users = box.says("cat", "/etc/passwd")
        box.run("dpkg", "--no-triggers", "-i", box.copy(package))
        names = [unit.name.replace("@", "@web") for unit in UNITS]
        box.run("systemd-analyze", "verify", "--man=no", *names)
        folders = ["/var/lib/weir", "/var/log/weir", "/etc/weir"]
        owned = box.says("stat", "-c", "%U:%G %a", *folders).splitlines()
        assert owned == ["root:root 755", "weir:weir 750", "root:root 755"]
        for unit in UNITS:
            assert box.run("systemctl", "is-enabled", unit.name, check=False).stdout.strip() == "disabled"

        flags(box, "controller", "--api-name weir.localhost")
        box.run("systemctl", "enable", "--now", "weir-controller")
        main = processes_of(box, "weir-controller")
        began = box.says("systemctl", "show", "-P", "InvocationID", "weir-controller")
        assert box.says("ps", "-o", "user=", "-p", main) == "weir"
        assert box.says("stat", "-c", "%U %a", "/var/lib/weir/controller") == "weir 700"
        assert "weir_" not in box.journal("weir-controller")  # the admin token

        box.run("dpkg", "--no-triggers", "-i", box.copy(second))
        assert "-2" in box.says("dpkg-query", "-W", "-f", "${Version}", "weir")
        wait_until(lambda: processes_of(box, "weir-controller") != main, 10, "another main process")
        box.wait_active("weir-controller")
        # Replaced, not started anew.
        assert box.says("systemctl", "show", "-P", "InvocationID", "weir-controller") == began
        assert "items" in api_answers(box)

        box.run("dpkg", "--remove", "weir")
        assert box.state("weir-controller") == "inactive"
        assert box.run("test", "-e", "/etc/weir/controller.env", check=False).returncode == 0
        box.run("dpkg", "--purge", "weir")
        after = tree_of(box, "/etc", "/usr/bin", "/usr/lib/systemd", "/usr/libexec", "/var/lib")
        # What other packages' services make when a machine boots is not the package's, and what podman does
        # on this one is seen through.
        left = {path for path in after - before if not re.search(r"-old$|/dpkg/|-$|/containers|/cni", path)}
        assert left == set()
        assert box.says("cat", "/etc/passwd") == users


def api_answers(box):
    return ask(box, "controller", "get edges -o json").stdout


def ask(box, role, words, stdin="", check=True):
    """The API of a role on the machine, by its CLI and as its administrator."""
    variables = (
        f"WEIR_API=https://weir.localhost:{API_PORTS[role]} WEIR_CA=/var/lib/weir/{role}/ca.pem "
        f"WEIR_TOKEN=$(cat /var/lib/weir/{role}/admin.token)"
    )
    return box.run("sh", "-c", f"{variables} exec weir {words}", stdin=stdin, check=check)


def put(box, path, text, mode="600"):
    box.run("install", "-D", "-m", mode, "/dev/stdin", path, stdin=text)


def enable(box, *units):
    """All of them at once, as at a boot."""
    box.run("systemctl", "enable", *units)
    box.run("systemctl", "start", "--no-block", *units)


def get(box, host, port=80):
    url = f"http://{host}:{port}/name"
    done = box.run("curl", "-sS", "--resolve", f"{host}:{port}:127.0.0.1", url, check=False)
    return done.stdout if done.returncode == 0 else ""


def wait_got(box, expected, host, port=80):
    wait_until(lambda: get(box, host, port) == expected, 15, f"{expected!r} at http://{host}:{port}", 0.05)


def addresses(box, name):
    """As the machine's own name server answers."""
    dig = box.run("dig", "+short", "+time=1", "+tries=1", "@127.0.0.1", name, "A", check=False)
    return dig.stdout.split() if dig.returncode == 0 else None


API_PORTS = {"controller": 8480, "up": 9480}
SITE = """
kind: Service
metadata: {name: site}
spec: {endpoints: [{address: "127.0.0.1:8000"}]}
---
kind: LoadBalancer
metadata: {name: site}
spec:
  listeners: [{protocol: HTTP, hostnames: [site.weir.localhost]}]
  routes: [{backends: [{service: site}]}]
"""
OWN = """
kind: User
metadata: {name: ada}
spec: {email: ada@weir.example}
---
kind: Service
metadata: {name: web}
spec: {protocol: HTTP, discovery: {type: _http._tcp}}
"""
JOIN = """\
WEIR_API=https://weir.localhost:8480
WEIR_CA=/etc/weir/ca.pem
WEIR_SERVICE=web
WEIR_PORT=8000
WEIR_LEASE=10s
"""
AGENT = """
edges: [localhost:8444]
token_file: /run/credentials/weir-agent.service/tunnel-token
services: [{name: shop, target: 127.0.0.1:8000}]
"""


@needs_machine
def test_every_unit_does_its_work(package, tmp_path):
    """All on one machine, started by systemd as the package has them, and each used for what it is."""
    with machine.Machine(tmp_path / "units") as box:
        box.run("ip", "address", "add", "169.254.169.254/32", "dev", "lo")
        cloud = ["/usr/bin/python3", "-m", "lab.metadata_mock", "aws"]
        box.serve("cloud", *cloud, directory=machine.TREE)
        (box.box / "name").write_text("the origin")
        box.serve("origin", "/usr/bin/python3", "-m", "http.server", "8000")
        box.run("dpkg", "--no-triggers", "-i", box.copy(package))
        flags(box, "controller", "--api-name weir.localhost")
        own = "--api 127.0.0.1:9480 --xds 127.0.0.1:19000 --http 127.0.0.1:9080 --https off --ssh off"
        flags(box, "up", f"{own} --tunnel off --dns off --api-name weir.localhost --workers 1")
        enable(box, "weir-controller", "weir-up")
        for unit in ("weir-controller", "weir-up"):
            box.wait_active(unit)
        ask(box, "up", "apply -f -", stdin=SITE)
        wait_got(box, "the origin", "site.weir.localhost", 9080)

        ask(box, "controller", "apply -f -", stdin=SITE + "---" + OWN)
        join = ask(box, "controller", "token create --join edge --uses 2").stdout
        put(box, "/etc/weir/join-token", join)
        lead = "--controller https://weir.localhost:8480 --workers 1"
        flags(box, "edge", f"{lead} --name e1 --http 127.0.0.1:80 --https off --tunnel 127.0.0.1:8444")
        flags(box, "dns", f"{lead} --name n1 --dns 127.0.0.1:53")
        token = ask(box, "controller", "token create agents --for ada").stdout
        put(box, "/etc/weir/tunnel-token", token)
        put(box, "/etc/weir/agent.yaml", AGENT, "644")
        authority = box.run("weir", "ca", "--data-dir", "/var/lib/weir/controller").stdout
        put(box, "/etc/weir/ca.pem", authority, "644")
        member = ask(box, "controller", "token create members --service web").stdout
        put(box, "/etc/weir/join/web.env", JOIN + f"WEIR_TOKEN={member}")
        enable(box, "weir-edge", "weir-dns", "weir-agent", "weir-join@web")
        for unit in ("weir-edge", "weir-dns", "weir-agent", "weir-join@web"):
            box.wait_active(unit)
        wait_got(box, "the origin", "site.weir.localhost")
        wait_got(box, "the origin", "shop.weir.localhost")
        name = "web.service.weir.localhost"
        wait_until(lambda: addresses(box, name) == ["198.51.100.4"], 15, "an instance in DNS", 0.05)
        endpoint = json.loads(ask(box, "controller", "get endpoints -o json").stdout)
        assert "region=eu-central-1" in json.dumps(endpoint)

        box.run("systemctl", "stop", "weir-join@web")
        wait_until(lambda: addresses(box, name) == [], 5, "no instance in DNS", 0.05)
        box.run("systemctl", "stop", "weir-agent")
        wait_until(lambda: get(box, "shop.weir.localhost") != "the origin", 5, "no tunnel", 0.05)
        units = [unit.name.replace("@", "@web") for unit in UNITS]
        box.run("systemctl", "stop", *units)
        for unit in units:
            assert box.state(unit) == "inactive", box.journal(unit)
            assert box.says("systemctl", "show", "-P", "Result", unit) == "success", box.journal(unit)
            assert box.says("systemctl", "show", "-P", "NRestarts", unit) == "0", box.journal(unit)
