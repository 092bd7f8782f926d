"""The store in PostgreSQL: two weirs share it over TLS, it goes away and comes back, and what is refused."""

import subprocess

import pytest

from lab import weir
from lab.postgres import Postgres, binaries
from lab.process import wait_until


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    if binaries() is None:
        pytest.skip("there is no /usr/lib/postgresql/*/bin/postgres (package postgresql-15)")
    with Postgres(tmp_path_factory.mktemp("postgres") / "server") as server:
        yield server


def test_two_share_a_store_over_tls_and_outlive_its_absence(postgres, tmp_path):
    flags = ["--store", postgres.url()]
    first = weir.Weir(tmp_path / "first", flags=flags)
    second = weir.Weir(tmp_path / "second", flags=flags)
    with first:
        with second:
            made = first.api("POST", "/v1/services", weir.service("web", ["127.0.0.1:9"]))
            assert made.status == 201, made.text
            wait_until(lambda: second.api("GET", "/v1/services/web").status == 200, 5, "the other seeing it")
            revision = second.api("GET", "/v1/services/web").json["metadata"]["revision"]
            postgres.stop()
            away = second.api("GET", "/v1/services/web")
            assert away.status == 503, away.text
            assert away.headers["Retry-After"] == "1"
            postgres.start()
            wait_until(lambda: second.api("GET", "/v1/services/web").status == 200, 20, "it being back")
            assert second.api("GET", "/v1/services/web").json["metadata"]["revision"] == revision
            made = second.api("POST", "/v1/services", weir.service("other", ["127.0.0.1:9"]))
            assert made.status == 201, made.text
            wait_until(lambda: first.api("GET", "/v1/services/other").status == 200, 10, "the first too")
    for log in (first.process.log(), second.process.log()):
        assert "s3cret" not in log


def test_the_admin_token_beside_each_controller_works(postgres, tmp_path):
    flags = ["--store", postgres.url()]
    first = weir.Weir(tmp_path / "first", flags=flags)
    second = weir.Weir(tmp_path / "second", flags=flags)
    with first, second:
        assert first.token != second.token
        for beside in (first, second):
            listed = beside.cli("get", "tokens")
            assert listed.returncode == 0, listed.stderr
        for asked, token in ((first, second.token), (second, first.token)):
            wait_until(lambda: asked.api("GET", "/v1/tokens", token=token).status == 200, 5, "the other's")
        names = [item["metadata"]["name"] for item in first.api("GET", "/v1/tokens").json["items"]]
        second.stop()
        second.start()
        first.stop()
        first.start()
        for asked in (first, second):
            again = [item["metadata"]["name"] for item in asked.api("GET", "/v1/tokens").json["items"]]
            assert again == names  # none is made anew
        lost = second.token
        second.stop()
        (second.data / "admin.token").unlink()
        second.start()
        assert second.api("GET", "/v1/tokens").status == 200
        assert second.api("GET", "/v1/tokens", token=lost).status == 401
        wait_until(lambda: first.api("GET", "/v1/tokens", token=lost).status == 401, 5, "it being refused")
        assert len(first.api("GET", "/v1/tokens").json["items"]) == len(names)


def test_what_is_refused_is_said_without_the_password(postgres, tmp_path):
    for number, (url, said) in enumerate(
        [
            (postgres.url(password="wr0ng-s3cret"), "password authentication failed"),
            (postgres.url(database="nowhere"), 'database "nowhere" does not exist'),
            ("postgres://weir:s3cret@127.0.0.1:1/weir", "Connection refused"),
        ]
    ):
        words = [weir.BINARY, "up", "--data-dir", tmp_path / str(number), "--store", url]
        done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 1
        assert said in done.stderr
        assert "s3cret" not in done.stdout + done.stderr


def test_no_name_of_our_tls_library_is_exported():
    words = ["nm", "-D", "--defined-only", weir.BINARY]
    symbols = subprocess.run(words, capture_output=True, text=True, check=True)
    names = {line.split()[-1] for line in symbols.stdout.splitlines()}
    assert not [name for name in names if name.startswith(("SSL_", "EVP_", "CRYPTO_", "OPENSSL_", "X509_"))]


def test_a_store_is_copied_and_goes_on_in_postgresql(postgres, tmp_path):
    postgres.query("CREATE DATABASE copied")
    url = postgres.url(database="copied")
    running = weir.Weir(tmp_path / "weir")
    with running:
        running.apply(weir.service("web", ["127.0.0.1:9"]))
        secret = {"kind": "Secret", "metadata": {"name": "s"}, "spec": {"values": {"k": "b2xk"}}}
        assert running.api("POST", "/v1/secrets", secret).status == 201
        running.apply(weir.service("web", ["127.0.0.1:10"]))
        in_use = running.cli("store", "copy", "--from", running.data, "--to", url)
        assert in_use.returncode == 1
        before = {kind: running.api("GET", f"/v1/{kind}").json["items"] for kind in ("secrets", "events")}
        revision = running.api("GET", "/v1/services").json["revision"]
    copied = running.cli("store", "copy", "--from", running.data, "--to", url)
    assert copied.returncode == 0, copied.stderr
    assert f"at revision {revision}, from {running.data}/store.db to postgres://" in copied.stderr
    again = running.cli("store", "copy", "--from", running.data, "--to", url)
    assert again.returncode == 1
    assert "is not empty" in again.stderr
    for said in (in_use, copied, again):
        assert "s3cret" not in said.stdout + said.stderr
    running.flags += ["--store", url]
    with running.start():
        # What is new is the authority alone, which the controllers of one store share.
        assert running.api("GET", "/v1/services").json["revision"] == revision + 1
        for kind, items in before.items():
            assert running.api("GET", f"/v1/{kind}").json["items"] == items
        back = running.cli("rollback", revision - 1)
        assert back.returncode == 0, back.stderr
        endpoints = running.api("GET", "/v1/services/web").json["spec"]["endpoints"]
        assert [one["address"] for one in endpoints] == ["127.0.0.1:9"]
        assert running.api("GET", "/v1/services").json["revision"] == revision + 2
