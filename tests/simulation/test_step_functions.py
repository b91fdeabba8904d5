from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from simulation.calls import Calls
from simulation.client import EXCEPTIONS
from simulation.clock import VirtualClock
from simulation.definition import Definition
from simulation.lambdas import Function, Lambdas
from simulation.rng import Rng
from simulation.step_functions import STATE_MACHINE, StepFunctions

INVOKE = "arn:aws:states:::lambda:invoke"
WAIT = "arn:aws:states:::lambda:invoke.waitForTaskToken"


class Service:
    """Step Functions with one function, "f", that does what `answers` say in turn: an error is raised."""

    def __init__(self, **states: Any) -> None:
        self.clock, rng = VirtualClock(), Rng(1)
        self.asked: list[tuple[float, Any]] = []
        self.answers: list[Any] = []
        machine = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
        lambdas = Lambdas(self.clock, rng, {"f": Function(self._answer, 60)}, ())
        calls = Calls(self.clock, rng, {})
        self.service = StepFunctions(self.clock, rng, calls, lambdas, Definition.model_validate(machine))

    @property
    def client(self) -> Any:
        return self.service.client

    def start(self, given: Any = None, name: str = "job") -> None:
        self.client.start_execution(stateMachineArn=STATE_MACHINE, name=name, input=json.dumps(given or {}))

    def go_on(self, seconds: float = 60) -> None:
        self.clock.run(self.clock.seconds + seconds)

    @property
    def status(self) -> str:
        return self.service.executions["job"].status

    @property
    def variables(self) -> dict[str, Any]:
        return self.service.executions["job"].variables

    def _answer(self, event: Any, _context: Any) -> Any:
        self.asked.append((self.clock.seconds, event))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def task(resource: str = INVOKE, **fields: Any) -> dict[str, Any]:
    state = {"Type": "Task", "Resource": resource, "Arguments": {"FunctionName": "f", "Payload": {}}, "End": True}
    return {**state, **fields}


TOKEN = {"FunctionName": "f", "Payload": {"token": "{% $states.context.Task.Token %}"}}


def test_a_retry_waits_longer_each_time_up_to_its_limit_and_then_the_error_is_caught() -> None:
    retry = {"ErrorEquals": ["KeyError"], "IntervalSeconds": 10, "BackoffRate": 2, "MaxDelaySeconds": 25}
    caught = {"ErrorEquals": ["States.ALL"], "Assign": {"error": "{% $states.errorOutput.Error %}"}, "Next": "Work"}
    service = Service(First=task(Retry=[retry | {"MaxAttempts": 3}], Catch=[caught]), Work=task())
    service.answers = [KeyError(), KeyError(), KeyError(), KeyError(), None]
    service.start()
    service.go_on(300)
    times = [at for at, _ in service.asked]
    waits = [round(later - earlier) for earlier, later in pairwise(times)]
    assert waits == [10, 20, 25, 0]
    assert (service.status, service.variables) == ("SUCCEEDED", {"error": "KeyError"})


def test_full_jitter_waits_anything_up_to_the_interval() -> None:
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 100, "BackoffRate": 1, "JitterStrategy": "FULL"}
    service = Service(Only=task(Retry=[retry | {"MaxAttempts": 20}]))
    service.answers = [KeyError()] * 20 + [None]
    service.start()
    service.go_on(3000)
    times = [at for at, _ in service.asked]
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert len(waits) == 20
    assert min(waits) < 30
    assert 70 < max(waits) < 101


def test_the_first_row_that_names_an_error_counts_and_no_attempts_mean_none() -> None:
    rows = [{"ErrorEquals": ["KeyError"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"], "MaxAttempts": 5}]
    service = Service(Only=task(Retry=rows))
    service.answers = [KeyError()]
    service.start()
    service.go_on()
    assert (service.status, len(service.asked)) == ("FAILED", 1)


def test_every_try_has_its_own_token_and_earlier_ones_are_dead() -> None:
    retry = {"ErrorEquals": ["CapacityAvailable"], "IntervalSeconds": 1, "MaxAttempts": 1}
    service = Service(Only=task(WAIT, Arguments=TOKEN, Retry=[retry]))
    service.answers = [None, None]
    service.start()
    service.go_on()
    first = service.asked[0][1]["token"]
    service.client.send_task_failure(taskToken=first, error="CapacityAvailable", cause="")
    service.go_on()
    second = service.asked[1][1]["token"]
    assert second != first
    with pytest.raises(EXCEPTIONS.TaskTimedOut):
        service.client.send_task_success(taskToken=first, output="{}")
    service.client.send_task_success(taskToken=second, output="{}")
    with pytest.raises(EXCEPTIONS.TaskTimedOut):
        service.client.send_task_success(taskToken=second, output="{}")
    assert service.status == "SUCCEEDED"


def test_a_wait_times_out_without_a_cause() -> None:
    caught = {"ErrorEquals": ["States.Timeout"], "Assign": {"late": True}, "Next": "Work"}
    service = Service(Only=task(WAIT, Arguments=TOKEN, TimeoutSeconds=30, Catch=[caught]), Work=task())
    service.answers = [None, None]
    service.start()
    service.go_on(29)
    assert service.variables == {}
    service.go_on(5)
    assert service.variables == {"late": True}
    with pytest.raises(EXCEPTIONS.TaskTimedOut):
        service.client.send_task_success(taskToken=service.asked[0][1]["token"], output="{}")


def test_a_name_is_taken_for_good_but_the_same_start_again_is_fine_while_it_runs() -> None:
    service = Service(Only=task(WAIT, Arguments=TOKEN))
    service.answers = [None]
    service.start({"run": 1})
    service.start({"run": 1})
    with pytest.raises(EXCEPTIONS.ExecutionAlreadyExists):
        service.start({"run": 2})
    service.go_on()
    assert len(service.asked) == 1
    service.service.abort("job")
    with pytest.raises(EXCEPTIONS.ExecutionAlreadyExists):
        service.start({"run": 1})
    assert service.status == "ABORTED"


def test_an_execution_can_be_described_a_moment_after_its_start() -> None:
    service = Service(Only=task(WAIT, Arguments=TOKEN))
    service.answers = [None]
    service.start()
    arn = STATE_MACHINE.replace(":stateMachine:", ":execution:") + ":job"
    with pytest.raises(EXCEPTIONS.ExecutionDoesNotExist):
        service.client.describe_execution(executionArn=arn)
    service.go_on()
    assert service.client.describe_execution(executionArn=arn) == {"status": "RUNNING"}
    with pytest.raises(EXCEPTIONS.ExecutionDoesNotExist):
        service.client.describe_execution(executionArn=arn + "-2")


def test_an_execution_that_goes_round_for_ever_ends_when_its_history_is_full() -> None:
    """The last event is the failure, with this number (measured on AWS: floci-io/floci issue 2734)."""
    service = Service(Round={"Type": "Pass", "Next": "Round"})
    service.start()
    service.go_on(3600)
    execution = service.service.executions["job"]
    assert (service.status, execution.history) == ("FAILED", 25_000)
    assert execution.error == (
        "States.Runtime",
        "The execution reached the maximum number of history events (25000).",
    )


def test_a_try_that_waits_has_one_event_more_and_each_state_two() -> None:
    """Step Functions API reference, HistoryEvent: Entered, Scheduled, Started, Submitted, Succeeded, Exited."""
    retry = {"ErrorEquals": ["CapacityAvailable"], "IntervalSeconds": 1, "MaxAttempts": 1}
    service = Service(First=task(Next="Second", End=False), Second=task(WAIT, Arguments=TOKEN, Retry=[retry]))
    service.answers = [None, None, None]
    service.start()
    service.go_on()
    service.client.send_task_failure(taskToken=service.asked[1][1]["token"], error="CapacityAvailable", cause="")
    service.go_on()
    service.client.send_task_success(taskToken=service.asked[2][1]["token"], output="{}")
    assert service.status == "SUCCEEDED"
    assert service.service.executions["job"].history == 1 + 5 + (2 + 2 * 4) + 1


def test_what_catches_an_error_knows_how_often_the_state_was_tried() -> None:
    retry = {"ErrorEquals": ["KeyError"], "MaxAttempts": 2}
    caught = {
        "ErrorEquals": ["States.ALL"],
        "Assign": {"tries": "{% $states.context.State.RetryCount + 1 %}"},
        "Next": "Work",
    }
    service = Service(First=task(Retry=[retry], Catch=[caught]), Work=task())
    service.answers = [KeyError(), KeyError(), KeyError(), None]
    service.start()
    service.go_on()
    assert service.variables == {"tries": 3}
