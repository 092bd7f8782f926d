"""The API as the design's contracts describe it."""

import json
import threading
from contextlib import closing, suppress
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection

import pytest

from lab import http1, weir
from lab.process import wait_until


def service(name, **spec):
    return {
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"endpoints": [{"address": "127.0.0.1:9"}], **spec},
    }


@pytest.fixture
def stored(edge, unique):
    """A service that is there."""
    answer = edge.api("POST", "/v1/services", service(unique))
    assert answer.status == 201, answer.text
    return answer.json


def revision(thing):
    return int(thing["metadata"]["revision"])


def fields_of(answer):
    return {violation["field"]: violation["message"] for violation in answer.json["violations"]}


# --- one object


def test_create(edge, unique):
    answer = edge.api("POST", "/v1/services", service(unique))
    assert answer.status == 201
    made = answer.json
    assert made["kind"] == "Service" and made["metadata"]["name"] == unique
    assert made["spec"]["balance"] == "ROUND_ROBIN", "defaults are written out"
    for name in ("uid", "revision", "created_at", "updated_at"):
        assert made["metadata"][name], name
    assert answer.headers["ETag"] == f'"{revision(made)}"'
    assert edge.api("GET", f"/v1/services/{unique}").json == made
    again = edge.api("POST", "/v1/services", service(unique))
    assert again.status == 409
    assert again.headers["Content-Type"].startswith("application/problem+json")


def test_replace_on_condition(edge, stored, unique):
    path = f"/v1/services/{unique}"
    wanted = service(unique, balance="RANDOM")
    first = {"If-Match": f'"{revision(stored)}"'}
    changed = edge.api("PUT", path, wanted, headers=first)
    assert changed.status == 200 and revision(changed.json) > revision(stored)
    late = edge.api("PUT", path, service(unique, balance="LEAST_REQUEST"), headers=first)
    assert late.status == 412
    assert edge.api("GET", path).json["spec"]["balance"] == "RANDOM"
    assert changed.json["metadata"]["uid"] == stored["metadata"]["uid"]
    assert changed.json["metadata"]["created_at"] == stored["metadata"]["created_at"]


def test_of_many_writers_one_wins(edge, stored, unique):
    statuses = []

    def write(number):
        answer = edge.api(
            "PUT",
            f"/v1/services/{unique}",
            service(unique, idle_timeout=f"{number + 1}s"),
            headers={"If-Match": f'"{revision(stored)}"'},
        )
        statuses.append(answer.status)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [412] * 7


def test_patch_merges(edge, stored, unique):
    """RFC 7396: what is named changes, null removes, the rest stays."""
    path = f"/v1/services/{unique}"
    patch = {"metadata": {"labels": {"tier": "web"}}, "spec": {"balance": "RANDOM"}}
    headers = {"Content-Type": "application/merge-patch+json"}
    changed = edge.api("PATCH", path, patch, headers=headers)
    assert changed.status == 200
    assert changed.json["spec"]["balance"] == "RANDOM"
    assert changed.json["metadata"]["labels"] == {"tier": "web"}
    assert changed.json["spec"]["endpoints"] == stored["spec"]["endpoints"]
    back = edge.api("PATCH", path, {"spec": {"balance": None}}, headers=headers)
    assert back.json["spec"]["balance"] == "ROUND_ROBIN"


def test_delete(edge, stored, unique):
    path = f"/v1/services/{unique}"
    assert edge.api("DELETE", path, headers={"If-Match": '"1"'}).status == 412
    assert edge.api("DELETE", path).status in (200, 204)
    assert edge.api("GET", path).status == 404
    assert edge.api("DELETE", path).status == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/services/no-such", 404),
        ("GET", "/v1/gadgets", 404),
        ("GET", "/nowhere", 404),
        ("PATCH", "/v1/services", 405),
        ("POST", "/v1/services/no-such", 405),
        ("DELETE", "/v1/events", 405),
    ],
)
def test_what_is_not_there(edge, method, path, status):
    answer = edge.api(method, path, {} if method in ("POST", "PATCH") else None)
    assert answer.status == status
    problem = answer.json
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert problem["status"] == status and problem["title"] and problem["type"]
    if status == 405:
        assert "GET" in answer.headers["Allow"]


# --- who may


@pytest.mark.parametrize("token", [None, "wrong", "x" * 10_000])
def test_no_right_token(edge, token):
    answer = edge.api("GET", "/v1/services", token=token)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_what_needs_no_token(edge):
    for path in ("/healthz", "/readyz", "/openapi.json"):
        assert edge.api("GET", path, token=None).status == 200, path


def new_token(edge, name, **spec):
    answer = edge.api("POST", "/v1/tokens", {"kind": "Token", "metadata": {"name": name}, "spec": spec})
    assert answer.status == 201, answer.text

    def secrets(value):
        """The only text of the answer that opens a door."""
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            return [found for item in value for found in secrets(item)]
        works = isinstance(value, str) and len(value) >= 20
        return [value] if works and edge.api("GET", "/v1/services", token=value).status != 401 else []

    [secret] = secrets(answer.json)
    return secret


def test_tokens_can_be_made_limited_and_revoked(edge, unique):
    secret = new_token(edge, unique, role="viewer", description="reads")
    assert edge.api("GET", "/v1/services", token=secret).status == 200
    assert edge.api("POST", "/v1/services", service(f"{unique}-x"), token=secret).status == 403
    shown = edge.api("GET", f"/v1/tokens/{unique}").text + edge.api("GET", "/v1/tokens").text
    assert secret not in shown and "hash" not in shown, "a secret is told once"
    assert edge.api("DELETE", f"/v1/tokens/{unique}").status in (200, 204)
    assert edge.api("GET", "/v1/services", token=secret).status == 401


def test_tokens_expire(edge, unique):
    at = (datetime.now(timezone.utc) + timedelta(seconds=1.5)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    secret = new_token(edge, unique, role="viewer", expires_at=at)
    wait_until(lambda: edge.api("GET", "/v1/services", token=secret).status == 401, 5, "the token expired")


# --- what is wrong


def test_all_violations_at_once_with_their_places(edge, unique):
    wrong = {
        "kind": "Service",
        "metadata": {"name": "Not A Name"},
        "spec": {
            "balance": "ROUND_ROBBIN",
            "endpionts": [],
            "connect_timeout": "soon",
            "endpoints": [{"address": "127.0.0.1:80"}, {"address": "nowhere", "weight": -1}],
        },
    }
    answer = edge.api("POST", "/v1/services", wrong)
    assert answer.status in (400, 422)
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    found = fields_of(answer)
    for field in (
        "metadata.name",
        "spec.balance",
        "spec.connect_timeout",
        "spec.endpoints[1].address",
        "spec.endpoints[1].weight",
    ):
        assert field in found, f"{field} is not among {found}"
    assert "ROUND_ROBIN" in found["spec.balance"]
    [unknown] = [message for field, message in found.items() if "endpionts" in field + message]
    assert "did you mean" in unknown and "endpoints" in unknown


def test_a_reference_to_nothing_is_refused(edge, unique):
    balancer = weir.load_balancer(unique, [f"{unique}.example"], {"/": "no-such-service"})
    answer = edge.api("POST", "/v1/loadbalancers", balancer)
    assert answer.status in (400, 409, 422)
    assert "spec.routes[0].backends[0].service" in fields_of(answer)


def test_what_is_referred_to_cannot_be_deleted(edge, stored, unique):
    balancer = weir.load_balancer(unique, [f"{unique}.example"], {"/": unique})
    assert edge.api("POST", "/v1/loadbalancers", balancer).status == 201
    answer = edge.api("DELETE", f"/v1/services/{unique}")
    assert answer.status == 409
    assert f"LoadBalancer/{unique}" in answer.text
    assert edge.api("DELETE", f"/v1/loadbalancers/{unique}").status in (200, 204)
    assert edge.api("DELETE", f"/v1/services/{unique}").status in (200, 204)


def test_two_load_balancers_cannot_claim_one_host(edge, stored, unique):
    first = weir.load_balancer(unique, [f"{unique}.example"], {"/": unique})
    second = weir.load_balancer(f"{unique}-2", [f"{unique}.example"], {"/": unique})
    assert edge.api("POST", "/v1/loadbalancers", first).status == 201
    assert edge.api("POST", "/v1/loadbalancers", second).status in (409, 422)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"17",
        b'"text"',
        b"{}",
        b'{"kind": "Service"}',
        b'{"kind": "Service", "kind": "Service", "metadata": {"name": "a"}, "spec": {}}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\x00",
        b'{"kind": "LoadBalancer", "metadata": {"name": "a"}, "spec": {}}',
    ],
)
def test_bad_json(edge, body):
    answer = edge.api("POST", "/v1/services", body)
    assert answer.status in (400, 422), answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json["detail"] or answer.json["violations"]


@pytest.mark.parametrize("framing", ["Content-Length: 67108864", "Transfer-Encoding: chunked"])
def test_too_large(edge, framing):
    """Refused when it is announced, or when it has come too far; never kept."""
    head = f"POST /v1/services HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {edge.token}\r\n{framing}\r\n\r\n"
    with http1.connect(edge.api_port) as connection:
        connection.send(head.encode())
        with suppress(OSError):  # it may have refused and closed before the last piece
            for _ in range(64 if "chunked" in framing else 0):
                connection.send(b"100000\r\n" + b" " * (1 << 20) + b"\r\n")
        assert connection.response().status == 413


# --- lists, transactions, dry runs


def test_list_by_label_and_page(edge, unique):
    for number in range(5):
        wanted = service(f"{unique}-{number}")
        wanted["metadata"]["labels"] = {"test": unique, "even": str(number % 2 == 0).lower()}
        assert edge.api("POST", "/v1/services", wanted).status == 201

    def names(query):
        answer = edge.api("GET", f"/v1/services?{query}")
        assert answer.status == 200, answer.text
        return [item["metadata"]["name"] for item in answer.json["items"]], answer.json.get("continue")

    every = [f"{unique}-{number}" for number in range(5)]
    assert names(f"label=test%3D{unique}") == (every, None)
    assert names(f"label=test={unique}&label=even=false")[0] == [every[1], every[3]]
    collected, token = [], None
    for _ in range(3):
        page, token = names(f"label=test={unique}&limit=2" + (f"&continue={token}" if token else ""))
        collected += page
    assert collected == every and token is None
    assert edge.api("GET", "/v1/services?limit=nonsense").status == 400
    assert edge.api("GET", "/v1/services?lmit=1").status == 400


def test_apply_is_one_transaction_in_any_order(edge, unique):
    balancer = weir.load_balancer(unique, [f"{unique}.example"], {"/": unique})
    answer = edge.api("POST", "/v1/apply", [balancer, service(unique)])
    assert answer.status in (200, 201), answer.text
    revisions = {
        revision(edge.api("GET", f"/v1/{kind}/{unique}").json) for kind in ("loadbalancers", "services")
    }
    assert len(revisions) == 1, "one transaction, one revision"
    half = [service(f"{unique}-good"), service(f"{unique}-bad", balance="NONSENSE")]
    answer = edge.api("POST", "/v1/apply", half)
    assert answer.status in (400, 422)
    assert f"{unique}-bad" in answer.text
    assert edge.api("GET", f"/v1/services/{unique}-good").status == 404, "all or nothing"


def test_apply_twice_changes_nothing(edge, unique):
    objects = [service(unique), weir.load_balancer(unique, [f"{unique}.example"], {"/": unique})]
    assert edge.api("POST", "/v1/apply", objects).status in (200, 201)
    first = edge.api("GET", f"/v1/services/{unique}").json
    assert edge.api("POST", "/v1/apply", objects).status == 200
    assert edge.api("GET", f"/v1/services/{unique}").json == first


def test_dry_run_writes_nothing(edge, unique, stored):
    before = edge.api("GET", f"/v1/services/{unique}").json
    wanted = service(unique, balance="RANDOM")
    answer = edge.api("POST", "/v1/apply?dry_run=true", [wanted, service(f"{unique}-new")])
    assert answer.status == 200
    assert "RANDOM" in answer.text or "balance" in answer.text, "says what would change"
    assert edge.api("POST", "/v1/services?dry_run=true", service(f"{unique}-new")).status in (200, 201)
    assert (
        edge.api("PUT", f"/v1/services/{unique}?dry_run=true", wanted, headers={"If-Match": "*"}).status
        == 200
    )
    assert edge.api("DELETE", f"/v1/services/{unique}?dry_run=true").status in (200, 204)
    assert edge.api("GET", f"/v1/services/{unique}").json == before
    assert edge.api("GET", f"/v1/services/{unique}-new").status == 404
    assert edge.api("POST", "/v1/services?dry_run=true", service(unique, balance="NONSENSE")).status in (
        400,
        409,
        422,
    )


def test_yaml_is_taken_too(edge, unique):
    text = weir.documents(service(unique), weir.load_balancer(unique, [f"{unique}.example"], {"/": unique}))
    headers = {"Content-Type": "application/yaml"}
    assert edge.api("POST", "/v1/apply", text.encode(), headers=headers).status in (200, 201)
    assert edge.api("GET", f"/v1/loadbalancers/{unique}").status == 200


# --- watch


class Watch:
    """Server-sent events of /v1/services, as (event, id, data)."""

    def __init__(self, edge, query, headers=None):
        self.connection = HTTPConnection(edge.address, edge.api_port, timeout=5)
        self.connection.request(
            "GET",
            f"/v1/services?watch=true{query}",
            headers={"Authorization": f"Bearer {edge.token}", **(headers or {})},
        )
        self.response = self.connection.getresponse()

    def next(self):
        event, number, data = None, None, ""
        while True:
            line = self.response.readline().decode()
            assert line, "the stream ended"
            line = line.rstrip("\r\n")
            if line == "" and (event or data):
                return event, number, json.loads(data) if data else None
            name, _, value = line.partition(": ")
            if name == "event":
                event = value
            elif name == "id":
                number = int(value)
            elif name == "data":
                data += value

    def until(self, wanted):
        """The first event whose data contains the text."""
        while True:
            found = self.next()
            if wanted in json.dumps(found[2]):
                return found

    def close(self):
        self.connection.close()


def test_watch_tells_changes_and_resumes(edge, unique):
    before = revision(edge.api("POST", "/v1/services", service(f"{unique}-0")).json)
    with closing(Watch(edge, f"&from={before}")) as watch:
        assert watch.response.status == 200
        assert watch.response.headers["Content-Type"].startswith("text/event-stream")
        made = edge.api("POST", "/v1/services", service(f"{unique}-1")).json
        first = watch.next()
        assert f"{unique}-1" in json.dumps(first[2]) and first[1] == revision(made)
        edge.change("services", f"{unique}-1", lambda spec: spec.update(balance="RANDOM"))
        second = watch.next()
        assert "RANDOM" in json.dumps(second[2]) and second[1] > first[1]
        edge.api("DELETE", f"/v1/services/{unique}-1")
        third = watch.next()
        assert f"{unique}-1" in json.dumps(third[2]) and third[1] > second[1]
        assert len({first[0], second[0], third[0]}) == 3, "added, changed and removed have names"

    def wanted(event):  # status is what is seen now
        return (*event[:2], {key: value for key, value in event[2].items() if key != "status"})

    with closing(Watch(edge, f"&from={first[1]}")) as resumed:
        assert [wanted(resumed.next()), wanted(resumed.next())] == [wanted(second), wanted(third)]
    with closing(Watch(edge, "", {"Last-Event-ID": str(second[1])})) as resumed:
        assert wanted(resumed.next()) == wanted(third)


def test_watch_without_a_revision_begins_with_what_is_there(edge, stored, unique):
    with closing(Watch(edge, "")) as watch:
        assert watch.until(unique)[2] is not None


def test_watch_by_label(edge, unique):
    with closing(Watch(edge, f"&label=watch={unique}")) as watch:
        edge.api("POST", "/v1/services", service(f"{unique}-other"))
        wanted = service(f"{unique}-mine")
        wanted["metadata"]["labels"] = {"watch": unique}
        edge.api("POST", "/v1/services", wanted)
        assert f"{unique}-mine" in json.dumps(watch.next()[2])


def test_watch_of_a_transaction_is_never_half(edge, unique):
    """Who resumes at the id of an event has the whole transaction or none of it."""
    start = revision(edge.api("POST", "/v1/services", service(unique)).json)
    names = [f"{unique}-{number}" for number in range(4)]
    assert edge.api("POST", "/v1/apply", [service(name) for name in names]).status in (200, 201)
    with closing(Watch(edge, f"&from={start}")) as watch:
        events = [watch.next() for _ in names]
    with_id = [event for event in events if event[1] is not None]
    assert [event[1] for event in with_id] == [with_id[0][1]]
    assert events[-1][1] is not None


# --- the rest


def test_audit(edge, stored, unique):
    edge.change("services", unique, lambda spec: spec.update(balance="RANDOM"))
    edge.api("DELETE", f"/v1/services/{unique}")
    events, token = [], ""
    while token is not None:
        page = edge.api("GET", f"/v1/events?limit=500{token}").json
        events += [event["spec"] for event in page["items"]]
        token = f"&continue={page['continue']}" if page.get("continue") else None
    mine = [event for event in events if event["name"] == unique]
    assert [event["verb"] for event in mine] == ["create", "update", "delete"]
    assert all(event["kind"] == "Service" and event["actor"] and event["time"] for event in mine)
    assert mine[0]["remote_address"] == "127.0.0.1"


def test_openapi_describes_every_kind(edge):
    document = edge.api("GET", "/openapi.json", token=None).json
    assert document["openapi"].startswith("3.")
    for kind in ("loadbalancers", "services", "endpoints", "tokens", "events", "edges"):
        assert f"/v1/{kind}" in document["paths"], kind
        assert any(path.startswith(f"/v1/{kind}/{{") for path in document["paths"]), kind
    assert "/v1/apply" in document["paths"]


def test_the_edge_registers_itself(edge):
    items = edge.api("GET", "/v1/edges").json["items"]
    assert len(items) == 1 and items[0]["spec"].get("version")


def test_metrics(edge, make_site, make_origin):
    site = make_site(make_origin())
    before = edge.metrics()["weir_requests_total"]
    for _ in range(5):
        assert site.ask().status == 200
    assert edge.metrics()["weir_requests_total"] >= before + 5


def test_the_status_tells_where_a_change_is(edge, stored, unique):
    """`status.applied` of the design: 1/1 when the only edge has it."""

    def applied():
        return "1/1" in json.dumps(edge.api("GET", f"/v1/services/{unique}").json.get("status", {}))

    wait_until(applied, 5, "status.applied")


def test_an_endpoint_joins_its_service(edge, make_site, make_origin, unique):
    """Endpoint objects serve beside the static ones of their Service."""
    static, joined = make_origin(), make_origin()
    site = make_site(static)
    wanted = {
        "kind": "Endpoint",
        "metadata": {"name": unique},
        "spec": {"service": site.name, "address": joined.address},
    }
    assert edge.api("POST", "/v1/endpoints", wanted).status == 201
    wait_until(lambda: site.ask().body.decode() == joined.name, 2, "the joined endpoint serving")
    assert edge.api("DELETE", f"/v1/endpoints/{unique}").status in (200, 204)
    wait_until(lambda: {site.ask().body.decode() for _ in range(6)} == {static.name}, 2, "it left")
