"""The Debian package, installed by dpkg on a machine of its own, and its units run by systemd there."""

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
ROLES = ["up", "controller", "edge", "dns"]
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
    box.run("sh", "-c", f"cat >/etc/weir/{role}.env", stdin=f'WEIR_FLAGS="{words}"\n')


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
    # Ports below 1024 where there are some, and no other capability.
    low_ports = unit.stem in ("weir-up", "weir-edge", "weir-dns")
    assert re.findall(r"^AmbientCapabilities=(.*)", text, re.M) == ["CAP_NET_BIND_SERVICE"] * low_ports
    assert re.findall(r"^CapabilityBoundingSet=(.*)", text, re.M) == [
        "CAP_NET_BIND_SERVICE" if low_ports else ""
    ]


def test_the_beginning_of_a_unit_says_what_the_cloud_says(tmp_path):
    """packaging/start, with a weir that tells what it was called with."""
    fake = tmp_path / "weir"
    fake.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = metadata ]; then\n'
        "  [ -n \"$CLOUD\" ] || exit 1\n"
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
        left = {path for path in after - before if not re.search(r"-old$|/dpkg/|-$", path)}
        assert left == set()
        assert box.says("cat", "/etc/passwd") == users


def api_answers(box):
    variables = (
        "WEIR_API=https://weir.localhost:8480 WEIR_CA=/var/lib/weir/controller/ca.pem "
        "WEIR_TOKEN=$(cat /var/lib/weir/controller/admin.token)"
    )
    return box.run("sh", "-c", f"{variables} exec weir get edges -o json").stdout
