"""The API against its own description, by requests of all sorts (`./dev fuzz api`: for longer)."""

from lab import api_fuzz, weir

REQUESTS = 4000  # some 20 s


def test_each_answer_is_one_that_the_description_has(tmp_path):
    with weir.Weir(tmp_path).start() as server:
        server.apply(*api_fuzz.SAMPLES.values())
        tried = api_fuzz.run(server, seed=1, count=REQUESTS)
        assert not tried.problems, tried.shown()
        seen = [tried.statuses[status] for status in (200, 201, 404, 409, 412, 422, 428)]
        assert min(seen) > 0, tried.shown()
        assert server.process.running()


def test_the_judge_knows_what_is_wrong():
    schema = {"type": "object", "required": ["name"]}
    answers = {"200": {"content": {"application/json": {"schema": schema}}}}
    judge = api_fuzz.Judge({"paths": {"/x": {"get": {"responses": answers}}}, "components": {}})
    request = api_fuzz.Request("GET", "/x", "/x", {})
    for status, media_type, content, problem in (
        (200, "application/json", b'{"name": 1}', ""),
        (200, "application/json", b"{}", "200 with another schema: 'name' is a required property at $"),
        (200, "application/json", b"{", "200 with content that is no JSON"),
        (200, "text/plain", b"{}", "200 with 'text/plain', which is not described"),
        (404, "application/json", b"{}", "404 is not described"),
        (503, "application/json", b"{}", "503"),
    ):
        assert judge.problem(request, status, media_type, content) == problem
