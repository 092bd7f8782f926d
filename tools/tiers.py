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
BINARY_BYTES_MAX = 30_000_000  # stripped
NOT_HERE = 77  # of lab/run.py
# Whose tests run under ThreadSanitizer.
CROSS_CORE_ROOMS = ["net", "tls", "store", "lb", "record", "nameserver", "tunnel", "edge"]


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


def whole(title: str, command: list[str]) -> Count:
    """A command that is one check."""
    code, output = run(command)
    if code == 0:
        return Count(passed=1)
    show(f"{title}: exit code {code}", output)
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
        show("ctest", output)
        return Count(failed=1)
    tests = [test for test in json.loads(output)["tests"] if not names or test["name"] in names]
    total, start = Count(), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, count, text, seconds in pool.map(run_test, tests):
            total += count
            print(f"{name:40} {count.passed:5} passed {count.failed:3} failed {seconds:6.1f} s", flush=True)
            if count.failed:
                show(name, text)
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
        show("tools/tidy.py", output)
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
        show("gofmt -l terraform", output)
    count = Count(int(formatted), int(not formatted))
    count += whole("go vet", ["go", "-C", "terraform", "vet", "./..."])
    code, output = run(["go", "-C", "terraform", "test", "-json", "./..."])
    tested = go_count(code, output)
    if code != 0:
        show("go test", go_output(output))
    return count + tested


def python(_: list[str]) -> Count:
    report = ROOT / "build/pytest.xml"
    report.unlink(missing_ok=True)
    folders = [folder for folder in ("tools", "lab", "bench") if (ROOT / folder).is_dir()]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
        *folders,
    ]
    code, output = run(command)
    if code != 0:
        show("pytest", output)
    if not report.exists():
        return Count(failed=1)
    cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
    failed = sum(any(child.tag in ("failure", "error") for child in case) for case in cases)
    skipped = sum(any(child.tag == "skipped" for child in case) for case in cases)
    return Count(len(cases) - failed - skipped, max(failed, int(code != 0)))


def unit(rooms: list[str]) -> Count:
    targets = [f"{room}_test" for room in rooms]
    code, output = run(["./dev", "build", "dev", *targets])
    if code != 0:
        show("./dev build dev", output)
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
        show("./dev build tsan", output)
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
    stripped.unlink(missing_ok=True)
    return count + hidden_names()


def hidden_names() -> Count:
    """No shared library finds AWS-LC in the executable in place of its own OpenSSL (docs/adr/0005-tls.md)."""
    code, output = run(["/usr/lib/llvm-19/bin/llvm-nm", "-D", "--defined-only", "build/release/weir"])
    exported = re.findall(r" ((?:SSL|EVP|CRYPTO|X509)_\w+)$", output, re.M)
    if code != 0 or exported:
        show("names that weir exports", "\n".join(exported) or output)
    return Count(int(code == 0 and not exported), int(code != 0 or bool(exported)))


def lab(_: list[str]) -> Count:
    """Each story of lab/run.py, but for those that this machine can't play."""
    code, names = run([sys.executable, "lab/run.py", "--list"])
    if code != 0:
        show("lab/run.py --list", names)
        return Count(failed=1)
    count = Count()
    os.environ.setdefault("WEIR_CHANGES_SECONDS", "30")  # as many as in the full story, in half the time
    for name in names.split():
        code, output = run([sys.executable, "lab/run.py", name])
        show(f"lab {name}" if code == 0 else f"lab {name}: exit code {code}", output)
        if code != NOT_HERE:
            count += (int(code == 0), int(code != 0))
    return count


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
    for name in options.tiers or TIERS:
        print(f"=== {name}", flush=True)
        start = time.monotonic()
        count = TIERS[name](options.rooms)
        nothing_wanted = name == "tsan" and options.rooms and not set(options.rooms) & set(CROSS_CORE_ROOMS)
        if count == Count() and not nothing_wanted:
            print(f"the tier {name} ran nothing")
            count = Count(failed=1)
        rows.append((name, count, time.monotonic() - start))
    print(f"\n{'tier':10} {'passed':>7} {'failed':>7} {'seconds':>8}")
    for name, count, seconds in rows:
        print(f"{name:10} {count.passed:7} {count.failed:7} {seconds:8.1f}")
    total = sum((count for _, count, _ in rows), Count())
    print(f"{total.passed} passed, {total.failed} failed", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
