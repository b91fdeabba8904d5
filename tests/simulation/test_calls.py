from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from simulation.calls import Calls
from simulation.chance import Chance
from simulation.clock import VirtualClock
from simulation.quotas import Quota, TokenBucket


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
    calls = Calls(VirtualClock(), Chance(0), {action: Quota(burst=1, per_second=0.001)})
    done: list[str] = []
    calls.make(action, lambda: done.append("done"))
    with pytest.raises(ClientError) as refused:
        calls.make(action, lambda: done.append("done"))
    assert refused.value.response["Error"]["Code"] == code
    assert done == ["done"]
    assert calls.by_action() == {action: 1 + tries}
    assert calls.counted == {("nobody", action): 1 + tries}
