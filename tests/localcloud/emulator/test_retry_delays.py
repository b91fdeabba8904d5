from __future__ import annotations

from localcloud.emulator.workflows.retry_delays import delay
from tests.localcloud.emulator.harness import EmulatorHarness, task

RETRIER = {"ErrorEquals": ["Throttled"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxDelaySeconds": 10}


def test_delays_grow_until_the_longest_if_there_is_one() -> None:
    assert [delay(RETRIER, retries) for retries in (0, 1, 2, 3, 100_000)] == [2, 6, 10, 10, 10]
    assert delay({"ErrorEquals": ["Throttled"]}, 5) == 32


def test_with_full_jitter_a_delay_is_anything_up_to_that() -> None:
    delays = [delay({**RETRIER, "JitterStrategy": "FULL"}, 2) for _ in range(200)]
    assert all(0 <= each <= 10 for each in delays)
    assert max(delays) > 5 > min(delays)


def test_an_execution_waits_no_longer_than_that(harness: EmulatorHarness) -> None:
    function = harness.function("def handler(event, context):\n    raise ValueError\n")
    slow = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 10_000, "MaxDelaySeconds": 1}
    assert harness.execute(task(function, Retry=[{**slow, "MaxAttempts": 2}]))["error"] == "ValueError"
