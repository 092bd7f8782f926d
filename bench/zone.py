"""`zone`: one zone of many records from a file: how soon it is answered from, what memory it takes, and how
soon a RecordSet over it is answered. weir and Knot with the same file in turn; the changes are weir's."""

import shutil
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench import report
from bench.dns_peers import KNOT
from lab import dns, weir
from lab.process import Process, free_port, wait_until

ZONE = "bench.example"
HEAD = """$ORIGIN bench.example.
$TTL 300
@ SOA ns1 hostmaster 1 3600 600 604800 60
@ NS ns1
ns1 A 127.0.0.1
"""
DEADLINE_S = 120
LOAD_GOAL_S, MEMORY_GOAL_MB, CHANGE_GOAL_MS = 5, 400, 50


def address(i):
    return f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"


def write(path, count):
    with open(path, "w") as file:
        file.write(HEAD)
        for i in range(count):
            file.write(f"host-{i} A {address(i)}\n")


def memory_mb(pid):
    """Resident now, and the most that it was."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return tuple(int(status[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))


def wait_answer(port, name, data):
    with dns.Client(port, timeout_s=1) as client:

        def answered():
            try:
                return client.addresses(name) == [data]
            except OSError:
                return False

        wait_until(answered, DEADLINE_S, f"{name} being {data}", interval_s=0.001)


def knot(directory, file, port):
    (directory / "zone").symlink_to(file)
    config = directory / "knot.conf"
    config.write_text(KNOT.format(port=port, directory=directory, zone=ZONE))
    return Process([shutil.which("knotd"), "-c", config], directory / "knot.log")


def load(process, port, count, name, rows, began):
    last = count - 1
    wait_answer(port, f"host-{last}.{ZONE}", address(last))
    loaded_s = time.monotonic() - began
    resident, most = memory_mb(process.pid)
    row = {"server": name, "records": count, "loaded_s": loaded_s, "resident_mb": resident, "most_mb": most}
    rows.write(row)
    print(f"{name:>6}: {count} records answered {loaded_s:.2f} s after the start of the process, "
          f"{resident:.0f} MB resident, at most {most:.0f} MB")  # fmt: skip
    return row


def change(running, count):
    """Milliseconds from the call of the API to the answer, of one RecordSet after the other."""
    running.apply(dns.zone(ZONE, ""))
    waits = []
    for i in range(count):
        record_set = dns.record_set(f"set-{i}", ZONE, f"host-{i}", "A", values=["192.0.2.1"])
        began = time.monotonic()
        answer = running.api("POST", "/v1/recordsets", record_set)
        if answer.status != 201:
            raise SystemExit(f"bench: refused: {answer.status} {answer.body[:1000]}")
        wait_answer(running.dns_port, f"host-{i}.{ZONE}", "192.0.2.1")
        waits.append((time.monotonic() - began) * 1e3)
    return waits


def run(options):
    rows = report.Rows("zone", {"records": options.records})
    held = True
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as directory, ExitStack() as stack:
        directory = Path(directory)
        zones = directory / "zones"
        zones.mkdir()
        file = zones / f"{ZONE}.zone"
        write(file, options.records)
        for turn in range(options.rounds):
            if shutil.which("knotd"):
                place = directory / f"knot-{turn}"
                place.mkdir()
                port, began = free_port(), time.monotonic()
                process = knot(place, file, port)
                load(process, port, options.records, "knot", rows, began)
                process.stop()
            running = weir.Weir(directory / f"weir-{turn}", flags=["--zone-files", zones])
            began = time.monotonic()
            running.start()
            stack.callback(running.process.stop)
            row = load(running.process, running.dns_port, options.records, "weir", rows, began)
            waits = change(running, options.count)
            resident, most = memory_mb(running.pid)
            rows.write({"server": "weir", "changes_ms": waits, "resident_mb": resident, "most_mb": most})
            print(f"  weir: {len(waits)} changes answered after {statistics.median(waits):.1f} ms "
                  f"(at most {max(waits):.1f}) from the call of the API; then {resident:.0f} MB")  # fmt: skip
            held &= row["loaded_s"] <= LOAD_GOAL_S and most <= MEMORY_GOAL_MB and max(waits) <= CHANGE_GOAL_MS
            running.process.stop()
    verdict = "reached" if held else "MISSED"
    print(f"GOAL {verdict}: {LOAD_GOAL_S} s, {MEMORY_GOAL_MB} MB, {CHANGE_GOAL_MS} ms")
    return held
