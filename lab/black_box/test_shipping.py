"""The access log at collectors elsewhere: all of it, once, and traffic never waits for them."""

import http.client
import statistics
import time
from contextlib import closing

from lab import weir
from lab.collector import Collector
from lab.process import free_port, wait_until
from lab.tcp import self_signed

HOST = "web.weir.localhost"


def send(running, first, count):
    """So many requests with ids that count up; how long each took, in seconds."""
    took = []
    with closing(http.client.HTTPConnection("127.0.0.1", running.http_port, timeout=20)) as connection:
        for number in range(first, first + count):
            began = time.perf_counter()
            connection.request("GET", "/", headers={"Host": HOST, "X-Request-Id": f"n-{number}"})
            response = connection.getresponse()
            response.read()
            took.append(time.perf_counter() - began)
            assert response.status == 200
    return took


def ids(lines):
    return sorted(int(line["request_id"][2:]) for line in lines if line["request_id"].startswith("n-"))


def serve(running, origin):
    running.apply(weir.service("web", [origin.address]), weir.load_balancer("web", [HOST], {"/": "web"}))
    running.wait_serving(HOST)


def metric(running, name, collector):
    return running.metrics()[f'weir_access_log_{name}{{target="{collector.name}"}}']


def test_nothing_is_lost_while_a_collector_is_away(make_origin, new_weir, tmp_path):
    """One collector goes and comes back, weir is started anew meanwhile; the others get theirs."""
    origin, log = make_origin(), tmp_path / "access.log"
    with Collector() as away, Collector() as stays:
        targets = ["--access-log", log, "--access-log", away.url, "--access-log", stays.url]
        with new_weir(workers=2, flags=targets) as running:
            serve(running, origin)
            away.mute = 1  # it takes the first batch twice
            before = send(running, 0, 1000)
            wait_until(lambda: len(ids(away.lines())) == 1000, 30, "all lines at the collector")
            away.close()
            during = send(running, 1000, 3000)
            wait_until(lambda: len(ids(stays.lines())) == 4000, 30, "all lines at the other")
            wait_until(
                lambda: metric(running, "spooled_bytes", away) > 500 * 1000, 30, "lines that wait on disk"
            )
            failing = [name for name in running.metrics() if name.startswith("weir_access_log_failing{")]
            assert any(f'"{away.name}",error="127.0.0.1:{away.port}: ' in name for name in failing), failing
            wait_until(lambda: metric(running, "spooled_bytes", stays) == 0, 30, "what the other takes")
            assert running.api("GET", "/readyz", token=None).status == 200
            ratio = statistics.median(during) / statistics.median(before)
            assert ratio < 2, f"requests took {ratio:.2f} times as long while a collector was away"

            running.stop()
            assert list((running.data / "log-spool").glob("*/*.ndjson")), "they wait on disk"
            running.start()
            running.wait_serving(HOST)
            send(running, 4000, 500)
            away.open()
            wait_until(lambda: len(ids(away.lines())) >= 4500, 60, "all lines at the one that was away")
            wait_until(lambda: metric(running, "spooled_bytes", away) == 0, 30, "nothing that waits")
            assert metric(running, "dropped_lines_total", away) == 0
            assert "s3cret" not in running.process.log() + running.api("GET", "/metrics").text
        for collector in (away, stays):
            assert ids(collector.lines()) == list(range(4500)), "each once, by the ids of batches"
            assert collector.faults == [] and collector.paths == {"/in?key=s3cret"}
        assert away.posts > len(away.batches), "one batch came twice"
        assert ids(map(weir.json.loads, log.read_text().splitlines())) == list(range(4500))


def test_a_token_from_a_file_over_tls(make_origin, new_weir, tmp_path):
    certificate = self_signed(tmp_path, "localhost")
    headers = tmp_path / "headers"
    headers.write_text("Authorization: Bearer old\n")
    with Collector(certificate=certificate, token="Bearer t0ken") as collector:
        flags = ["--access-log", collector.url, "--collector-header-file", headers]
        with new_weir(flags=[*flags, "--collector-ca", certificate[0]]) as running:
            serve(running, make_origin())
            send(running, 0, 10)
            wait_until(lambda: "answers with status 401" in running.process.log(), 10, "being refused")
            headers.write_text("Authorization: Bearer t0ken\n")
            wait_until(lambda: len(ids(collector.lines())) == 10, 20, "all lines")
            assert "Bearer" not in running.process.log()

        with new_weir(flags=flags) as running:  # the system's authorities don't know it
            serve(running, make_origin())
            send(running, 0, 1)
            wait_until(lambda: "certificate is self-signed" in running.process.log(), 10, "no trust")
            assert ids(collector.lines()) == list(range(10))


def test_what_stays_behind_is_the_next_processs(make_origin, new_weir):
    """weir upgrade: the old process spools until its end, the new one goes on with that."""
    collector = Collector()
    collector.close()
    with new_weir(flags=["--access-log", collector.url]) as running:
        serve(running, make_origin())
        send(running, 0, 200)
        running.upgrade()
        send(running, 200, 200)
        collector.open()
        wait_until(lambda: len(ids(collector.lines())) >= 400, 60, "the lines of both")
        assert ids(collector.lines()) == list(range(400)) and collector.faults == []
    collector.close()


def test_collectors_that_there_cannot_be(new_weir, tmp_path):
    (tmp_path / "headers").write_text("no field\n")
    loopback = f"http://127.0.0.1:{free_port()}/"
    for flags, why in (
        (["--access-log", "https://user@host/"], "must name a host"),
        (["--access-log", loopback, "--collector-header-file", tmp_path / "headers"], "line 1 has no colon"),
        (["--access-log", "http://logs.example/", "--collector-header-file", "f"], "https://"),
        (["--access-log", "https://localhost/", "--collector-ca", tmp_path / "none"], "--collector-ca"),
        (
            ["--access-log", loopback, "--access-log", "http://127.0.0.1:1/", "--collector-header-file", "f"],
            "does not say which collector",
        ),
    ):
        running = new_weir(flags=flags)
        running.start(wait=False)
        assert running.process.wait() == 1
        assert why in running.process.log(), running.process.log()
