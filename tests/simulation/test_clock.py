from __future__ import annotations

from functions.jobs.clock import now
from simulation.clock import VirtualClock


def test_what_is_due_happens_in_order_of_time_and_at_one_moment_in_order_of_asking() -> None:
    clock = VirtualClock()
    seen: list[tuple[str, float]] = []
    clock.after(5, lambda: seen.append(("late", clock.seconds)))
    clock.after(2, lambda: seen.append(("first", clock.seconds)))
    clock.after(2, lambda: seen.append(("second", clock.seconds)))
    clock.run(4)
    assert seen == [("first", 2), ("second", 2)]
    assert clock.seconds == 4
    clock.run(5)
    assert seen[-1] == ("late", 5)


def test_what_is_cancelled_never_happens() -> None:
    clock = VirtualClock()
    seen: list[str] = []
    clock.after(1, lambda: seen.append("cancelled")).cancel()
    clock.run(2)
    assert seen == []


def test_records_take_their_time_from_the_virtual_clock_while_it_is_installed() -> None:
    clock = VirtualClock()
    clock.run(90)
    before = now()
    with clock.installed():
        assert now() == "2026-01-31T09:16:30.000Z"
    assert now() >= before
