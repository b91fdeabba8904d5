from __future__ import annotations

from collections.abc import Callable

import pytest

from functions.cleanup.termination_batcher import TerminationBatcher
from functions.jobs.errors import Throttled
from tests.functions.fakes.machines import FakeMachines
from tests.functions.fakes.tables import new_machine_table


class Several:
    """Machines `i-1` and so on, all running; EC2 refuses the first calls. `meanwhile` happens in each wait."""

    def __init__(self, count: int, throttles: int = 0) -> None:
        states = {f"i-{number}": "running" for number in range(1, count + 1)}
        self.machines, self.table = FakeMachines(states=states, throttles=throttles), new_machine_table()
        self.waits: list[float] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self.batcher = TerminationBatcher(self.table, self.machines, (0.5, 1.0), self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.meanwhile()


def test_what_ec2_takes_at_once_is_not_written_down() -> None:
    several = Several(2)
    assert several.batcher.end(["i-1", "i-2"]) == {"i-1": "terminated", "i-2": "terminated"}
    assert (several.waits, several.table.queued_ends()) == ([], [])


def test_the_first_call_that_ec2_takes_again_is_for_all_that_were_refused() -> None:
    several = Several(3, throttles=1)
    several.table.queue_ends(["i-2", "i-3"])
    assert set(several.batcher.end(["i-1"])) == {"i-1", "i-2", "i-3"}
    assert (several.waits, several.table.queued_ends()) == ([0.5], [])


def test_a_machine_behind_more_than_one_call_takes_is_in_the_next_call() -> None:
    """TerminateInstances takes a thousand."""
    several = Several(1, throttles=1)
    several.table.queue_ends([f"i-0{number:04}" for number in range(1_000)])
    assert several.batcher.end(["i-1"])["i-1"] == "terminated"
    assert len(several.table.queued_ends()) == 1


def test_a_machine_that_was_in_another_call_needs_none() -> None:
    several = Several(1, throttles=1)
    several.meanwhile = lambda: several.table.unqueue_ends(["i-1"])
    assert several.batcher.end(["i-1"]) == {"i-1": "shutting-down"}
    assert several.machines.terminated == []


def test_who_is_refused_again_and_again_leaves_it_to_the_workflow_and_to_others() -> None:
    several = Several(1, throttles=3)
    with pytest.raises(Throttled, match="i-1"):
        several.batcher.end(["i-1"])
    assert (several.waits, several.table.queued_ends()) == ([0.5, 1.0], ["i-1"])


def test_one_machine_that_ec2_has_forgotten_does_not_keep_the_others_alive() -> None:
    several = Several(1, throttles=1)
    several.table.queue_ends(["i-forgotten"])
    assert several.batcher.end(["i-1"]) == {"i-1": "terminated"}
    assert several.table.queued_ends() == []
