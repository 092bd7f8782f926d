"""What pytest-xdist's workers share, and what they do not."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab import conftest
from lab.process import Process, descriptors_max, share_of
from lab.terminal import Terminal


def test_no_port_is_of_two_workers():
    ports = range(100, 111)
    shares = [
        share_of(ports, {"PYTEST_XDIST_WORKER": f"gw{number}", "PYTEST_XDIST_WORKER_COUNT": "3"})
        for number in range(3)
    ]
    assert sorted(port for share in shares for port in share) == list(ports)
    assert share_of(ports, {}) == ports


def test_nothing_is_started_by_fork(tmp_path):
    """It calls handlers of gRPC's that may end the worker (lab/process.py)."""
    forks = []
    os.register_at_fork(before=lambda: forks.append(1))
    shell = ["sh", "-c", "ulimit -n; exec true"]
    child = Process(shell, tmp_path / "log", prefix=descriptors_max(77))
    assert (child.wait(), child.log()) == (0, "77\n")
    terminal = Terminal(["sh", "-c", "tty; stty size"], {}, rows=10, columns=20)
    terminal.until(b"10 20")
    assert terminal.end() == 0
    assert forks == []


class Item(SimpleNamespace):
    def __init__(self, name):
        super().__init__(path=Path(f"{name}.py"), marks=[])

    def add_marker(self, mark):
        self.marks.append(mark.mark if isinstance(mark, pytest.MarkDecorator) else mark)

    def group(self):
        return next((mark.args[0] for mark in self.marks if mark.name == "xdist_group"), None)


def test_what_shares_something_is_in_one_group_and_what_takes_longest_comes_first(monkeypatch):
    monkeypatch.setattr(conftest.weir, "BINARY", Path("/"))
    names = ("test_http", "test_dns_providers", "test_shift", "test_nodes", "test_node")
    items = [Item(name) for name in names]
    conftest.pytest_collection_modifyitems(items)
    assert {item.path.stem: item.group() for item in items} == {
        "test_node": "podman",
        "test_nodes": "podman",
        "test_dns_providers": None,
        "test_http": "test_http",
        "test_shift": "test_shift",
    }
    assert [item.path.stem for item in items[:3]] == ["test_node", "test_nodes", "test_dns_providers"]
    alone = [item.path.stem for item in items if any(mark.name == "alone" for mark in item.marks)]
    assert alone == ["test_shift"]


def test_every_file_that_is_named_is_there():
    there = {path.stem for path in Path(conftest.__file__).parent.rglob("test_*.py")}
    assert conftest.APART | conftest.PODMAN | conftest.ALONE | set(conftest.FIRST) <= there
