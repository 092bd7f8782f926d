"""The last good snapshot on disk: traffic goes on from it, whatever has become of the store."""

import shutil
import sqlite3
import stat
from contextlib import closing

import pytest

from lab import weir
from lab.process import wait_until

HOST = "web.weir.localhost"
NO_JSON = "{\"revision\":1,\"objects\":[\n{\"kind\":\"Service\""


@pytest.fixture
def site(make_origin, new_weir):
    """A weir that serves an origin, killed when its snapshot was on the disk."""
    origin = make_origin()
    running = new_weir().start()
    running.apply(
        weir.service("web", [origin.address], health_check={"interval": "200ms", "timeout": "1s", "tcp": {}}),
        weir.load_balancer("web", [HOST], {"/": "web"}),
    )
    running.wait_serving()
    snapshot = running.data / "snapshot.json"
    wait_until(lambda: snapshot.exists() and HOST in snapshot.read_text(), 5, "the snapshot on disk")
    assert stat.S_IMODE(snapshot.stat().st_mode) == 0o600, "it holds private keys"
    running.process.kill()
    return running


def remove_store(running):
    """With its log, from which SQLite would mend a damaged file."""
    for name in ("store.db", "store.db-wal", "store.db-shm"):
        (running.data / name).unlink(missing_ok=True)


def not_ready(running, part):
    """Until the API says in its own words that it is not ready, and why."""

    def says():
        try:
            answer = running.api("GET", "/readyz", token=None)
        except OSError:
            return False
        return answer.status == 503 and part in answer.json["detail"]

    wait_until(says, 10, f"/readyz saying {part!r}")


def test_a_damaged_store_stops_changes_and_not_traffic(site):
    store = site.data / "store.db"
    with closing(sqlite3.connect(store)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    backup = site.directory / "backup.db"
    shutil.copy(store, backup)
    store.write_bytes(b"not a database any more" * 1000)
    site.start(wait=False)
    site.wait_serving(deadline_s=2)
    not_ready(site, "is damaged")
    assert site.api("GET", "/healthz", token=None).status == 200
    refused = site.api("POST", "/v1/apply", [])
    assert refused.status == 503 and "traffic goes on" in refused.json["detail"]
    assert "snapshot_revision" in site.process.log(), "it is in the log, too"

    remove_store(site)
    backup.rename(store)
    site.wait_ready()
    assert site.get().status == 200
    site.apply(weir.load_balancer("other", ["other.weir.localhost"], {"/": "web"}))
    site.wait_serving("other.weir.localhost")
    assert site.stop() == 0


def test_a_locked_store_does_not_hold_up_traffic(site):
    with closing(sqlite3.connect(site.data / "store.db", isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        site.start(wait=False)
        site.wait_serving(deadline_s=2)
        not_ready(site, "the store is being opened")
        assert site.get().status == 200
        holder.execute("COMMIT")
    site.wait_ready()
    assert site.stop() == 0


@pytest.mark.parametrize("text", [NO_JSON, "", "\x00" * 4096, '{"revision":1,"objects":[\n{}\n]}\n'])
def test_a_damaged_snapshot_is_told_and_passed_over(site, text):
    (site.data / "snapshot.json").write_text(text)
    site.start()
    assert "the last snapshot can't be used" in site.process.log()
    site.wait_serving()
    assert site.stop() == 0


def test_without_store_and_snapshot_there_is_nothing_to_begin_with(site):
    (site.data / "snapshot.json").write_text(NO_JSON)
    remove_store(site)
    (site.data / "store.db").write_bytes(b"x" * 5000)
    site.start(wait=False)
    assert site.process.wait(5) == 1
    assert "store.db" in site.process.log()
