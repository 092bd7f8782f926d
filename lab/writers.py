"""Who changes objects through the API while controllers come and go, and remembers what was acknowledged.

Each writer counts up a number in one object: a label of it, and whatever else the story has follow the
number. A number is acknowledged when a controller has answered 200 for it, or shows it. Each change is on
the condition of the revision that was read before, as a try without an answer may still be carried out
later."""

import http.client
import random
import threading
import time

INTERVAL_S, PAUSE_S, TIMEOUT_S = 0.5, 0.1, 2.0


class Writer(threading.Thread):
    def __init__(self, place, controllers, kind, name, spec=None):
        """kind: as in the API's paths. spec: number -> what of the spec is to have it."""
        super().__init__(daemon=True)
        self.place, self.controllers = place, controllers
        self.path, self.spec = f"/v1/{kind}/{name}", spec
        self.token = controllers[0].server.token
        self.choose = random.Random(name)
        self.ending = threading.Event()
        self.answered = 0
        self.tries = 0
        self.longest_s = 0.0  # until a number was acknowledged
        self.problem = None

    def run(self):
        with self.place.inside():
            while not self.ending.wait(INTERVAL_S) and self.problem is None:
                began = time.monotonic()
                self.write(self.answered + 1)
                self.longest_s = max(self.longest_s, time.monotonic() - began)

    def write(self, number):
        """Until it is acknowledged, or something came that must not be."""
        while self.problem is None:
            self.tries += 1
            try:
                if self.try_once(self.choose.choice(self.controllers).server, number):
                    return
            except (OSError, http.client.HTTPException):
                pass  # that controller is not there
            time.sleep(PAUSE_S)

    def try_once(self, controller, number):
        found = self.call(controller, "GET")
        if found is None:
            return False
        there = number_of(found)
        if there == number:  # by a try that was not answered
            self.answered = number
            return True
        if there > number:
            self.problem = f"{self.path}: {number} was to come, and there is {there}"
            return False
        change = {"metadata": {"labels": {"number": str(number)}}}
        if self.spec:
            change["spec"] = self.spec(number)
        revision = found["metadata"]["revision"]
        if self.call(controller, "PATCH", change, headers={"If-Match": f'"{revision}"'}) is None:
            return False
        self.answered = number
        return True

    def call(self, controller, method, body=None, **more):
        """None: another try may do."""
        answer = controller.api(method, self.path, body, token=self.token, timeout_s=TIMEOUT_S, **more)
        if answer.status == 200:
            return answer.json
        if answer.status not in (412, 503):
            self.problem = f"{method} {self.path}: {answer.status} {answer.text[:300]}"
        return None

    def at(self, controller):
        """The number that a controller shows; None when it can't say."""
        try:
            answer = controller.api("GET", self.path, token=self.token, timeout_s=TIMEOUT_S)
        except (OSError, http.client.HTTPException):
            return None
        return number_of(answer.json) if answer.status == 200 else None

    def stop(self):
        """Once what it has begun is acknowledged."""
        self.ending.set()


def number_of(found):
    return int(found["metadata"].get("labels", {}).get("number", 0))
