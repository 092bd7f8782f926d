"""gRPC through weir: a real server and a real client, over HTTP/2 from end to end."""

import itertools
import threading
import time
from concurrent import futures

import pytest

from lab import weir
from lab.process import wait_until

grpc = pytest.importorskip("grpc", reason="python3-grpcio is not installed (./dev setup lab)")

SERVICE = "lab.Echo"
MEBIBYTE = 1 << 20


class Handlers:
    """What the server does; messages are bytes, so nothing is generated."""

    def __init__(self):
        self.metadata = []
        self.deadlines = []
        self.cancelled = threading.Event()

    def unary(self, request, context):
        self.metadata.append(dict(context.invocation_metadata()))
        self.deadlines.append(context.time_remaining())
        context.set_trailing_metadata((("x-end", "yes"),))
        return request

    def refuse(self, request, context):
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not ready: 100 %")

    def count(self, request, context):
        for number in range(int(request)):
            yield b"%d" % number

    def total(self, requests, context):
        return b"%d" % sum(len(request) for request in requests)

    def chat(self, requests, context):
        for request in requests:
            yield request.upper()
        yield b"bye"  # behind the client's end

    def hang(self, request, context):
        context.add_callback(self.cancelled.set)
        yield b"first"
        self.cancelled.wait(30)

    def server(self):
        kinds = {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "Refuse": grpc.unary_unary_rpc_method_handler(self.refuse),
            "Count": grpc.unary_stream_rpc_method_handler(self.count),
            "Total": grpc.stream_unary_rpc_method_handler(self.total),
            "Chat": grpc.stream_stream_rpc_method_handler(self.chat),
            "Hang": grpc.unary_stream_rpc_method_handler(self.hang),
        }
        server = grpc.server(futures.ThreadPoolExecutor(16))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, kinds),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        return server, port


def load_balancer(name, port, routes):
    return {
        "kind": "LoadBalancer",
        "metadata": {"name": name},
        "spec": {"listeners": [{"protocol": "HTTP", "port": port, "h2c": True}], "routes": routes},
    }


@pytest.fixture(scope="module")
def site(edge):
    """(channel, handlers) over a port of its own."""
    handlers = Handlers()
    server, origin_port = handlers.server()
    port = weir.free_port()
    edge.apply(
        weir.service("grpc", [f"127.0.0.1:{origin_port}"], protocol="HTTP2"),
        weir.service("grpc-nobody", [f"127.0.0.1:{weir.free_port()}"], protocol="HTTP2"),
        load_balancer(
            "grpc",
            port,
            [
                {"match": {"path_prefix": f"/{SERVICE}"}, "backends": [{"service": "grpc"}]},
                {"match": {"path_prefix": "/lab.Nobody"}, "backends": [{"service": "grpc-nobody"}]},
                {
                    "match": {"path_prefix": "/lab.Denied"},
                    "ip_access": {"deny": ["127.0.0.0/8"]},
                    "backends": [{"service": "grpc"}],
                },
            ],
        ),
    )
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel, handlers
    for kind, name in (("loadbalancers", "grpc"), ("services", "grpc"), ("services", "grpc-nobody")):
        edge.api("DELETE", f"/v1/{kind}/{name}")
    server.stop(0)


def path(method, service=SERVICE):
    return f"/{service}/{method}"


def test_unary_with_metadata_trailers_and_deadline(site):
    channel, handlers = site
    echo = channel.unary_unary(path("Unary"))
    answer, call = echo.with_call(b"hello", timeout=20, metadata=(("x-a", "b"),))
    assert answer == b"hello"
    assert dict(call.trailing_metadata())["x-end"] == "yes"
    assert handlers.metadata[-1]["x-a"] == "b"
    assert 15 < handlers.deadlines[-1] <= 20.5  # gRPC rounds what it sends up


def test_large_messages(site):
    channel, _ = site
    message = bytes(range(256)) * (3 * MEBIBYTE // 256)
    assert channel.unary_unary(path("Unary"))(message, timeout=20) == message


def test_a_status_with_a_message_and_no_content(site):
    channel, _ = site
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary(path("Refuse"))(b"", timeout=10)
    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert refused.value.details() == "not ready: 100 %"


def test_streams_of_either_side(site):
    channel, _ = site
    assert list(channel.unary_stream(path("Count"))(b"500", timeout=20)) == [b"%d" % n for n in range(500)]
    parts = (b"x" * 1000 for _ in range(500))
    assert channel.stream_unary(path("Total"))(parts, timeout=20) == b"500000"


def test_both_sides_in_turns_and_the_half_close(site):
    channel, _ = site
    told = threading.Event()

    def requests():
        yield b"one"
        told.wait(10)  # sent only when the answer to the first is there
        yield b"two"

    answers = channel.stream_stream(path("Chat"))(requests(), timeout=20)
    assert next(answers) == b"ONE"
    told.set()
    assert list(answers) == [b"TWO", b"bye"]


def test_a_client_that_cancels_is_heard_by_the_server(site):
    channel, handlers = site
    call = channel.unary_stream(path("Hang"))(b"", timeout=30)
    assert next(call) == b"first"
    call.cancel()
    assert handlers.cancelled.wait(10)


def test_calls_share_connections_to_the_server(site, edge):
    channel, _ = site
    before = edge.metrics()["weir_upstream_connects_total"]
    echo = channel.unary_unary(path("Unary"))
    calls = [echo.future(b"%d" % n, timeout=20) for n in range(200)]
    assert [call.result() for call in calls] == [b"%d" % n for n in range(200)]
    assert edge.metrics()["weir_upstream_connects_total"] - before <= 4


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("lab.Unknown", grpc.StatusCode.UNIMPLEMENTED),
        ("lab.Nobody", grpc.StatusCode.UNAVAILABLE),
        ("lab.Denied", grpc.StatusCode.PERMISSION_DENIED),
    ],
)
def test_weirs_own_refusals_are_grpc(site, service, code):
    channel, _ = site
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary(path("Unary", service))(b"", timeout=10)
    assert refused.value.code() == code
    assert dict(refused.value.initial_metadata() or refused.value.trailing_metadata())["weir-reason"]


def test_a_stream_lives_through_changes(site, edge):
    channel, _ = site
    send = threading.Semaphore(0)

    def requests():
        for number in itertools.count():
            send.acquire()
            yield b"%d" % number

    call = channel.stream_stream(path("Chat"))(requests(), timeout=60)
    for number in range(10):
        edge.apply(weir.service("grpc-other", [f"127.0.0.1:{9000 + number}"]))
        send.release()
        assert next(call) == b"%d" % number
    call.cancel()
    edge.api("DELETE", "/v1/services/grpc-other")


def test_a_server_that_restarts_is_found_again(edge):
    handlers = Handlers()
    server, origin_port = handlers.server()
    port = weir.free_port()
    edge.apply(
        weir.service("grpc-restart", [f"127.0.0.1:{origin_port}"], protocol="HTTP2"),
        load_balancer("grpc-restart", port, [{"backends": [{"service": "grpc-restart"}]}]),
    )
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        echo = channel.unary_unary(path("Unary"))
        assert echo(b"a", timeout=10) == b"a"
        server.stop(0).wait(5)
        with pytest.raises(grpc.RpcError) as down:
            echo(b"b", timeout=10)
        assert down.value.code() == grpc.StatusCode.UNAVAILABLE
        again = grpc.server(futures.ThreadPoolExecutor(4))
        handler = grpc.unary_unary_rpc_method_handler(handlers.unary)
        again.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Unary": handler}),))
        again.add_insecure_port(f"127.0.0.1:{origin_port}")
        again.start()

        def answers():
            try:
                return echo(b"c", timeout=2) == b"c"
            except grpc.RpcError:
                time.sleep(0.1)
                return False

        wait_until(answers, 15, "the server being used again")
        again.stop(0)
    edge.api("DELETE", "/v1/loadbalancers/grpc-restart")
    edge.api("DELETE", "/v1/services/grpc-restart")


class Refusing:
    """A server that answers every call with a status, and how many calls that were."""

    def __init__(self, code):
        self.code, self.calls = code, []
        self.server = grpc.server(futures.ThreadPoolExecutor(4))
        handlers = {
            "Unary": grpc.unary_unary_rpc_method_handler(self.refuse),
            "Count": grpc.unary_stream_rpc_method_handler(self.break_off),
        }
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def refuse(self, request, context):
        self.calls.append(request)
        context.abort(self.code, "not now")

    def break_off(self, request, context):
        self.calls.append(request)
        yield b"0"
        context.abort(self.code, "not any more")


def test_a_listed_status_sends_a_call_to_another_server(edge):
    handlers, refusing = Handlers(), Refusing(grpc.StatusCode.UNAVAILABLE)
    server, origin_port = handlers.server()
    port = weir.free_port()

    def apply(**more):
        retries = {"non_idempotent": True, "budget_percent": 100, **more}
        addresses = [f"127.0.0.1:{origin_port}", refusing.address]
        edge.apply(
            weir.service("grpc-retries", addresses, protocol="HTTP2", retries=retries),
            load_balancer("grpc-retries", port, [{"backends": [{"service": "grpc-retries"}]}]),
        )

    def outcomes(channel):
        echo = channel.unary_unary(path("Unary"))
        calls = [echo.future(b"%d" % number, timeout=20) for number in range(20)]
        return {call.exception().code() if call.exception() else "OK" for call in calls}

    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            apply()
            assert outcomes(channel) == {"OK", grpc.StatusCode.UNAVAILABLE}
            apply(on_grpc_statuses=["INTERNAL"])
            assert outcomes(channel) == {"OK", grpc.StatusCode.UNAVAILABLE}
            apply(on_grpc_statuses=["CANCELLED", "UNAVAILABLE"])
            refusing.calls.clear()
            assert outcomes(channel) == {"OK"}
            assert refusing.calls, "it was not asked"
            assert handlers.metadata, "nobody answered"
            # What has begun is not begun again.
            count = channel.unary_stream(path("Count"))
            ends = []
            for _ in range(4):
                try:
                    ends.append(list(count(b"2", timeout=20)))
                except grpc.RpcError as error:
                    ends.append(error.code())
            assert ends.count([b"0", b"1"]) == 2 and ends.count(grpc.StatusCode.UNAVAILABLE) == 2
    finally:
        for kind in ("loadbalancers", "services"):
            edge.api("DELETE", f"/v1/{kind}/grpc-retries")
        refusing.server.stop(0)
        server.stop(0)
