from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from botocore.retries.standard import ThrottledRetryableChecker

from simulation.calls import Calls, Invocation
from simulation.clock import VirtualClock
from simulation.faults import CallFault
from simulation.quotas import Quota, TokenBucket
from simulation.rng import Rng
from simulation.storage_errors import DENIED, REFUSED, SERVER_FAILED, STORAGE_ERRORS, THROTTLED, Outage, StorageError


def test_a_token_bucket_fills_with_time_up_to_its_size() -> None:
    clock = VirtualClock()
    bucket = TokenBucket(clock, Quota(burst=3, per_second=0.5))
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock.run(2)
    assert [bucket.take(), bucket.take()] == [True, False]
    clock.run(100)
    assert not bucket.take(4)
    assert bucket.take(3)


@pytest.mark.parametrize(
    ("action", "code", "tries"),
    [("ec2:RunInstances", "RequestLimitExceeded", 1), ("ssm:SendCommand", "ThrottlingException", 3)],
)
def test_a_call_beyond_its_quota_is_throttled_after_as_many_tries_as_the_client_makes(
    action: str, code: str, tries: int
) -> None:
    calls = Calls(VirtualClock(), Rng(0), {action: Quota(burst=1, per_second=0.001)})
    done: list[str] = []
    calls.make(action, lambda: done.append("done"))
    with pytest.raises(ClientError) as refused:
        calls.make(action, lambda: done.append("done"))
    assert refused.value.response["Error"]["Code"] == code
    assert done == ["done"]
    assert calls.by_action() == {action: 1 + tries}
    assert calls.counted == {("no function", action): 1 + tries}


def test_an_error_of_a_storage_service_befalls_the_first_call_that_it_can() -> None:
    (conflict,) = (error for error in REFUSED if error.code == "TransactionConflictException")
    running = Invocation("f", 0, {0: conflict}, None)
    actions = ("ec2:RunInstances", "dynamodb:GetItem", "s3:PutObject", "dynamodb:UpdateItem", "dynamodb:PutItem")
    befallen = [running.next_call_fault(action) for action in actions]
    assert befallen == [None, None, None, conflict, None]


def test_an_error_that_is_put_off_leaves_what_is_planned_for_the_next_call() -> None:
    running = Invocation("f", 0, {0: DENIED[0], 1: CallFault.CRASH_AFTER}, None)
    assert [running.next_call_fault("ec2:RunInstances"), running.next_call_fault("dynamodb:GetItem")] == [
        None,
        CallFault.CRASH_AFTER,
    ]


@pytest.mark.parametrize("error", STORAGE_ERRORS, ids=lambda error: f"{error.code} {error.has_effect}")
def test_only_a_server_that_failed_may_have_done_what_it_was_asked_for(error: StorageError) -> None:
    clock = VirtualClock()
    calls, done = Calls(clock, Rng(0), {}, [Outage(error, 10.0, 5.0)]), list[float]()
    action = f"{error.service}:PutItem"
    calls.make(action, lambda: done.append(clock.seconds))
    clock.run(10)
    with pytest.raises(ClientError) as refused:
        calls.make(action, lambda: done.append(clock.seconds))
    assert refused.value.response["Error"]["Code"] == error.code
    clock.run(15)
    calls.make(action, lambda: done.append(clock.seconds))
    assert done == ([0, 10, 15] if error.has_effect else [0, 15])
    assert not error.has_effect or error in SERVER_FAILED


def test_the_sdk_tries_again_what_the_simulation_says_that_it_does() -> None:
    """By botocore's own lists; a server's own errors it tells by their HTTP status."""
    codes = set(vars(ThrottledRetryableChecker)["_THROTTLED_ERROR_CODES"])
    assert {error.code for error in THROTTLED} <= codes
    assert not {error.code for error in (*DENIED, *REFUSED)} & codes
    assert {error.code for error in STORAGE_ERRORS if error.is_retried} == {
        error.code for error in (*THROTTLED, *SERVER_FAILED)
    }
