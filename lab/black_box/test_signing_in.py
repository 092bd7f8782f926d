"""Logging in to a real weir: by password, by a code for the CLI, and by a real provider of identities."""

import json
import os
import subprocess

import pytest

from lab.openid import TOOLS, Browser, OpenId
from lab.process import Process, wait_until
from lab.tunnels import weir  # noqa: F401 (a fixture)
from lab.weir import BINARY

JSON = {"Content-Type": "application/json"}


def user(name, **spec):
    return {
        "kind": "User",
        "metadata": {"name": name},
        "spec": {"email": f"{name}@a.example", "password": f"password of {name}", **spec},
    }


def organization(name, **spec):
    return {"kind": "Organization", "metadata": {"name": name}, "spec": spec}


def ask(browser, weir, method, path, body=None, **headers):
    content = None if body is None else json.dumps(body).encode()
    status, _, text = browser.open(weir.api_url + path, None, JSON | headers, method, content)
    return status, json.loads(text) if text.startswith(("{", "[")) else text


def patch(weir, path, **spec):
    merge = {"Content-Type": "application/merge-patch+json"}
    answer = weir.api("PATCH", path, {"spec": spec}, headers=merge)
    assert answer.status == 200, answer.text


def log_in(browser, weir, name):
    login = {"email": f"{name}@a.example", "password": f"password of {name}"}
    status, session = ask(browser, weir, "POST", "/v1/session", login)
    assert status == 200
    return session


def test_a_password_gives_a_session_until_it_ends(weir):
    weir.apply(user("ann", role="admin"))
    browser = Browser()
    session = log_in(browser, weir, "ann")
    assert (session["user"], session["role"], session["organization"]) == ("ann", "admin", "")
    assert ask(browser, weir, "GET", "/v1/services")[0] == 200
    service = {"kind": "Service", "metadata": {"name": "web"}, "spec": {"protocol": "HTTP"}}
    assert ask(browser, weir, "POST", "/v1/services", service)[0] == 403
    csrf = {"X-Weir-CSRF": session["csrf"]}
    assert ask(browser, weir, "POST", "/v1/services", service, **csrf)[0] == 201
    events = ask(browser, weir, "GET", "/v1/events")[1]["items"]
    assert {"ann"} == {one["spec"]["actor"] for one in events if one["spec"].get("name") == "web"}
    assert "last_seen_at" in ask(browser, weir, "GET", "/v1/sessions")[1]["items"][0]["status"]
    # It outlives the process, and no other password.
    weir.stop()
    weir.start()
    assert ask(browser, weir, "GET", "/v1/session")[1]["user"] == "ann"
    patch(weir, "/v1/users/ann", password="another one")
    assert ask(browser, weir, "GET", "/v1/session")[0] == 401
    log = weir.process.log()
    assert "password of ann" not in log and browser.cookie("weir_session") not in log


def test_the_admin_token_logs_in_at_once(weir):
    browser = Browser()
    status, session = ask(browser, weir, "POST", "/v1/session", {"token": weir.token})
    assert status == 200 and session["method"] == "token" and session["role"] in ("admin", "owner")
    assert ask(browser, weir, "GET", "/v1/tokens")[0] == 200


def test_the_cli_logs_in_by_a_code_and_out_again(weir, tmp_path):
    weir.apply(user("ann", role="editor"))
    environment = {**os.environ, "HOME": str(tmp_path)}
    config = tmp_path / ".config" / "weir" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("# mine\n")
    login = Process(
        [BINARY, "login", "--api", weir.api_url], tmp_path / "login.log", environment={"HOME": str(tmp_path)}
    )

    def code_shown():
        return next((word for word in login.log().split() if len(word) == 9 and word[4] == "-"), None)

    code = wait_until(code_shown, 10, "a code")
    browser = Browser()
    session = log_in(browser, weir, "ann")
    csrf = {"X-Weir-CSRF": session["csrf"]}
    assert ask(browser, weir, "GET", f"/v1/device?user_code={code}")[1]["remote_address"] == "127.0.0.1"
    assert ask(browser, weir, "POST", "/v1/device/approve", {"user_code": code}, **csrf)[0] == 200
    assert login.wait(20) == 0, login.log()
    assert "as ann" in login.log()
    assert config.stat().st_mode & 0o777 == 0o600
    assert config.read_text().startswith("# mine\n")

    def cli(*words):
        return subprocess.run(
            [BINARY, *words], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60
        )

    assert cli("get", "services").returncode == 0
    assert cli("logout").returncode == 0
    assert "token" not in config.read_text() and config.read_text().startswith("# mine\n")
    assert cli("get", "services").returncode == 1
    token = tmp_path / "token"
    token.write_text(weir.token + "\n")
    assert cli("login", "--token-file", token).returncode == 0
    assert cli("get", "tokens").returncode == 0


def create_user(weir, tmp_path, *words, password="a long password\n"):
    return subprocess.run(
        [BINARY, "user", "create", *words, "--api", weir.api_url, "--token", weir.token],
        env={**os.environ, "HOME": str(tmp_path)},
        input=password,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_cli_makes_users_who_can_log_in(weir, tmp_path):
    made = create_user(weir, tmp_path, "Jane.Doe@a.example", "--role", "editor")
    assert (made.returncode, made.stderr) == (0, "weir: user/jane-doe is created\n"), made.stderr
    spec = weir.api("GET", "/v1/users/jane-doe").json["spec"]
    assert (spec["email"], spec["role"]) == ("Jane.Doe@a.example", "editor")
    assert "password" not in spec and "a long password" not in weir.process.log()
    login = {"email": "jane.doe@a.example", "password": "a long password"}
    status, session = ask(Browser(), weir, "POST", "/v1/session", login)
    assert (status, session["user"], session["role"]) == (200, "jane-doe", "editor")
    # The password is the first line as it stands; of a file of Windows, too.
    assert create_user(weir, tmp_path, "bob@a.example", password=" two words \r\nmore\n").returncode == 0
    login = {"email": "bob@a.example", "password": " two words "}
    assert ask(Browser(), weir, "POST", "/v1/session", login)[0] == 200


def test_the_cli_makes_members_of_organizations(weir, tmp_path):
    weir.apply(user("ann"), organization("acme", members=[{"user": "ann", "role": "owner"}]))
    acme = ["--organization", "acme"]
    assert create_user(weir, tmp_path, "eve@a.example", *acme).returncode == 0
    assert create_user(weir, tmp_path, "bob@a.example", *acme, "--role", "admin").returncode == 0
    members = weir.api("GET", "/v1/organizations/acme").json["spec"]["members"]
    assert [(one["user"], one["role"]) for one in members] == [
        ("ann", "owner"),
        ("eve", "viewer"),
        ("bob", "admin"),
    ]
    assert "role" not in weir.api("GET", "/v1/users/bob").json["spec"]
    login = {"email": "eve@a.example", "password": "a long password"}
    session = ask(Browser(), weir, "POST", "/v1/session", login)[1]
    assert (session["organization"], session["role"]) == ("acme", "viewer")


@pytest.mark.parametrize(
    ("words", "password", "code", "told"),
    [
        (["ann"], "long enough\n", 2, "EMAIL must be an e-mail address"),
        (["@a.example"], "long enough\n", 1, "must be an e-mail address"),
        (["ann@"], "long enough\n", 1, "spec.email"),
        (["a b@a.example"], "long enough\n", 1, "spec.email"),
        (["ann@a.example"], "short\n", 1, "must have at least 8 characters"),
        (["ann@a.example"], "", 1, "a password is needed"),
        (["ann@a.example"], "\n", 1, "a password is needed"),
        (["ann@a.example"], "x" * 1025 + "\n", 1, "a password is needed"),
        (["ann@a.example"], "x" * 300 + "\n", 1, "at most 256 bytes"),
        (["ann@a.example", "--role", "king"], "long enough\n", 1, "spec.role"),
        (["ann@a.example", "--organization", "none"], "long enough\n", 1, "there is no Organization/none"),
        (["ann@a.example", "--organization", "../users"], "long enough\n", 1, "can have this name"),
        (["ann@a.example", "--organization", "a?b"], "long enough\n", 1, "can have this name"),
        (["taken@a.example"], "long enough\n", 1, "exists"),
        (["TAKEN@b.example"], "long enough\n", 1, "exists"),
        (["another@a.example"], "long enough\n", 1, "spec.email: is taken by User/other"),
    ],
)
def test_the_cli_makes_no_user_of_what_is_wrong(weir, tmp_path, words, password, code, told):
    weir.apply(user("taken"), user("other", email="Another@a.example"))
    before = weir.api("GET", "/v1/users").json
    refused = create_user(weir, tmp_path, *words, password=password)
    assert refused.returncode == code and told in refused.stderr, (refused.returncode, refused.stderr)
    assert refused.stdout == ""
    assert weir.api("GET", "/v1/users").json == before


@pytest.fixture(params=["RS256", "PS256", "ES256", "EdDSA"])
def provider(weir, tmp_path, request):
    if not TOOLS.exists():
        pytest.skip("oidc-provider is not installed (./dev setup lab)")
    method = "client_secret_post" if request.param == "PS256" else "client_secret_basic"
    server = OpenId(
        tmp_path, f"{weir.api_url}/v1/session/oidc/acme/callback", algorithm=request.param, method=method
    )
    yield server
    server.stop()


def test_people_sign_in_by_a_provider_of_identities(weir, provider):
    spec = provider.sign_in_spec(domains=["b.example"], role="editor")
    weir.apply(user("ann"), organization("acme", sign_in=spec, members=[{"user": "ann", "role": "admin"}]))
    start = f"{weir.api_url}/v1/session/oidc/acme?return=%2Fv1%2Fsession"

    def sign_in(login):
        browser = Browser()
        status, url, page = browser.sign_in(start, login)
        return browser, status, page

    # Somebody new, of the domain: becomes a User and a member.
    browser, status, page = sign_in("eve@b.example")
    assert status == 200, page
    session = json.loads(page)
    assert (session["user"], session["organization"], session["role"]) == ("eve", "acme", "editor")
    assert session["method"] == "openid"
    made = weir.api("GET", "/v1/users/eve").json["spec"]
    assert made["open_ids"] == [{"issuer": provider.issuer, "subject": "eve@b.example"}]
    # The same again is the same; nothing is written but the session.
    revision = weir.api("GET", "/v1/users/eve").json["metadata"]["revision"]
    assert json.loads(sign_in("eve@b.example")[2])["user"] == "eve"
    assert weir.api("GET", "/v1/users/eve").json["metadata"]["revision"] == revision
    # Who is a member already is known by the address, once.
    assert json.loads(sign_in("ann@a.example")[2])["user"] == "ann"
    # Nobody else comes in.
    for login, why in (("who@c.example", "no member"), ("unverified@b.example", "no e-mail address")):
        browser, status, page = sign_in(login)
        assert status == 403 and why in page
        assert browser.cookie("weir_session") is None
    # Disabled: at once.
    patch(weir, "/v1/users/eve", disabled=True)
    assert sign_in("eve@b.example")[1] == 403


def test_a_sign_in_that_was_not_begun_here_is_refused(weir, provider):
    weir.apply(organization("acme", sign_in=provider.sign_in_spec(domains=["b.example"])))
    status, _, page = Browser().open(f"{weir.api_url}/v1/session/oidc/acme/callback?code=x&state=y")
    assert status == 403 and "not begun here" in page
    provider.stop()
    weir.stop()
    weir.start()
    status, _, page = Browser().open(f"{weir.api_url}/v1/session/oidc/acme")
    assert status == 502 and "reached" in page
