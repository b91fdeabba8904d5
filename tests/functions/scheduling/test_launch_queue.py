from __future__ import annotations

import pytest

from functions.jobs.job import Run
from functions.scheduling.ports import BatchResult, QueueEntry, Slot
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.machines import a_machine
from tests.functions.scheduling.waiting_queue import WaitingQueue

# Those who begin to wait at one moment come by their jobs' ids.
pytestmark = pytest.mark.usefixtures("stopped_clock")


def one_waiting() -> tuple[WaitingQueue, Run, QueueEntry]:
    queue = WaitingQueue.of(1)
    (run,) = queue.runs
    queue.enqueue(run)
    return queue, run, queue.entry(run)


def test_a_free_slot_notifies_the_longest_wait_alone(stopped_clock: StoppedClock) -> None:
    queue = WaitingQueue.of(3)
    for number in (2, 0, 1):
        queue.enqueue(queue.runs[number])
        stopped_clock.go_on(1)
    queue.queue.notify_next()
    assert [queue.notified(run) for run in queue.runs] == [[], [], ["CapacityAvailable"]]


def test_a_holder_and_those_it_launches_for_are_not_notified_of_capacity() -> None:
    queue = WaitingQueue.of(2)
    queue.enqueue(*queue.runs)
    lease = queue.lease(queue.runs[0].name)
    queue.queue.notify_next()
    assert queue.flow.answers == [], "the leader looks again when it has given the lease back"
    queue.table.release_lease(lease, BatchResult(1))
    queue.queue.notify_next()
    assert queue.notified(queue.runs[0]) == ["CapacityAvailable"]


def test_who_does_not_listen_is_passed_over() -> None:
    queue = WaitingQueue.of(3)
    queue.enqueue(*queue.runs)
    queue.flow.dead |= {queue.entry(run).token for run in queue.runs[:2]}
    queue.queue.notify_next()
    assert queue.notified(queue.runs[2]) == ["CapacityAvailable"]


def test_a_queue_without_a_listener_is_left_to_come_by_itself() -> None:
    queue = WaitingQueue.of(8)
    queue.enqueue(*queue.runs)
    queue.flow.dead |= {queue.entry(run).token for run in queue.runs[:5]}
    queue.queue.notify_next()
    assert queue.flow.answers == [], "those further back are not asked"


def test_an_entry_that_is_notified_keeps_its_place() -> None:
    queue, run, entry = one_waiting()
    queue.queue.notify_next()
    assert queue.notified(run) == ["CapacityAvailable"]
    assert queue.table.entry(run) == entry


def test_a_run_whose_step_was_tried_anew_meanwhile_hears_through_its_new_token() -> None:
    queue, run, old = one_waiting()
    queue.flow.dead.add(old.token)
    queue.enqueue(run)
    assert queue.queue.notify(old, Slot(run, a_machine()))
    assert queue.flow.woken == [f"{run.name}/2"]
    assert queue.table.oldest(9) == []


def test_an_entry_for_a_later_attempt_outlasts_a_machine_for_an_earlier_one() -> None:
    queue, run, earlier = one_waiting()
    queue.enqueue(run, attempt=2)
    queue.queue.notify(earlier, Slot(run, a_machine()))
    assert [entry.attempt for entry in queue.table.oldest(9)] == [2]


def test_a_later_attempt_is_not_notified_of_an_earlier_ones_machine() -> None:
    queue, run, earlier = one_waiting()
    queue.flow.dead.add(earlier.token)
    queue.enqueue(run, attempt=2)
    assert not queue.queue.notify(earlier, Slot(run, a_machine()))
    assert queue.flow.answers == []
