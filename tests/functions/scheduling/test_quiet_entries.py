"""A run that asks again and again is woken less and less, and in the end sent away.

Each time fills its execution's history, which ends at 25,000 events (Step Functions developer guide, "Quotas related to
state machine executions").
"""

from __future__ import annotations

import pytest

from functions.jobs.errors import QueueTimeout
from functions.scheduling.launch_step import MOST_ASKS
from tests.functions.conftest import StoppedClock
from tests.functions.scheduling.waiting_queue import FULL, QUEUE_TIMEOUT, WaitingQueue

OFTEN = MOST_ASKS - 1
PAUSE = QUEUE_TIMEOUT.total_seconds() / 60


def test_a_freed_slot_notifies_the_next_entry_where_the_oldest_has_asked_often(stopped_clock: StoppedClock) -> None:
    queue = WaitingQueue.of(3, max_concurrent=1)
    queue.launch(queue.runs[0])
    queue.launch(queue.runs[1], asks=OFTEN)
    queue.launch(queue.runs[2])
    queue.queue.notify_next()
    assert (queue.notified(queue.runs[1]), queue.notified(queue.runs[2])) == ([], ["CapacityAvailable"])


def test_it_is_woken_again_after_a_part_of_the_time_out(stopped_clock: StoppedClock) -> None:
    queue = WaitingQueue.of(2, max_concurrent=1)
    queue.launch(queue.runs[0])
    queue.launch(queue.runs[1], asks=OFTEN)
    stopped_clock.go_on(PAUSE - 1)
    queue.queue.notify_next()
    assert queue.notified(queue.runs[1]) == []
    stopped_clock.go_on(2)
    queue.queue.notify_next()
    assert queue.notified(queue.runs[1]) == ["CapacityAvailable"]


def test_a_crowd_that_has_asked_often_hides_no_entry(stopped_clock: StoppedClock) -> None:
    queue = WaitingQueue.of(12, max_concurrent=1)
    queue.launch(queue.runs[0])
    for run in queue.runs[1:-1]:
        queue.launch(run, asks=OFTEN)
    queue.launch(queue.runs[-1])
    queue.queue.notify_next()
    assert queue.notified(queue.runs[-1]) == ["CapacityAvailable"]


def test_a_refusal_leaves_it_in_the_queue_where_it_hears_of_a_machine(stopped_clock: StoppedClock) -> None:
    queue = WaitingQueue.of(2)
    queue.machines.answers = [FULL]
    queue.launch(queue.runs[0], asks=OFTEN)
    assert queue.notified(queue.runs[0]) == [], "not asked to come again for what EC2 refused a moment ago"
    queue.launch(queue.runs[1])
    assert queue.notified(queue.runs[0]) == ["i-1"], "the next holder launches for it as well"


def test_a_run_that_has_asked_too_often_is_sent_away(stopped_clock: StoppedClock) -> None:
    queue = WaitingQueue.of(1)
    with pytest.raises(QueueTimeout, match=f"No machine within {MOST_ASKS} requests"):
        queue.launch(queue.runs[0], asks=MOST_ASKS)
    assert queue.table.oldest(10) == []


def test_a_whole_time_out_of_freed_slots_is_no_reason_to_send_it_away(stopped_clock: StoppedClock) -> None:
    """Held by a cap, say: a slot is freed every second, and each time an entry is notified in vain."""
    queue = WaitingQueue.of(2, max_concurrent=1)
    queue.launch(queue.runs[0])
    waits, asks = queue.runs[1], 0
    queue.launch(waits, asks=asks)
    for _ in range(int(QUEUE_TIMEOUT.total_seconds()) - 1):
        stopped_clock.go_on(1)
        notified = len(queue.notified(waits))
        queue.queue.notify_next()
        if len(queue.notified(waits)) > notified:
            asks += 1
            queue.launch(waits, asks=asks)
    assert 70 < asks < MOST_ASKS
