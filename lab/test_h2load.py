"""The load's report is read strictly: h2load exits with 0 also when nothing worked."""

import pytest

from lab import h2load

GOOD = """starting benchmark...
TLS Protocol: TLSv1.3
Cipher: TLS_AES_128_GCM_SHA256
Server Temp Key: X25519 253 bits
Application protocol: h2

finished in 1.01s, 37037.00 req/s, 2.33MB/s
requests: 37037 total, 37077 started, 37037 done, 37037 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 37037 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 2.33MB (2444638) total, 1.52MB (1592591) headers (space savings 52.75%), 180.84KB (185185) data
                     min         max         mean         sd        +/- sd
time for request:       51us     21.01ms       882us      1.38ms    93.38%
"""
LOG = "".join(f"1795829602309777\t200\t{microseconds}\n" for microseconds in range(1, 201))


def test_good():
    report = h2load.parse(GOOD, LOG)
    assert (report.requests, report.seconds, report.errors) == (37037, 1.01, 0)
    assert (report.p50_s, report.p99_s) == (pytest.approx(100e-6), pytest.approx(198e-6))
    assert (report.tls, report.protocol) == ("TLSv1.3 TLS_AES_128_GCM_SHA256 X25519", "h2")
    assert report.data_bytes == 185185


def test_errors_are_counted():
    text = GOOD.replace("37037 succeeded, 0 failed, 0 errored", "37023 succeeded, 14 failed, 9 errored")
    assert h2load.parse(text, LOG).errors == 14


@pytest.mark.parametrize("share, value", [(0.5, 1), (0.51, 2), (0.99, 2), (1.0, 2)])
def test_quantile_of_two(share, value):
    assert h2load.quantile([1, 2], share) == value


@pytest.mark.parametrize(
    "text, log",
    [
        ("", LOG),
        (GOOD, ""),
        (GOOD.replace("37037 done", "0 done"), LOG),
        (GOOD.replace("traffic:", "traffic"), LOG),
        (GOOD.replace("Application protocol", "protocol"), LOG),
        (GOOD.replace("finished in", "ended in"), LOG),
    ],
)
def test_what_is_not_a_report(text, log):
    with pytest.raises(ValueError):
        h2load.parse(text, log)
