"""What an execution can write at most is reckoned from the definition itself."""

from __future__ import annotations

from typing import Any

from infra import history
from infra.workflow import definition
from tests.infra.configured import DEV

STEPS = ("launch", "dispatch", "await_completion", "inspect", "record", "terminate", "release")
MACHINE: dict[str, Any] = definition(DEV, dict.fromkeys(STEPS, "function"))


def test_the_longest_wait_is_as_long_as_a_boot_may_take_and_no_longer() -> None:
    for minutes in (1, 5, 60):
        retries = history.online_retries(minutes * 60)
        waits = [3 * 1.03**number + 20 for number in range(retries)]
        assert sum(waits[:-1]) < minutes * 60 <= sum(waits)


def test_the_waits_are_those_of_the_workflow() -> None:
    (row,) = [one for one in MACHINE["States"]["Dispatch"]["Retry"] if one["ErrorEquals"] == ["AgentNotOnline"]]
    assert (row["IntervalSeconds"], row["BackoffRate"]) == (history._ONLINE_WAIT, history._ONLINE_GROWTH)
    assert row["MaxAttempts"] == history.online_retries(DEV.boot_timeout_minutes * 60)


def test_every_state_is_in_the_sum() -> None:
    for name in set(MACHINE["States"]) - {"Launch"}:
        states = {**MACHINE["States"], name: {**MACHINE["States"][name], **more_events(MACHINE["States"][name])}}
        assert history.most_events(states, DEV) > history.most_events(MACHINE["States"], DEV), name


def more_events(state: dict[str, Any]) -> dict[str, Any]:
    """What makes a state write more: another retry, or that it is a Task."""
    retry = [*state.get("Retry", []), {"ErrorEquals": ["More"], "MaxAttempts": 1}]
    return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "Retry": retry}
