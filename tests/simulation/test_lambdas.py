from __future__ import annotations

from functools import partial

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from simulation.faults import CallFault, Congestion
from simulation.process import pause
from tests.simulation.bench import Bench


def test_two_invocations_interleave_at_their_calls() -> None:
    seen: list[int] = []

    def work() -> None:
        for step in range(20):
            bench.calls.make("s3:PutObject", partial(seen.append, step))

    bench = Bench(work)
    bench.invoke()
    bench.invoke()
    bench.clock.run(600)
    assert sorted(seen) == sorted([*range(20), *range(20)])
    assert seen != [*range(20), *range(20)]


def test_an_error_of_the_handler_is_told_by_its_class_name() -> None:
    def fail() -> None:
        raise LookupError("nothing there")

    answer = Bench(fail).answer()
    assert answer.error == "LookupError"
    assert '"errorMessage": "nothing there"' in answer.cause


@pytest.mark.parametrize(
    ("call_fault", "effects", "error"),
    [
        (CallFault.CRASH_BEFORE, [], "Runtime.ExitError"),
        (CallFault.CRASH_AFTER, ["done"], "Runtime.ExitError"),
        (CallFault.ERROR_BEFORE, [], ReadTimeoutError.__name__),
        (CallFault.ERROR_AFTER, ["done"], ReadTimeoutError.__name__),
        (CallFault.THROTTLED, [], ClientError.__name__),
        (CallFault.SENT_TWICE, ["done", "done"], None),
        (CallFault.STALL, ["done"], None),
        (CallFault.ANSWER_LOST, ["done"], "Lambda.SdkClientException"),
        (CallFault.GIVEN_UP, ["done"], "Lambda.SdkClientException"),
        (CallFault.BUSY, [], "Lambda.TooManyRequestsException"),
    ],
)
def test_a_mishap_befalls_its_call_of_its_invocation(
    call_fault: CallFault, effects: list[str], error: str | None
) -> None:
    seen: list[str] = []

    def work() -> None:
        bench.calls.make("s3:HeadObject", lambda: None)
        bench.calls.make("s3:PutObject", lambda: seen.append("done"))

    bench = Bench(work, ((1, call_fault),), timeout=200)
    assert bench.answer().error == error
    assert seen == effects
    assert bench.answer().error is None, "only the first invocation"


def test_no_handler_catches_a_crash() -> None:
    def stubborn() -> str:
        try:
            bench.calls.make("s3:PutObject", lambda: None)
        except Exception:  # noqa: BLE001  # as broad as a handler could be
            return "caught"
        return "went well"

    bench = Bench(stubborn, ((0, CallFault.CRASH_BEFORE),))
    assert bench.answer().error == "Runtime.ExitError"


def test_ec2_is_asked_only_once_whatever_becomes_of_the_answer() -> None:
    seen: list[str] = []
    bench = Bench(
        lambda: bench.calls.make("ec2:RunInstances", lambda: seen.append("done")), ((0, CallFault.SENT_TWICE),)
    )
    bench.answer()
    assert seen == ["done"]


def test_a_function_that_takes_too_long_is_ended() -> None:
    seen: list[str] = []

    def slow() -> None:
        pause(100)
        seen.append("never")

    bench = Bench(slow, timeout=60)
    assert bench.answer().error == "Sandbox.Timedout"
    assert seen == []
    assert bench.lambdas.pending == 0


def test_a_caller_that_gives_up_hears_so_while_the_function_goes_on() -> None:
    order: list[str] = []

    def slow() -> None:
        pause(30)
        order.append("done")

    bench = Bench(slow, ((0, CallFault.GIVEN_UP),))
    bench.lambdas.invoke("f", {}, lambda answer: order.append(str(answer.error)))
    bench.clock.run(60)
    assert order == ["Lambda.SdkClientException", "done"]


def test_an_asynchronous_invocation_is_tried_three_times() -> None:
    tries: list[float] = []

    def fail() -> None:
        tries.append(bench.clock.seconds)
        raise RuntimeError

    bench = Bench(fail)
    bench.lambdas.invoke_asynchronously("f", {})
    bench.clock.run(3600)
    assert len(tries) == 3
    assert tries[1] - tries[0] > 60
    assert tries[2] - tries[1] > 120
    assert bench.lambdas.pending == 0


def test_the_seconds_of_all_invocations_and_the_most_at_a_time_are_counted() -> None:
    bench = Bench(lambda: pause(30.0))
    bench.invoke()
    bench.invoke()
    bench.clock.run(600)
    bench.answer()
    assert bench.lambdas.seconds["f"] == pytest.approx(90.0)
    assert bench.lambdas.most == 2


def test_an_event_that_lambda_has_no_room_for_comes_again_and_uses_up_no_try() -> None:
    began: list[float] = []

    def fail() -> None:
        began.append(bench.clock.seconds)
        raise RuntimeError

    bench = Bench(fail, congestions=(Congestion(0.0, 60.0),))
    bench.lambdas.invoke_asynchronously("f", {})
    bench.clock.run(3600)
    assert len(began) == 3
    assert 60 < began[0] < 130, "after pauses of 1, 2, 4 ... 64 seconds"
    assert bench.lambdas.pending == 0
