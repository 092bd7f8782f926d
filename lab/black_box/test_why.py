"""Why a request was answered as it was: the access log and `weir explain`."""

import json
import signal

from lab import weir
from lab.process import free_port, wait_until

CLIENT = {"X-Request-Id": "black-box-1", "User-Agent": 'a "client"', "Referer": "http://from.example/"}


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
