"""Rows as JSON lines in bench/out/, and the table that is made of them."""

import json
import statistics
import sys
import time
from dataclasses import dataclass

from lab.process import ROOT

OUT = ROOT / "bench" / "out"


@dataclass(frozen=True)
class Goal:
    """weir's figure is at least so many times that of the best of the rivals."""

    case: str
    figure: str
    rivals: tuple
    least: float


@dataclass(frozen=True)
class Limit:
    """weir's figure is at most so much. The rivals' are only shown."""

    case: str
    figure: str
    rivals: tuple
    most: float


@dataclass(frozen=True)
class RatioLimit:
    """weir's figure is at most so many times that of the rival."""

    case: str
    figure: str
    rival: str
    most: float


HAPROXY_NGINX = ("haproxy", "nginx")
HAPROXY_NGHTTPX = ("haproxy", "nghttpx")
FLOOR = ("forwarder-epoll", "forwarder-uring")
HAPROXY_TCP = ("haproxy", "haproxy-splice")
POWERDNS = ("powerdns", "powerdns-nocache")
COREDNS = ("coredns", "coredns-default", "coredns-cache")
# What the issues ask for.
GOALS = {
    "http1": [
        Goal("small", "requests_per_cpu_second", HAPROXY_NGINX, 1.35),
        Goal("small", "requests_per_cpu_second", FLOOR, 0.85),
        Goal("16k", "bytes_per_cpu_second", HAPROXY_NGINX, 1.0),
        Goal("1m", "bytes_per_cpu_second", HAPROXY_NGINX, 1.0),
    ],
    "http2": [
        Goal(case, "requests_per_cpu_second", HAPROXY_NGHTTPX, 1.3) for case in ("16x10", "16x1", "2x100")
    ],
    "tls": [Goal("small-tls", "requests_per_cpu_second", HAPROXY_NGINX, 1.3)],
    "handshake": [Goal("full", "requests_per_cpu_second", ("envoy",), 1.2)],
    "tcp": [
        Goal("small", "requests_per_cpu_second", HAPROXY_TCP, 1.05),
        Goal("small", "requests_per_cpu_second", FLOOR, 0.95),
        Goal("1m", "bytes_per_cpu_second", (*HAPROXY_TCP, "haproxy-http", "nginx", "envoy"), 1.1),
        Goal("connect", "requests_per_cpu_second", HAPROXY_TCP, 1.2),
        Limit("open", "connection_bytes", ("haproxy", "nginx", "envoy"), 3072),
        RatioLimit("open", "p99_ms", "weir-empty", 1.1),  # unchanged, as far as can be told
    ],
    "dns": [
        Goal("static", "requests_per_cpu_second", ("knot",), 1.2),
        Goal("steered", "requests_per_cpu_second", ("knot",), 1.05),  # Knot's static answers
        Goal("geo", "requests_per_cpu_second", ("knot",), 1.05),  # likewise
        Goal("steered", "requests_per_cpu_second", POWERDNS, 3.0),  # Lua records
        Goal("geo", "requests_per_cpu_second", POWERDNS, 3.0),  # likewise
        Goal("static", "requests_per_cpu_second", COREDNS, 5.0),
    ],
}
# p99 is compared the other way round, and is a goal only here: elsewhere it is noted.
P99_GOALS = {("http1", "small")}
P99_RIVALS = {
    "http1": HAPROXY_NGINX,
    "http2": HAPROXY_NGHTTPX,
    "tls": HAPROXY_NGINX,
    "handshake": ("envoy",),
    "tcp": (*HAPROXY_TCP, "haproxy-http", "nginx", "envoy"),
}
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


def best(rows, case, figure, rivals):
    """Name of the rival with the best median; None when none was measured."""
    medians = {
        name: statistics.median(values)
        for name in rivals
        if (values := rows.values(case, name, figure).values())
    }
    choose = min if figure == "p99_ms" else max
    return choose(medians, key=medians.get) if medians else None


def ratio(rows, case, figure, rivals, proxy="weir"):
    """(best of the rivals, ratios by round): each round's figures were taken within the same minute."""
    other = best(rows, case, figure, rivals)
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


def table(rows, columns=None):
    """Medians over the rounds, with the least and the most."""
    cases = list(dict.fromkeys(row["case"] for row in rows.rows))
    proxies = list(dict.fromkeys(row["proxy"] for row in rows.rows))
    columns = columns or COLUMNS
    headings = "".join(f"{heading:>22}" for heading, *_ in columns)
    print(f"\n{'case':<10}{'proxy':<17}{headings}{'errors':>8}")
    for case in cases:
        for proxy in proxies:
            if not rows.of(case, proxy):
                continue
            cells = [
                spread(list(rows.values(case, proxy, figure).values()), divisor, form)
                for _, figure, divisor, form in columns
            ]
            errors = sum(row["errors"] for row in rows.of(case, proxy))
            print(f"{case:<10}{proxy:<17}" + "".join(f"{cell:>22}" for cell in cells) + f"{errors:>8}")


def line(held, text):
    print(f"{'PASS' if held else 'FAIL'}  {text}")
    return held


def invalid_rows(rows):
    """Says which rows are; true when none is."""
    held = True
    shared = []
    for row in rows.rows:
        if row["errors"]:
            name = f"{row['case']} {row['proxy']} round {row['round'] + 1}"
            held = line(False, f"{name}: {row['errors']} errors, row invalid")
        if row["foreign_cpu_seconds"] > FOREIGN_SHARE_MAX * row["seconds"]:
            shared.append(row["foreign_cpu_seconds"] / row["seconds"])
    if shared:
        print(
            f"NOTE  during {len(shared)} of {len(rows.rows)} rows other processes kept "
            f"{statistics.median(shared):.1f} processors busy; run it again when the machine is quiet"
        )
    return held


def goal(rows, wanted):
    """True when it was reached, or could not be judged."""
    other, ratios = ratio(rows, wanted.case, wanted.figure, wanted.rivals)
    if not ratios:
        return True
    return line(
        statistics.median(ratios) >= wanted.least,
        f"{wanted.case}: {wanted.figure.replace('_', ' ')} {spread(ratios, 1, '{:.2f}')} of the best of "
        f"{', '.join(wanted.rivals)} ({other}), wanted {wanted.least}",
    )


def limit(rows, wanted):
    ours = list(rows.values(wanted.case, "weir", wanted.figure).values())
    if not ours:
        return True
    shown = [
        f"{name} {spread(values, 1, '{:.0f}')}"
        for name in wanted.rivals
        if (values := list(rows.values(wanted.case, name, wanted.figure).values()))
    ]
    return line(
        statistics.median(ours) <= wanted.most,
        f"{wanted.case}: {wanted.figure.replace('_', ' ')} {spread(ours, 1, '{:.0f}')}, wanted at most "
        f"{wanted.most}{''.join(f'; {one}' for one in shown)}",
    )


def ratio_limit(rows, wanted):
    _, ratios = ratio(rows, wanted.case, wanted.figure, (wanted.rival,))
    if not ratios:
        return True
    return line(
        statistics.median(ratios) <= wanted.most,
        f"{wanted.case}: {wanted.figure.replace('_', ' ')} {spread(ratios, 1, '{:.2f}')} of {wanted.rival}, "
        f"wanted at most {wanted.most}",
    )


def latency(rows, bench, case):
    other, ratios = ratio(rows, case, "p99_ms", P99_RIVALS[bench])
    if not ratios:
        return True
    text = (
        f"{case}: p99 {spread(ratios, 1, '{:.2f}')} of the best of {', '.join(P99_RIVALS[bench])} ({other})"
    )
    if (bench, case) not in P99_GOALS:
        print(f"NOTE  {text}")
        return True
    return line(statistics.median(ratios) <= 1.0, f"{text}, wanted at most 1")


JUDGES = {Goal: goal, Limit: limit, RatioLimit: ratio_limit}


def contest(rows, bench):
    """Prints everything; true when every goal that could be judged was reached."""
    table(rows)
    print()
    held = invalid_rows(rows)
    if any(row["proxy"] == "weir" for row in rows.rows):
        for wanted in GOALS[bench]:
            held &= JUDGES[type(wanted)](rows, wanted)
        for case in dict.fromkeys(row["case"] for row in rows.rows):
            held &= latency(rows, bench, case)
    print(f"rows: {rows.path.relative_to(ROOT)}")
    return held
