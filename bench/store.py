"""`store`: commits a second through the API, and the time from a commit at one controller to its sight at
another, with the store in SQLite and in PostgreSQL; beside the floor: single INSERTs into the same server."""

import http.client
import json
import re
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from bench import machine, report
from lab import weir
from lab.postgres import Postgres, binaries

INSERT = "INSERT INTO floor (value) VALUES (repeat('x', 1000));\n"
WRITERS = (1, 8)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class Api:
    """One connection that is kept."""

    def __init__(self, running):
        self.connection = http.client.HTTPConnection(running.address, running.api_port, timeout=60)
        self.fields = {"Authorization": f"Bearer {running.token}", "Content-Type": "application/json"}

    def patch(self, name, seconds):
        """The revision that it made."""
        fields = {**self.fields, "Content-Type": "application/merge-patch+json"}
        content = json.dumps({"spec": {"idle_timeout": f"{seconds}s"}})
        self.connection.request("PATCH", f"/v1/services/{name}", content, fields)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"bench: refused: {answer.status} {text[:1000]}")
        return json.loads(text)["metadata"]["revision"]


def write(controllers, writers, seconds):
    """Commits of `writers` clients, spread over the controllers: a row's figures."""
    waits, end = [], time.monotonic() + seconds

    def work(number):
        api, turn = Api(controllers[number % len(controllers)]), 0
        while time.monotonic() < end:
            turn += 1
            began = time.monotonic()
            api.patch(f"s-{number}", 1 + turn % 3000)
            waits.append((time.monotonic() - began) * 1e3)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(writers)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    return {
        "commits_per_second": len(waits) / took,
        "p50_ms": percentile(waits, 0.5),
        "p99_ms": percentile(waits, 0.99),
    }


class Watch(threading.Thread):
    """When a controller showed which revision."""

    def __init__(self, running):
        super().__init__(daemon=True)
        self.seen, self.opened = {}, threading.Event()
        api = Api(running)
        api.connection.request("GET", "/v1/services?watch=true", headers=api.fields)
        self.answer = api.connection.getresponse()

    def run(self):
        for line in self.answer:
            if line.startswith(b"data:"):
                found = re.search(rb'"revision": ?"?(\d+)', line)
                if found:
                    self.seen.setdefault(int(found[1]), time.monotonic())


def sight(first, second, count):
    """From just before the commit's request, and from its answer, at one, to the event at the other."""
    watch, api = Watch(second), Api(first)
    watch.start()
    time.sleep(1)  # so that it has read what there is
    asked, answered = {}, {}
    for turn in range(count):
        began = time.monotonic()
        revision = int(api.patch("s-0", 1 + turn % 3000))
        asked[revision], answered[revision] = began, time.monotonic()
        time.sleep(0.01)
    end = time.monotonic() + 10
    while time.monotonic() < end and not asked.keys() <= watch.seen.keys():
        time.sleep(0.05)
    missed = len(asked.keys() - watch.seen.keys())
    from_asked = [(watch.seen[r] - asked[r]) * 1e3 for r in asked if r in watch.seen]
    from_answer = [(watch.seen[r] - answered[r]) * 1e3 for r in asked if r in watch.seen]
    return {
        "errors": missed,
        "p50_ms": percentile(from_asked, 0.5),
        "p99_ms": percentile(from_asked, 0.99),
        "after_answer_p50_ms": percentile(from_answer, 0.5),
        "after_answer_p99_ms": percentile(from_answer, 0.99),
    }


def floor(server, writers, seconds, directory):
    script = Path(directory) / "floor.sql"
    script.write_text(INSERT)
    words = [binaries() / "pgbench", "--no-vacuum", f"--client={writers}", f"--time={seconds}", "--log"]
    words += [f"--log-prefix={directory}/floor-{writers}", f"--file={script}"]
    words += [server.url(options="sslmode=disable")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    waits = [
        int(line.split()[2]) / 1e3
        for log in Path(directory).glob(f"floor-{writers}.*")
        for line in log.read_text().splitlines()
    ]
    return {
        "commits_per_second": float(re.search(r"tps = ([\d.]+)", done.stdout)[1]),
        "p50_ms": percentile(waits, 0.5),
        "p99_ms": percentile(waits, 0.99),
    }


def fill(controller):
    services = [weir.service(f"s-{number}", ["127.0.0.1:9"]) for number in range(1000)]
    answer = controller.api("POST", "/v1/apply", services, timeout_s=60)
    assert answer.status == 200, answer.text


def round_of(rows, number, options, directory):
    def note(case, what, figures):
        rows.write({"case": case, "proxy": what, "round": number, "errors": 0, **figures})
        print(f"  {what:<24}{case:<12}" + "".join(f" {k} {v:.1f}" for k, v in figures.items()), flush=True)

    with weir.Weir(Path(directory) / f"sqlite-{number}") as alone:
        fill(alone)
        for writers in WRITERS:
            note(f"{writers} writers", "sqlite", write([alone], writers, options.seconds))
        note("sight", "sqlite", sight(alone, alone, options.count))
    with Postgres(Path(directory) / f"postgres-{number}" / "server", fsync=True) as server:
        server.query("CREATE TABLE floor (id bigserial PRIMARY KEY, value text)")
        for writers in WRITERS:
            note(f"{writers} writers", "floor", floor(server, writers, options.seconds, directory))
        flags = ["--store", server.url(options="sslmode=disable")]
        first = weir.Weir(Path(directory) / f"first-{number}", flags=flags)
        second = weir.Weir(Path(directory) / f"second-{number}", flags=flags)
        with first, second:
            fill(first)
            for writers in WRITERS:
                note(f"{writers} writers", "postgres", write([first], writers, options.seconds))
            note("8 writers", "postgres, 2 controllers", write([first, second], 8, options.seconds))
            note("sight", "postgres", sight(first, second, options.count))


def run(options):
    rows = report.Rows("store", machine.facts())
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as directory:
        Path(directory).chmod(0o755)
        for number in range(options.rounds):
            round_of(rows, number, options, directory)
    return True
