from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest

from functions.aws.run_reader import DynamoRunReader
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.cleanup.release_step import VERIFIED_BY_WORKFLOW, ReleaseStep
from functions.cleanup.run_machines import RunMachines
from functions.execution.ports import MachineAssignment
from functions.jobs.clock import rfc3339
from functions.jobs.errors import MachineStillAlive
from functions.jobs.job import Job, JobError, JobStatus, Run
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.ports import QueueEntry, Slot
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_table import JOB_ID, OTHER_ID, RUN, MemoryJobTable, a_job
from tests.functions.fakes.machines import FakeMachines, a_machine
from tests.functions.fakes.tables import new_machine_table
from tests.functions.fakes.workflow import FakeWorkflow

FAILED = JobError("script_failed", "what the script wrote", "advice")
RUNNING = {"status": JobStatus.RUNNING, "attempts": 2, "instance_id": "i-1", "command_id": "c-1"}


class Release:
    """The Release step for a run, whose job may know of machines, and another run that waits in the queue."""

    def __init__(self, *machines: str, states: dict[str, str] | None = None, **facts: object) -> None:
        records = tuple(a_machine(one) for one in machines)
        self.reported: str | None = None  # the machine whose end the workflow has heard of
        self.jobs = MemoryJobTable(a_job(**{**RUNNING, "machines": records, **facts}))
        self.table, self.flow = self.jobs.beside(DynamoSchedulingTable), FakeWorkflow()
        self.machines = FakeMachines(states=states or {})
        self.table.enqueue(Run("bob", OTHER_ID), 1, "bobs-token")
        self.machine_table, self.reader = new_machine_table(), self.jobs.beside(DynamoRunReader)
        self.ends = RunMachines(self.jobs, LaunchQueue(self.table, self.flow), self.machines, self.reader)

    def __call__(self, instance_id: str | None = "i-1", run: Run = RUN) -> list[str]:
        self.released = ReleaseStep(self.ends, self.machine_table).release(run, instance_id, self.reported)
        return self.released.machines

    @property
    def job(self) -> Job:
        return self.jobs.only

    @property
    def ended(self) -> list[str]:
        return [one.instance_id for one in self.job.machines if one.terminated_at]


def test_a_machine_seen_terminated_gets_the_end_of_its_receipt(stopped_clock: StoppedClock) -> None:
    release = Release("i-1", states={"i-1": "running"})
    assert release() == ["i-1"]
    (machine,) = release.job.machines
    assert (machine.terminated_at, machine.verified) == (rfc3339(stopped_clock.moment), VERIFIED_BY_WORKFLOW)
    assert [event.event for event in release.job.timeline] == ["machine_terminated"]
    assert release.machines.terminated == ["i-1"]


def test_the_slot_is_free_for_the_next_entry_once_its_machine_is_seen_terminated() -> None:
    release = Release("i-1", states={"i-1": "running"})
    release.table.grant_slots([Slot(RUN, a_machine("i-1"))])
    release.machines.ends_at_once = False
    with pytest.raises(MachineStillAlive, match="i-1"):
        release()
    assert len(release.table.slots()) == 1
    assert release.flow.answers == []
    release.machines.states["i-1"] = "terminated"
    release()
    assert release.table.slots() == []
    assert release.flow.failed == [("bobs-token", "CapacityAvailable")]


def test_a_slot_that_was_granted_until_the_run_left_the_queue_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    release = Release(states={"i-9": "terminated"})
    remove = release.table.remove

    def assigned_right_before(run: Run, attempt: int | None = None) -> QueueEntry | None:
        release.table.grant_slots([Slot(RUN, a_machine("i-9"))])
        return remove(run, attempt)

    release.table.enqueue(RUN, 1, "token")
    monkeypatch.setattr(release.table, "remove", assigned_right_before)
    assert release(None) == ["i-9"]
    assert (release.table.entry(RUN), release.table.slots()) == (None, [])


@pytest.mark.parametrize(
    ("facts", "run", "expected"),
    [
        ({"status": JobStatus.SUCCEEDED}, RUN, ("succeeded", "a b.txt", "")),
        ({"status": JobStatus.FAILED, "error": FAILED}, RUN, ("failed", "a b.txt", "script_failed")),
        ({"status": JobStatus.CANCELLED, "error": FAILED}, RUN, ("cancelled", "a b.txt", "")),
        ({"status": JobStatus.QUEUED, "run": 2}, RUN, ("retried", "a b.txt", "")),
        ({"status": JobStatus.RUNNING}, RUN, ("unknown", "a b.txt", "")),  # its outcome could not be written
        ({}, Run("alice", OTHER_ID), ("unknown", "", "")),
    ],
)
def test_how_the_run_has_ended_is_told_without_anything_that_a_user_or_script_wrote(
    facts: dict[str, Any], run: Run, expected: tuple[str, str, str]
) -> None:
    release = Release(**facts)
    release(None, run)
    assert release.released.summary() == dict(zip(("status", "filename", "error"), expected, strict=True))


def test_a_machine_whose_launch_did_not_get_into_the_record_is_known_from_its_slot() -> None:
    release = Release(states={"i-9": "pending"}, status=JobStatus.CANCELLED)
    release.table.grant_slots([Slot(RUN, a_machine("i-9"))])
    assert release(None) == ["i-9"]
    assert release.machines.terminated == ["i-9"]
    assert release.ended == ["i-9"], "it has its receipt all the same"
    assert release.table.slots() == []


def test_a_slot_that_went_to_another_machine_is_freed_with_that_one() -> None:
    release = Release("i-1", states={"i-1": "terminated", "i-2": "running"})
    release.table.grant_slots([Slot(RUN, a_machine("i-2"))])
    assert release("i-1") == ["i-1", "i-2"]
    assert release.table.slots() == []
    assert release.machines.terminated == ["i-2"]


def test_only_the_machines_of_the_run_are_looked_at() -> None:
    old = a_machine("i-0", run=1).ended("2026-01-31T09:20:00.000Z", "seen")
    release = Release(
        states={"i-1": "running"}, machines=(old, a_machine("i-1", run=2), a_machine("i-x", run=3)), run=2
    )
    assert release("i-1", Run("alice", JOB_ID, 2)) == ["i-1"]
    assert release.machines.terminated == ["i-1"]
    assert release.job.machines[0] == old


def test_a_machine_that_has_the_end_of_its_receipt_is_not_asked_about_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = a_machine("i-1").ended("2026-01-31T09:20:00.000Z", "the sweeper saw it")
    release = Release(machines=(ended,))
    asked: list[str] = []
    monkeypatch.setattr(release.machines, "instance_state", asked.append)
    assert release("i-1") == ["i-1"]
    assert (asked, release.job.machines) == ([], (ended,))


def test_a_job_without_machines_leaves_the_queue_and_makes_way_for_the_next() -> None:
    release = Release()
    release.table.enqueue(RUN, 1, "token")
    assert release(None) == []
    assert [entry.run.owner for entry in release.table.oldest(9)] == ["bob"]
    assert release.machines.terminated == []
    assert release.flow.failed == [("bobs-token", "CapacityAvailable")]


@pytest.mark.parametrize("to_the_wait", [True, False])
def test_an_end_that_ec2_reported_is_believed_without_asking(
    to_the_wait: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Release("i-1", states={"i-1": "running"})
    if to_the_wait:
        release.reported = "i-1"
    else:
        release.machine_table.add(MachineAssignment("i-1", "alice", JOB_ID, 1))
        release.machine_table.report("i-1", "terminated", is_end=True)
    asked: list[str] = []
    monkeypatch.setattr(release.machines, "instance_state", asked.append)
    assert release() == ["i-1"]
    assert (asked, release.ended) == ([], ["i-1"])


def test_an_end_that_was_reported_says_nothing_of_the_runs_other_machines() -> None:
    release = Release("i-1", "i-2", states={"i-1": "terminated", "i-2": "running"})
    release.machines.ends_at_once, release.reported = False, "i-1"
    with pytest.raises(MachineStillAlive, match=r"^i-2 not"):
        release()


def test_releasing_twice_is_the_same_as_once() -> None:
    release = Release("i-1", states={"i-1": "running"})
    assert release() == ["i-1"]
    once = release.job
    assert release() == ["i-1"]
    assert release.job == once


@pytest.mark.parametrize(("minutes", "is_gone"), [(1, False), (31, True)], ids=["too new to be known", "forgotten"])
def test_a_machine_that_ec2_does_not_know_is_gone_unless_it_is_new(
    stopped_clock: StoppedClock, minutes: int, *, is_gone: bool
) -> None:
    launched = rfc3339(stopped_clock.moment - timedelta(minutes=minutes))
    release = Release(machines=(a_machine("i-1", launched_at=launched),))
    with nullcontext() if is_gone else pytest.raises(MachineStillAlive):
        release()
    assert release.ended == ["i-1"] * is_gone
