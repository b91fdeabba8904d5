from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from functions.jobs.ending import Recording, Terminating
from functions.jobs.errors import AgentNotOnline
from functions.jobs.job import JobStatus
from functions.jobs.launching import Launching, candidates
from functions.jobs.ports import CommandState, LaunchedInstance, Machine
from functions.jobs.running import Awaiting, Inspecting
from functions.orchestrator import await_completion, events, inspect_command, launch, record, stream, terminate
from tests.functions.fakes import (
    JOB_ID,
    OTHER_ID,
    FakeJobFiles,
    FakeJobTable,
    FakeMachines,
    FakeMachineTable,
    FakeWorkflow,
    a_job,
)

CONTEXT: Any = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=256,
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:f",
    aws_request_id="r",
    get_remaining_time_in_millis=lambda: 60_000,
)
WHO = {"owner": "alice", "job_id": JOB_ID}


def record_of(job_id: str, sequence: str = "1") -> dict[str, Any]:
    keys = {"owner": {"S": "alice"}, "id": {"S": job_id}}
    return {"eventName": "INSERT", "dynamodb": {"Keys": keys, "SequenceNumber": sequence}}


def test_every_record_of_a_batch_starts_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = FakeWorkflow()
    monkeypatch.setattr(stream, "workflow", lambda: workflow)
    answer = stream.handler({"Records": [record_of(JOB_ID, "1"), record_of(OTHER_ID, "2")]}, CONTEXT)
    assert workflow.started == [("alice", JOB_ID), ("alice", OTHER_ID)]
    assert answer == {"batchItemFailures": []}


def test_a_record_that_fails_is_answered_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(FakeWorkflow):
        def start(self, owner: str, job_id: str) -> None:
            if job_id == OTHER_ID:
                raise RuntimeError("no")
            super().start(owner, job_id)

    workflow = Broken()
    monkeypatch.setattr(stream, "workflow", lambda: workflow)
    answer = stream.handler({"Records": [record_of(OTHER_ID, "1"), record_of(JOB_ID, "2")]}, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert workflow.started == [("alice", JOB_ID)]


def test_launch_answers_what_the_workflow_assigns(monkeypatch: pytest.MonkeyPatch) -> None:
    machines = FakeMachines(launches=[LaunchedInstance("i-1", "z", "ami-1")])
    step = Launching(
        FakeJobTable.of(a_job()), FakeMachineTable(), machines, candidates(["on-demand"], ["t"], ["s"]), "d"
    )
    monkeypatch.setattr(launch, "launching", lambda: step)
    answer = launch.handler({**WHO, "attempt": 1}, CONTEXT)
    assert answer == {"instance_id": "i-1", "zone": "z", "image_id": "ami-1"}


def test_what_inspect_answers_is_what_record_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeJobTable.of(a_job(status=JobStatus.RUNNING, attempts=1))
    report = {"exit_code": 3, "events": [{"event": "script_started", "at": "2026-01-31T09:15:09.000Z"}]}
    machines = FakeMachines(commands={"c-1": CommandState("Failed", 10, report)})
    monkeypatch.setattr(inspect_command, "inspecting", lambda: Inspecting(table, machines))
    monkeypatch.setattr(record, "recording", lambda: Recording(table, FakeJobFiles()))
    outcome = inspect_command.handler({**WHO, "instance_id": "i-1", "command_id": "c-1"}, CONTEXT)
    assert record.handler({**WHO, "attempt": 1, "outcome": outcome}, CONTEXT) == {"status": "failed"}
    assert [event.event for event in table.only.timeline] == ["script_started", "failed"]


def test_record_takes_a_workflow_error(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeJobTable.of(a_job(status=JobStatus.LAUNCHING))
    monkeypatch.setattr(record, "recording", lambda: Recording(table, FakeJobFiles()))
    assert record.handler({**WHO, "error": "LaunchRefused", "cause": "no"}, CONTEXT) == {"status": "failed"}
    assert table.only.error
    assert table.only.error.code == "launch_refused"


def test_an_error_of_a_step_reaches_the_workflow_under_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AgentNotOnline("not yet")

    monkeypatch.setattr(terminate, "terminating", refuse)
    with pytest.raises(AgentNotOnline):
        terminate.handler({**WHO, "instance_id": ""}, CONTEXT)


def test_terminate_takes_no_instance_where_none_was_launched(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Terminating(FakeJobTable.of(a_job()), FakeMachines())
    monkeypatch.setattr(terminate, "terminating", lambda: step)
    assert terminate.handler({**WHO, "instance_id": ""}, CONTEXT) == {"terminated": []}


@pytest.mark.parametrize(
    ("kind", "detail", "news"),
    [
        ("EC2 Command Invocation Status-change Notification", {"status": "Success"}, "Success"),
        ("EC2 Instance State-change Notification", {"state": "terminated"}, "terminated"),
        ("EC2 Spot Instance Interruption Warning", {"instance-action": "terminate"}, "terminate"),
    ],
)
def test_an_event_about_a_machine_wakes_who_waits_for_it(
    monkeypatch: pytest.MonkeyPatch, kind: str, detail: dict[str, str], news: str
) -> None:
    table, workflow = FakeMachineTable(), FakeWorkflow()
    table.add(Machine("i-1", "alice", JOB_ID, 1))
    awaiting = Awaiting(table, workflow)
    monkeypatch.setattr(await_completion, "awaiting", lambda: awaiting)
    monkeypatch.setattr(events, "awaiting", lambda: awaiting)
    await_completion.handler({**WHO, "instance_id": "i-1", "task_token": "token"}, CONTEXT)
    events.handler({"detail-type": kind, "detail": {"instance-id": "i-1", **detail}}, CONTEXT)
    assert workflow.woken == ["token"]
    assert table.news["i-1"] == f"{kind}: {news}"
