"""Rows as JSON lines in bench/out/, and the table that is made of them."""

import json
import statistics
import sys
import time

from lab.process import ROOT

OUT = ROOT / "bench" / "out"

# From the issue: (case, figure, against whom, at least). p99 is compared the other way round.
GOALS = [
    ("small", "requests_per_cpu_second", "peers", 1.35),
    ("small", "requests_per_cpu_second", "floor", 0.85),
    ("16k", "bytes_per_cpu_second", "peers", 1.0),
    ("1m", "bytes_per_cpu_second", "peers", 1.0),
]
GROUPS = {"peers": ["haproxy", "nginx"], "floor": ["forwarder-epoll", "forwarder-uring"]}
NAMES = {"peers": "the better of HAProxy and nginx", "floor": "the bare forwarder"}
FOREIGN_SHARE_MAX = (
    0.10  # of a row's wall time; above, the row says more about the neighbours than about the proxy
)


class Rows:
    """All rows of one run; each is on disk as soon as it exists."""

    def __init__(self, bench, facts):
        OUT.mkdir(parents=True, exist_ok=True)
        self.path = OUT / f"{bench}-{time.strftime('%Y%m%dT%H%M%S')}.jsonl"
        self.facts = facts
        self.rows = []
        self._append({"bench": bench, "machine": facts})
        print(", ".join(f"{key} {value}" for key, value in facts.items() if value != ""), flush=True)

    def _append(self, value):
        with open(self.path, "a") as file:
            file.write(json.dumps(value) + "\n")

    def write(self, row):
        self.rows.append(row)
        self._append({"time": time.time(), **row})

    def of(self, case, proxy):
        return [row for row in self.rows if row["case"] == case and row["proxy"] == proxy]

    def values(self, case, proxy, figure):
        """By round; rows with errors are invalid and left out."""
        return {row["round"]: row[figure] for row in self.of(case, proxy) if row["errors"] == 0}


def progress(row):
    print(
        f"  {row['case']:>9} round {row['round'] + 1} {row['proxy']:<15}"
        f" {row['requests_per_cpu_second']:9.0f} req/cpu-s  {row['requests_per_second']:8.0f} req/s"
        f"  p99 {row['p99_ms']:6.2f} ms  errors {row['errors']}  others {row['foreign_cpu_seconds']:.2f} s",
        file=sys.stderr,
        flush=True,
    )


def spread(values, scale=1.0, form="{:.1f}"):
    """median (min-max)"""
    if not values:
        return "invalid"
    median, low, high = (
        form.format(v / scale) for v in (statistics.median(values), min(values), max(values))
    )
    return f"{median} ({low}-{high})"


def best(rows, case, figure, group):
    """Name of the group's member with the best median; None when none was measured."""
    medians = {
        name: statistics.median(values)
        for name in GROUPS[group]
        if (values := rows.values(case, name, figure).values())
    }
    choose = min if figure == "p99_ms" else max
    return choose(medians, key=medians.get) if medians else None


def ratio(rows, case, figure, group, proxy="weir"):
    """(best of the group, ratios by round): each round's figures were taken within the same minute."""
    other = best(rows, case, figure, group)
    if other is None:
        return None, []
    ours, theirs = rows.values(case, proxy, figure), rows.values(case, other, figure)
    return other, [ours[turn] / theirs[turn] for turn in sorted(ours.keys() & theirs.keys())]


COLUMNS = [  # heading, figure, divisor, form
    ("k requests/cpu-s", "requests_per_cpu_second", 1e3, "{:.1f}"),
    ("MB/cpu-s", "bytes_per_cpu_second", 1e6, "{:.0f}"),
    ("p99 ms", "p99_ms", 1, "{:.2f}"),
    ("k requests/s", "requests_per_second", 1e3, "{:.1f}"),
]


def table(rows):
    """Medians over the rounds, with the least and the most."""
    cases = list(dict.fromkeys(row["case"] for row in rows.rows))
    proxies = list(dict.fromkeys(row["proxy"] for row in rows.rows))
    headings = "".join(f"{heading:>22}" for heading, *_ in COLUMNS)
    print(f"\n{'case':<10}{'proxy':<17}{headings}{'errors':>8}")
    for case in cases:
        for proxy in proxies:
            cells = [
                spread(list(rows.values(case, proxy, figure).values()), divisor, form)
                for _, figure, divisor, form in COLUMNS
            ]
            errors = sum(row["errors"] for row in rows.of(case, proxy))
            print(f"{case:<10}{proxy:<17}" + "".join(f"{cell:>22}" for cell in cells) + f"{errors:>8}")


def line(held, text):
    print(f"{'PASS' if held else 'FAIL'}  {text}")
    return held


def http1(rows):
    """Prints everything; true when every goal that could be judged was reached."""
    table(rows)
    print()
    held = True
    shared = []
    for row in rows.rows:
        if row["errors"]:
            text = (
                f"{row['case']} {row['proxy']} round {row['round'] + 1}: {row['errors']} errors, row invalid"
            )
            held = line(False, text)
        if row["foreign_cpu_seconds"] > FOREIGN_SHARE_MAX * row["seconds"]:
            shared.append(row["foreign_cpu_seconds"] / row["seconds"])
    if shared:
        print(
            f"NOTE  during {len(shared)} of {len(rows.rows)} rows other processes kept "
            f"{statistics.median(shared):.1f} processors busy; run it again when the machine is quiet"
        )
    measured = {row["proxy"] for row in rows.rows}
    if "weir" in measured:
        for case, figure, group, least in GOALS:
            other, ratios = ratio(rows, case, figure, group)
            if ratios:
                held &= line(
                    statistics.median(ratios) >= least,
                    f"{case}: {figure.replace('_', ' ')} "
                    f"{spread(ratios, 1, '{:.2f}')} of {NAMES[group]} ({other}), wanted {least}",
                )
        for case in dict.fromkeys(row["case"] for row in rows.rows):
            other, ratios = ratio(rows, case, "p99_ms", "peers")
            if ratios:
                ok = statistics.median(ratios) <= 1.0
                times = spread(ratios, 1, "{:.2f}")
                text = f"{case}: p99 {times} of {NAMES['peers']} ({other}), wanted at most 1"
                if case == "small":
                    held &= line(ok, text)
                else:
                    print(f"NOTE  {text}")
    print(f"rows: {rows.path.relative_to(ROOT)}")
    return held
