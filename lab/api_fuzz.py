"""Requests of all sorts to the API of a `weir up`, made from docs/openapi.json and a seed: no answer is a
5xx, each is one that the description has for its operation, and its content is of the schema that is there.
`python3 lab/api_fuzz.py SECONDS [SEED]`."""

import collections
import copy
import http.client
import json
import random
import sys
import tempfile
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

import jsonschema

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab import weir  # noqa: E402
from lab.process import ROOT  # noqa: E402

ENDLESS = ("text/event-stream", "application/x-ndjson")  # may go on until the client goes
DEPTH_MAX = 7
# What may stand where something else is wanted.
WEIRD_TEXTS = [
    "", "a", "\u0000", "\U0001f600", "x" * 70, "x" * 5000, "127.0.0.1:1", "[::1]:1", "::", "*", "*.example",
    "web", "10s", "-1s", "1h", "999999999999h", "2026-11-30T07:11:06Z", "/", "../..", "100-599", "5%", "500m",
    "64Mi", "^(", "\n", "a=b", "tunnel:x:1", "10.0.0.0/8", "example.com",
]  # fmt: skip
WEIRD = [
    None, True, False, 0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63), 2**64, 1e308, 0.5, [], {}, [None],
    {"a": None}, *WEIRD_TEXTS,
]  # fmt: skip
LIKELY_TEXTS = ["web", "a", "web.example", "127.0.0.1:80", "192.0.2.1", "example.com", "/", "x"]
WEIRD_NAMES = ["web-2", "a%00b", "..", "%2e%2e", "%ff", "x" * 300, "a%2fb"]
REVISIONS = ['"1"', '"2"', "*", "1", '""', '"99999999999999999999"', 'W/"1"']


def sample(kind, name, /, **spec):
    return {"kind": kind, "metadata": {"name": name}, "spec": spec}


CONTAINER = {"name": "app", "image": "localhost/web:1", "ports": [{"port": 80, "service": "web"}]}
RECORDS = {"zone": "example.com", "name": "www", "type": "A", "ttl": 60, "values": ["192.0.2.1"]}
# One of each kind that a client can write without more: it passes validation, and what is generated takes the
# place of parts of it.
SAMPLES = {
    "services": weir.service("web", ["127.0.0.1:9"]),
    "loadbalancers": weir.load_balancer("web", ["web.example"], {"/": "web"}),
    "endpoints": sample("Endpoint", "web-1", service="web", address="127.0.0.1:9"),
    "tokens": sample("Token", "reader", role="viewer"),
    "secrets": sample("Secret", "keys", values={"a": "b"}),
    "edges": sample("Edge", "fra-1", region="eu"),
    "users": sample("User", "alice", email="alice@example.com"),
    "zones": sample("Zone", "example.com", nameservers=["ns1.example.com"]),
    "recordsets": sample("RecordSet", "www", **RECORDS),
    "workloads": sample("Workload", "web", containers=[CONTAINER], targets=[{"name": "all"}]),
    "nodes": sample("Node", "fra-n1", city="fra", address="192.0.2.1"),
}


def places(tree, path=()):
    """Where something may be another: paths of keys and indices."""
    if path:
        yield path
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in pairs:
        yield from places(value, (*path, key))


def put(tree, path, value):
    for key in path[:-1]:
        tree = tree[key]
    tree[path[-1]] = value


class Generator:
    """Values of schemas, and now and then of none."""

    def __init__(self, description, choose):
        self.description, self.choose = description, choose

    def whole(self, schema):
        """What a reference stands for, with what is said beside it."""
        while "$ref" in schema:
            named = self.description
            for key in schema["$ref"][2:].split("/"):
                named = named[key]
            schema = {**named, **{key: value for key, value in schema.items() if key != "$ref"}}
        return schema

    def value(self, schema, depth=0):
        choose, schema = self.choose, self.whole(schema)
        if choose.random() < 0.06 or depth > DEPTH_MAX:
            return copy.deepcopy(choose.choice(WEIRD))
        for key in ("oneOf", "anyOf"):
            if key in schema:
                return self.value(choose.choice(schema[key]), depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema or ("examples" in schema and choose.random() < 0.8):
            return choose.choice(schema.get("enum") or schema["examples"])
        made = getattr(self, "some_" + schema.get("type", "thing"))
        return made(schema, depth)

    def some_object(self, schema, depth):
        choose, result = self.choose, {}
        for name, inner in schema.get("properties", {}).items():
            if self.whole(inner).get("readOnly") and choose.random() < 0.95:
                continue
            if name in schema.get("required", []) or choose.random() < 0.3:
                result[name] = self.value(inner, depth + 1)
        inner = schema.get("additionalProperties")
        if isinstance(inner, dict):
            for _ in range(choose.randrange(3)):
                result[choose.choice(["a", "weir/owner", "", "k" * 70])] = self.value(inner, depth + 1)
        if choose.random() < 0.03:
            result["unknown"] = 1
        return result

    def some_array(self, schema, depth):
        count = self.choose.choice([0, 1, 1, 1, 2, 3])
        return [self.value(schema.get("items", {}), depth + 1) for _ in range(count)]

    def some_boolean(self, schema, depth):
        return self.choose.random() < 0.5

    def some_integer(self, schema, depth):
        least, most = int(schema.get("minimum", 0)), int(schema.get("maximum", 100))
        return self.choose.choice([least, most, self.choose.randint(least, max(least, most))])

    def some_string(self, schema, depth):
        return self.choose.choice([*LIKELY_TEXTS, self.choose.choice(WEIRD_TEXTS)])

    def some_thing(self, schema, depth):
        return copy.deepcopy(self.choose.choice(WEIRD))

    def kind(self, name):
        made = self.value(self.description["components"]["schemas"][name])
        return made if isinstance(made, dict) else {}


@dataclass
class Request:
    method: str
    path: str  # of the description
    url: str
    headers: dict
    body: bytes | None = None

    def shown(self):
        body = "" if self.body is None else f" {self.headers.get('Content-Type')} {self.body[:600]!r}"
        return f"{self.method} {self.url[:300]} {self.headers.get('If-Match', '')}{body}"


class Requests:
    """One after the other, of all operations."""

    def __init__(self, description, token, choose):
        self.choose, self.token = choose, token
        self.generator = Generator(description, choose)
        self.operations = [
            (path, method, operation, methods.get("parameters", []) + operation.get("parameters", []))
            for path, methods in description["paths"].items()
            for method, operation in methods.items()
            if method != "parameters"
        ]

    def next(self):
        choose = self.choose
        path, method, operation, parameters = choose.choice(self.operations)
        while method == "delete" and choose.random() < 0.8:  # of what is there, more can be asked
            path, method, operation, parameters = choose.choice(self.operations)
        wanted = SAMPLES.get((path.split("/") + ["", ""])[2])
        request = Request(method.upper(), path, path, {"Authorization": f"Bearer {self.token}"})
        query = []
        for parameter in map(self.generator.whole, parameters):
            self.add_parameter(request, query, parameter, wanted)
        if query:
            request.url += "?" + "&".join(query)
        if "requestBody" in operation or choose.random() < 0.03:
            content = operation.get("requestBody", {}).get("content", {"application/json": {}})
            self.add_body(request, content, wanted)
        return request

    def add_parameter(self, request, query, parameter, wanted):
        choose, name = self.choose, parameter["name"]
        if parameter["in"] == "path":
            known = wanted["metadata"]["name"] if wanted else "web"
            name = choose.choice(["n1", *WEIRD_NAMES]) if choose.random() < 0.2 else known
            request.url = request.url.replace("{name}", name)
        elif choose.random() < 0.4 and parameter["in"] == "header":
            request.headers[name] = choose.choice(REVISIONS)
        elif choose.random() < 0.4:
            value = self.generator.value(parameter["schema"])
            for one in value if isinstance(value, list) else [value]:
                text = one if isinstance(one, str) else json.dumps(one)
                query.append(f"{name}={urllib.parse.quote(text)}")

    def add_body(self, request, content, wanted):
        choose = self.choose
        media_type = choose.choice(list(content))
        if media_type == "application/x-tar":
            request.body = bytes(choose.randrange(2000))
        else:
            request.body = json.dumps(self.content(request, content[media_type], wanted)).encode()
        if choose.random() < 0.04:
            request.body = choose.randbytes(choose.randrange(50))
        elif choose.random() < 0.04:
            request.body = request.body[: choose.randrange(len(request.body) + 1)]
        types = [media_type] * 20 + ["text/plain", "", "application/yaml"]
        request.headers["Content-Type"] = choose.choice(types)

    def content(self, request, content, wanted):
        choose, generator = self.choose, self.generator
        if wanted and request.method == "PATCH":
            part = generator.kind(wanted["kind"])
            return {key: value for key, value in part.items() if key == "spec" or choose.random() < 0.1}
        if request.path == "/v1/apply":
            kinds = choose.choices([one["kind"] for one in SAMPLES.values()], k=choose.randrange(3))
            return [self.grafted(one) for one in SAMPLES.values() if one["kind"] in kinds]
        if wanted and choose.random() < 0.75:
            return self.grafted(wanted, anew=request.method == "POST")
        return generator.value(content.get("schema", {}))

    def grafted(self, wanted, anew=False):
        """The sample, with some parts of it as they were generated."""
        choose, result = self.choose, copy.deepcopy(wanted)
        for _ in range(choose.choice([0, 1, 1, 1, 2, 3])):
            spec = self.generator.kind(wanted["kind"]).get("spec")
            if isinstance(spec, dict) and spec:
                name = choose.choice(list(spec))
                result["spec"][name] = spec[name]
        if anew and choose.random() < 0.7:
            result["metadata"]["name"] = f"n{choose.randrange(30)}"
        if choose.random() < 0.3:
            put(result, choose.choice(list(places(result))), copy.deepcopy(choose.choice(WEIRD)))
        return result


class Judge:
    """Of answers, by the description."""

    def __init__(self, description):
        self.description = description
        self.whole = Generator(description, None).whole
        self.validators = {}

    def problem(self, request, status, media_type, content):
        """What is wrong with an answer; empty: nothing."""
        described = self.description["paths"][request.path][request.method.lower()]["responses"]
        if status >= 500:
            return f"{status}"
        if str(status) not in described:
            return f"{status} is not described"
        kinds = self.whole(described[str(status)]).get("content", {})
        if not kinds:
            return ""
        if media_type not in kinds:
            return f"{status} with {media_type!r}, which is not described"
        schema = kinds[media_type].get("schema")
        if schema is None or media_type not in ("application/json", "application/problem+json"):
            return ""
        try:
            value = json.loads(content)
        except ValueError:
            return f"{status} with content that is no JSON"
        wrong = next(self.validator(schema).iter_errors(value), None)
        return f"{status} with another schema: {wrong.message[:200]} at {wrong.json_path}" if wrong else ""

    def validator(self, schema):
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            document = {**schema, "components": self.description["components"]}
            self.validators[key] = jsonschema.Draft202012Validator(document)
        return self.validators[key]


@dataclass
class Tried:
    """What came of it."""

    requests: int = 0
    statuses: collections.Counter = field(default_factory=collections.Counter)
    problems: dict = field(default_factory=dict)  # the first request of each sort

    def add(self, request, problem, content):
        sort = (request.method, request.path, problem.split(":")[0])
        self.problems.setdefault(sort, f"{problem}\n  {request.shown()}\n  {content[:400]!r}")

    def shown(self):
        counts = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        return "\n".join([f"{self.requests} requests; {counts}", *self.problems.values()])


def run(server, *, seed, count=sys.maxsize, seconds=float("inf")):
    """Requests to a `weir up` that has all samples: so many, or for so long."""
    description = json.loads((ROOT / "docs" / "openapi.json").read_text())
    requests = Requests(description, server.token, random.Random(seed))
    judge, tried = Judge(description), Tried()
    connection, until = server.api_connection(), time.monotonic() + seconds
    while tried.requests < count and time.monotonic() < until:
        request = requests.next()
        tried.requests += 1
        try:
            connection.request(request.method, request.url, request.body, request.headers)
            answer = connection.getresponse()
            media_type = (answer.getheader("Content-Type") or "").partition(";")[0]
            content = b"" if media_type in ENDLESS else answer.read()
        except (OSError, http.client.HTTPException) as wrong:
            connection.close()
            connection = server.api_connection()
            if isinstance(wrong, TimeoutError) or not server.process.running():
                tried.add(request, f"no answer: {wrong!r}", b"")
            if not server.process.running():
                break
            continue  # what is no request is answered by a connection that ends
        tried.statuses[answer.status] += 1
        if media_type in ENDLESS:
            connection.close()
            connection = server.api_connection()
        problem = judge.problem(request, answer.status, media_type, content)
        if problem:
            tried.add(request, problem, content)
    connection.close()
    return tried


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 1_000_000
    print(f"for {seconds} s, with the seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="weir-api-") as place, weir.Weir(Path(place)).start() as server:
        server.apply(*SAMPLES.values())
        tried = run(server, seconds=seconds, seed=seed)
        print(tried.shown())
        if not server.process.running():
            print(server.process.log()[-5000:])
    return 1 if tried.problems else 0


if __name__ == "__main__":
    sys.exit(main())
