"""Visitors of a protected load balancer sign in by a real provider of identities, at real edges."""

import json
import re
import urllib.parse
import urllib.request

import pytest

from lab import http1
from lab.openid import SECRET, TOOLS, Browser, OpenId
from lab.origin import Origin, response
from lab.process import wait_until
from lab.weir import Controller, Edge, service

OUT, CALLBACK = "/.weir/sign-in/out", "/.weir/sign-in/callback"


def tell(connection, origin):
    """The handler of an origin that says what it was told of the visitor."""
    while request := connection.request():
        origin.requests.append(request)
        told = {name: request.value(name) for name in ("x-forwarded-email", "cookie")}
        connection.send(response(body=json.dumps({"path": request.target, **told}).encode()))


class Site:
    """A controller, two edges, an origin, and a provider that knows the first edge's address."""

    def __init__(self, directory):
        self.origin = Origin(tell)
        for name in ("controller", "fra-1", "fra-2"):
            (directory / name).mkdir()
        self.controller = Controller(directory / "controller").start()
        self.edges = [Edge(directory / name, name, [self.controller]) for name in ("fra-1", "fra-2")]
        for edge in self.edges:
            edge.start(token=self.controller.join_token())
        self.provider = OpenId(directory, self.edges[0].url + CALLBACK)
        self.controller.apply(
            {"kind": "Secret", "metadata": {"name": "id"}, "spec": {"values": {"client_secret": SECRET}}},
            service("web", [self.origin.address]),
            self.load_balancer(["eve@a.example"], ["b.example"]),
        )
        for edge in self.edges:
            wait_until(lambda edge=edge: self.status(edge, "/") == 401, 20, f"{edge.name} protecting it")

    def load_balancer(self, emails, domains):
        sign_in = {"issuer": self.provider.issuer, "client_id": "weir", "secret": "id"}
        sign_in |= {"allow_emails": emails, "allow_domains": domains}
        spec = {
            "listeners": [{"protocol": "HTTP"}],
            "routes": [{"backends": [{"service": "web"}], "sign_in": sign_in}],
        }
        return {"kind": "LoadBalancer", "metadata": {"name": "web"}, "spec": spec}

    def status(self, edge, path, **headers):
        status, _, _ = Browser().open(edge.url + path, headers=headers)
        return status

    def stop(self):
        for process in (*self.edges, self.controller):
            process.stop()
        self.provider.stop()
        self.origin.die()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if not TOOLS.exists():
        pytest.skip("oidc-provider is not installed (./dev setup lab)")
    site = Site(tmp_path_factory.mktemp("visitors"))
    yield site
    site.stop()


def person():
    return Browser(shown=True)


def test_who_is_listed_comes_in_and_the_origin_knows_who_it_is(site):
    first, second = site.edges
    for login in ("eve@a.example", "anybody@b.example"):
        browser = person()
        status, url, page = browser.sign_in(first.url + "/reports?of=2026", login)
        assert status == 200, page
        assert url == first.url + "/reports?of=2026"
        told = json.loads(page)
        assert (told["path"], told["x-forwarded-email"]) == ("/reports?of=2026", login)
        assert "weir_" not in (told["cookie"] or "")
        # The other edge was never asked, and lets the same browser in; a POST passes as well.
        status, _, page = browser.open(second.url + "/form", form={"a": "b"})
        assert status == 200 and json.loads(page)["x-forwarded-email"] == login
        status, _, page = browser.open(second.url + "/", headers={"X-Forwarded-Email": "root@a.example"})
        assert status == 200 and json.loads(page)["x-forwarded-email"] == login
    assert SECRET not in first.process.log()


def test_nobody_else_does(site):
    first = site.edges[0]
    for login, why in (
        ("who@c.example", "who@c.example may not come here"),
        ("who@evil-b.example", "who@evil-b.example may not come here"),
        ("unverified@b.example", "vouches for no e-mail address"),
    ):
        browser = person()
        seen = len(site.origin.requests)
        status, _, page = browser.sign_in(first.url + "/", login)
        assert status == 403 and why in page, page
        assert "/.weir/sign-in/again" in page
        assert len(site.origin.requests) == seen
    # Programs are told; nothing is sent to the provider for them.
    assert site.status(first, "/") == 401
    assert site.status(first, CALLBACK + "?code=x&state=y") == 403
    cookie = "weir_visitor_00000000=MTc5MDAwMDAwMDpldmVAYS5leGFtcGxl.AAAA"
    assert site.status(first, "/", Cookie=cookie) == 401


def test_who_came_with_the_wrong_account_signs_in_with_another(site):
    first, browser = site.edges[0], person()
    status, _, page = browser.sign_in(first.url + "/deep", "who@c.example")
    assert status == 403
    again = re.search(r'href="([^"]*/again[^"]*)"', page).group(1)
    status, url, page = browser.sign_in(first.url + again, "eve@a.example")
    assert (status, url) == (200, first.url + "/deep"), (url, page)
    assert json.loads(page)["x-forwarded-email"] == "eve@a.example"


def test_who_signs_out_has_to_sign_in_again(site):
    first = site.edges[0]
    browser = person()
    assert browser.sign_in(first.url + "/", "eve@a.example")[0] == 200
    status, _, page = browser.open(first.url + OUT)
    assert status == 200 and "signed out" in page
    assert not [one for one in browser.jar if re.fullmatch("weir_visitor_[0-9a-f]{8}", one.name)]
    status, _, _ = browser.open(first.url + "/", headers={"Accept": "*/*"})
    assert status == 401


def test_who_is_taken_off_the_list_is_out_at_once_at_every_edge(site):
    browser = person()
    assert browser.sign_in(site.edges[0].url + "/", "eve@a.example")[0] == 200
    site.controller.apply(site.load_balancer(["ann@a.example"], ["b.example"]))
    try:
        for edge in site.edges:
            wait_until(lambda edge=edge: browser.open(edge.url + "/")[0] == 403, 10, f"{edge.name} refusing")
    finally:
        site.controller.apply(site.load_balancer(["eve@a.example"], ["b.example"]))
    for edge in site.edges:
        wait_until(lambda edge=edge: browser.open(edge.url + "/")[0] == 200, 10, f"{edge.name} letting in")


class HeldBack(urllib.request.HTTPRedirectHandler):
    """Follows everything but the way back from the provider."""

    way_back = None

    def redirect_request(self, request, response, code, message, headers, url):
        if urllib.parse.urlsplit(url).path != CALLBACK:
            return super().redirect_request(request, response, code, message, headers, url)
        self.way_back = url
        return None


def test_one_edge_finishes_what_another_began(site):
    first, second = site.edges
    browser, held_back = person(), HeldBack()
    asking, cookies = browser.opener.addheaders, urllib.request.HTTPCookieProcessor(browser.jar)
    browser.opener = urllib.request.build_opener(cookies, held_back)
    browser.opener.addheaders = asking
    browser.sign_in(first.url + "/deep", "eve@a.example")
    target = held_back.way_back.removeprefix(first.url)
    brought = "; ".join(f"{one.name}={one.value}" for one in browser.jar if one.name.startswith("weir_"))
    # As if the name had led to the other edge by then.
    with http1.connect(second.http_port) as connection:
        fields = f"Host: 127.0.0.1:{first.http_port}\r\nCookie: {brought}\r\n"
        connection.send(f"GET {target} HTTP/1.1\r\n{fields}\r\n".encode())
        answer = connection.response()
    assert answer.status == 302, answer
    assert answer.value("location") == "/deep"
    assert any(re.match("weir_visitor_[0-9a-f]{8}=[^;]", one) for one in answer.values("set-cookie"))
