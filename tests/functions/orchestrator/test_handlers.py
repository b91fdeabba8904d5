from __future__ import annotations

import json
from threading import Barrier
from typing import Any

import pytest

from functions.aws.machine_table import DynamoMachineTable
from functions.cleanup.sweeper import Sweeper
from functions.execution.await_step import AwaitStep
from functions.execution.inspect_step import InspectStep
from functions.execution.ports import CommandState, MachineAssignment
from functions.execution.record_step import RecordStep
from functions.jobs.job import JobStatus, Run
from functions.orchestrator import (
    await_completion,
    events,
    inspect_command,
    launch,
    record,
    stream,
    sweep,
)
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.ports import QueueEntry, Slot
from functions.scheduling.scheduler import Assignment
from simulation.dynamodb import TABLE, DynamoDb
from simulation.metrics import SimulatedMetrics
from tests.functions.fakes.job_files import MemoryJobFiles
from tests.functions.fakes.job_table import JOB_ID, OTHER_ID, RUN, MemoryJobTable, a_job
from tests.functions.fakes.machines import FakeMachines, a_machine
from tests.functions.fakes.sweeper import a_sweeper
from tests.functions.fakes.tables import new_scheduling_table
from tests.functions.fakes.workflow import FakeWorkflow
from tests.functions.orchestrator.lambda_context import CONTEXT

WHO = {"owner": "alice", "job_id": JOB_ID, "run": 1}


def record_of(job_id: str, sequence: str = "1", *, run: int = 1, attempts: int = 0) -> dict[str, Any]:
    image = {
        "owner": {"S": "alice"},
        "id": {"S": job_id},
        "run": {"N": str(run)},
        "attempts": {"N": str(attempts)},
        "status": {"S": "queued"},
    }
    return {"eventName": "INSERT", "dynamodb": {"NewImage": image, "SequenceNumber": sequence}}


def test_every_record_of_a_batch_starts_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = FakeWorkflow()
    monkeypatch.setattr(stream, "workflow", lambda: workflow)
    answer = stream.handler({"Records": [record_of(JOB_ID, "1"), record_of(OTHER_ID, "2")]}, CONTEXT)
    assert workflow.started == [(RUN, 1), (Run("alice", OTHER_ID), 1)]
    assert answer == {"batchItemFailures": []}


def test_a_retried_job_starts_its_next_run_with_the_attempt_after_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = FakeWorkflow()
    monkeypatch.setattr(stream, "workflow", lambda: workflow)
    retried = record_of(JOB_ID, "1", run=2, attempts=3)
    stream.handler({"Records": [retried, retried]}, CONTEXT)
    assert workflow.started == [(Run("alice", JOB_ID, 2), 4)]


def test_a_record_that_fails_is_answered_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(FakeWorkflow):
        def start(self, run: Run, attempt: int) -> None:
            if run.job_id == OTHER_ID:
                raise RuntimeError("no")
            super().start(run, attempt)

    workflow = Broken()
    monkeypatch.setattr(stream, "workflow", lambda: workflow)
    monkeypatch.setattr(stream, "metrics", SimulatedMetrics)
    answer = stream.handler({"Records": [record_of(OTHER_ID, "1"), record_of(JOB_ID, "2")]}, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert workflow.started == [(RUN, 1)]


def test_what_a_machine_reports_gets_from_inspect_into_the_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    table = MemoryJobTable(a_job(status=JobStatus.RUNNING, attempts=1))
    files = MemoryJobFiles({f"outputs/outputs/alice/{JOB_ID}/1/a b.txt": b"result"})
    report = {"input": {"size": 3, "sha256": "a" * 64}, "output": {"size": 6, "sha256": "b" * 64}, "python": "3.9.25"}
    machines = FakeMachines(commands={"c-1": CommandState("Success", 0, report)})
    monkeypatch.setattr(inspect_command, "inspect_step", lambda: InspectStep(table, machines, 600))
    monkeypatch.setattr(record, "record_step", lambda: RecordStep(table, files, "1.2.3"))
    outcome = inspect_command.handler({**WHO, "instance_id": "i-1", "command_id": "c-1"}, CONTEXT)
    by_wire = json.loads(json.dumps(outcome))
    assert record.handler({**WHO, "attempt": 1, "outcome": by_wire}, CONTEXT) == {"status": "succeeded"}
    ((_, body),) = files.manifests
    told = json.loads(body)
    assert (told["input"]["sha256"], told["output"]["sha256"], told["python"]) == ("a" * 64, "b" * 64, "3.9.25")


@pytest.mark.parametrize(
    ("kind", "detail", "event_name"),
    [
        ("EC2 Command Invocation Status-change Notification", {"status": "Success"}, "Success"),
        ("EC2 Instance State-change Notification", {"state": "terminated"}, "terminated"),
        ("EC2 Spot Instance Interruption Warning", {"instance-action": "terminate"}, "terminate"),
    ],
)
def test_a_machine_event_is_stored_while_no_workflow_waits_and_wakes_one_that_does(
    monkeypatch: pytest.MonkeyPatch, kind: str, detail: dict[str, str], event_name: str
) -> None:
    db, workflow = DynamoDb(), FakeWorkflow()
    table = DynamoMachineTable(db.client, TABLE)
    for instance_id in ("i-1", "i-2"):
        table.add(MachineAssignment(instance_id, "alice", JOB_ID, 1))
    await_step = AwaitStep(table, workflow)
    monkeypatch.setattr(await_completion, "await_step", lambda: await_step)
    monkeypatch.setattr(events, "await_step", lambda: await_step)
    events.handler({"detail-type": kind, "detail": {"instance-id": "i-1", **detail}}, CONTEXT)
    assert db.items["#machine", "i-1"]["event"] == {"S": f"{kind}: {event_name}"}
    await_completion.handler({"job_id": JOB_ID, "instance_id": "i-2", "task_token": "token"}, CONTEXT)
    assert workflow.woken == []
    events.handler({"detail-type": kind, "detail": {"instance-id": "i-2", **detail}}, CONTEXT)
    assert workflow.woken == ["token"]


@pytest.fixture
def sweeper(monkeypatch: pytest.MonkeyPatch) -> Sweeper:
    flow = FakeWorkflow(states={JOB_ID: "ABORTED"})
    made = a_sweeper(
        MemoryJobTable(a_job(status=JobStatus.RUNNING)),
        LaunchQueue(new_scheduling_table(), flow),
        FakeMachines(states={"i-1": "running"}, ends_at_once=False),
    )
    made.queue.table.grant_slots([Slot(RUN, a_machine("i-1"))])
    monkeypatch.setattr(sweep, "sweeper", lambda: made)
    return made


def test_a_workflow_that_ended_badly_is_seen_to_by_the_input_that_it_had(sweeper: Sweeper) -> None:
    given = {"owner": "alice", "job_id": JOB_ID, "run": 1, "attempt": 1}
    event = {
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"input": json.dumps(given), "status": "ABORTED"},
    }
    assert _found(sweep.handler(event, CONTEXT)) == {"ended": [JOB_ID], "terminated": ["i-1"]}


def _found(report: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: ids for name, ids in report.items() if ids}


def test_a_sweep_on_schedule_looks_at_everything(sweeper: Sweeper) -> None:
    event = {"detail-type": "Scheduled Event"}
    assert _found(sweep.handler(event, CONTEXT)) == {"ended": [JOB_ID], "terminated": ["i-1"]}


def test_machines_are_handed_out_several_at_a_time() -> None:
    meet = Barrier(2, timeout=120)
    assignments = [(QueueEntry(RUN, 1, "token", "now"), Slot(RUN, a_machine(f"i-{number}"))) for number in range(2)]
    launch.for_each(lambda _: meet.wait(), assignments)
    assert not meet.broken, "each waited until the other had begun"


def test_a_machine_that_could_not_be_handed_out_is_an_error() -> None:
    def fail(_: Assignment) -> None:
        raise LookupError("no ticket")

    with pytest.raises(LookupError, match="no ticket"):
        launch.for_each(fail, [(QueueEntry(RUN, 1, "token", "now"), Slot(RUN, a_machine()))])
