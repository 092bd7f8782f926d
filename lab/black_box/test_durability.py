"""What was answered 2xx is there after SIGKILL at any instant."""

import http.client
import json
import random
import threading

from lab import weir
from lab.process import wait_until

ROUNDS = 20


class Writer(threading.Thread):
    """Creates, replaces and deletes its own services until the server is gone; remembers what it was
    promised."""

    def __init__(self, running, number, promised):
        super().__init__(daemon=True)
        self.running, self.number, self.promised = running, number, promised
        self.uncertain = {}  # written, and no answer came: either is right

    def run(self):
        connection = http.client.HTTPConnection(self.running.address, self.running.api_port, timeout=10)
        headers = {
            "Authorization": f"Bearer {self.running.token}",
            "Content-Type": "application/json",
            "If-Match": "*",
        }
        choose = random.Random(self.number)
        while True:
            name = f"w{self.number}-{choose.randrange(6)}"
            there = self.promised.get(name)
            delete = there is not None and choose.random() < 0.3
            value = None if delete else choose.randrange(1, 3000)
            path = f"/v1/services/{name}"
            body = (
                None
                if delete
                else json.dumps(
                    {
                        "kind": "Service",
                        "metadata": {"name": name},
                        "spec": {"endpoints": [{"address": "127.0.0.1:9"}], "idle_timeout": f"{value}s"},
                    }
                )
            )
            method = "DELETE" if delete else "PUT" if there is not None else "POST"
            sent = {k: v for k, v in headers.items() if k != "If-Match" or method != "POST"}
            self.uncertain[name] = value
            try:
                connection.request(method, path if method != "POST" else "/v1/services", body, sent)
                response = connection.getresponse()
                text = response.read()
            except (OSError, http.client.HTTPException):
                return
            if response.status // 100 != 2:
                self.problem = f"{method} {name}: {response.status} {text[:300]}"
                return
            del self.uncertain[name]
            self.promised[name] = value


def seconds(service):
    text = service["spec"]["idle_timeout"]
    total = 0.0
    number = ""
    units = {"h": 3600, "m": 60, "s": 1}
    for character in text:
        if character.isdigit() or character == ".":
            number += character
        else:
            total += float(number) * units[character]
            number = ""
    return total


def test_sigkill_while_writing(new_weir):
    running = new_weir()
    promised, committed, choose = {}, 0, random.Random(1)
    for turn in range(ROUNDS):
        running.start()
        stored, token = {}, ""
        while token is not None:
            page = running.api("GET", f"/v1/services?limit=100{token}").json
            stored.update({item["metadata"]["name"]: seconds(item) for item in page["items"]})
            token = f"&continue={page['continue']}" if page.get("continue") else None
        if turn:
            for name in {*promised, *stored, *uncertain}:
                allowed = [promised.get(name)] + ([uncertain[name]] if name in uncertain else [])
                assert (
                    stored.get(name) in allowed
                ), f"round {turn}: {name} is {stored.get(name)}, promised {allowed}"
        promised = dict(stored)
        shares = [{n: v for n, v in promised.items() if n.startswith(f"w{i}-")} for i in range(3)]
        writers = [Writer(running, i, shares[i]) for i in range(3)]
        before = [dict(share) for share in shares]
        for writer in writers:
            writer.start()
        least = choose.randrange(1, 40)
        done = {"count": 0}

        def enough():
            done["count"] += 1
            return running.api("GET", "/v1/services?limit=1").json and done["count"] >= least

        wait_until(enough, 10, "writes under way", interval_s=choose.random() * 0.01)
        running.process.kill()
        for writer in writers:
            writer.join(10)
            assert not hasattr(writer, "problem"), writer.problem
        committed += sum(share != old for share, old in zip(shares, before))
        promised = {name: value for share in shares for name, value in share.items() if value is not None}
        uncertain = {name: value for writer in writers for name, value in writer.uncertain.items()}
    assert committed >= ROUNDS, "hardly anything was written: the test tested nothing"


def test_nothing_is_half_applied(new_weir):
    """Kill while transactions of two objects are written: both or none, at the same value."""
    running = new_weir()
    for turn in range(6):
        running.start()
        found = [running.api("GET", f"/v1/services/pair-{x}") for x in "ab"]
        assert found[0].status == found[1].status
        if found[0].status == 200:
            assert (
                found[0].json["spec"]["idle_timeout"] == found[1].json["spec"]["idle_timeout"]
            ), f"round {turn}"
        stop = threading.Event()
        written = {"count": 0}

        def write():
            number = turn * 1000
            try:
                while not stop.is_set():
                    number += 1
                    pair = [
                        weir.service(f"pair-{x}", ["127.0.0.1:9"], idle_timeout=f"{number % 3000 + 1}s")
                        for x in "ab"
                    ]
                    assert running.api("POST", "/v1/apply", pair).status in (200, 201)
                    written["count"] += 1
            except (OSError, http.client.HTTPException):
                pass

        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        wait_until(lambda: written["count"] >= 5 + turn, 10, "writes", interval_s=0.001)
        running.process.kill()
        stop.set()
        thread.join(10)


def test_a_store_that_is_no_store(new_weir):
    """A damaged file is refused with a sentence, not served half."""
    running = new_weir().start()
    running.stop()
    database = running.data / "store.db"
    assert database.read_bytes()[:6] == b"SQLite"
    database.write_bytes(b"not a database at all" * 1000)
    for side in running.data.glob(database.name + "-*"):
        side.unlink()
    (running.data / "snapshot.json").unlink()  # with it traffic would go on: see test_last_snapshot.py
    running.start(wait=False)
    assert running.process.wait(5) == 1
    assert str(database) in running.process.log() or database.name in running.process.log()
