"""`shift`: from a PUT at the API of a controller to traffic that goes by it on several edges, real processes
all of them."""

import tempfile
from pathlib import Path

from lab import shift

SHIFT_MS_MAX = 100


def run(options):
    with tempfile.TemporaryDirectory() as directory, shift.Fleet(Path(directory), options.edges) as fleet:
        took = fleet.shifts(options.changes)
    what = f"from PUT to traffic shifted on {options.edges} edges, {options.changes} changes"
    print(f"{what}: {shift.shown(took)}")
    return shift.percentile(took, 99) < SHIFT_MS_MAX
