"""Addresses that several edges share: what a person gets wrong. With real BIRDs they are a story of their own
(lab/anycast.py)."""

import subprocess

from lab import weir


def edge(tmp_path, *flags):
    words = [weir.BINARY, "edge", "--controller", "https://127.0.0.1:1", "--data-dir", tmp_path / "data"]
    words += flags
    return subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=20)


def test_what_a_person_gets_wrong_is_said(tmp_path):
    for flags, said in (
        (["--anycast", "127.0.0.1"], "--anycast must be an address that others can be told of"),
        (["--anycast", "web"], "--anycast must be an address like 203.0.113.10"),
        (["--anycast", "203.0.113.10", "--anycast", "203.0.113.10"], "given twice for 203.0.113.10/32"),
        (["--anycast-as", "65001"], "--anycast is missing"),
        (["--anycast", "203.0.113.10", "--anycast-prepend", "2"], "--anycast-prepend needs --anycast-as"),
        (["--anycast", "203.0.113.10", "--anycast-community", "1:2:3:4"], "must be a community like"),
        (["--anycast", "203.0.113.10", "--anycast-last", "lose"], "must be keep or withdraw"),
    ):
        done = edge(tmp_path, *flags)
        assert done.returncode == 2 and said in done.stderr, (flags, done.stderr)
    include = tmp_path / "not" / "there.conf"
    done = edge(tmp_path, "--anycast", "203.0.113.10", "--bird-include", include)
    assert done.returncode == 1 and f"{include.parent} (--bird-include): " in done.stderr, done.stderr
