"""Faults as they are drawn, and what their model says of a world that is broken in some places."""

import pytest

from lab import faults
from lab.atlas import Atlas
from lab.faults import KINDS, Fault, Model, draw


@pytest.fixture(scope="module")
def atlas():
    return Atlas.read("failures")


@pytest.fixture
def model(atlas):
    return Model(atlas)


def test_one_seed_draws_one_day(atlas):
    day = draw(atlas, 7, 100, 600)
    assert day == draw(atlas, 7, 100, 600) != draw(atlas, 8, 100, 600)
    assert [one.number for one in day] == list(range(1, 101))
    assert {(one.kind, one.mode) for one in day} == {(k, mode) for k, modes in KINDS.items() for mode in modes}
    assert all(0.5 <= one.length_s <= 8 and one.at_s + one.length_s <= 600 for one in day)
    assert any(a is not b and a.at_s <= b.at_s < a.at_s + a.length_s for a in day for b in day), "none overlap"


@pytest.mark.parametrize("seed", range(5))
def test_what_is_drawn_can_be_borne(atlas, model, seed):
    day = draw(atlas, seed, 20, 120)
    assert {one.kind for one in day} == set(KINDS)
    for moment in day:
        there = [one for one in day if one.at_s <= moment.at_s < one.at_s + one.length_s]
        assert model.bears(frozenset(one.breaks for one in there if one.breaks))
        assert len({one.victim for one in there}) == len(there)


def ways(model, city, *broken):
    return [model.has_way(city, what, frozenset(broken)) for what in ("web", "home", "names")]


def test_there_is_a_way_as_long_as_one_of_each_is_left(atlas, model):
    assert ways(model, "seattle") == [True, True, True]
    assert ways(model, "seattle", *atlas.names("edges")[1:]) == [True, True, True]
    assert ways(model, "seattle", *atlas.names("edges")) == [False, False, True]
    assert ways(model, "boston", *atlas.names("origins")) == [False, True, True]
    assert ways(model, "boston", *atlas.names("name_servers")) == [True, True, False]
    assert ways(model, "boston", "garage-router", "cellar-origin-1") == [True, False, True]
    assert ways(model, "boston", "east~garage", "cellar-router") == [True, False, True]


def test_routers_and_links_part_the_world(model):
    assert ways(model, "seattle", "west") == [False, False, False]
    assert ways(model, "mumbai", "west", "europe") == [True, False, True], "alone with ap-south"
    assert ways(model, "mumbai", "asia~west", "europe") == [True, False, True]
    assert ways(model, "mumbai", "asia~west", "europe", "ap-south-router") == [False, False, False]
    assert ways(model, "mumbai", "europe~asia", "asia~ap-south") == [True, True, True], "the other way round"


def test_some_controller_has_to_be_left(atlas, model):
    first, *others = atlas.names("controllers")
    assert model.bears(frozenset(others))
    assert not model.bears(frozenset([first, *others]))
    assert not model.bears(frozenset(["us-west-router", *others])), "it is there, but nobody reaches it"


def test_a_way_counts_for_as_long_as_it_lasts_on_end(model):
    def broken(struck, whole, victim="west", mode="power lost"):
        return Fault(1, "router", mode, victim, 0, 1, struck=struck, mended=whole, whole=whole)

    def longest(*some):
        return model.longest_way_s("seattle", "web", 10, 18, some)

    assert longest() == 8
    assert longest(broken(8, 20)) == 0
    assert longest(broken(10, 12)) == 6
    assert longest(broken(12, 15)) == 3
    assert longest(broken(12, None)) == 2, "it is still broken"
    assert longest(broken(11, 13), broken(14, 18, "west~us-west", "cut")) == 5, "a region is only one of them"
    assert longest(broken(10, 18, mode="upgraded")) == 8, "which breaks nothing"
    assert longest(Fault(1, "router", "power lost", "west", 0, 1)) == 8, "not yet"


def test_what_can_not_be_done_at_the_same_time(atlas):
    assert faults.shared(atlas, "west~us-west", "us-west-router")
    assert faults.shared(atlas, "west", "west~east")
    assert not faults.shared(atlas, "west", "east~europe")
    assert not faults.shared(atlas, "us-west-edge-1", "us-west-edge-2")
