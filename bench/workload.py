"""`workload`: what placing costs: a hundred nodes that only report, a thousand instances, the scheduler as
it is and SQLite on disk."""

import json
import subprocess

from bench import machine, report
from lab.process import ROOT

PROGRAM = ROOT / "build/release/workload_bench"
# What the issue asks for: to place all, and of a core while nothing happens.
PLACE_SECONDS_MAX = 2.0
STEADY_SHARE_MAX = 0.02
# 8 s of silence, then it is lost.
REPLACE_SECONDS_MAX = 15.0


def run(options):
    rows = report.Rows("workload", machine.facts())
    held = True
    for turn in range(options.rounds):
        command = [PROGRAM, str(options.nodes), str(options.instances)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"bench: it did not come to its end: {done.stdout}{done.stderr}")
        steps = [json.loads(line) for line in done.stdout.splitlines()]
        for step in steps:
            rows.write({"round": turn, "nodes": options.nodes, "instances": options.instances, **step})
            share = step["cpu_seconds"] / step["seconds"]
            print(f"{step['step']:44} {step['count']:6} {step['seconds']:8.2f} s {share:8.2%} of a core")
        by_name = {step["step"]: step for step in steps}
        steady = by_name["steady"]
        held &= by_name["place"]["seconds"] < PLACE_SECONDS_MAX
        held &= steady["cpu_seconds"] / steady["seconds"] < STEADY_SHARE_MAX
        held &= by_name["replace those of ten lost nodes"]["seconds"] < REPLACE_SECONDS_MAX
    print("all goals are reached" if held else "not all goals are reached")
    return held
