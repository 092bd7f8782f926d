"""A world that stays, as somebody has it who looks around and breaks things: `./dev lab world --keep`."""

import re
import subprocess
import sys

import pytest

from lab import keep
from lab.process import ROOT, Process, wait_until
from lab.weir import BINARY

RUN = [sys.executable, ROOT / "lab" / "run.py"]


def lab(*words):
    return subprocess.run([*RUN, *words], capture_output=True, text=True, timeout=60)


def said(*words):
    done = lab(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def greeting(tmp_path_factory):
    if keep.is_there():
        pytest.skip("somebody looks at a world of theirs")
    log = tmp_path_factory.mktemp("kept") / "log"
    with Process([*RUN, "world", "--keep"], log) as process:
        wait_until(lambda: "until ^C" in process.log() or not process.running(), 60, "the world")
        assert process.running(), process.log()
        yield process.log()
        process.stop(20)
        assert process.log().endswith("world: it was there, and is gone\n")
    assert lab("look").stderr == "lab: no world is there; `./dev lab world --keep` makes one\n"


def test_what_there_is(greeting):
    seen = said("look")
    assert re.search(r"^us-west-edge-1 +10\.1\.0\.11 +edge$", seen, re.M)
    assert re.search(r"^seattle +us-west +(us-east|ap-south) *$", seen, re.M)
    again = lab("world", "--keep")
    assert again.returncode == 1 and "a world is there already" in again.stderr


def test_the_api_is_reached_from_here(greeting):
    exports = dict(re.findall(r"(WEIR_\w+)=(\S+)", greeting.replace("$(cat ", "").replace(")", "")))
    environment = {"WEIR_API": exports["WEIR_API"], "WEIR_CA": exports["WEIR_CA"]}
    with open(exports["WEIR_TOKEN"]) as token:
        environment["WEIR_TOKEN"] = token.read().strip()
    done = subprocess.run(
        [BINARY, "get", "services"], capture_output=True, text=True, env=environment, timeout=20
    )
    assert done.returncode == 0 and "garage" in done.stdout, done.stdout + done.stderr


def test_programs_run_in_a_city(greeting):
    assert said("in", "seattle", "curl", "-s", "web.example").split()[0].endswith("-origin-1")
    assert lab("in", "seattle", "sh", "-c", "exit 7").returncode == 7


def test_things_are_broken_and_mended(greeting):
    assert "is gone" in said("kill", "region", "us-west")

    def seattle_lands():
        return re.search(r"^seattle +(\S+)", said("look"), re.M)[1]

    wait_until(lambda: seattle_lands() == "eu-west", 10, "seattle being served by another region")
    assert "is back" in said("restore", "region", "us-west")
    wait_until(lambda: seattle_lands() == "us-west", 20, "seattle being served by its own again")
    assert re.search(r"us-east-edge-1 .*\(gone\)", said("kill", "us-east-edge-1") + said("look"))
    said("restore", "us-east-edge-1")
    assert "takes 20 ms each way, and loses 3 percent" in said("slow", "west", "asia", "20", "3")
    assert "is whole" in said("mend", "asia", "west")
    assert "is cut" in said("cut", "garage")
    said("mend", "garage")


@pytest.mark.parametrize(
    "words, why",
    [
        (["kill", "region", "mars"], "one of us-west, eu-west"),
        (["kill"], "one of us-west, eu-west"),
        (["restore", "nothing"], "or a machine: west"),
        (["cut", "mars"], "mars is no region and no home"),
        (["cut", "west", "europe"], "there is no link from west to europe; there are"),
        (["cut", "west", "asia", "5"], "takes one name"),
        (["slow", "us-west", "99999"], "at most 10000 ms"),
        (["in", "atlantis", "true"], "in takes one of"),
    ],
)
def test_what_makes_no_sense_is_said(greeting, words, why):
    done = lab(*words)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("lab: ") and why in done.stderr, done.stderr
