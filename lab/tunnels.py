"""A `weir up` that origins come to by themselves, and what its visitors and its API see of them."""

import pytest

from lab.origin import Origin
from lab.process import wait_until
from lab.weir import Weir

DOMAIN = "weir.localhost"


@pytest.fixture
def weir(tmp_path):
    weir = Weir(tmp_path, workers=2).start()
    yield weir
    weir.process.stop()


@pytest.fixture
def origins():
    made = []

    def start(name):
        made.append(Origin(name=name))
        return made[-1]

    yield start
    for one in made:
        one.die()


def get(weir, name):
    return weir.get("/", f"{name}.{DOMAIN}")


def serves(weir, name, count=1):
    """The bodies of so many answers in a row, each on a connection of its own, once the first is there."""
    wait_until(lambda: get(weir, name).status == 200, 10, f"{name} being served")
    answers = [get(weir, name) for _ in range(count)]
    assert all(answer.status == 200 for answer in answers)
    return answers


def tunnels(weir):
    return weir.api("GET", "/v1/tunnels").json["items"]
