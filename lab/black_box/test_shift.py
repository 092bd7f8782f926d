"""From a PUT to traffic shifted on four edges, each a process of its own."""

from lab import shift

SHIFT_MS_MAX = 100


def test_traffic_shifts(tmp_path):
    with shift.Fleet(tmp_path, 4) as fleet:
        took = fleet.shifts(60)
    print("from PUT to traffic shifted on four edges:", shift.shown(took))
    assert shift.percentile(took, 90) < SHIFT_MS_MAX, shift.shown(took)
