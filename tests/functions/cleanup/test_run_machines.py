from __future__ import annotations

from datetime import datetime

import pytest

from functions.cleanup.run_machines import ensure_terminated
from functions.jobs import clock
from functions.jobs.clock import rfc3339
from tests.functions.fakes.machines import FakeMachines


@pytest.mark.parametrize(
    ("state", "ends_at_once", "gone", "asked"),
    [
        ("terminated", True, True, 0),
        ("shutting-down", True, False, 0),
        ("running", True, True, 1),
        ("running", False, False, 1),
        ("pending", False, False, 1),
        ("stopped", False, False, 1),
    ],
)
def test_an_instance_is_gone_when_ec2_says_terminated(state: str, ends_at_once: bool, gone: bool, asked: int) -> None:
    machines = FakeMachines(states={"i-1": state}, ends_at_once=ends_at_once)
    assert ensure_terminated(machines, "i-1", rfc3339(clock.utc_now())) == gone
    assert len(machines.terminated) == asked


def test_an_instance_that_ec2_forgets_between_two_calls_is_not_taken_for_gone() -> None:
    class Forgetful(FakeMachines):
        def terminate(self, instance_id: str) -> str | None:
            return None

    assert not ensure_terminated(Forgetful(states={"i-1": "pending"}), "i-1", rfc3339(datetime.now().astimezone()))
