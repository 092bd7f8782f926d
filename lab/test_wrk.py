"""The load's report is read strictly: a line that is not understood must not count as no error."""

import pytest

from lab import wrk

GOOD = """Running 2s test @ http://127.0.0.1:1/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.55ms    1.05ms  28.44ms   92.00%
    Req/Sec    42.10k     2.10k   45.00k    80.00%
  Latency Distribution
     50%    1.36ms
     75%    1.80ms
     90%  950.00us
     99%    1.02s
  84215 requests in 2.01s, 24.26MB read
Requests/sec:  41898.12
Transfer/sec:     12.07MB
""".replace("1.02s\n", "1.02s \n")  # as wrk pads it


def test_good():
    report = wrk.parse(GOOD)
    assert (report.requests, report.seconds, report.errors) == (84215, 2.01, 0)
    assert report.p50_s == pytest.approx(1.36e-3)
    assert report.p90_s == pytest.approx(950e-6)
    assert report.p99_s == pytest.approx(1.02)
    assert report.read_bytes == pytest.approx(24.26 * 2**20)


def test_errors_are_counted():
    lines = "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n"
    report = wrk.parse(GOOD.replace("Requests/sec", lines + "Requests/sec", 1))
    assert (report.connect_errors, report.read_errors, report.write_errors) == (1, 2, 3)
    assert (report.timeouts, report.status_errors, report.errors) == (4, 5, 15)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unable to connect to 127.0.0.1:1 Connection refused\n",
        GOOD.replace("84215 requests in", "requests in"),
        GOOD.replace("     99%    1.02s \n", ""),
        GOOD + "  Socket errors: something else\n",
        GOOD + "  Non-2xx responses: 5\n",
    ],
)
def test_what_is_not_a_report(text):
    with pytest.raises(ValueError):
        wrk.parse(text)
