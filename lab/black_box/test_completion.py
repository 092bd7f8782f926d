"""What `weir completion` prints, taken by real shells; names of objects come from a weir that runs."""

import os
import re
import shutil
import subprocess

import pytest

from lab import weir
from lab.terminal import Terminal

BASH = """source <(weir completion bash)
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _weir; printf '%s\\n' "${COMPREPLY[@]}"
"""
# It says that it is ready when it reads keys, not lines.
ZSH = """PS1='% '; unset zle_bracketed_paste; autoload -U compinit && compinit -u -D
source <(weir completion zsh); LISTMAX=1000; stty cols 200; bindkey '^D' list-choices
zle-line-init() { print -n READ''Y >$TTY; zle -D zle-line-init }; zle -N zle-line-init
"""


@pytest.fixture
def environment(edge, unique, tmp_path):
    """Of a shell that finds weir, which finds the API; and a service is there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "weir").symlink_to(weir.BINARY.absolute())
    edge.apply(weir.service(unique, ["127.0.0.1:9"]))
    yield {
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "WEIR_API": edge.api_url,
        "WEIR_TOKEN": edge.token,
    }
    edge.api("DELETE", f"/v1/services/{unique}")


def bash(environment, *words):
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH, "bash", "weir", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.stderr == ""
    return done.stdout.split()


def fish(environment, line):
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed (./dev setup lab)")
    script = f"weir completion fish | source; complete -C '{line}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script], env=environment, capture_output=True, text=True, timeout=20
    )
    assert done.stderr == ""
    return [one.partition("\t")[0] for one in done.stdout.splitlines()]


def test_bash_completes(environment, unique):
    def offered(*words):
        return bash(environment, *words)

    assert offered("ge") == ["get"] and "--version" in offered("--v")
    assert {"services", "workloads"} <= set(offered("get", ""))
    assert offered("get", "service", unique[:-1]) == [unique]
    assert offered("get", "-o", "json", "service", unique[:-1]) == [unique]
    # A URL is several words to bash. Names are those of the API that is the shell's.
    assert offered("get", "--api", "http", ":", "//h", ":", "1", "service", unique[:-1]) == [unique]
    assert offered("get", "-o", "") == offered("get", "--output", "=", "") == ["table", "json", "yaml"]
    assert offered("get", "services", "--o") == ["--output"]
    assert offered("image", "p") == ["push"] and offered("help", "load") == ["loadbalancers"]
    assert offered("join", unique, "--", "l") == []


def test_bash_completes_files(environment, tmp_path):
    (tmp_path / "a b.yaml").touch()
    words = ["bash", "--norc", "-c", BASH, "bash", "weir", "apply", "-f", f"{tmp_path}/a"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=20)
    assert done.stdout == f"{tmp_path}/a b.yaml\n"


def test_a_name_that_is_none_is_not_offered_and_never_run(environment, tmp_path, monkeypatch):
    """Whatever the server is, and whoever made its objects."""
    fake = tmp_path / "fake"
    fake.mkdir()
    (fake / "names").write_text("NAME\n$(touch${IFS}ran)\n`touch ran`\nweb;id\ngood 1\n")
    (fake / "weir").write_text(
        f'#!/bin/sh\nif [ "$1" = get ]; then cat {fake}/names; else exec {weir.BINARY.absolute()} "$@"; fi\n'
    )
    (fake / "weir").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    environment = {**environment, "PATH": f"{fake}:{os.environ['PATH']}"}
    assert bash(environment, "get", "services", "") == ["good"]
    assert fish(environment, "weir get services ") == ["good"]
    assert not (tmp_path / "ran").exists()


def test_fish_completes(environment, unique):
    def offered(line):
        return fish(environment, line)

    assert offered("weir ge") == ["get"]
    assert {"services", "workloads"} <= set(offered("weir get "))
    assert offered(f"weir get service {unique[:-1]}") == [unique]
    assert offered(f"weir get -o json service {unique[:-1]}") == [unique]
    assert sorted(offered("weir get -o ")) == ["json", "table", "yaml"]
    assert offered("weir get services --o") == ["--output"]
    assert offered("weir image pu") == ["push"]


def in_zsh(environment, line, wanted):
    """Types the line and asks for what may follow; until all words that are wanted have been shown."""
    terminal = Terminal(["zsh", "-f", "-i"], {**environment, "TERM": "dumb"})
    try:
        terminal.send(ZSH.encode())
        terminal.until(b"READY")
        terminal.send(line.encode() + b"\x04")
        terminal.shows(*(word.encode() for word in wanted))
    finally:
        terminal.hang_up()


def test_zsh_completes(environment, unique):
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed (./dev setup lab)")
    for line, wanted in (
        ("weir ", ["bootstrap   -- also"]),
        ("weir get ", ["services", "workloads"]),
        (f"weir get service {unique[:-1]}", [f"\n{unique}"]),
        ("weir get -o ", ["json", "table", "yaml"]),
        ("weir get --", ["--watch   -- go on"]),
    ):
        in_zsh(environment, line, wanted)


@pytest.mark.parametrize("topic", ["", "get", "explain", "cloud-init"])
def test_man_reads_the_pages_without_a_complaint(topic):
    page = subprocess.run(
        [weir.BINARY, "help", *([topic] if topic else []), "--man"], capture_output=True, timeout=20
    ).stdout
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", "-"],
        input=page,
        env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"},
        capture_output=True,
        timeout=20,
    )
    assert done.returncode == 0 and done.stderr == b""
    name = f"weir-{topic}" if topic else "weir"
    assert re.search(rf"^ +{name} +- ", done.stdout.decode(), re.M)
