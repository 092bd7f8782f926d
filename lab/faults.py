"""Faults of a day, drawn from a seed, and the model that says whether there is a way from a city to what it
wants while some of them hold. Nothing here touches the world: fault_hands.py does.

A request is *lost* when none of its tries, over all addresses and for PATIENCE_S, was answered well. It is
excused only when the model has no way for its city for REROUTE_S on end in all that time: routers need as
long to find another way (the issue's figure for a dead region). Everything else that is lost, a retry could
have saved.

The model knows what is broken, and nothing of what routers, health checks or weir have found out: there is
a way to the web when some edge stands in a region that the city's transit reaches, and some origin in a
region that this edge's region reaches; to the home's service when the edge reaches a home whose gateway,
agent and origin are there; and to names when a name server is reached. Slow and lossy links are ways."""

import random
from dataclasses import dataclass, field

PATIENCE_S, REROUTE_S = 8.0, 3.0
LENGTH_S = (0.5, 8.0)
SETTLE_S = 3.0  # after a fault, before its victim, or what stands in for it, may be the next one
TRIES_MAX = 400  # to find a moment and a victim for one fault

KINDS = {
    "edge": ("killed", "power lost", "hangs", "restarted", "upgraded"),
    "controller": ("killed", "hangs"),
    "database": ("crashed", "hangs"),
    "name server": ("killed", "hangs"),
    "link": ("cut", "slow", "lossy"),
    "origin": ("killed", "power lost", "hangs", "answers 503"),
    "tunnel": ("agent killed", "agent hangs", "flows forgotten"),
    "router": ("BIRD killed", "power lost"),
}
HARMLESS = {"upgraded", "slow", "lossy", "flows forgotten"}  # there is a way all the while


@dataclass
class Fault:
    number: int
    kind: str
    mode: str
    victim: str  # a machine, or a link
    at_s: float  # since the load began
    length_s: float
    struck: float | None = None  # of time.monotonic(), as are these
    mended: float | None = None  # when that began
    whole: float | None = None  # when it had been done
    problem: str | None = None  # of ours: why it could not be done

    @property
    def breaks(self):
        """What isn't there meanwhile, for the model."""
        return None if self.mode in HARMLESS else self.victim

    def overlaps(self, at_s, length_s):
        return at_s < self.at_s + self.length_s + SETTLE_S and self.at_s < at_s + length_s + SETTLE_S


@dataclass
class Model:
    atlas: object
    known: dict = field(default_factory=dict)  # what was asked before

    def reached(self, start, broken):
        """The transits to which there is a way from one of them."""
        found, left = set(), [start] if start not in broken else []
        while left:
            here = left.pop()
            found.add(here)
            for link in self.atlas.links:
                if here in link and "~".join(link) not in broken:
                    there = link[1 - link.index(here)]
                    if there not in broken and there not in found:
                        left.append(there)
        return found

    def is_open(self, region, broken):
        return region.router not in broken and f"{region.at}~{region.name}" not in broken

    def has_way(self, city, wanted, broken):
        """wanted: web, home or names."""
        key = (city, wanted, broken)
        if key not in self.known:
            self.known[key] = self.find_way(city, wanted, broken)
        return self.known[key]

    def find_way(self, city, wanted, broken):
        atlas = self.atlas
        reached = self.reached(atlas.cities[city], broken)
        regions = [one for one in atlas.regions.values() if one.at in reached and self.is_open(one, broken)]
        if wanted == "names":
            return any(name not in broken for one in regions for name in one.names("name_servers"))
        if not any(name not in broken for one in regions for name in one.names("edges")):
            return False
        if wanted == "web":
            return any(name not in broken for one in regions for name in one.names("origins"))
        return any(self.is_at_home(one, broken) for one in atlas.homes.values() if one.at in reached)

    def is_at_home(self, home, broken):
        if home.router in broken or f"{home.at}~{home.name}" in broken:
            return False
        return any(name not in broken for name in home.names())

    def bears(self, broken):
        """Whether every city whose own transit is there has a way to everything, and some controller is left:
        what the drawing of faults keeps to. The database is one, and away when it is away."""
        controllers = self.atlas.names("controllers")
        if all(name in broken or not self.is_led(name, broken) for name in controllers):
            return False
        served = [city for city, at in self.atlas.cities.items() if at not in broken]
        return all(self.has_way(city, what, broken) for city in served for what in ("web", "home", "names"))

    def is_led(self, machine, broken):
        """Whether somebody outside of its region reaches it."""
        region = self.atlas.region_of(machine)
        return self.is_open(region, broken) and region.at not in broken

    def longest_way_s(self, city, wanted, began, ended, faults):
        """For how long on end there was one, of a time."""
        moments = {began, ended}
        for one in faults:
            moments |= {at for at in (one.struck, one.whole) if at is not None and began < at < ended}
        longest = lasting = 0.0
        ordered = sorted(moments)
        for start, end in zip(ordered, ordered[1:]):
            broken = frozenset(one.breaks for one in faults if one.breaks and holds(one, (start + end) / 2))
            lasting = lasting + end - start if self.has_way(city, wanted, broken) else 0.0
            longest = max(longest, lasting)
        return longest


def holds(fault, moment):
    begun = fault.struck is not None and fault.struck <= moment
    return begun and (fault.whole is None or moment < fault.whole)


def victims(atlas, kind, mode):
    if kind == "edge":
        return atlas.names("edges")
    if kind in ("controller", "database", "name server", "origin"):
        names = atlas.names({"name server": "name_servers", "database": kind}.get(kind, f"{kind}s"))
        return [*names, *at_homes(atlas)] if kind == "origin" and mode != "power lost" else names
    if kind == "link":
        return list(atlas.ends)
    if kind == "tunnel":
        homes = [one.router for one in atlas.homes.values()]
        return homes if mode == "flows forgotten" else at_homes(atlas)
    return atlas.routers


def at_homes(atlas):
    return [name for one in atlas.homes.values() for name in one.names()]


def deck(random_, cards):
    """All of them, again and again, each once before any comes again."""
    while True:
        yield from random_.sample(list(cards), len(cards))


def draw(atlas, seed, count, seconds):
    """So many, over so long, in the order of their times; of all kinds, and of all modes of each."""
    random_, model = random.Random(seed), Model(atlas)
    kinds = deck(random_, KINDS)
    modes = {kind: deck(random_, KINDS[kind]) for kind in KINDS}
    drawn = []
    for _ in range(count):
        kind = next(kinds)
        drawn.append(draw_one(random_, model, drawn, kind, next(modes[kind]), seconds))
    drawn.sort(key=lambda one: one.at_s)
    for number, one in enumerate(drawn, 1):
        one.number = number
    return drawn


def draw_one(random_, model, drawn, kind, mode, seconds):
    for _ in range(TRIES_MAX):
        length = round(random_.uniform(*LENGTH_S), 2)
        at = round(random_.uniform(0, seconds - length), 2)
        victim = random_.choice(victims(model.atlas, kind, mode))
        beside = [one for one in drawn if one.overlaps(at, length)]
        made = Fault(0, kind, mode, victim, at, length)
        if any(shared(model.atlas, one.victim, victim) for one in beside):
            continue
        if is_borne(model, made, beside):
            return made
    raise AssertionError(f"{kind} {mode}: no moment and no victim was found for it")


def shared(atlas, one, other):
    """Whether two can't be victims at the same time: they are one, or a link and a router at its end."""
    ends = [*atlas.ends.get(one, ()), *atlas.ends.get(other, ())]
    return one == other or one in ends or other in ends


def is_borne(model, made, beside):
    """At every moment at which another of them begins, as each of them may still be there by then."""
    for moment in (made, *beside):
        at_once = [one for one in (made, *beside) if one.overlaps(moment.at_s, 0) and one.at_s <= moment.at_s]
        if not model.bears(frozenset(one.breaks for one in at_once if one.breaks)):
            return False
    return True
