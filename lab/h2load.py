"""h2load as the load over HTTP/2 and TLS: started, and its report read strictly, as wrk.py does."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass
class Report:
    requests: int
    seconds: float
    p50_s: float
    p99_s: float
    data_bytes: int  # of the bodies; h2load counts what came after the last whole response too
    errors: int  # a status that is neither 2xx nor 3xx, reset, refused, timed out, its connection lost
    tls: str  # "TLSv1.3 TLS_AES_128_GCM_SHA256 X25519", empty without
    protocol: str  # "h2", "http/1.1"; what ALPN chose

    @property
    def requests_per_second(self):
        return self.requests / self.seconds


def quantile(values, share):
    """Of sorted values, the smallest that at least `share` of them do not exceed."""
    return values[max(0, -int(-share * len(values) // 1) - 1)]


def parse(text, log):
    """The report and the lines of --log-file; raises ValueError when a line that must be there is not, and
    when there was no response at all, which h2load itself calls a success."""
    finished = re.search(r"^finished in ([\d.]+)(us|ms|s), ", text, re.M)
    requests = re.search(
        r"^requests: (\d+) total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, "
        r"(\d+) timeout$",
        text,
        re.M,
    )
    traffic = re.search(r"^traffic: .* \((\d+)\) data$", text, re.M)
    protocol = re.search(r"^Application protocol: (\S+)$", text, re.M)
    if not (finished and requests and traffic and protocol):
        raise ValueError(f"h2load's output is not a report:\n{text}")
    times = sorted(int(line.split("\t")[2]) for line in log.splitlines())
    done = int(requests[2])
    if done == 0 or not times:
        raise ValueError(f"h2load got no response:\n{text}")
    tls = [
        found[1]
        for name in ("TLS Protocol", "Cipher", "Server Temp Key")
        if (found := re.search(rf"^{name}: (\S+)", text, re.M))
    ]
    return Report(
        requests=done,
        seconds=float(finished[1]) * UNITS[finished[2]],
        p50_s=quantile(times, 0.5) * 1e-6,
        p99_s=quantile(times, 0.99) * 1e-6,
        data_bytes=int(traffic[1]),
        errors=int(requests[4]) + int(requests[6]),
        tls=" ".join(tls),
        protocol=protocol[1],
    )


def run(url, connections, *, streams=1, seconds=None, requests=None, connect_to=None, options=()):
    """Blocks for the whole run, of so many seconds or so many requests. `connect_to`: address:port in place
    of the URL's. HTTP/1.1 with the option --h1."""
    with tempfile.TemporaryDirectory(prefix="weir-h2load-") as directory:
        log = Path(directory) / "requests"
        done = subprocess.run(
            [
                "h2load",
                f"--clients={connections}",
                f"--max-concurrent-streams={streams}",
                f"--duration={seconds}" if seconds else f"--requests={requests}",
                f"--log-file={log}",
                *([f"--connect-to={connect_to}"] if connect_to else []),
                *options,
                url,
            ],
            capture_output=True,
            text=True,
            timeout=(seconds or 30) + 30,
        )
        if done.returncode != 0:
            raise RuntimeError(f"h2load failed ({done.returncode}): {done.stdout}{done.stderr}")
        return parse(done.stdout, log.read_text())
