"""What a state of the workflow sends is what its function reads and works with, and so is the function's answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest

from functions.cleanup.release_step import Released
from functions.execution.dispatch_step import BootWait
from functions.execution.outcome import Outcome
from functions.jobs.job import JobStatus, Run, TimelineEvent
from functions.orchestrator import await_completion, dispatch, inspect_command, launch, record, release, terminate
from tests.functions.fakes.job_table import a_job
from tests.functions.orchestrator.lambda_context import CONTEXT
from tests.functions.orchestrator.states_language import INPUT
from tests.functions.orchestrator.workflow_definition import TASKS, WORKFLOW

# Each value is another one, so that none can be taken for another.
OUTCOME = Outcome("finished", "script_failed", "exit code 3", (TimelineEvent("script_started", "then", "It runs."),))
VARIABLES: dict[str, Any] = {
    "attempt": 4,
    "instance_id": "i-1",
    "command_id": "c-1",
    "stored_after": "c-0",
    "online_at": "2026-01-31T09:15:20.000Z",
    "poll_seconds": 20,
    "interval": 60,
    "outcome": asdict(OUTCOME),
    "error_name": "MachineLost",
    "cause": "it was gone",
}
RUN = Run("alice", "job", 2)


class ReadKeys(dict[str, Any]):
    """An event that remembers which of its keys were read."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        super().__init__(event)
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.read.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.read.add(key)
        return super().get(key, default)


@dataclass
class StandIn:
    """In the place of a step's core: keeps the one call that is made of it."""

    answer: Any
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            self.calls.append((name, *given))
            return self.answer

        return call


@dataclass(frozen=True)
class Contract:
    """A state's function: where it gets its core, what that answers, and how it shall be called for VARIABLES."""

    module: ModuleType
    core: str
    answer: Any
    call: tuple[Any, ...]


JOB = a_job(status=JobStatus.FAILED)
BOOT_WAIT = BootWait(20.0, datetime(2026, 1, 31, 9, 15, 20, tzinfo=UTC))
RELEASE = Contract(release, "release_step", Released(RUN, ["i-1"], JOB), ("release", RUN, "i-1", None))
CONTRACTS = {
    "Launch": Contract(launch, "launch_step", None, ("run", RUN, 4, "the-token", 8, 2)),
    "Dispatch": Contract(dispatch, "dispatch_step", "c-1", ("dispatch", RUN, 4, "i-1", BOOT_WAIT, "c-0")),
    "AwaitCompletion": Contract(await_completion, "await_step", None, ("store_token", "i-1", "the-token")),
    "Inspect": Contract(inspect_command, "inspect_step", OUTCOME, ("inspect", RUN, "i-1", "c-1")),
    "Finish": Contract(record, "finish_step", None, ("finish", RUN, 4, "i-1", "c-1", "the-token")),
    "Record": Contract(record, "record_step", JOB, ("finished", RUN, 4, OUTCOME)),
    "RecordError": Contract(record, "record_step", JOB, ("broken", RUN, "MachineLost", "it was gone")),
    "DropMachine": RELEASE,
    "Terminate": Contract(terminate, "terminate_step", None, ("terminate", RUN, "i-1", "the-token")),
    "Release": RELEASE,
}


@dataclass(frozen=True)
class Ran:
    """One run of a state's function: the event it got, the calls of its core, and what it answered."""

    event: ReadKeys
    calls: list[tuple[Any, ...]]
    answer: Any


def run(patch: pytest.MonkeyPatch, state: str, **variables: Any) -> Ran:
    contract = CONTRACTS[state]
    core = StandIn(contract.answer)
    patch.setattr(contract.module, contract.core, lambda: core)
    event = ReadKeys(WORKFLOW.payload(state, VARIABLES | variables, INPUT | {"asks": 5}))
    return Ran(event, core.calls, contract.module.handler(event, CONTEXT))


def test_every_task_has_its_contract() -> None:
    assert set(CONTRACTS) == set(TASKS)


@pytest.mark.parametrize("state", sorted(CONTRACTS))
def test_a_function_reads_what_its_state_sends_and_nothing_else(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    event = run(monkeypatch, state).event
    assert event.read == set(event), "sent and not read, or read and not sent"


@pytest.mark.parametrize("state", sorted(CONTRACTS))
def test_a_function_passes_on_what_its_state_sends_and_answers_json(
    monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    ran = run(monkeypatch, state)
    assert ran.calls == [CONTRACTS[state].call]
    json.dumps(ran.answer)


@pytest.mark.parametrize(
    ("state", "variables", "call"),
    [
        ("Dispatch", {"stored_after": ""}, ("dispatch", RUN, 4, "i-1", BOOT_WAIT, None)),
        ("Terminate", {"instance_id": ""}, ("terminate", RUN, None, "the-token")),
        ("Release", {"instance_id": ""}, ("release", RUN, None, None)),
    ],
)
def test_what_is_empty_in_the_workflow_is_nothing_to_the_core(
    monkeypatch: pytest.MonkeyPatch, state: str, variables: dict[str, str], call: tuple[Any, ...]
) -> None:
    assert run(monkeypatch, state, **variables).calls == [call]


def test_release_gets_what_ec2_reported_to_the_wait_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    core = StandIn(RELEASE.answer)
    monkeypatch.setattr(release, "release_step", lambda: core)
    for wait in ("Finish", "Terminate"):
        way = WORKFLOW.succeeded(wait, VARIABLES, {"ended": "i-1"})
        release.handler(WORKFLOW.payload(str(way.next), way.variables, way.output), CONTEXT)
    assert core.calls == [("release", RUN, "i-1", "i-1")] * 2


def test_a_workflow_whose_context_says_nothing_of_redrives_was_not_redriven() -> None:
    workflow = replace(
        WORKFLOW, context={"Execution": {"Input": INPUT}, "State": {"RetryCount": 0}, "Task": {"Token": "t"}}
    )
    assert workflow.payload("Launch", VARIABLES)["redrives"] == 0


def test_whole_numbers_stay_whole_whatever_json_made_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    core = StandIn(None)
    monkeypatch.setattr(launch, "launch_step", lambda: core)
    given = {**INPUT, "run": 2.0, "attempt": 4.0, "asks": 5.0}
    context = {**WORKFLOW.context, "Execution": {"Input": given, "RedriveCount": 2.0}}
    launch.handler(replace(WORKFLOW, context=context).payload("Launch", {}, given), CONTEXT)
    ((_, called, attempt, _, asks, redrives),) = core.calls
    assert [type(number) for number in (called.number, attempt, asks, redrives)] == [int] * 4


@pytest.mark.parametrize(
    ("state", "assigned"),
    [
        ("Dispatch", {"command_id": "c-1"}),
        ("Inspect", {"outcome": asdict(OUTCOME) | {"events": (asdict(OUTCOME.events[0]),)}}),
    ],
)
def test_the_workflow_finds_what_it_looks_for_in_a_functions_answer(
    monkeypatch: pytest.MonkeyPatch, state: str, assigned: dict[str, Any]
) -> None:
    answer = run(monkeypatch, state).answer
    way = WORKFLOW.succeeded(state, VARIABLES | {"command_id": "c-0", "outcome": {}}, {"Payload": answer})
    assert way.variables == VARIABLES | {"command_id": "c-0", "outcome": {}} | assigned
