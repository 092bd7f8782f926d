#!/usr/bin/env python3
"""The scenarios: `python3 lab/run.py NAME [SEED]`. The last line printed is the report in one sentence; exit
code 0 = it held, 77 = it can't be played on this machine. `all` are all but the long ones; `world --keep`
leaves the world running for people (lab/keep.py).

On failure, what everything that ran said, and the packets of the world, stay in lab/out/NAME-<time>/."""

import importlib
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab import keep, world  # noqa: E402
from lab.process import ROOT, NotHere, wait_until  # noqa: E402
from lab.weir import BINARY  # noqa: E402

# Each a function of a module, which is loaded when it is played.
STORIES = {
    "smoke": "smoke.story",
    "world": "world_story.story",
    "multi-region": "multi_region.story",
    "multi-cloud": "multi_cloud_story.story",
    "deployment": "deployment_story.story",
    "custom-lb": "custom_lb_story.story",
    "failures": "failures_story.story",
    "failures-short": "failures_story.story_short",
    "changes": "changes.story",
    "attacks": "attacks.story",
    "ipv6": "ipv6.story",
    "anycast": "anycast.story",
    "upgrades": "upgrades.story",
    "workload": "workload_story.story",
}
LONG = {"failures"}  # neither CI nor `all` plays them
SEEDED = {"failures", "failures-short"}  # they take a number
NOT_HERE = 77  # as in automake's tests
TAIL_LINES = 40  # of each log, shown when a story failed: the machine that ran it may be gone with its files


def show_logs(directory):
    """The end of what every process of the story said."""
    for path in sorted(directory.rglob("*.log")):
        lines = path.read_text(errors="replace").splitlines()
        print(f"--- {path.relative_to(directory)}: the last of {len(lines)} lines", file=sys.stderr)
        for line in lines[-TAIL_LINES:]:
            print(f"    {line[:1000]}", file=sys.stderr)


def remove(directory):
    """Whoever watches an edge that was killed writes a last word about it meanwhile."""

    def gone():
        shutil.rmtree(directory, ignore_errors=True)
        return not directory.exists()

    wait_until(gone, 5, f"{directory} being gone", 0.05)


def story_of(name):
    module, function = STORIES[name].split(".")
    return getattr(importlib.import_module(f"lab.{module}"), function)


def all_stories():
    """One after the other, each as by itself, but for the long ones; then how long each took."""
    took, failed = {}, []
    for name in (one for one in STORIES if one not in LONG):
        began = time.monotonic()
        done = subprocess.run([sys.executable, __file__, name], stdout=subprocess.PIPE, text=True)
        took[name] = time.monotonic() - began
        failed += [name] if done.returncode not in (0, NOT_HERE) else []
        print(done.stdout, end="", flush=True)
    times = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in took.items())
    held = f"{len(took) - len(failed)} stories held, {len(failed)} did not"
    print(f"{held}, in {sum(took.values()):.0f} s: {times}")
    return 1 if failed else 0


def main():
    words = sys.argv[1:]
    if words and words[0] in keep.VERBS:
        return keep.command(words)
    if words == ["all"]:
        return all_stories()
    keeps = words == ["world", "--keep"]
    name, *more = words[:1] if keeps else words or [None]
    if name == "--list":
        print("\n".join(one for one in STORIES if one not in LONG))
        return 0
    if name not in STORIES or len(more) > (name in SEEDED) or not all(one.isdecimal() for one in more):
        names = "|".join(STORIES)
        print(f"usage: lab/run.py {names}|all; world --keep; or to a world that was kept:", file=sys.stderr)
        print(keep.__doc__.partition("\n\n")[2].rstrip(), file=sys.stderr)
        return 2
    if not BINARY.exists():
        print(f"lab: {BINARY} does not exist; ./dev lab {name} builds it first", file=sys.stderr)
        return 2
    if keeps and keep.is_there():
        print("lab: a world is there already: ./dev lab look", file=sys.stderr)
        return 1
    if keeps:
        keep.listen_outside()
    world.enter_user_namespace()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # as ^C: the world is taken down
        signal.signal(number, signal.default_int_handler)
    directory = ROOT / "lab" / "out" / f"{name}-{time.strftime('%Y%m%dT%H%M%S')}"
    directory.mkdir(parents=True)
    try:
        story = importlib.import_module("lab.world_story").keep if keeps else story_of(name)
        report = story(directory, *more)
    except NotHere as why:
        remove(directory)
        print(f"{name} can't be played here: {why}", flush=True)
        return NOT_HERE
    except (Exception, KeyboardInterrupt) as problem:
        (directory / "failure.txt").write_text(traceback.format_exc())
        show_logs(directory)
        traceback.print_exc()
        print(f"logs and configurations: {directory}", file=sys.stderr)
        text = " ".join(str(problem).split())[:500] or type(problem).__name__
        print(f"{name} failed: {text}", flush=True)
        return 1
    remove(directory)
    print(report, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
