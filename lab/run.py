#!/usr/bin/env python3
"""The scenarios: `python3 lab/run.py NAME`. The last line printed is the report in one sentence; exit code
0 = it held.

On failure, the logs and configurations of everything that ran stay in lab/out/NAME-<time>/."""

import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab import anycast, attacks, changes, ipv6, smoke, upgrades, world, world_story  # noqa: E402
from lab.process import ROOT  # noqa: E402
from lab.weir import BINARY  # noqa: E402

STORIES = {
    "smoke": smoke.story,
    "world": world_story.story,
    "changes": changes.story,
    "attacks": attacks.story,
    "ipv6": ipv6.story,
    "anycast": anycast.story,
    "upgrades": upgrades.story,
}
TAIL_LINES = 40  # of each log, shown when a story failed: the machine that ran it may be gone with its files


def show_logs(directory):
    """The end of what every process of the story said."""
    for path in sorted(directory.rglob("*.log")):
        lines = path.read_text(errors="replace").splitlines()
        print(f"--- {path.relative_to(directory)}: the last of {len(lines)} lines", file=sys.stderr)
        for line in lines[-TAIL_LINES:]:
            print(f"    {line[:1000]}", file=sys.stderr)


def main():
    name = sys.argv[1] if len(sys.argv) == 2 else None
    if name == "--list":
        print("\n".join(STORIES))
        return 0
    if name not in STORIES:
        print(f"usage: lab/run.py {'|'.join(STORIES)}", file=sys.stderr)
        return 2
    if not BINARY.exists():
        print(f"lab: {BINARY} does not exist; ./dev lab {name} builds it first", file=sys.stderr)
        return 2
    world.enter_user_namespace()
    for number in (signal.SIGTERM, signal.SIGHUP):  # as ^C: the world is taken down
        signal.signal(number, signal.default_int_handler)
    directory = ROOT / "lab" / "out" / f"{name}-{time.strftime('%Y%m%dT%H%M%S')}"
    directory.mkdir(parents=True)
    try:
        report = STORIES[name](directory)
    except (Exception, KeyboardInterrupt) as problem:
        (directory / "failure.txt").write_text(traceback.format_exc())
        show_logs(directory)
        traceback.print_exc()
        print(f"logs and configurations: {directory}", file=sys.stderr)
        text = " ".join(str(problem).split())[:500] or type(problem).__name__
        print(f"{name} failed: {text}", flush=True)
        return 1
    shutil.rmtree(directory)
    print(report, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
