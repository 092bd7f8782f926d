"""mysocketctl 0.15, the client that mysocket.io's users have, unmodified: it goes to https://api.mysocket.io,
which is weir inside the test's own network namespace."""

import base64
import hashlib
import hmac
import json
import re

import pytest

from lab.mysocket import CLIENT, PASSWORD, Service, fields, person, rows, service  # noqa: F401

pytestmark = pytest.mark.skipif(not CLIENT.exists(), reason="mysocketctl is not installed (./dev setup lab)")


def encoded(data):
    text = data if isinstance(data, bytes) else json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def test_account_create_login_and_show(service):
    eve = service.person("eve")
    created = eve.create_account()
    assert created.returncode == 0, created.stdout + created.stderr
    assert "Congratulation! your account has been created" in created.stdout
    logged_in = eve.log_in()
    assert "Logged in! Token stored in" in logged_in.stdout
    assert eve.token_file.stat().st_mode & 0o777 == 0o600
    shown = fields(eve.done("account", "show"))
    assert shown["Name"] == "eve"
    assert shown["Email"] == eve.email
    assert shown["ssh username"] == shown["user id"].replace("-", "")
    assert shown["ssh key"] == eve.key.with_suffix(".pub").read_text().strip()
    # An operator sees the account, and not the password.
    users = service.cli("get", "users", "-o", "yaml")
    assert eve.email in users
    assert "argon2" not in users and PASSWORD not in users


def test_an_email_address_is_one_accounts(service, person):
    again = person.create_account()
    assert again.returncode == 1
    assert "422" in again.stdout and "email is that of another account" in again.stdout


def test_a_wrong_password_is_no_login(service, person):
    person.token_file.unlink()
    done = person.log_in("correct hors")
    assert done.returncode == 1
    assert done.stdout.strip() == "Login failed"
    assert not person.token_file.exists()


def test_socket_create_ls_and_delete(service, person):
    [made] = rows(person.done("socket", "create", "--name", "my site"))
    socket_id, dns_name, ports, kind, cloud, name = made
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{4}\.weir\.localhost", dns_name)
    assert re.fullmatch(r"80 \d+", ports)
    assert (kind, cloud, name) == ("http", "False", "my site")
    assert rows(person.done("socket", "ls")) == [made]
    # Its name is served, and there is nobody behind it yet.
    assert service.web(dns_name) == 503
    assert service.web("other.weir.localhost") == 404
    assert f"Socket {socket_id} deleted" in person.done("socket", "delete", "--socket_id", socket_id)
    assert rows(person.done("socket", "ls")) == []
    assert service.web(dns_name) == 404
    assert person.refused("socket", "delete", "--socket_id", socket_id).startswith("404")


def test_tunnel_create_ls_and_delete(service, person):
    socket_id = rows(person.done("socket", "create", "--name", "my site"))[0][0]
    one, two = (rows(person.done("tunnel", "create", "--socket_id", socket_id))[0] for _ in range(2))
    assert one[0] == two[0] == socket_id
    assert one[3] != two[3] and 10_000 <= int(one[3]) <= 65_535
    listed = rows(person.done("tunnel", "ls", "--socket_id", socket_id))
    assert sorted(listed) == sorted([one, two])
    deleted = person.done("tunnel", "delete", "--socket_id", socket_id, "--tunnel_id", one[1])
    assert f"Tunnel {one[1]} deleted" in deleted
    assert rows(person.done("tunnel", "ls", "--socket_id", socket_id)) == [two]
    person.done("socket", "delete", "--socket_id", socket_id)
    assert person.refused("tunnel", "ls", "--socket_id", socket_id).startswith("404")


def test_a_protected_socket_asks_its_visitors(service, person):
    printed = person.done(
        "socket", "create", "--name", "mine", "--protected", "--username", "guest", "--password", "sesame"
    )
    assert "Protected Socket, login details:" in printed
    host = rows(printed)[0][1]
    assert service.web(host) == 401
    assert service.web(host, "--user", "guest:wrong") == 401
    assert service.web(host, "--user", "guest:sesame") == 503  # let in, and nobody is there


def test_what_a_socket_cannot_be_is_refused(service, person):
    for kind in ("tcp", "tls"):
        refused = person.refused(
            *["socket", "create", "--name", "db", "--type", kind],
            *["--protected", "--username", "guest", "--password", "sesame"],
        )
        assert refused.startswith("400") and f"a socket of type {kind} can't be protected" in refused
    refused = person.refused(
        "socket", "create", "--name", "mine", "--cloudauth", "--allowed_email_domains", "host.example"
    )
    assert refused.startswith("400") and "no organization whose sign_in names a provider" in refused
    assert rows(person.done("socket", "ls")) == []


def test_another_accounts_socket_is_not_there(service, person, unique):
    other = service.person(f"other-{unique[:20]}")
    assert other.create_account().returncode == 0
    assert other.log_in().returncode == 0
    socket_id = rows(person.done("socket", "create", "--name", "mine"))[0][0]
    tunnel_id = rows(person.done("tunnel", "create", "--socket_id", socket_id))[0][1]
    assert rows(other.done("socket", "ls")) == []
    for arguments in (
        ["socket", "delete", "--socket_id", socket_id],
        ["tunnel", "ls", "--socket_id", socket_id],
        ["tunnel", "create", "--socket_id", socket_id],
        ["tunnel", "delete", "--socket_id", socket_id, "--tunnel_id", tunnel_id],
    ):
        assert other.refused(*arguments).startswith("404"), arguments
    assert len(rows(person.done("tunnel", "ls", "--socket_id", socket_id))) == 1


def test_a_token_that_is_forged_or_void_is_none(service, person):
    token = person.token
    header, claims, signature = token.split(".")
    path = "/socket"
    assert service.get(path, token)[0] == 200
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert said["exp"] - said["iat"] == 300 * 60

    def forged(claims, key):
        text = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded(claims)}"
        return f"{text}.{encoded(hmac.new(key, text.encode(), hashlib.sha256).digest())}"

    for bad in (
        f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{claims}.",
        f"{header}.{claims}.",
        f"{header}.{claims}.{encoded(bytes(32))}",
        f"{header}.{encoded({**said, 'exp': said['exp'] + 3600})}.{signature}",
        forged(said, b""),
        forged(said, b"secret"),
        forged(said, (service.weir.ca).read_bytes()),
        "x" * 4000,
    ):
        status, content = service.get(path, bad)
        assert status == 401, bad
        assert json.loads(content)["status_code"] == 401
    # Not for the API either, and a password that changes makes tokens void.
    assert service.curl("/v1/services", "-H", f"Authorization: Bearer {token}")[0] == 403
    assert service.curl("/socket", "-H", f"Authorization: Bearer {token}")[0] == 200
    user = said["user_id"].replace("-", "")
    status, _ = service.curl(
        f"/v1/users/{user}",
        *("-X", "PATCH", "-H", f"Authorization: Bearer {service.weir.token}"),
        *("-H", "Content-Type: application/merge-patch+json", "-d", '{"spec": {"password": "another one"}}'),
    )
    assert status == 200
    assert person.refused("socket", "ls").strip() == "Login failed"
    assert person.log_in("another one").returncode == 0
    assert person.client("socket", "ls").returncode == 0


def test_nobody_signs_up_where_it_is_closed(tmp_path):
    with Service(tmp_path, flags=("--sign-up", "closed")) as running:
        eve = running.person("eve")
        refused = eve.create_account()
        assert refused.returncode == 1
        assert refused.stdout.startswith("403") and "an administrator makes accounts" in refused.stdout
        manifest = tmp_path / "eve.yaml"
        manifest.write_text(
            f'{{"kind": "User", "metadata": {{"name": "eve"}}, "spec": {{"email": "{eve.email}", '
            f'"password": "{PASSWORD}"}}}}'
        )
        assert "created" in running.cli("apply", "-f", manifest)
        assert eve.log_in().returncode == 0
        assert "eve@host.example" in eve.done("account", "show")
