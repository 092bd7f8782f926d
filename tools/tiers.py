#!/usr/bin/env python3
"""tiers: everything that CI runs. Called by `./dev test` and `./dev unit`, which do the set-up.

A tier yields checks (a rule, a test case, a corpus, a scenario) and fails when one fails or when it ran none.
The last line of the output is `N passed, N failed` over all tiers; the exit code is 1 when anything failed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree
from pathlib import Path
from typing import Callable, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TEST_SECONDS_MAX = 300  # of one test program; the unit tier as a whole is meant to stay under 60 s
TAIL_LINES = 60  # of a failed command's output that are shown
SHOWN_MAX = 20  # of pytest's failures, with what they printed
LINE_CHARACTERS_MAX = 200  # of what names a failure at the end
PYTEST_WORKERS = 4
# Stories that load the machine as much as it takes, or measure. Of the others, which mostly wait, some at
# once.
LAB_ALONE = {
    "anycast",
    "attacks",
    "changes",
    "deployment",
    "failures-short",
    "multi-cloud",
    "multi-region",
    "upgrades",
    "workload",
}
LAB_AT_ONCE = 2
# As many changes as in the full story, in half the time; upgrades as often, for half as long.
LAB_SHORTER = {"WEIR_CHANGES_SECONDS": "30", "WEIR_UPGRADES": "10", "WEIR_UPGRADES_SECONDS": "30"}
BINARY_BYTES_MAX = 30_000_000  # stripped
NOT_HERE = 77  # of lab/run.py
# Whose tests run under ThreadSanitizer.
CROSS_CORE_ROOMS = ["net", "tls", "store", "metrics", "lb", "record", "nameserver", "tunnel", "images"]
# Whose tests take longest: begun first, so that no processor waits for the last one.
LONG_TESTS = ["unit/sim", "unit/cli", "unit/api", "unit/record", "unit/controller"]

FAILED: list[str] = []  # one line for each check that failed


class Count(NamedTuple):
    passed: int = 0
    failed: int = 0

    def __add__(self, other: tuple[int, int]) -> Count:  # type: ignore[override]
        return Count(self.passed + other[0], self.failed + other[1])


def run(command: list[str], seconds_max: float | None = None) -> tuple[int, str]:
    """Exit code and output (both streams). A command that takes too long is killed and has failed."""
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds_max,
            check=False,
        )
        return done.returncode, done.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as expired:
        return 1, (expired.stdout or b"").decode("utf-8", "replace") + f"\nkilled after {seconds_max:.0f} s"
    except FileNotFoundError as missing:
        return 127, str(missing)


def show(title: str, output: str) -> None:
    lines = output.rstrip().splitlines()
    print(f"--- {title}")
    if len(lines) > TAIL_LINES:
        print(f"    ... {len(lines) - TAIL_LINES} lines before")
    print("\n".join(lines[-TAIL_LINES:]), flush=True)


def failed(title: str, output: str, names: list[str] | None = None) -> None:
    """Shows what a failed check printed, and has it named again at the end, where the log is read first."""
    show(title, output)
    FAILED.extend(names or [title])


def whole(title: str, command: list[str]) -> Count:
    """A command that is one check."""
    code, output = run(command)
    if code == 0:
        return Count(passed=1)
    failed(f"{title}: exit code {code}", output)
    return Count(failed=1)


def totals(output: str) -> Count:
    """The `N passed, N failed` that a command ended with."""
    found = re.findall(r"^(\d+) passed, (\d+) failed$", output, re.M)
    return Count(int(found[-1][0]), int(found[-1][1])) if found else Count()


def doctest_count(code: int, output: str) -> Count:
    """What a doctest program says of itself; an abort or a sanitizer's report is a failure more."""
    found = re.search(r"test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed", output)
    count = Count(int(found[1]), int(found[2])) if found else Count()
    return count + (0, 1) if (code != 0 and count.failed == 0) or count == Count() else count


def doctest_failures(output: str) -> list[str]:
    """The test cases that failed."""
    return list(dict.fromkeys(re.findall(r"^TEST CASE:\s+(.+)$", output, re.M)))


def run_test(test: dict) -> tuple[str, Count, str, float]:
    start = time.monotonic()
    code, output = run(test["command"], TEST_SECONDS_MAX)
    if test["name"].startswith("unit/"):
        count = doctest_count(code, output)
    else:
        count = Count(int(code == 0), int(code != 0))
    return test["name"], count, output, time.monotonic() - start


def ctest(preset: str, names: list[str]) -> Count:
    """Runs the tests of a preset whose name is listed, or all; as many at once as there are processors."""
    code, output = run(["ctest", "--test-dir", f"build/{preset}", "--show-only=json-v1"])
    if code != 0:
        failed("ctest", output)
        return Count(failed=1)
    tests = [test for test in json.loads(output)["tests"] if not names or test["name"] in names]
    tests.sort(key=lambda test: test["name"] not in LONG_TESTS)
    total, start = Count(), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, count, text, seconds in pool.map(run_test, tests):
            total += count
            print(f"{name:40} {count.passed:5} passed {count.failed:3} failed {seconds:6.1f} s", flush=True)
            if count.failed:
                failed(name, text, [f"{name}: {case}" for case in doctest_failures(text)])
    print(f"run in {time.monotonic() - start:.1f} s")
    return total


def known_rooms(preset: str) -> list[str]:
    """Rooms with unit tests in this build."""
    code, output = run(["ctest", "--test-dir", f"build/{preset}", "--show-only=json-v1"])
    names = [test["name"] for test in json.loads(output)["tests"]] if code == 0 else []
    return [name.removeprefix("unit/") for name in names if name.startswith("unit/")]


# --- the tiers


def tidy(_: list[str]) -> Count:
    code, output = run([sys.executable, "tools/tidy.py", "--count"])
    count = totals(output)
    if code != 0:
        failed("tools/tidy.py", output, re.findall(r"^\S+:\d+: .+\]$", output, re.M))
    return count if count.failed or code == 0 else count + (0, 1)


def formatted(_: list[str]) -> Count:
    paths = sorted(str(path) for folder in ("src", "bench") for path in (ROOT / folder).rglob("*.[hc]*"))
    return whole(
        "./dev fmt",
        [
            "clang-format-19",
            "--dry-run",
            "-Werror",
            *(path for path in paths if path.endswith((".h", ".cc"))),
        ],
    )


def go_count(code: int, output: str) -> Count:
    """What `go test -json` says of each test; a package that did not build or ran into a panic is a failure
    more."""
    actions = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    tests = [action for action in actions if action.get("Test")]
    count = Count(*(sum(test["Action"] == end for test in tests) for end in ("pass", "fail")))
    return count + (0, 1) if (code != 0 and count.failed == 0) or count == Count() else count


def go_output(output: str) -> str:
    """What was printed, without the JSON around it."""
    lines = output.splitlines(keepends=True)
    return "".join(json.loads(line).get("Output", "") if line.startswith("{") else line for line in lines)


def terraform(_: list[str]) -> Count:
    """The provider's own tests; those with OpenTofu and a weir are in lab/black_box."""
    code, output = run(["gofmt", "-l", "terraform"])
    formatted = code == 0 and not output
    if not formatted:
        failed("gofmt -l terraform", output)
    count = Count(int(formatted), int(not formatted))
    count += whole("go vet", ["go", "-C", "terraform", "vet", "./..."])
    code, output = run(["go", "-C", "terraform", "test", "-json", "./..."])
    tested = go_count(code, output)
    if code != 0:
        failed("go test", go_output(output), re.findall(r"^--- FAIL: \S+", go_output(output), re.M))
    return count + tested


def has_failed(case: xml.etree.ElementTree.Element) -> bool:
    return any(child.tag in ("failure", "error") for child in case)


def show_failures(cases: list[xml.etree.ElementTree.Element]) -> None:
    """What each of pytest's cases that failed printed; of many, the first."""
    for number, case in enumerate(filter(has_failed, cases)):
        name = f"{case.get('classname')}.{case.get('name')}"
        FAILED.append(f"pytest {name}")
        if number < SHOWN_MAX:
            show(name, "\n".join(child.text or "" for child in case if child.tag != "properties"))


def pytest(name: str, *options: str) -> Count:
    """A run of pytest over all folders that have tests for it."""
    report = ROOT / f"build/{name}.xml"
    report.unlink(missing_ok=True)
    folders = [folder for folder in ("tools", "lab", "bench") if (ROOT / folder).is_dir()]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    code, output = run([*command, f"--junitxml={report}", *folders])
    if not report.exists():
        failed(name, output)
        return Count(failed=1)
    cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
    show_failures(cases)
    failures = sum(map(has_failed, cases))
    if code != 0:
        show(name, output)
        FAILED.extend([] if failures else [name])
    skipped = sum(any(child.tag == "skipped" for child in case) for case in cases)
    return Count(len(cases) - failures - skipped, max(failures, int(code != 0)))


def python(_: list[str]) -> Count:
    # Several at once, as most of them wait; how they are shared out: lab/conftest.py.
    workers = ["-n", str(PYTEST_WORKERS), "--dist", "loadgroup", "--max-worker-restart", "0"]
    count = pytest("pytest", *workers, "-m", "not alone")
    return count + pytest("pytest-alone", "-m", "alone")


def unit(rooms: list[str]) -> Count:
    targets = [f"{room}_test" for room in rooms]
    code, output = run(["./dev", "build", "dev", *targets])
    if code != 0:
        failed("./dev build dev", output)
        return Count(failed=1)
    return ctest("dev", [f"unit/{room}" for room in rooms])


def tsan(rooms: list[str]) -> Count:
    code, output = run(["./dev", "build", "tsan", "weir_base"])  # configures, so that the tests are known
    wanted = [
        room for room in CROSS_CORE_ROOMS if room in known_rooms("tsan") and (not rooms or room in rooms)
    ]
    if code == 0 and wanted:
        code, output = run(["./dev", "build", "tsan", *(f"{room}_test" for room in wanted)])
    if code != 0:
        failed("./dev build tsan", output)
        return Count(failed=1)
    return ctest("tsan", [f"unit/{room}" for room in wanted]) if wanted else Count()


def release(_: list[str]) -> Count:
    count = whole("./dev build release", ["./dev", "build", "release", "weir", "grpc_peer", "ssh_probe"])
    if count.failed:
        return count
    stripped = ROOT / "build/release/weir.stripped"
    # What the sanitizers' allocator hides: the steady state allocates nothing.
    build = ["./dev", "build", "release", "steady_state_test"]
    count += whole(" ".join(build), build)
    if count.failed == 0:
        count += whole("steady state", ["build/release/steady_state_test"])
    count += whole("strip", ["/usr/lib/llvm-19/bin/llvm-strip", "-o", str(stripped), "build/release/weir"])
    if count.failed == 0:
        size = stripped.stat().st_size
        print(f"stripped binary: {size / 1e6:.1f} MB")
        count += (int(size <= BINARY_BYTES_MAX), int(size > BINARY_BYTES_MAX))
        if size > BINARY_BYTES_MAX:
            FAILED.append(f"weir is larger than {BINARY_BYTES_MAX / 1e6:.0f} MB")
    stripped.unlink(missing_ok=True)
    return count + hidden_names()


def hidden_names() -> Count:
    """No shared library finds AWS-LC in the executable in place of its own OpenSSL (docs/adr/0005-tls.md)."""
    code, output = run(["/usr/lib/llvm-19/bin/llvm-nm", "-D", "--defined-only", "build/release/weir"])
    exported = re.findall(r" ((?:SSL|EVP|CRYPTO|X509)_\w+)$", output, re.M)
    if code != 0 or exported:
        failed("names that weir exports", "\n".join(exported) or output)
    return Count(int(code == 0 and not exported), int(code != 0 or bool(exported)))


def lab(_: list[str]) -> Count:
    """Each story of lab/run.py, but for those that this machine can't play."""
    code, names = run([sys.executable, "lab/run.py", "--list"])
    if code != 0:
        failed("lab/run.py --list", names)
        return Count(failed=1)
    for name, value in LAB_SHORTER.items():
        os.environ.setdefault(name, value)
    count = Count()
    waiting = [name for name in names.split() if name not in LAB_ALONE]
    with concurrent.futures.ThreadPoolExecutor(LAB_AT_ONCE) as pool:
        for name, played in zip(waiting, pool.map(play, waiting)):
            count += story_count(name, *played)
    for name in names.split():
        if name in LAB_ALONE:
            count += story_count(name, *play(name))
    return count


def play(name: str) -> tuple[int, str, float]:
    """Exit code, output and seconds."""
    start = time.monotonic()
    code, output = run([sys.executable, "lab/run.py", name])
    return code, output, time.monotonic() - start


def story_count(name: str, code: int, output: str, seconds: float) -> Count:
    title = f"lab {name}, {seconds:.0f} s"
    if code in (0, NOT_HERE):
        show(title, output)
    else:
        reason = output.rstrip().rpartition("\n")[2]
        title += f": exit code {code}"
        failed(title, output, [f"{title}: {reason}"])
    return Count(int(code == 0), int(code not in (0, NOT_HERE)))


TIERS: dict[str, Callable[[list[str]], Count]] = {
    "tidy": tidy,
    "format": formatted,
    "unit": unit,
    "tsan": tsan,
    "release": release,
    "terraform": terraform,
    "python": python,  # after release: the black-box tests want the binary
    "lab": lab,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs the tiers of the tests.")
    parser.add_argument("tiers", nargs="*", metavar="TIER", help=", ".join(TIERS))
    parser.add_argument("--rooms", nargs="*", default=[], metavar="ROOM", help="only these, in unit and tsan")
    options = parser.parse_args()
    for name in options.tiers:
        if name not in TIERS:
            parser.error(f"no tier {name!r}; the tiers are {', '.join(TIERS)}")
    rows: list[tuple[str, Count, float]] = []
    FAILED.clear()
    began = time.monotonic()
    for name in options.tiers or TIERS:
        start = time.monotonic()
        print(f"=== {name}, after {start - began:.0f} s", flush=True)
        count = TIERS[name](options.rooms)
        nothing_wanted = name == "tsan" and options.rooms and not set(options.rooms) & set(CROSS_CORE_ROOMS)
        if count == Count() and not nothing_wanted:
            print(f"the tier {name} ran nothing")
            FAILED.append(f"the tier {name} ran nothing")
            count = Count(failed=1)
        rows.append((name, count, time.monotonic() - start))
    if FAILED:
        print("\nwhat failed:")
        print("\n".join(f"  {' '.join(line.split())[:LINE_CHARACTERS_MAX]}" for line in FAILED))
    print(f"\n{'tier':10} {'passed':>7} {'failed':>7} {'seconds':>8}")
    for name, count, seconds in rows:
        print(f"{name:10} {count.passed:7} {count.failed:7} {seconds:8.1f}")
    total = sum((count for _, count, _ in rows), Count())
    print(f"{total.passed} passed, {total.failed} failed", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
