"""Faults as they are drawn, and what their model says of a world that is broken in some places."""

import pytest

from lab import faults
from lab.atlas import Atlas
from lab.faults import KINDS, Fault, Model, draw
from lab.faults_report import Report
from lab.visitors import Try, Visit


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
    every = {(kind, mode) for kind, modes in KINDS.items() for mode in modes}
    assert {(one.kind, one.mode) for one in day} == every
    assert all(0.5 <= one.length_s <= 8 and one.at_s + one.length_s <= 600 for one in day)
    over = [b for a in day for b in day if a is not b and a.at_s <= b.at_s < a.at_s + a.length_s]
    assert over, "none overlap"


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


def seen(began, *tries, city="seattle", status=200):
    """A visit of tries: (how long, what was wrong)."""
    made = [Try("203.0.113.10", took, problem) for took, problem in tries]
    return Visit(city, began, sum(one.took_s for one in made), status, "", made)


def fault(number, kind, mode, victim, struck, whole):
    return Fault(number, kind, mode, victim, struck, whole - struck, struck, whole, whole)


def test_a_report_says_what_was_noticed_of_which_fault(model, tmp_path):
    day = [
        fault(1, "edge", "killed", "us-west-edge-1", 10, 14),
        fault(2, "controller", "killed", "us-west-controller-1", 12, 15),
        fault(3, "controller", "hangs", "us-west-controller-1", 50, 51),
    ]
    visits = [
        seen(9, (0.1, None)),
        seen(13, (0.1, None)),
        seen(13, (0.5, "timed out"), (0.1, None)),
        seen(13, (0.7, None)),
        seen(50.5, (0.9, None)),
        seen(90, (0.9, None)),
    ]
    report = Report(day, [("web", one) for one in visits], model)
    first, second, third = report.rows()
    assert (first["requests"], first["retried"], first["slow"], first["lost"]) == (3, 1, 1, 0)
    assert (first["longest_s"], first["until_s"]) == ("0.70", "3.70")
    assert first["why"] == "203.0.113.10: timed out (1)"
    assert (second["retried"], second["slow"]) == (0, 0), "no visitor asks a controller"
    assert third["slow"] == 1 and third["why"] == "slow", "there was no other"
    assert report.others == [visits[5]]
    assert report.calm_from(80) == 90.9 and report.calm_from(91) == 91
    assert "1 were tried again, 3 took longer" in report.sentence()
    report.check()
    report.write(tmp_path / "faults.csv")
    assert len((tmp_path / "faults.csv").read_text().splitlines()) == 4
    assert len(report.table().splitlines()) == 4


def test_who_waited_for_a_name_server_counts_for_that(model):
    day = [
        fault(1, "name server", "hangs", "us-west-dns-1", 10, 14),
        fault(2, "edge", "upgraded", "us-west-edge-1", 11, 12),
    ]
    waited = seen(11.5, (0.6, None))
    waited.tries[0].looked_up_s = 0.5
    report = Report(day, [("web", waited), ("web", seen(11.5, (0.6, None)))], model)
    found = [(row["slow"], row["why"]) for row in report.rows()]
    assert found == [(1, "a name server was silent"), (1, "slow")]


def test_what_is_lost_is_excused_only_without_a_way(model):
    refused = [(2.0, "refused")] * 4
    day = [fault(1, "router", "power lost", "west", 10, 17)]
    report = Report(day, [("web", seen(9, *refused, status=None))], model)
    assert len(report.excused) == 1 and not report.lost
    report.check()
    for lost in (
        seen(9, *refused, city="boston", status=None),
        seen(14, *refused, status=None),  # from 17 on there was one for long enough
        seen(9, *refused, status=404),
    ):
        report = Report(day, [("web", lost)], model)
        assert report.lost == [lost] and not report.excused
        with pytest.raises(AssertionError, match="1 requests were lost"):
            report.check()
        assert report.told_lost()[0].startswith(f"web from {lost.city} at {lost.began:.2f} for 8.00 s: ")
