from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.costs.budget import Caps, Spending
from functions.scheduling import scheduler
from functions.scheduling.fair_order import IN_ORDER, MOST_SERVED, by_age, fair_order, note_served
from functions.scheduling.ports import QueueEntry, Slot
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_table import MemoryJobTable, a_job
from tests.functions.fakes.machines import a_machine
from tests.functions.scheduling.test_caps import MOST, PRICES
from tests.functions.scheduling.waiting_queue import FULL, WaitingQueue

NUMBERS = count()


def entries(*owners: str, since: int = 0) -> list[QueueEntry]:
    """One a second; the younger an entry, the older its job's id."""
    return [
        QueueEntry(
            a_job(owner=owner, id=f"job-{999 - number:03}").this_run, 1, "token", f"2026-01-31T09:{second:02}:00.000Z"
        )
        for second, (number, owner) in enumerate(enumerate(owners, since), since)
    ]


def holding(*owners: str) -> list[Slot]:
    return [Slot(a_job(owner=owner, id=f"held-{next(NUMBERS)}").this_run, a_machine()) for owner in owners]


def owners_of(found: list[QueueEntry]) -> str:
    return "".join(entry.run.owner for entry in found)


@pytest.mark.parametrize(
    ("waiting", "slots", "expected"),
    [
        ("aaa", "", "aaa"),
        ("aaab", "", "abaa"),
        ("aaabbb", "", "ababab"),
        ("aaabbb", "aa", "bbabaa"),
        ("aaaabc", "", "abcaaa"),
        ("bbba", "ac", "bbab"),
        ("aab", "b", "aab"),
    ],
)
def test_each_slot_goes_to_the_owner_who_has_the_least(waiting: str, slots: str, expected: str) -> None:
    assert owners_of(fair_order(entries(*waiting), holding(*slots))) == expected


def test_within_an_owner_the_longest_wait_comes_first_whatever_the_ids() -> None:
    waiting = entries(*"aba")
    assert fair_order(reversed(waiting), ()) == [waiting[0], waiting[1], waiting[2]]
    assert waiting[0].run.name > waiting[2].run.name


def test_of_owners_who_have_as_much_the_one_served_least_recently_comes_first() -> None:
    served = {"a": "2026-01-31T09:30:00.000Z", "b": "2026-01-31T09:20:00.000Z"}
    assert owners_of(fair_order(entries(*"aabbcc"), (), served)) == "cbacba"


def test_only_the_latest_owners_are_known_to_have_been_served() -> None:
    served: dict[str, str] = {}
    for number in range(2 * MOST_SERVED):
        note_served(served, [f"owner-{number}", "alice"], f"2026-01-31T09:{number:02}:00.000Z")
    assert len(served) == MOST_SERVED
    assert {"alice", f"owner-{2 * MOST_SERVED - 1}"} <= served.keys()


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=6))
def test_no_owner_is_more_than_one_ahead_of_another_who_waits(waiting: list[str], slots: list[str]) -> None:
    order = fair_order(entries(*waiting), holding(*slots))
    assert by_age(order) == by_age(entries(*waiting))
    has = Counter(slots)
    for number, entry in enumerate(order):
        assert has[entry.run.owner] == min(has[other.run.owner] for other in order[number:])
        has[entry.run.owner] += 1


def shared(mine: int, others: int, **facts: object) -> WaitingQueue:
    """alice's runs, then bob's, all of which wait; bob's began later."""
    jobs = [a_job(owner="alice", id=f"01926b3c-7f3e-7c2a-9d51-{number:012d}") for number in range(mine)]
    jobs += [a_job(owner="bob", id=f"01926b3c-7f3e-7c2a-9d51-{number:012d}") for number in range(mine, mine + others)]
    queue = WaitingQueue([job.this_run for job in jobs], jobs=MemoryJobTable(*jobs), **facts)  # type: ignore[arg-type]
    queue.enqueue(*queue.runs)
    return queue


@pytest.mark.usefixtures("stopped_clock")
def test_a_thousand_jobs_of_one_owner_do_not_hold_up_the_single_one_of_another() -> None:
    queue = shared(1_000, 1, max_concurrent=3)
    assert [entry.run for entry in queue.scheduler().launchable(500)] == [queue.runs[0], queue.runs[-1], queue.runs[1]]
    queue.queue.notify_next()
    assert queue.notified(queue.runs[0]) == ["CapacityAvailable"], "no owner has a slot: the longest wait comes first"
    queue.table.grant_slots([Slot(queue.runs[0], a_machine("i-0"))])
    queue.table.remove(queue.runs[0])
    queue.queue.notify_next()
    assert queue.notified(queue.runs[-1]) == ["CapacityAvailable"]


@pytest.mark.usefixtures("stopped_clock")
def test_a_type_that_ec2_has_nothing_of_takes_no_place_from_an_owners_other_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue = shared(IN_ORDER + 1, 3, max_concurrent=4)
    for run in queue.runs[:IN_ORDER]:
        queue.enqueue(run, requested_type="g5g.xlarge")
    monkeypatch.setattr(scheduler, "MAX_BATCH", 2)
    queue.machines.answers = [FULL]
    queue.launch(queue.runs[IN_ORDER + 2])
    assert queue.table.slot(queue.runs[IN_ORDER]), "alice's one run that requests no type"
    assert queue.table.slot(queue.runs[IN_ORDER + 1])


def test_a_cap_that_stops_one_owner_stops_no_other(stopped_clock: StoppedClock) -> None:
    spending = Spending(PRICES, Caps(owner_a_day=MOST), ("t4g.small",), ("on-demand",), machine_deadline=_DEADLINE)
    queue = shared(9, 2, max_concurrent=4, spending=spending)
    assert [entry.run for entry in queue.scheduler().launchable(500)] == [queue.runs[0], queue.runs[9]]


_DEADLINE = timedelta(minutes=50)
