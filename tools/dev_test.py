"""./dev names its verbs, and refuses what it does not know with exit code 2."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
VERBS = "setup build run test unit lab sim fuzz bench train fmt lint docs terraform package".split()


def dev(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "dev"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, cwd="/"
    )


@pytest.mark.parametrize("arguments", [[], ["help"], ["--help"]])
def test_help_has_a_line_for_each_verb(arguments: list[str]):
    done = dev(*arguments)
    assert done.returncode == 0
    assert re.findall(r"^  \./dev (\w+)", done.stdout, re.M) == [*VERBS, "help"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["biuld"], "./dev build"),
        (["need"], "no verb 'need'"),
        (["setup", "everything"], "the sets are"),
        (["build", "debug"], "the presets are: release train dev tsan fuzz"),
    ],
)
def test_what_it_does_not_know_is_refused(arguments: list[str], words: str):
    done = dev(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


def test_ci_runs_the_command_of_the_readme():
    assert (ROOT / ".ci/run").read_text().splitlines()[1:] == ['cd "$(dirname "$0")/.." && exec ./dev test']
    assert (ROOT / "README.md").read_text().index("./dev run") < (ROOT / "README.md").read_text().index(
        "./dev test"
    )


@pytest.mark.parametrize(
    "names, said, code", [("good good", "good\ngood\nend\n", 0), ("bad good", "good\n", 1)]
)
def test_what_is_done_together_fails_when_one_does(names: str, said: str, code: int):
    script = f"""set -euo pipefail
    source <(sed -n '/^together()/,/^}}/p' {ROOT}/dev)
    good() {{ echo good; }}
    bad() {{ false; echo not here; }}
    together {names}
    echo end"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == (said, code)
