"""`weir controller` and `weir edge` as processes of their own: joined by tokens, over TLS."""

import pytest

from lab import weir
from lab.origin import Origin
from lab.process import wait_until


class Site:
    """A controller, two edges that have joined it, and two origins."""

    def __init__(self, directory, origins):
        self.origins = origins
        self.controller = weir.Controller(directory / "controller").start()
        self.edges = [
            weir.Edge(directory / name, name, [self.controller]) for name in ("fra-1", "fra-2")
        ]
        for edge in self.edges:
            edge.start(token=self.controller.join_token(), wait=False)
        self.point_to(origins[0])
        for edge in self.edges:
            edge.wait_ready()
            edge.wait_serving("web.example")

    def point_to(self, origin, name="web"):
        self.controller.apply(
            weir.service(name, [origin.address]), weir.load_balancer(name, [f"{name}.example"], {"/": name})
        )

    def stop(self):
        return [one.stop() for one in (*self.edges, self.controller)]


@pytest.fixture
def site(tmp_path):
    for name in ("controller", "fra-1", "fra-2"):
        (tmp_path / name).mkdir()
    with Origin(name="first") as first, Origin(name="second") as second:
        made = Site(tmp_path, [first, second])
        yield made
        made.stop()


def content(edge, host="web.example"):
    return edge.get(host=host).text


def wait_content(edge, text, host="web.example"):
    wait_until(lambda: content(edge, host) == text, 10, f"{edge.name} answering {text!r}")


def test_what_is_written_is_served_by_all_edges(site):
    assert [content(edge) for edge in site.edges] == ["first", "first"]
    site.point_to(site.origins[1])
    for edge in site.edges:
        wait_content(edge, "second")
    assert site.controller.api("DELETE", "/v1/loadbalancers/web").status in (200, 204)
    for edge in site.edges:
        wait_until(lambda edge=edge: edge.get(host="web.example").status == 404, 10, "its end")
    assert site.stop() == [0, 0, 0]


def test_a_controller_that_is_restarted_takes_no_traffic_with_it(site):
    site.controller.stop()
    assert [content(edge) for edge in site.edges] == ["first", "first"]
    site.controller.start()
    site.point_to(site.origins[1])
    for edge in site.edges:
        wait_content(edge, "second")


def test_an_edge_that_is_restarted_without_any_controller_serves_from_its_disk(site):
    site.controller.stop()
    [edge, _] = site.edges
    kept = edge.data / "snapshot.json"
    wait_until(lambda: "web.example" in kept.read_text(), 10, "the snapshot on disk")  # a second at most
    edge.process.kill()
    edge.start()
    assert content(edge) == "first"
    site.controller.start()
    site.point_to(site.origins[1])
    wait_content(edge, "second")


def test_a_revoked_edge_hears_nothing_more_and_goes_on(site):
    [revoked, other] = site.edges
    site.controller.change("edges", revoked.name, lambda spec: spec.update(revoked=True))
    site.point_to(site.origins[1])
    wait_content(other, "second")
    assert content(revoked) == "first"


def test_a_token_that_was_used_lets_nobody_in(site, tmp_path):
    token = site.controller.join_token()
    for name in ("ams-1", "ams-2"):
        (tmp_path / name).mkdir()
    with weir.Edge(tmp_path / "ams-1", "ams-1", [site.controller]).start(token=token) as edge:
        wait_content(edge, "first")
        late = weir.Edge(tmp_path / "ams-2", "ams-2", [site.controller]).start(token=token, wait=False)
        wait_until(lambda: not late.process.running(), 10, "its end")
        assert late.process.popen.returncode == 1
        assert "refuses: the join token has been used already (1 of 1)" in late.process.log()


def test_an_edge_that_has_not_joined_and_has_no_token_says_so(tmp_path):
    edge = weir.Edge(tmp_path, "fra-1", ["--controller", "https://127.0.0.1:1"]).start(wait=False)
    wait_until(lambda: not edge.process.running(), 10, "its end")
    assert edge.process.popen.returncode == 1
    assert "this machine has not joined yet" in edge.process.log()


def test_the_token_may_be_in_a_file(site, tmp_path):
    (tmp_path / "ams-1").mkdir()
    token = tmp_path / "token"
    token.write_text(site.controller.join_token() + "\n")
    flags = ["--join-token-file", token]
    with weir.Edge(tmp_path / "ams-1", "ams-1", [site.controller], flags=flags).start() as edge:
        wait_content(edge, "first")
        token.write_text("")  # one that has joined needs none
        edge.stop()
        edge.start()
        wait_content(edge, "first")


def test_a_file_without_a_token_is_none_and_no_file_is_a_mistake(tmp_path):
    for path, words in (("empty", "this machine has not joined yet"), ("nothing", "no such file")):
        (tmp_path / "empty").write_text("\n")
        flags = ["--controller", "https://127.0.0.1:1", "--join-token-file", tmp_path / path]
        edge = weir.Edge(tmp_path, "fra-1", [], flags=flags).start(wait=False)
        wait_until(lambda process=edge.process: not process.running(), 10, "its end")
        assert edge.process.popen.returncode == 1
        assert words in edge.process.log()
