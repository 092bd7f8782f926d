"""wrk as the load: started, and its report read strictly: what is not understood is an error, not a zero."""

import re
import signal
import subprocess
from dataclasses import dataclass

from lab.process import Process

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
SIZES = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}


@dataclass
class Report:
    requests: int
    seconds: float
    read_bytes: float  # with heads; wrk rounds it to two decimals of its unit
    p50_s: float
    p90_s: float
    p99_s: float
    status_errors: int  # neither 2xx nor 3xx
    connect_errors: int
    read_errors: int
    write_errors: int
    timeouts: int

    @property
    def errors(self):
        return self.status_errors + self.connect_errors + self.read_errors + self.write_errors + self.timeouts

    @property
    def requests_per_second(self):
        return self.requests / self.seconds


def _seconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m|h)", text).groups()
    return float(number) * UNITS[unit]


def parse(text):
    """The report of `wrk --latency`; raises ValueError when a line that must be there is not. A time whose
    unit is one letter has a space after it, for the column."""
    total = re.search(r"^\s*(\d+) requests in ([\d.]+\w+), ([\d.]+)([KMGT]?B) read$", text, re.M)
    quantiles = dict(re.findall(r"^\s+(50|75|90|99)%\s+([\d.]+\w+) *$", text, re.M))
    if not total or set(quantiles) != {"50", "75", "90", "99"}:
        raise ValueError(f"wrk's output is not a report:\n{text}")
    status = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    if ("Socket errors" in text) != bool(sockets) or ("Non-2xx" in text) != bool(status):
        raise ValueError(f"wrk's error lines are not understood:\n{text}")
    connect, read, write, timeout = (int(n) for n in sockets.groups()) if sockets else (0, 0, 0, 0)
    return Report(
        requests=int(total[1]),
        seconds=_seconds(total[2]),
        read_bytes=float(total[3]) * SIZES[total[4]],
        p50_s=_seconds(quantiles["50"]),
        p90_s=_seconds(quantiles["90"]),
        p99_s=_seconds(quantiles["99"]),
        status_errors=int(status[1]) if status else 0,
        connect_errors=connect,
        read_errors=read,
        write_errors=write,
        timeouts=timeout,
    )


def command(url, seconds, connections, *, host=None, timeout_s=5):
    arguments = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={timeout_s}s", "--latency"]
    return [*arguments, *(["-H", f"Host: {host}"] if host else []), url]


def run(url, seconds, connections, **options):
    """Blocks for the whole run."""
    done = subprocess.run(
        command(url, seconds, connections, **options), capture_output=True, text=True, timeout=seconds + 30
    )
    if done.returncode != 0:
        raise RuntimeError(f"wrk failed ({done.returncode}): {done.stdout}{done.stderr}")
    return parse(done.stdout)


class Load:
    """wrk in the background: start, do something to the world, then report()."""

    def __init__(self, url, seconds, connections, log_path, *, prefix=(), **options):
        self.seconds = seconds
        self.process = Process(command(url, seconds, connections, **options), log_path, prefix=prefix)

    def running(self):
        return self.process.running()

    def stop(self):
        """Ends it now; the report covers what it did until then."""
        self.process.signal(signal.SIGINT)

    def report(self):
        code = self.process.wait(self.seconds + 30)
        if code != 0:
            raise RuntimeError(f"wrk failed ({code}): {self.process.log()}")
        return parse(self.process.log())
