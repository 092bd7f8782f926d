"""Why a request was answered as it was: the access log and `weir explain`."""

import json
import signal
import socket
import subprocess
from contextlib import closing

from lab import weir
from lab.process import free_port, wait_until

CLIENT = {"X-Request-Id": "black-box-1", "User-Agent": 'a "client"', "Referer": "http://from.example/"}


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def curl(*arguments):
    """The fields of the answer, by their names in lower case; ":status" too."""
    done = subprocess.run(
        ["curl", "-s", "--insecure", "--dump-header", "-", "--output", "/dev/null", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done
    first, *fields = done.stdout.replace("\r", "").strip().split("\n")
    return {":status": first.split()[1]} | {
        name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)
    }


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_request_that_was_retried(make_origin, new_weir, tmp_path):
    """One endpoint refuses connections: the log and the explanation tell of both tries."""
    origin, dead = make_origin(), f"127.0.0.1:{free_port()}"
    log = tmp_path / "access.log"
    with new_weir(workers=2, flags=["--access-log", log]) as running:
        running.apply(
            weir.service("web", [dead, origin.address]),
            weir.load_balancer("web", ["web.weir.localhost"], {"/": "web"}),
        )
        for number in range(4):  # until one begins with the endpoint that refuses
            answer = running.get("/a?b=c", headers={**CLIENT, "X-Request-Id": f"black-box-{number}"})
            assert answer.status == 200
        wait_until(lambda: len(lines_of(log)) == 4, 5, "four lines")
        lines = lines_of(log)
        retried = next(line for line in lines if line["tries"] > 1)
        assert (retried["host"], retried["path"]) == ("web.weir.localhost", "/a?b=c")
        assert (retried["status"], retried["flags"], retried["reason"]) == (200, "-", None)
        assert (retried["load_balancer"], retried["route"], retried["service"]) == ("web", "web/0", "web")
        assert (retried["endpoint"], retried["peer"]) == (origin.address, "127.0.0.1")
        assert (retried["user_agent"], retried["referer"]) == (CLIENT["User-Agent"], CLIENT["Referer"])
        assert retried["bytes_sent"] == len(answer.text) and retried["duration_ms"] > 0

        explained = running.cli("explain", retried["request_id"], "-o", "json")
        assert explained.returncode == 0, explained.stderr
        decision = json.loads(explained.stdout)
        assert [(one["endpoint"], one["outcome"]) for one in decision["tries"]] == [
            (dead, "connect_failed"),
            (origin.address, "answered"),
        ]
        people = running.cli("explain", retried["request_id"])
        assert "connect_failed" in people.stdout and origin.address in people.stdout


def test_what_weir_itself_answers(make_origin, new_weir, tmp_path):
    log = tmp_path / "access.log"
    with new_weir(flags=["--access-log", log]) as running:
        refused = running.get("/", "nobody.example")
        assert (refused.status, refused.headers["weir-reason"]) == (404, "no_route")
        identity = refused.headers["X-Request-Id"]
        decision = running.api("GET", f"/v1/explain?id={identity}").json
        assert (decision["status"], decision["reason"], decision["route"]) == (404, "no_route", None)
        assert [flag["flag"] for flag in decision["flags"]] == ["NR"]
        wait_until(lambda: lines_of(log), 5, "a line")
        assert (lines_of(log)[0]["request_id"], lines_of(log)[0]["flags"]) == (identity, "NR")

        unknown = running.api("GET", "/v1/explain?id=never-seen")
        assert unknown.status == 404
        assert unknown.headers["Content-Type"] == "application/problem+json"
        assert running.cli("explain", "never-seen").returncode == 1


def test_what_would_be_done(edge, make_origin, make_site):
    origin = make_origin()
    site = make_site(origin)
    before = len(origin.requests)
    would = edge.cli("explain", "--request", f"GET http://{site.host}/x", "-o", "json")
    assert would.returncode == 0, would.stderr
    plan = json.loads(would.stdout)
    assert (plan["load_balancer"], plan["route"]) == (site.name, f"{site.name}/0")
    [backend] = plan["backends"]
    [endpoint] = backend["endpoints"]
    assert (endpoint["endpoint"], endpoint["may_be_picked"]) == (origin.address, True)
    assert len(origin.requests) == before, "nothing is sent"
    nobody = edge.cli("explain", "--request", "GET http://nobody.example/")
    assert nobody.returncode == 0 and "no route takes it" in nobody.stdout
    assert edge.cli("explain", "--request", "GET /").returncode == 1


def test_a_rotated_log_goes_on_in_a_new_file(new_weir, tmp_path):
    log = tmp_path / "access.log"
    with new_weir(flags=["--access-log", log]) as running:
        running.get("/", "nobody.example")
        wait_until(lambda: lines_of(log), 5, "a line")
        log.rename(tmp_path / "access.log.1")
        running.process.signal(signal.SIGHUP)
        running.get("/", "nobody.example")
        wait_until(lambda: lines_of(log), 5, "a line in the new file")
        assert len(lines_of(tmp_path / "access.log.1")) == 1


def test_a_log_that_cannot_be_opened_is_refused(new_weir, tmp_path):
    running = new_weir(flags=["--access-log", tmp_path / "nowhere" / "access.log"])
    running.start(wait=False)
    assert running.process.wait() == 1
    assert "--access-log" in running.process.log()


def test_what_is_no_request_has_a_reason_and_an_id(new_weir, tmp_path):
    """Over HTTP/1 and HTTP/2; both are found by their ids."""
    log = tmp_path / "access.log"
    with new_weir(flags=["--access-log", log]) as running:
        with closing(socket.create_connection(("127.0.0.1", running.http_port), 10)) as client:
            client.sendall(b"not a request\r\n\r\n")
            head = client.makefile("rb").read().decode().partition("\r\n\r\n")[0].lower()
        assert head.startswith("http/1.1 400 ") and "\r\nweir-reason: malformed\r\n" in head
        first = head.partition("x-request-id: ")[2].partition("\r\n")[0]
        url = f"https://127.0.0.1:{running.https_port}/"
        refused = curl("--http2", "--request-target", "/a#b", url)
        assert (refused[":status"], refused["weir-reason"]) == ("400", "malformed")
        wait_until(lambda: len(lines_of(log)) == 2, 5, "two lines")
        for line, identity, protocol in zip(
            lines_of(log), [first, refused["x-request-id"]], ["HTTP/1.1", "HTTP/2"], strict=True
        ):
            assert (line["request_id"], line["protocol"]) == (identity, protocol)
            assert (line["status"], line["flags"], line["reason"]) == (400, "DPE", "malformed")
            assert json.loads(running.cli("explain", identity, "-o", "json").stdout)["reason"] == "malformed"


def test_http2_tls_and_the_trace(make_origin, new_weir, tmp_path):
    origin = make_origin()
    log = tmp_path / "access.log"
    balancer = weir.load_balancer("web", [], {"/": "web"})
    balancer["spec"]["listeners"] = [{"protocol": "HTTPS", "hostnames": ["web.weir.localhost"]}]
    with new_weir(flags=["--access-log", log]) as running:
        running.apply(weir.service("web", [origin.address]), balancer)
        parent, state = f"00-{TRACE}-00f067aa0ba902b7-01", "vendor=value"
        answer = curl(
            "--http2", "-H", f"traceparent: {parent}", "-H", f"tracestate: {state}",
            "-H", "X-Request-Id: traced",
            "--resolve", f"web.weir.localhost:{running.https_port}:127.0.0.1",
            f"https://web.weir.localhost:{running.https_port}/",
        )  # fmt: skip
        assert answer[":status"] == "200"
        got = origin.requests[-1]
        assert (got.value("traceparent"), got.value("tracestate")) == (parent, state), "as they came"
        wait_until(lambda: lines_of(log), 5, "a line")
        [line] = lines_of(log)
        assert (line["protocol"], line["scheme"], line["trace_id"]) == ("HTTP/2", "https", TRACE)
        assert (line["tls_version"], line["tls_server_name"]) == ("TLSv1.3", "web.weir.localhost")
        assert line["bytes_sent"] == int(answer["content-length"]) and line["flags"] == "-"
        decision = json.loads(running.cli("explain", "traced", "-o", "json").stdout)
        assert (decision["listener"], decision["trace_id"]) == ("shared https", TRACE)
        metrics = running.metrics()
        assert metrics['weir_service_requests_total{service="web",class="2xx"}'] == 1
        assert metrics['weir_service_zone_requests_total{service="web",zone=""}'] == 1
        assert metrics['weir_service_in_flight{service="web",zone=""}'] == 0
        label = f'service="web",endpoint="{origin.address}"'
        assert metrics[f'weir_endpoint_requests_total{{{label},class="2xx"}}'] == 1
        assert metrics['weir_tls_handshakes_total{result="full"}'] == 1


def test_filters_and_fields_of_a_request_that_nobody_sends(make_origin, new_weir):
    balancer = weir.load_balancer("web", ["web.weir.localhost"], {"/": "web"})
    route = balancer["spec"]["routes"][0]
    match = {"headers": [{"name": "X-Beta", "exact": "1"}]}
    balancer["spec"]["routes"].append({**route, "match": match, "ip_access": {"deny": ["10.0.0.0/8"]}})
    with new_weir() as running:
        running.apply(weir.service("web", [make_origin().address]), balancer)
        asked = ["explain", "--request", "http://web.weir.localhost/"]
        plain = running.cli(*asked)
        assert "route web/0" in plain.stdout and "the header X-Beta is missing" in plain.stdout
        matched = running.cli(*asked, "-H", "X-Beta: 1")
        assert "route web/1" in matched.stdout and "filter ip_access passes it on" in matched.stdout
        refused = running.cli(*asked, "-H", "X-Beta: 1", "--from", "10.1.2.3")
        assert "answered with 403 (address_refused)" in refused.stdout
        assert running.cli(*asked, "-H", "no colon").returncode == 1


def test_syslog(new_weir, tmp_path):
    path = tmp_path / "socket"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as receiver:
        receiver.bind(str(path))
        receiver.settimeout(10)
        with new_weir(flags=["--access-log", f"syslog:{path}"]) as running:
            identity = running.get("/", "nobody.example").headers["X-Request-Id"]
            prefix, _, line = receiver.recv(16384).decode().partition(": ")
        assert prefix.startswith("<30>") and " weir[" in prefix
        assert json.loads(line)["request_id"] == identity
