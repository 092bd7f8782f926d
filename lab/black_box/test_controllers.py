"""Three controllers on one PostgreSQL: any of them is killed, and so is the database, under load and writes.
No request fails that goes to an edge that is there, and no write that was answered is lost."""

import random
import threading
import time

import pytest

from lab import nginx, weir
from lab.postgres import Postgres, binaries
from lab.process import free_port, wait_listening, wait_until
from lab.wrk import Load

WRITERS = 4
DATABASE_AWAY_S = 3.0
CONNECTIONS = 4


class Writer(threading.Thread):
    """Counts up a label of its own Service: each number until some controller has answered 200 for it."""

    def __init__(self, number, controllers, token, stop):
        super().__init__(daemon=True)
        self.name_of_service = f"w{number}"
        self.controllers, self.token, self.stop = controllers, token, stop
        self.choose = random.Random(number)
        self.answered = 0
        self.tries = 0
        self.problem = None

    def run(self):
        while not self.stop.is_set():
            if not self.write(self.answered + 1):
                return
            self.answered += 1

    def write(self, number):
        content = {"metadata": {"labels": {"number": str(number)}}}
        path = f"/v1/services/{self.name_of_service}"
        while not self.stop.is_set():
            self.tries += 1
            try:
                answer = self.choose.choice(self.controllers).api("PATCH", path, content, token=self.token)
            except OSError:
                time.sleep(0.02)  # that controller is not there
                continue
            if answer.status == 200:
                return True
            if answer.status != 503:
                self.problem = f"{answer.status} {answer.text}"
                return False
            time.sleep(0.02)
        return False


@pytest.fixture
def postgres(tmp_path):
    if binaries() is None:
        pytest.skip("there is no /usr/lib/postgresql/*/bin/postgres (package postgresql-15)")
    with Postgres(tmp_path / "postgres" / "server") as server:
        yield server


@pytest.fixture
def origin(tmp_path):
    port = free_port()
    (tmp_path / "origin").mkdir(mode=0o755)
    process = nginx.start(
        tmp_path / "origin",
        f'  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "web"; }} }}',
    )
    wait_listening(process, port)
    yield port
    process.kill()


def loads(directory, controllers, seconds):
    return [
        Load(f"{one.url}/", seconds, CONNECTIONS, directory / f"wrk-{one.http_port}.log", host="web.example")
        for one in controllers
    ]


def in_turn(directory, controllers, postgres, writers):
    """Each controller once, and the database once; the others serve meanwhile."""
    for victim in controllers:
        others = [one for one in controllers if one is not victim]
        running = loads(directory, others, 60)
        before = sum(writer.answered for writer in writers)
        victim.process.kill()
        wait_until(lambda: sum(w.answered for w in writers) >= before + 20, 20, "writes without it")
        victim.start()
        yield running
    running = loads(directory, controllers, 60)
    postgres.crash()
    time.sleep(DATABASE_AWAY_S)  # how long it is away
    before = sum(writer.answered for writer in writers)
    postgres.start()
    wait_until(lambda: sum(w.answered for w in writers) >= before + 20, 30, "writes after it")
    yield running


def test_any_controller_and_the_database_may_die(postgres, origin, tmp_path):
    flags = ["--store", postgres.url(options="sslmode=disable")]
    controllers = [weir.Weir(tmp_path / name, flags=flags) for name in ("first", "second", "third")]
    stop = threading.Event()
    writers = []
    try:
        for one in controllers:
            one.start()
        controllers[0].apply(
            weir.service("web", [f"127.0.0.1:{origin}"]),
            weir.load_balancer("web", ["web.example"], {"/": "web"}),
            *(weir.service(f"w{number}", ["127.0.0.1:9"]) for number in range(WRITERS)),
        )
        for one in controllers:
            one.wait_serving("web.example")
        token = controllers[0].token
        writers += [Writer(number, controllers, token, stop) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        requests = 0
        for running in in_turn(tmp_path, controllers, postgres, writers):
            for load in running:
                load.stop()
                report = load.report()
                assert report.errors == 0, report
                requests += report.requests
        assert requests > 1000
        stop.set()
        for writer in writers:
            writer.join(30)
            assert writer.problem is None, writer.problem
        for one in controllers:
            for writer in writers:
                allowed = (writer.answered, writer.answered + 1)  # the last one may have got no answer
                wait_until(lambda: number_at(one, writer) in allowed, 10, "the last write")
    finally:
        stop.set()
        for one in controllers:
            one.stop()


def number_at(controller, writer):
    answer = controller.api("GET", f"/v1/services/{writer.name_of_service}")
    if answer.status == 503:  # it is not back at its database yet
        return None
    labels = answer.json["metadata"]["labels"]
    return int(labels["number"])
