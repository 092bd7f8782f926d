"""Distributed traces: what a collector of OpenTelemetry gets, and what origins are told."""

import time

import pytest

from lab import weir
from lab.otlp import CLIENT, PYTHON, SERVER, Receiver
from lab.process import free_port, wait_until

HOST = "web.weir.localhost"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def serve(running, addresses, **spec):
    running.apply(weir.service("web", addresses, **spec), weir.load_balancer("web", [HOST], {"/": "web"}))


def parts(traceparent):
    version, trace, parent, flags = traceparent.split("-")
    assert version == "00"
    return trace, parent, flags


def test_spans_of_a_request_that_was_retried(make_origin, new_weir):
    """The trace is the client's: the request's span is below its parent, and each try's below that."""
    origin, dead = make_origin(), f"127.0.0.1:{free_port()}"
    flags = ["--provider", "lab", "--region", "here", "--trace-sample", "0"]
    with Receiver() as receiver, new_weir(flags=["--traces", receiver.url, *flags]) as running:
        serve(running, [dead, origin.address])
        began = time.time_ns()
        for number in range(4):
            traced = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "v=1"}
            answer = running.get("/a?b=c", headers={**traced, "X-Request-Id": f"t-{number}"})
            assert answer.status == 200
        ended = time.time_ns()
        wait_until(lambda: sum(s.kind == SERVER for s in receiver.spans()) == 4, 20, "four spans")
        assert receiver.faults == []
        spans = receiver.spans()
        assert {span.trace for span in spans} == {TRACE}, "nothing else is sampled"
        assert len({span.id for span in spans}) == len(spans)
        requests = [span for span in spans if span.kind == SERVER]
        assert {span.parent for span in requests} == {PARENT}
        slack = 2_000_000  # the time of day is told in milliseconds
        tried = 0
        for span in requests:
            assert began - slack <= span.start <= span.end <= ended + slack
            below = sorted((s for s in spans if s.parent == span.id), key=lambda s: s.start)
            assert all(s.kind == CLIENT and span.start <= s.start <= s.end <= span.end for s in below)
            assert span.attributes["weir.tries"] == len(below)
            assert span.attributes["http.response.status_code"] == 200 and not span.error
            assert (span.attributes["url.path"], span.attributes["url.query"]) == ("/a", "b=c")
            assert (span.attributes["server.address"], span.attributes["weir.service"]) == (HOST, "web")
            assert (span.attributes["weir.load_balancer"], span.attributes["weir.flags"]) == ("web", "-")
            assert span.resource["service.name"] == "weir" and span.resource["cloud.region"] == "here"
            assert below[-1].attributes["weir.endpoint"] == origin.address and not below[-1].error
            assert below[-1].attributes["server.port"] == int(origin.address.rpartition(":")[2])
            for failed in below[:-1]:
                assert (failed.attributes["weir.endpoint"], failed.error) == (dead, True)
                assert failed.attributes["error.type"] == "connect_failed"
            tried += len(below)
        assert tried > len(requests), "one began with the endpoint that refuses"
        told = [parts(got.value("traceparent")) for got in origin.requests if got.value("tracestate")]
        by_id = {span.id: span for span in spans if span.kind == CLIENT}
        assert len(told) == 4
        for trace, parent, sampled in told:
            assert (trace, sampled) == (TRACE, "01")
            assert by_id[parent].attributes["weir.endpoint"] == origin.address, "the try is its parent"
        if not PYTHON.exists():
            pytest.skip("OpenTelemetry's messages are not installed (./dev setup lab)")
        assert receiver.judge() == len(spans)


def test_weir_begins_traces_where_there_are_none(make_origin, new_weir, tmp_path):
    origin, log = make_origin(), tmp_path / "access.log"
    flags = ["--trace-sample", "1", "--access-log", log]
    with Receiver() as receiver, new_weir(flags=["--traces", receiver.url, *flags]) as running:
        serve(running, [origin.address])
        running.wait_serving(HOST)
        assert running.get("/", headers={"X-Request-Id": "begun"}).status == 200
        unsampled = f"00-{TRACE}-{PARENT}-00"
        assert running.get("/", headers={"traceparent": unsampled}).status == 200
        assert origin.requests[-1].value("traceparent") == unsampled, "whoever said no is heeded"
        trace, parent, sampled = parts(origin.requests[-2].value("traceparent"))
        assert sampled == "01"
        wait_until(lambda: any(s.id == parent for s in receiver.spans()), 20, "the span of the try")
        [request] = [s for s in receiver.spans() if s.trace == trace and s.kind == SERVER]
        assert request.parent is None and request.attributes["weir.request_id"] == "begun"
        assert all(s.trace != TRACE for s in receiver.spans())
        wait_until(lambda: trace in log.read_text(), 10, "its line in the access log")
        # Counted when the collector has answered, which is after it has them.
        wait_until(lambda: running.metrics()["weir_trace_spans_total"] >= 2, 10, "spans that are taken")
        metrics = running.metrics()
        assert metrics["weir_trace_dropped_spans_total"] == 0
        assert metrics["weir_trace_failing"] == 0


def test_a_collector_of_traces_that_is_away_harms_nobody(make_origin, new_weir):
    away = f"http://127.0.0.1:{free_port()}/v1/traces"
    with new_weir(flags=["--traces", away, "--trace-sample", "1"]) as running:
        serve(running, [make_origin().address])
        running.wait_serving(HOST)
        assert all(running.get("/").status == 200 for _ in range(50))
        wait_until(lambda: running.metrics()["weir_trace_failing"] == 1, 10, "that it fails")
        assert running.api("GET", "/readyz", token=None).status == 200
        began = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - began < 5
