"""The tiers count what ran, and a tier that ran nothing or crashed has failed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import tiers
from tiers import Count

SUMMARY = "[doctest] test cases:  {} |  {} passed | {} failed | 0 skipped\n[doctest] Status: ...\n"


@pytest.mark.parametrize(
    "code, output, expected",
    [
        (0, SUMMARY.format(5, 5, 0), Count(5, 0)),
        (1, SUMMARY.format(5, 3, 2), Count(3, 2)),
        (1, SUMMARY.format(5, 5, 0) + "==1==ERROR: LeakSanitizer", Count(5, 1)),
        (-6, "check failed", Count(0, 1)),
        (0, SUMMARY.format(0, 0, 0), Count(0, 1)),
        (0, "", Count(0, 1)),
    ],
)
def test_what_a_doctest_program_says(code: int, output: str, expected: Count):
    assert tiers.doctest_count(code, output) == expected


def go_lines(*pairs: tuple[str, str]) -> str:
    lines = [{"Action": action, **({"Test": test} if test else {})} for action, test in pairs]
    return "".join(json.dumps(line) + "\n" for line in lines)


@pytest.mark.parametrize(
    "code, output, expected",
    [
        (0, go_lines(("run", "A"), ("pass", "A"), ("pass", "B"), ("pass", "")), Count(2, 0)),
        (1, go_lines(("pass", "A"), ("fail", "B"), ("fail", "")), Count(1, 1)),
        (1, go_lines(("pass", "A"), ("fail", "")), Count(1, 1)),
        (1, "no such module", Count(0, 1)),
        (0, go_lines(("skip", "")), Count(0, 1)),
    ],
)
def test_what_go_says_of_its_tests(code: int, output: str, expected: Count):
    assert tiers.go_count(code, output) == expected


def test_what_go_s_tests_print_is_shown_without_the_json():
    output = '# the compiler\n{"Action":"output","Output":"a_test.go:1: bad\\n"}\n{"Action":"fail"}\n'
    assert tiers.go_output(output) == "# the compiler\na_test.go:1: bad\n"


def test_the_last_totals_count():
    assert tiers.totals("1 passed, 2 failed\nx\n33 passed, 4 failed\n") == Count(33, 4)
    assert tiers.totals("no totals") == Count()


def test_a_command_that_takes_too_long_has_failed():
    code, output = tiers.run([sys.executable, "-c", "print('begun', flush=True); input()"], 60)
    assert code != 0  # no input: EOFError, at once
    code, output = tiers.run(["sleep", "60"], 0.05)
    assert code == 1 and "killed" in output


def test_a_missing_program_has_failed():
    assert tiers.run(["./no-such-program"])[0] == 127


@pytest.mark.parametrize(
    "counts, last, code",
    [
        ([Count(3, 0), Count(4, 0)], "7 passed, 0 failed", 0),
        ([Count(3, 0), Count(4, 1)], "7 passed, 1 failed", 1),
        ([Count(3, 0), Count()], "3 passed, 1 failed", 1),
    ],
)
def test_totals_are_the_last_line(monkeypatch, capsys, counts: list[Count], last: str, code: int):
    table = {f"tier{i}": lambda _, count=count: count for i, count in enumerate(counts)}
    monkeypatch.setattr(tiers, "TIERS", table)
    monkeypatch.setattr(sys, "argv", ["tiers.py"])
    assert tiers.main() == code
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_what_failed_is_named_again_before_the_table(monkeypatch, capsys):
    def broken(_: list[str]) -> Count:
        tiers.failed("unit/net", "much output", ["unit/net: a read\nthat ends early", "unit/net: a write"])
        return Count(3, 2)

    monkeypatch.setattr(tiers, "TIERS", {"unit": broken, "empty": lambda _: Count()})
    monkeypatch.setattr(sys, "argv", ["tiers.py"])
    tiers.main()
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("what failed:")
    assert lines[start + 1 : start + 4] == [
        "  unit/net: a read that ends early",
        "  unit/net: a write",
        "  the tier empty ran nothing",
    ]
    assert lines[start + 5].startswith("tier ")


def test_test_cases_of_doctest_that_failed():
    case = "TEST CASE:  a write\n  in the midst\n\na_test.cc:1: ERROR: CHECK( false ) is NOT correct!\n"
    assert tiers.doctest_failures(case + case + case.replace("a write", "a read")) == ["a write", "a read"]


REPORT = """<testsuites><testsuite><testcase classname="lab.test_a" name="test_good"/>
<testcase classname="lab.test_a" name="test_bad"><failure message="m">assert 1 == 2</failure></testcase>
<testcase classname="lab.test_a" name="test_worse"><error>no such fixture</error></testcase>
<testcase classname="lab.test_a" name="test_other"><skipped/></testcase></testsuite></testsuites>"""


def test_tests_of_pytest_that_failed_are_shown(monkeypatch, capsys):
    cases = list(tiers.xml.etree.ElementTree.fromstring(REPORT).iter("testcase"))
    monkeypatch.setattr(tiers, "FAILED", [])
    tiers.show_failures(cases)
    assert tiers.FAILED == ["pytest lab.test_a.test_bad", "pytest lab.test_a.test_worse"]
    out = capsys.readouterr().out
    assert "--- lab.test_a.test_bad\nassert 1 == 2\n" in out and "no such fixture" in out
    assert "test_good" not in out and "test_other" not in out
