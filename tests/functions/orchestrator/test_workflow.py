from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint
from jsonata import jsonata

from functions.execution.record_step import _CODES
from functions.jobs import errors
from functions.jobs.failure_catalog import FAILURES
from functions.scheduling import launch_step
from infra.workflow import definition, limits
from operations.stack_settings import read_settings
from simulation.definition import Definition
from simulation.expressions import QueryError, template
from tests.functions.orchestrator.states_language import INPUT, StatesLanguage, Way
from tests.functions.orchestrator.workflow_definition import ARNS, LIMITS, MACHINE, TASKS, WORKFLOW

DEV = read_settings(Path(__file__).parents[3], "dev").config
STATES: dict[str, Any] = MACHINE["States"]
OURS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.StepError)}
# Of a call that Lambda turns away (Step Functions developer guide, "Handle transient Lambda service exceptions").
BUSY = "Lambda.TooManyRequestsException"
ONLINE_AT = "2026-01-31T09:15:20.000Z"
LAUNCHED = {
    "attempt": 4,
    "instance_id": "i-1",
    "online_at": ONLINE_AT,
    "poll_seconds": 0,
    "stores": 0,
    "stored_after": "",
    "looks": 0,
    "interval": 60,
}
AGAIN = INPUT | {"attempt": 5, "asks": 5, "looks": 7, "stores": 1}
SENT = LAUNCHED | {"command_id": "c-1"}
LOST = SENT | {"error_name": "MachineLost", "cause": "gone"}


def found(verdict: str, **facts: Any) -> dict[str, Any]:
    """What the Inspect step answers."""
    return {"verdict": verdict, "code": None, "message": "", "events": [], **facts}


@dataclass(frozen=True)
class Edge:
    """A state with the variables it begins with, what happens there, and what comes of it."""

    state: str
    happens: str  # "waits", "chooses", "answers", or the name of an error
    next: str | None
    given: dict[str, Any] = field(default_factory=dict)
    answer: Any = None
    assigns: dict[str, Any] = field(default_factory=dict)
    input: dict[str, Any] = field(default_factory=lambda: INPUT)
    output: dict[str, Any] | None = None

    def walk(self) -> Way:
        if self.happens == "waits":
            return WORKFLOW.waited(self.state, self.given)
        if self.happens == "chooses":
            return WORKFLOW.chosen(self.state, self.given)
        if self.happens == "answers":
            return WORKFLOW.succeeded(self.state, self.given, self.answer, self.input)
        return WORKFLOW.failed(self.state, self.given, self.happens, "why", self.input)

    def __str__(self) -> str:
        return f"{self.state}: {self.happens} {self.assigns}"


def error(name: str) -> dict[str, str]:
    return {"error_name": name, "cause": "why"}


EDGES = [
    Edge("Launch", "answers", "Dispatch", {}, {"instance_id": "i-1", "online_at": ONLINE_AT}, LAUNCHED),
    Edge(
        "Launch",
        "answers",
        "Dispatch",
        LAUNCHED | {"poll_seconds": 20, "stored_after": "c-1"},
        {"instance_id": "i-2"},
        LAUNCHED | {"attempt": 5, "instance_id": "i-2", "online_at": "2000-01-01T00:00:00Z", "looks": 7, "stores": 1},
        input=AGAIN,
    ),
    Edge("Launch", "JobEnded", "Terminate", assigns={"instance_id": ""}),
    Edge("Launch", "CapacityAvailable", "Launch", input=AGAIN, output=AGAIN | {"asks": 9}),
    Edge("Launch", "States.Timeout", "Launch", output=INPUT | {"asks": 4}),
    Edge("Launch", "QueueTimeout", "RecordError", assigns=error("QueueTimeout") | {"instance_id": ""}),
    Edge("Launch", "LaunchRefused", "RecordError", assigns=error("LaunchRefused") | {"instance_id": ""}),
    Edge("Launch", "Sandbox.Timedout", "RecordError", assigns=error("Sandbox.Timedout") | {"instance_id": ""}),
    Edge("Boot", "waits", "Dispatch", LAUNCHED | {"online_at": "2026-01-31T09:15:20.000Z"}),
    Edge("Dispatch", "MachineBooting", "Boot", LAUNCHED, assigns={"poll_seconds": 20}),
    Edge(
        "Dispatch",
        "answers",
        "AwaitCompletion",
        LAUNCHED | {"interval": 3600},
        {"Payload": {"command_id": "c-1"}},
        {"command_id": "c-1", "interval": 60},
    ),
    Edge("Dispatch", "JobEnded", "Terminate", LAUNCHED),
    Edge("Dispatch", "AgentNotOnline", "DropMachine", LAUNCHED, assigns=error("AgentNotOnline")),
    Edge("Dispatch", "MachineLost", "DropMachine", LAUNCHED, assigns=error("MachineLost")),
    Edge("Dispatch", "Throttled", "RecordError", LAUNCHED, assigns=error("Throttled")),
    Edge("AwaitCompletion", "answers", "Finish", SENT, {}),
    Edge("Finish", "answers", "Release", SENT, {}),
    Edge("Finish", "JobEnded", "Terminate", SENT),
    Edge("Finish", "NotFinished", "Inspect", SENT),
    Edge("Finish", "States.Timeout", "Inspect", SENT),
    Edge("Finish", BUSY, "Inspect", SENT),
    Edge("AwaitCompletion", "States.Timeout", "Inspect", SENT),
    Edge("AwaitCompletion", "LookupError", "RecordError", SENT, assigns=error("LookupError")),
    Edge("Inspect", "answers", "Verdict", SENT, {"Payload": found("running")}, {"outcome": found("running")}),
    Edge("Inspect", "JobEnded", "Terminate", SENT),
    Edge("Inspect", "Throttled", "Verdict", SENT, assigns={"outcome": {"verdict": "running"}}),
    Edge("Inspect", "LookupError", "RecordError", SENT, assigns=error("LookupError")),
    Edge("Verdict", "chooses", "Record", SENT | {"outcome": found("finished")}),
    Edge(
        "Verdict",
        "chooses",
        "Dispatch",
        SENT | {"outcome": found("unstored"), "stores": 2},
        assigns={"stores": 3, "stored_after": "c-1"},
    ),
    Edge(
        "Verdict",
        "chooses",
        "RecordError",
        SENT | {"outcome": found("unstored"), "stores": 3},
        assigns={
            "error_name": "UploadExpired",
            "cause": "The result could not be stored in time, again and again.",
        },
    ),
    Edge(
        "Verdict",
        "chooses",
        "AwaitCompletion",
        SENT | {"outcome": found("running"), "looks": 3, "interval": 86},
        assigns={"looks": 4, "interval": 94},
    ),
    Edge(
        "Verdict",
        "chooses",
        "RecordError",
        SENT | {"outcome": found("running"), "looks": LIMITS["most_looks"]},
        assigns={
            "error_name": "TooManyLooks",
            "cause": "The machine was looked at too often, and was running each time.",
        },
    ),
    Edge(
        "Verdict",
        "chooses",
        "DropMachine",
        SENT | {"outcome": found("lost")},
        assigns={"error_name": "MachineLost", "cause": "The machine was gone before the script was done."},
    ),
    Edge("DropMachine", "answers", "NextAttempt", LOST, {"Payload": {"terminated": ["i-1"]}}),
    Edge("DropMachine", "MachineStillAlive", "RecordError", LOST, assigns=error("MachineStillAlive")),
    Edge(
        "NextAttempt",
        "chooses",
        "Launch",
        LOST | {"attempt": 5, "stored_after": "c-0", "looks": 7, "stores": 1},
        output={"attempt": 6, "looks": 7, "stores": 1},
    ),
    Edge("NextAttempt", "chooses", "RecordError", LOST | {"attempt": 6}),
    Edge("Record", "answers", "Terminate", SENT, {"Payload": {"status": "succeeded"}}),
    Edge("Record", "ConcurrentChange", "RecordError", SENT, assigns=error("ConcurrentChange")),
    Edge("RecordError", "answers", "Terminate", LOST, {"Payload": {"status": "failed"}}),
    Edge("RecordError", "JobNotFound", "Terminate", LOST),
    Edge("Terminate", "answers", "Release", LOST, {}),
    Edge("Terminate", "States.Timeout", "Release", LOST),
    Edge("Release", "answers", None, LOST, {"Payload": {"terminated": ["i-1"]}}),
]


@pytest.mark.parametrize("edge", EDGES, ids=str)
def test_an_edge_leads_where_it_should_with_the_variables_it_should(edge: Edge) -> None:
    way = edge.walk()
    assert way.next == edge.next
    assert way.variables == {**edge.given, **edge.assigns}
    # A Task's result is its output where it names none (states-language.net, "Output").
    assert way.output == (edge.answer if edge.output is None else edge.output)


def test_there_is_a_test_for_every_edge() -> None:
    assert {(edge.state, edge.walk().name) for edge in EDGES} == WORKFLOW.ways()


def test_a_variable_that_was_never_assigned_would_be_found() -> None:
    with pytest.raises(QueryError, match="command_id"):
        WORKFLOW.payload("Inspect", LAUNCHED)


def cache(definition: Any) -> list[str]:
    """What cfn-lint's state machine rules (E3601 and its kin) find in a definition.

    They take a number for TimeoutSeconds alone, where the language has an expression as well (states-language.net,
    "Task State"; CDK's `Timeout.jsonata`).
    """
    definition = json.loads(json.dumps(definition).replace('"{% $interval %}"', "60"))
    properties = {
        "RoleArn": "arn:aws:iam::123456789012:role/r",
        "DefinitionString": json.dumps(definition),
        "StateMachineType": "STANDARD",
    }
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Workflow": resource}}
    return [str(finding) for finding in lint(json.dumps(template), regions=["eu-central-1"])]


def targets(state: dict[str, Any]) -> set[str]:
    ways = [state, *state.get("Choices", []), *state.get("Catch", [])]
    return {way[key] for way in ways for key in ("Next", "Default") if key in way}


def test_the_workflow_is_valid_amazon_states_language() -> None:
    assert cache(MACHINE) == []


def test_the_validator_finds_a_broken_workflow() -> None:
    assert cache(MACHINE | {"States": STATES | {"Launch": STATES["Launch"] | {"Parameters": {}}}})


def test_no_variable_hides_a_function_of_the_query_language() -> None:
    """An unassigned `$error` is JSONata's function, not undefined (npm jsonata 2.2.2, docs.jsonata.org)."""
    assigned = {
        name
        for state in STATES.values()
        for way in [state, *state.get("Choices", []), *state.get("Catch", [])]
        for name in way.get("Assign", {})
    }
    assert assigned
    assert [name for name in sorted(assigned) if jsonata.Jsonata.static_frame.lookup(name) is not None] == []


def test_every_way_leads_to_a_state_that_is_there_and_every_state_is_led_to() -> None:
    reached = {MACHINE["StartAt"]}.union(*(targets(state) for state in STATES.values()))
    assert reached == set(STATES)


def test_every_step_is_used_and_no_placeholder_is_left() -> None:
    assert {task["Arguments"]["FunctionName"] for task in TASKS.values()} == set(ARNS.values())
    assert "${" not in json.dumps(MACHINE)


def test_the_limits_that_a_stack_fills_in_are_those_of_these_tests() -> None:
    assert set(limits(DEV)) == set(LIMITS)


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_way_out_of_a_step_leads_to_termination(name: str) -> None:
    """Success, every error of ours and everything else: the machine is seen to in every outcome."""
    seen, left = set(), {name}
    while left:
        state = left.pop()
        seen.add(state)
        left |= targets(STATES[state]) - seen
    assert "Release" in seen
    if name != "Release":
        assert {"States.ALL"} <= {error for way in TASKS[name]["Catch"] for error in way["ErrorEquals"]}


# Step Functions API reference, SendTaskFailure and TaskFailedEventDetails: `cause` is not required. What is undefined
# would end the execution (developer guide, "Transforming data with JSONata").
@pytest.mark.parametrize("name", sorted(set(TASKS) - {"Release"}))
def test_an_error_without_a_cause_is_caught_like_any_other(name: str) -> None:
    way = WORKFLOW.failed(name, SENT, "Lambda.Unknown", cause=None)
    assert way.variables.get("cause", "") == ""


def test_the_only_end_is_after_termination() -> None:
    assert [name for name, state in STATES.items() if state.get("End")] == ["Release"]


@pytest.mark.parametrize("name", sorted(TASKS))
def test_a_step_that_fails_for_no_reason_of_ours_is_tried_again(name: str) -> None:
    if name == "Finish":
        assert TASKS[name]["Catch"][-1] == {"ErrorEquals": ["States.ALL"], "Next": "Inspect"}
        return
    last = TASKS[name]["Retry"][-1]
    assert last["ErrorEquals"] == ["States.ALL"]
    assert last["MaxAttempts"] >= 3
    assert last["JitterStrategy"] == "FULL"


@pytest.mark.parametrize("name", sorted(TASKS))
def test_a_step_that_lambda_has_no_room_for_is_tried_for_minutes_or_left_to_the_next_look(name: str) -> None:
    """Whatever else runs in the account draws on the same concurrency (Lambda developer guide, "Lambda quotas")."""
    if name == "Finish":
        assert "Retry" not in TASKS[name], "Inspect does its work"
        return
    if name in {"AwaitCompletion", "Inspect"}:
        (way,) = [each for each in TASKS[name]["Catch"] if BUSY in each["ErrorEquals"]]
        assert way["Next"] == {"AwaitCompletion": "Inspect", "Inspect": "Verdict"}[name]
        return
    row = WORKFLOW.retrier(name, BUSY)
    assert row.error_equals == {BUSY}
    assert sum(map(row.delay, range(row.max_attempts))) / 2 > 240, "full jitter makes half of it"


@pytest.mark.parametrize("name", sorted(TASKS))
def test_what_has_a_way_of_its_own_takes_it_at_once_unless_it_is_one_to_try_again(name: str) -> None:
    if name == "Finish":
        return  # nothing is tried again there
    try_again = {"AgentNotOnline", BUSY, *({"Throttled"} if name == "Inspect" else ())}
    own = {one for way in TASKS[name].get("Catch", []) for one in way["ErrorEquals"]} - {"States.ALL"} - try_again
    assert {one: WORKFLOW.retrier(name, one).max_attempts for one in own} == dict.fromkeys(own, 0)


@pytest.mark.parametrize("final", sorted(kind.__name__ for kind in errors.FinalStep.__subclasses__()))
def test_what_trying_again_cannot_help_is_not_tried_again_in_line(final: str) -> None:
    assert WORKFLOW.retrier("Launch", final).max_attempts == 0


@pytest.mark.parametrize("refusal", ["CapacityUnavailable", "QuotaExceeded", "Throttled"])
def test_who_is_refused_a_machine_comes_again_until_the_queue_timeout(refusal: str) -> None:
    retrier = WORKFLOW.retrier("Launch", refusal)
    assert retrier.max_attempts > 24 * 3600, "one a second, for the longest time-out that can be configured"
    assert retrier.max_delay_seconds <= 60


@pytest.mark.parametrize("kind", sorted(launch_step.STEP_ERRORS))
def test_every_refusal_is_one_that_the_launch_state_knows(kind: str) -> None:
    name = launch_step.STEP_ERRORS[kind].__name__
    assert name in WORKFLOW.retrier("Launch", name).error_equals


def test_the_workflow_names_only_errors_that_the_steps_can_raise() -> None:
    named = {
        error
        for task in TASKS.values()
        for row in [*task.get("Retry", []), *task.get("Catch", [])]
        for error in row["ErrorEquals"]
        if not error.startswith("States.")
    }
    assert named <= OURS | {BUSY}


def test_an_error_that_the_workflow_makes_up_itself_has_a_failure_class() -> None:
    made_up = {
        way["Assign"]["error_name"]
        for state in STATES.values()
        for way in [state, *state.get("Choices", []), *state.get("Catch", [])]
        if way.get("Assign", {}).get("error_name") and not way["Assign"]["error_name"].startswith("{%")
    }
    assert made_up == {"UploadExpired", "MachineLost", "TooManyLooks"}
    assert {_CODES[one] for one in made_up} <= set(FAILURES)


def test_every_wait_for_a_callback_is_bounded() -> None:
    waits = {
        name: task["TimeoutSeconds"] for name, task in TASKS.items() if task["Resource"].endswith(".waitForTaskToken")
    }
    assert waits == {
        "Launch": LIMITS["launch_wait"],
        "AwaitCompletion": "{% $interval %}",
        "Finish": LIMITS["termination_wait"],
        "Terminate": LIMITS["termination_wait"],
    }


@pytest.mark.parametrize(("first", "last"), [(1, 3), (4, 6)])
def test_a_run_has_its_number_of_attempts_whatever_the_runs_before_used_up(first: int, last: int) -> None:
    workflow = replace(WORKFLOW, context={"Execution": {"Input": INPUT | {"attempt": first}}})
    assert workflow.chosen("NextAttempt", LOST | {"attempt": last - 1}).next == "Launch"
    assert workflow.chosen("NextAttempt", LOST | {"attempt": last}).next == "RecordError"


def test_a_stack_that_notifies_publishes_who_owns_which_job_and_how_its_run_has_ended() -> None:
    topic = "arn:aws:sns:eu-central-1:123456789012:mayfly-dev-notifications"
    machine = definition(replace(DEV, notify=True), {**{key: str(arn) for key, arn in ARNS.items()}, "topic": topic})
    assert cache(machine) == []
    ended = {"status": "failed", "filename": 'a "b".txt', "error": "script_failed"}
    notify = machine["States"].pop("Notify")
    workflow = StatesLanguage(Definition.model_validate(machine))
    way = workflow.succeeded("Release", LOST, {"Payload": {"terminated": ["i-1"], "job": ended}})
    sent = template(notify["Arguments"])(workflow.scope(way.variables))
    assert (way.next, sent["TopicArn"], sent["Subject"]) == ("Notify", topic, "Mayfly: job failed")
    assert json.loads(sent["Message"]) == {"stack": "dev", "owner": "alice", "job_id": "job", "run": 2, **ended}
