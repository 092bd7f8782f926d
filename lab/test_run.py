"""What a failed story leaves in the output, for machines whose files are gone."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from lab import run
from lab.process import ROOT, NotHere


def test_the_end_of_each_log_is_shown(tmp_path, capsys):
    (tmp_path / "weir").mkdir()
    (tmp_path / "weir" / "weir.log").write_text("".join(f"line {i}\n" for i in range(100)))
    (tmp_path / "wrk.log").write_bytes(b"not \xff UTF-8")
    run.show_logs(tmp_path)
    shown = capsys.readouterr().err
    assert "weir/weir.log: the last of 100 lines" in shown
    assert "    line 60\n" in shown and "    line 99\n" in shown and "line 59" not in shown
    assert "wrk.log" in shown and "not" in shown


def test_what_a_failed_world_leaves():
    """Its packets, its routes and the reason; here, no weir starts."""
    done = subprocess.run(
        [sys.executable, ROOT / "lab" / "run.py", "world"],
        env={**os.environ, "WEIR_BINARY": "/bin/false"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    left = Path(re.search(r"^logs and configurations: (.+)$", done.stderr, re.M)[1])
    try:
        assert "weir exited with 1" in (left / "failure.txt").read_text()
        assert "BGP.as_path" in (left / "west" / "routes.txt").read_text()
        captured = sorted(left.glob("world.pcap*"))
        assert captured and captured[0].stat().st_size > 1000
    finally:
        shutil.rmtree(left)


def test_a_story_that_cannot_be_played_here_says_so(tmp_path, monkeypatch, capsys):
    def story(directory):
        raise NotHere("needs a moon")

    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "BINARY", tmp_path)
    monkeypatch.setitem(run.STORIES, "moon", "moon.story")
    monkeypatch.setattr(run, "story_of", lambda name: story)
    monkeypatch.setattr(run.world, "enter_user_namespace", lambda: None)
    monkeypatch.setattr(run.signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["run.py", "moon"])
    assert run.main() == run.NOT_HERE
    assert capsys.readouterr().out == "moon can't be played here: needs a moon\n"
    assert list(tmp_path.glob("lab/out/*")) == []
