"""What visitors noticed of a day's faults: per fault how long, how many requests, and why.

A request is noticed when its first try failed or it took longer than NOTICED_S. It counts for the fault
that began last before its first failed try ended, of those that were there meanwhile or had been for
LINGER_S; for a name server's when it waited for one; for a controller's or the database's, which no visitor
asks, only when there is no other."""

import csv
from collections import Counter

from lab.faults import PATIENCE_S, REROUTE_S
from lab.visitors import LOOK_UP_S, RETRIED

NOTICED_S = 0.5
LINGER_S = 4.0
UNASKED = {"controller", "database"}


class Report:
    def __init__(self, faults, visits, model):
        """visits: (what was asked for, Visit) of all cities."""
        self.faults = [one for one in faults if one.struck is not None]
        self.visits, self.model = visits, model
        self.noticed = [(wanted, one) for wanted, one in visits if not one.at_once or one.took_s > NOTICED_S]
        self.excused, self.lost = [], []
        for wanted, one in visits:
            if not one.good:
                (self.excused if self.is_excused(wanted, one) else self.lost).append(one)
        self.by_fault = {one.number: [] for one in self.faults}
        self.others = []  # that no fault explains
        for _, one in self.noticed:
            fault = self.fault_of(one)
            (self.by_fault[fault.number] if fault else self.others).append(one)

    def is_excused(self, wanted, visit):
        ended = visit.began + visit.took_s
        ways = [
            self.model.longest_way_s(visit.city, what, visit.began, ended, self.faults)
            for what in (wanted, "names")
        ]
        return visit.status in (None, *RETRIED) and min(ways) < REROUTE_S

    def fault_of(self, visit):
        moment = visit.began
        for one in visit.tries:
            moment += one.took_s
            if one.problem:
                break
        there = [
            one for one in self.faults
            if one.struck <= moment and (one.whole is None or visit.began <= one.whole + LINGER_S)
        ]  # fmt: skip
        names = [one for one in there if one.kind == "name server"]
        if names and looked_up_s(visit) >= LOOK_UP_S:
            there = names
        asked = [one for one in there if one.kind not in UNASKED]
        return max(asked or there, key=lambda one: one.struck, default=None)

    # --- told

    def rows(self):
        for one in self.faults:
            seen = self.by_fault[one.number]
            whole = one.whole or one.struck
            yield {
                "number": one.number,
                "at": f"{one.at_s:.1f}",
                "kind": one.kind,
                "victim": one.victim,
                "mode": one.mode,
                "for_s": f"{whole - one.struck:.1f}",
                "requests": sum(one.struck <= visit.began < whole for _, visit in self.visits),
                "retried": sum(not visit.at_once and visit.good for visit in seen),
                "slow": sum(visit.at_once for visit in seen),
                "no_way": sum(visit in self.excused for visit in seen),
                "lost": sum(visit in self.lost for visit in seen),
                "longest_s": f"{max((visit.took_s for visit in seen), default=0):.2f}",
                "until_s": f"{max((v.began + v.took_s - one.struck for v in seen), default=0):.2f}",
                "why": why(seen),
            }

    def write(self, file):
        rows = list(self.rows())
        if rows:
            with open(file, "w", newline="") as out:
                writer = csv.DictWriter(out, rows[0])
                writer.writeheader()
                writer.writerows(rows)

    def table(self):
        lines = [
            f"{'':>3} {'at':>5} {'what fails':34} {'how':16} {'for':>4} {'asked':>5} {'again':>5} "
            f"{'slow':>4} {'none':>4} {'lost':>4} {'most':>5} {'until':>5} why"
        ]
        for row in self.rows():
            what = f"{row['kind']} {row['victim']}"
            lines.append(
                f"{row['number']:>3} {row['at']:>5} {what:34} {row['mode']:16} {row['for_s']:>4} "
                f"{row['requests']:>5} {row['retried']:>5} {row['slow']:>4} {row['no_way']:>4} "
                f"{row['lost']:>4} {row['longest_s']:>5} {row['until_s']:>5} {row['why']}"
            )
        return "\n".join(lines)

    def check(self):
        some = "\n".join(self.told_lost()[:10])
        assert not self.lost, f"{len(self.lost)} requests were lost that a retry could have saved:\n{some}"

    def told_lost(self):
        """Each with what it asked for and with all of its tries."""
        return [f"{wanted} from {all_tries(one)}" for wanted, one in self.visits if one in self.lost]

    def calm_from(self, moment):
        """When the last one had ended that noticed something, of those that began from then on."""
        return max((one.began + one.took_s for _, one in self.noticed if one.began >= moment), default=moment)

    def told_since(self, moment):
        return "\n".join(all_tries(one) for _, one in self.noticed if one.began >= moment)

    def sentence(self):
        kinds = Counter(one.kind for one in self.faults)
        retried = [one for _, one in self.noticed if one.good and not one.at_once]
        slow = [one for _, one in self.noticed if one.good and one.at_once]
        longest = max((one.took_s for one in retried), default=0.0)
        least = ", ".join(f"{count} of {kind}" for kind, count in kinds.items())
        cities = len({one.city for _, one in self.visits})
        return (
            f"{len(self.faults)} faults ({least}) under {len(self.visits)} requests from {cities} cities: "
            f"{len(retried)} were tried again, {len(slow)} took longer than {NOTICED_S:g} s, the longest "
            f"{longest:.1f} s; {len(self.excused)} had no way for {PATIENCE_S:g} s, {len(self.lost)} were "
            f"lost; {len(self.others)} were noticed beside any fault"
        )


def why(seen):
    """What most of the first failed tries said."""
    said = Counter(one.why for one in seen if one.why)
    if not said:
        slow = "a name server was silent" if any(looked_up_s(one) >= LOOK_UP_S for one in seen) else "slow"
        return slow if seen else ""
    text, count = said.most_common(1)[0]
    return f"{text} ({count})"


def looked_up_s(visit):
    """The longest that any of its tries took for that."""
    return max((one.looked_up_s for one in visit.tries), default=0.0)


def all_tries(visit):
    tries = "; ".join(f"{one.address} {one.took_s:.2f} s {one.problem or 'good'}" for one in visit.tries)
    return f"{visit.city} at {visit.began:.2f} for {visit.took_s:.2f} s: {tries}"
