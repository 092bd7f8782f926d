"""Our gRPC against Python's (gRPC's own C core), each as client and as server, plain and over TLS."""

import os
import signal
import subprocess
import threading
import time
from concurrent import futures

import pytest

from lab.process import ROOT, wait_until

grpc = pytest.importorskip("grpc", reason="python3-grpcio is not installed (./dev setup lab)")

PEER = ROOT / "build/release/grpc_peer"
MEBIBYTE = 1 << 20
DEADLINE_S = 20


def start(*arguments):
    return subprocess.Popen(
        [PEER, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def stop(process):
    """Its last words."""
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0
    return output


@pytest.fixture(scope="module", params=["plain", "tls"])
def server(request, tmp_path_factory):
    """(port, credentials or None) of our server."""
    folder = tmp_path_factory.mktemp("tls")
    secure = request.param == "tls"
    process = start("serve", *(["--tls", folder] if secure else []))
    port = int(process.stdout.readline().removeprefix("listening "))
    credentials = None
    if secure:
        files = [(folder / name).read_bytes() for name in ("ca.pem", "client.key", "client.pem")]
        credentials = grpc.ssl_channel_credentials(*files)
    yield port, credentials
    assert "cancelled " in stop(process)


@pytest.fixture
def channel(server):
    port, credentials = server
    address = f"localhost:{port}"
    if credentials:
        made = grpc.secure_channel(address, credentials)
    else:
        made = grpc.insecure_channel(address)
    with made as open_channel:
        yield open_channel


def test_messages_of_all_sizes(channel):
    unary = channel.unary_unary("/lab.Echo/Unary")
    for size in (0, 1, 5, 16383, 16384, 65536, MEBIBYTE, 4 * MEBIBYTE - 10):
        message = os.urandom(size)
        assert unary(message, timeout=DEADLINE_S) == message


def test_many_calls_at_once(channel):
    unary = channel.unary_unary("/lab.Echo/Unary")
    calls = [unary.future(b"%d" % number, timeout=DEADLINE_S) for number in range(500)]
    assert [call.result() for call in calls] == [b"%d" % number for number in range(500)]


def test_a_stream_of_answers(channel):
    count = channel.unary_stream("/lab.Echo/Count")
    assert list(count(b"10000", timeout=DEADLINE_S)) == [b"%d" % number for number in range(10000)]


def test_both_directions_at_once(channel):
    """Each message is sent when the answer to the one before has come."""
    answers = []
    turn = threading.Semaphore(1)

    def messages():
        for number in range(100):
            assert turn.acquire(timeout=DEADLINE_S)
            yield b"message %d" % number

    for answer in channel.stream_stream("/lab.Echo/Chat")(messages(), timeout=DEADLINE_S):
        answers.append(answer)
        turn.release()
    assert answers == [b"MESSAGE %d" % number for number in range(100)] + [b"bye"]


def test_a_hundred_megabytes_in_pieces(channel):
    piece = b"x" * MEBIBYTE
    received = 0
    for answer in channel.stream_stream("/lab.Echo/Chat")((piece for _ in range(100)), timeout=60):
        received += len(answer)
    assert received == 100 * MEBIBYTE + len(b"bye")


@pytest.mark.parametrize(
    "path,message,options,code,details",
    [
        ("Refuse", b"", {}, "FAILED_PRECONDITION", "not ready: 100 % ä"),
        ("None", b"", {}, "UNIMPLEMENTED", "no method /lab.Echo/None"),
        ("Hang", b"", {"timeout": 0.2}, "DEADLINE_EXCEEDED", None),
        ("Unary", b"x" * (4 * MEBIBYTE + 1), {}, "RESOURCE_EXHAUSTED", "a message of 4194305 bytes"),
        (
            "Unary",
            b"x" * 10000,
            {"compression": grpc.Compression.Gzip},
            "UNIMPLEMENTED",
            "compressed messages are not taken here",
        ),
    ],
)
def test_a_status_arrives(channel, path, message, options, code, details):
    method = channel.stream_stream(f"/lab.Echo/{path}")
    with pytest.raises(grpc.RpcError) as caught:
        method(iter([message]), **{"timeout": DEADLINE_S, **options}).result()
    assert caught.value.code().name == code
    assert details is None or caught.value.details().startswith(details)


def test_a_cancelled_call_is_cancelled_at_the_server():
    process = start("serve")
    port = int(process.stdout.readline().removeprefix("listening "))
    with grpc.insecure_channel(f"localhost:{port}") as channel:
        call = channel.unary_stream("/lab.Echo/Hang")(b"")
        assert next(call) == b"first"
        call.cancel()
        with pytest.raises(grpc.RpcError):
            next(call)
    assert stop(process) == "cancelled 1\n"


def test_a_drain_sends_clients_elsewhere():
    process = start("serve")
    port = int(process.stdout.readline().removeprefix("listening "))
    with grpc.insecure_channel(f"localhost:{port}") as channel:
        call = channel.unary_stream("/lab.Echo/Hang")(b"")
        assert next(call) == b"first"
        assert stop(process) == "cancelled 1\n"
        with pytest.raises(grpc.RpcError) as caught:
            next(call)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


def test_pings_are_answered_until_the_server_falls_silent():
    """gRPC's keepalive: a call without messages lives as long as its PINGs are answered."""
    process = start("serve")
    port = int(process.stdout.readline().removeprefix("listening "))
    options = [
        ("grpc.keepalive_time_ms", 100),
        ("grpc.keepalive_timeout_ms", 500),
        ("grpc.http2.max_pings_without_data", 0),
    ]
    with grpc.insecure_channel(f"localhost:{port}", options) as channel:
        call = channel.unary_stream("/lab.Echo/Hang")(b"")
        assert next(call) == b"first"
        time.sleep(2)  # so long it says nothing but PINGs
        assert call.is_active()
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(grpc.RpcError) as caught:
            next(call)
        process.send_signal(signal.SIGCONT)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert stop(process) == "cancelled 1\n"


# --- our client


class Handlers:
    def __init__(self):
        self.peers = []
        self.cancelled = threading.Event()

    def unary(self, request, context):
        self.peers.append(dict(context.invocation_metadata()).get("x-peer"))
        return request

    def chat(self, requests, context):
        for request in requests:
            yield request.upper()
        yield b"bye"

    def refuse(self, request, context):
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not ready: 100 % ä")

    def hang(self, request, context):
        context.add_callback(self.cancelled.set)
        yield b"first"
        self.cancelled.wait(DEADLINE_S)

    def compressed(self, request, context):
        context.set_compression(grpc.Compression.Gzip)
        return b"x" * 10000


@pytest.fixture(scope="module", params=["plain", "tls"])
def foreign(request, tmp_path_factory):
    """(handlers, call) of a server of gRPC's own; call(path, lines) is our client's (messages, status)."""
    handlers = Handlers()
    server = grpc.server(futures.ThreadPoolExecutor(8))
    kinds = {
        "Unary": grpc.unary_unary_rpc_method_handler(handlers.unary),
        "Chat": grpc.stream_stream_rpc_method_handler(handlers.chat),
        "Refuse": grpc.unary_unary_rpc_method_handler(handlers.refuse),
        "Hang": grpc.unary_stream_rpc_method_handler(handlers.hang),
        "Compressed": grpc.unary_unary_rpc_method_handler(handlers.compressed),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("lab.Echo", kinds),))
    options = []
    if request.param == "tls":
        folder = tmp_path_factory.mktemp("tls")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
            + ["-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
            + ["-keyout", folder / "key.pem", "-out", folder / "ca.pem"],
            check=True,
            capture_output=True,
        )
        pair = (folder / "key.pem").read_bytes(), (folder / "ca.pem").read_bytes()
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        options = ["--tls", folder]
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()

    def call(path, lines=(), *more):
        result = subprocess.run(
            [PEER, "call", str(port), f"/lab.Echo/{path}", *options, *more],
            input="".join(line + "\n" for line in lines),
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=True,
        )
        *messages, status = result.stdout.splitlines()
        return messages, status

    yield handlers, call
    server.stop(0)


def test_our_client_calls_a_foreign_server(foreign):
    handlers, call = foreign
    assert call("Unary", ["hello"]) == (["hello"], "status OK ")
    assert handlers.peers[-1] == "weir"
    lines = [f"line {number}" for number in range(1000)]
    assert call("Chat", lines) == ([line.upper() for line in lines] + ["bye"], "status OK ")
    assert call("Chat") == (["bye"], "status OK ")
    big = "x" * (4 * MEBIBYTE - 1)
    assert call("Unary", [big]) == ([big], "status OK ")


def test_our_client_hears_a_status(foreign):
    _, call = foreign
    assert call("Refuse", [""]) == ([], "status FAILED_PRECONDITION not ready: 100 % ä")
    assert call("None", [""]) == ([], "status UNIMPLEMENTED Method not found!")
    # This server sends what it was told to compress, whatever the client says that it takes.
    assert call("Compressed", [""]) == ([], "status INTERNAL compressed messages are not taken here")


def test_our_deadline_cancels_a_foreign_handler(foreign):
    handlers, call = foreign
    messages, status = call("Hang", [""], "--timeout-ms", "300")
    assert messages == ["first"]
    assert status.startswith("status DEADLINE_EXCEEDED")
    wait_until(handlers.cancelled.is_set, DEADLINE_S, "the handler's end")
