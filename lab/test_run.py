"""What a failed story leaves in the output, for machines whose files are gone."""

from lab import run


def test_the_end_of_each_log_is_shown(tmp_path, capsys):
    (tmp_path / "weir").mkdir()
    (tmp_path / "weir" / "weir.log").write_text("".join(f"line {i}\n" for i in range(100)))
    (tmp_path / "wrk.log").write_bytes(b"not \xff UTF-8")
    run.show_logs(tmp_path)
    shown = capsys.readouterr().err
    assert "weir/weir.log: the last of 100 lines" in shown
    assert "    line 60\n" in shown and "    line 99\n" in shown and "line 59" not in shown
    assert "wrk.log" in shown and "not" in shown
