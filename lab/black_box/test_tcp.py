"""TCP and TLS load balancers before real servers and their real clients."""

import json
import os
import socket
import subprocess
import threading
import time

import pytest

from lab import nginx, postgres
from lab.process import HANDED_OUT, Process, free_port, wait_listening, wait_until
from lab.tcp import Server, echo, exchange, greeter, self_signed, tcp_balancer, tcp_service, tls_connection
from lab.tunnels import weir  # noqa: F401 (a fixture)
from lab.weir import Weir, load_balancer, service


def listening(weir, port, address="127.0.0.1"):
    def connected():
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            return probe.connect_ex((address, port)) == 0

    wait_until(connected, 10, f"weir listening on {port}")


def start(weir, name, server_address, *, port=None, listener=None, route=None, **spec):
    """A TCP load balancer in front of that server; its port."""
    port = port or free_port()
    weir.apply(
        tcp_service(name, server_address, **spec),
        tcp_balancer(name, {"protocol": "TCP", "port": port, **(listener or {})}, **(route or {})),
    )
    listening(weir, port)
    return port


def test_postgresql_and_psql(weir, tmp_path):
    if postgres.binaries() is None:
        pytest.fail("PostgreSQL is not installed: ./dev setup lab")
    with postgres.Postgres(tmp_path / "postgres") as database:
        port = start(
            weir,
            "db",
            f"127.0.0.1:{database.port}",
            health_check={"interval": "200ms", "tcp": {}},
        )
        healthy = f'weir_endpoint_healthy{{service="db",endpoint="127.0.0.1:{database.port}"}}'
        wait_until(lambda: weir.metrics().get(healthy) == 1, 10, "the first check")
        failed = 'weir_service_connections_failed_total{service="db"}'
        before = weir.metrics()[failed]
        url = f"postgres://weir:s3cret@127.0.0.1:{port}/postgres?sslmode=require"
        sql = "create table t (n int); insert into t select generate_series(1, 100000); select sum(n) from t"
        words = [postgres.binaries() / "psql", url, "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-qAtc", sql]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert done.stdout.strip() == "5000050000", done.stderr
        # Much, in both directions, through one connection.
        words[-1] = "select repeat('x', 20000000)"
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert done.stdout.strip() == "x" * 20_000_000
        assert weir.metrics()[failed] == before


def test_redis_and_its_client(weir, tmp_path):
    port = free_port()
    server = Process(
        ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", tmp_path],
        tmp_path / "redis.log",
    )
    try:
        wait_listening(server, port)
        front = start(weir, "cache", f"127.0.0.1:{port}")
        client = ["redis-cli", "-h", "127.0.0.1", "-p", str(front)]
        assert subprocess.run([*client, "set", "a", "1"], capture_output=True, text=True).stdout == "OK\n"
        assert subprocess.run([*client, "get", "a"], capture_output=True, text=True).stdout == "1\n"
        words = ["redis-benchmark", "-h", "127.0.0.1", "-p", str(front), "-q", "-n", "2000", "-c", "20"]
        done = subprocess.run([*words, "-t", "set,get"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and done.stdout.count("requests per second") >= 2, done.stdout
    finally:
        server.stop()


def test_a_server_that_speaks_first(weir):
    with Server(greeter("mail")) as server:
        port = start(weir, "mail", server.address)
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            lines = connection.makefile("rb")
            assert lines.readline() == b"220 mail\r\n"
            connection.sendall(b"HELO a\r\n")
            assert lines.readline() == b"250 HELO a\r\n"
            connection.sendall(b"QUIT\r\n")
            assert lines.readline() == b"221 bye\r\n"
            assert lines.read() == b""


def test_an_ssh_server_behind_tcp(weir, tmp_path):
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    (tmp_path / "authorized_keys").write_text((tmp_path / "user.pub").read_text())
    os.makedirs("/run/sshd", exist_ok=True)
    port = free_port()
    (tmp_path / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nPidFile none\nUsePAM no\n"
        f"StrictModes no\nAuthorizedKeysFile {tmp_path}/authorized_keys\nPermitRootLogin yes\n"
    )
    server = Process(["/usr/sbin/sshd", "-D", "-e", "-f", tmp_path / "sshd_config"], tmp_path / "sshd.log")
    try:
        wait_listening(server, port)
        front = start(weir, "shell", f"127.0.0.1:{port}")
        words = ["ssh", "-F", "none", "-p", str(front), "-i", tmp_path / "user", "-o", "BatchMode=yes"]
        words += ["-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={tmp_path}/known"]
        words += ["127.0.0.1", "head -c 5000000 /dev/zero | wc -c"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=30)
        assert done.stdout.strip() == "5000000", done.stderr
    finally:
        server.stop()


def test_nginx_with_its_own_certificate_behind_passthrough_next_to_others(weir, tmp_path):
    """Three names on one port: passed through, ended here, and HTTPS."""
    certificate, key = self_signed(tmp_path, "own.example")
    origin_port, port = free_port(), free_port()
    origin = nginx.start(
        tmp_path / "nginx",
        f"server {{ listen 127.0.0.1:{origin_port} ssl; ssl_certificate {certificate}; "
        f'ssl_certificate_key {key}; location / {{ return 200 "own\\n"; }} }}',
    )
    web_port = free_port()
    web = nginx.origin(tmp_path / "web", web_port, "web")
    try:
        wait_listening(origin, origin_port)
        with Server(greeter("ended")) as mail:
            https = load_balancer("web", ["web.example"], {"/": "web"})
            https["spec"]["listeners"] = [{"protocol": "HTTPS", "hostnames": ["web.example"], "port": port}]
            ways = {"own.example": {"mode": "PASSTHROUGH"}, "mail.example": {"alpn": ["smtp"]}}
            own, ended = (
                {"protocol": "TLS", "hostnames": [host], "port": port, "tls": tls}
                for host, tls in ways.items()
            )
            weir.apply(
                tcp_service("own", f"127.0.0.1:{origin_port}"),
                tcp_balancer("own", own),
                tcp_service("mail", mail.address),
                tcp_balancer("mail", ended),
                service("web", [f"127.0.0.1:{web_port}"]),
                https,
            )
            listening(weir, port)

            def curl(host, ca):
                words = ["curl", "-sS", "--http1.1", "--cacert", ca, "--resolve", f"{host}:{port}:127.0.0.1"]
                done = subprocess.run(
                    [*words, f"https://{host}:{port}/"], capture_output=True, text=True, timeout=20
                )
                return done.stdout.strip() or done.stderr

            assert curl("own.example", certificate) == "own"
            assert curl("web.example", weir.ca) == "web"
            with tls_connection(port, "mail.example", ca=weir.ca, protocols=["smtp"]) as connection:
                assert connection.selected_alpn_protocol() == "smtp"
                assert connection.recv(100) == b"220 ended\r\n"
            words = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "mail.example"]
            words += ["-CAfile", weir.ca, "-verify_return_error", "-quiet", "-crlf"]
            done = subprocess.run(words, input="QUIT\n", capture_output=True, text=True, timeout=20)
            assert "221 bye" in done.stdout, done.stderr
            # Nobody's name: cut, before any certificate is shown.
            with pytest.raises(OSError):
                with tls_connection(port, "nobody.example"):
                    pass
    finally:
        origin.stop()
        web.stop()


def test_every_byte_arrives_whatever_the_sizes(weir):
    with Server(echo) as server:
        port = start(weir, "echo", server.address)
        for size in (1, 16_383, 16_384, 16_385, 1_000_000, 30_000_000):
            data = os.urandom(size)
            with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
                sender = threading.Thread(target=lambda: (connection.sendall(data), connection.shutdown(1)))
                sender.start()
                got = bytearray()
                while piece := connection.recv(1 << 20):
                    got += piece
                sender.join()
                assert got == data


def test_an_endpoint_that_is_gone_costs_no_byte(weir):
    gone = free_port()
    with Server(echo) as server:
        port = free_port()
        weir.apply(
            tcp_service("echo", f"127.0.0.1:{gone}", server.address),
            tcp_balancer("echo", {"protocol": "TCP", "port": port}),
        )
        listening(weir, port)
        for _ in range(10):
            assert exchange(port, b"early") == b"early"


def test_a_port_is_handed_out_and_kept(weir):
    with Server(echo) as server:
        weir.apply(tcp_service("one", server.address), tcp_balancer("one", {"protocol": "TCP"}))
        weir.apply(tcp_service("two", server.address), tcp_balancer("two", {"protocol": "TCP"}))
        ports = [
            weir.api("GET", f"/v1/loadbalancers/{name}").json["spec"]["listeners"][0]["port"]
            for name in ("one", "two")
        ]
        assert ports[0] != ports[1] and all(port in HANDED_OUT for port in ports)
        again = weir.apply(tcp_service("one", server.address), tcp_balancer("one", {"protocol": "TCP"}))
        assert "unchanged" in again
        listening(weir, ports[0])
        assert exchange(ports[0], b"a") == b"a"


def test_the_log_and_explain_tell_of_a_connection(tmp_path):
    log = tmp_path / "access.log"
    with Weir(tmp_path, flags=["--access-log", log]) as weir, Server(echo) as server:
        port = start(weir, "echo", server.address)
        assert exchange(port, b"12345") == b"12345"

        def line():
            for text in log.read_text().splitlines() if log.exists() else ():
                found = json.loads(text)
                if found.get("connection_id") and found["bytes_received"] == 5:
                    return found
            return None

        found = wait_until(line, 10, "a line of the connection")
        assert found["protocol"] == "tcp" and found["bytes_sent"] == 5 and found["endpoint"] == server.address
        assert found["flags"] == "-" and found["listener"] == "echo/0" and found["tries"] == 1
        told = weir.cli("explain", found["connection_id"])
        assert told.returncode == 0 and server.address in told.stdout, told.stdout + told.stderr


def test_by_ipv6_alone(tmp_path):
    weir = Weir(tmp_path)
    for port in (weir.http_port, weir.https_port):
        weir.flags = [str(flag).replace(f"127.0.0.1:{port}", f"[::1]:{port}") for flag in weir.flags]
    with weir, Server(echo, "::1") as server:
        port = free_port()
        listener = {"protocol": "TCP", "port": port}
        weir.apply(tcp_service("echo", server.address), tcp_balancer("echo", listener))
        listening(weir, port, "::1")
        assert exchange(port, b"six", address="::1") == b"six"


def test_limits_of_a_source_and_of_time(weir):
    ended = 'weir_load_balancer_connections_ended_total{load_balancer="echo"}'
    before = weir.metrics().get(ended, 0)
    with Server(echo) as server:
        port = start(
            weir,
            "echo",
            server.address,
            listener={"connections_per_source_max": 2},
            route={"stream_idle_timeout": "1s"},
        )
        wait_until(lambda: weir.metrics().get(ended, 0) > before, 10, "the first try being over")
        held = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(2)]
        for connection in held:
            connection.sendall(b"a")
            assert connection.recv(1) == b"a"
        try:
            assert exchange(port, b"b") == b""
        except OSError:
            pass  # cut before it had sent all
        began = time.monotonic()
        with pytest.raises(ConnectionResetError):
            held[0].recv(1)  # idle
        assert 0.5 < time.monotonic() - began < 5
        for connection in held:
            connection.close()


@pytest.mark.parametrize(
    ("objects", "field"),
    [
        ([tcp_balancer("x", {"protocol": "TCP", "port": 15432}, to="http")], "routes[0].backends[0].service"),
        ([load_balancer("x", ["a.example"], {"/": "tcp"})], "routes[0].backends[0].service"),
        ([tcp_balancer("x", {"protocol": "TCP", "hostnames": ["a.example"]}, to="tcp")], "hostnames"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(weir, objects, field):
    weir.apply(service("http", ["127.0.0.1:1"]), tcp_service("tcp", "127.0.0.1:1"))
    answer = weir.api("POST", "/v1/loadbalancers", objects[0])
    assert answer.status == 422 and field in answer.text, answer.text
