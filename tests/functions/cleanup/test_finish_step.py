from __future__ import annotations

import pytest

from functions.cleanup.finish_step import FinishStep
from functions.cleanup.termination_batcher import TerminationBatcher
from functions.execution.await_step import AwaitStep
from functions.execution.inspect_step import InspectStep
from functions.execution.ports import CommandState, MachineAssignment
from functions.execution.record_step import RecordStep
from functions.jobs.errors import JobEnded, NotFinished, Throttled
from functions.jobs.job import Job, JobStatus
from tests.functions.fakes.job_files import MemoryJobFiles
from tests.functions.fakes.job_table import JOB_ID, RUN, MemoryJobTable, a_job
from tests.functions.fakes.machines import FakeMachines, a_machine
from tests.functions.fakes.tables import new_machine_table
from tests.functions.fakes.workflow import FakeWorkflow

DONE = CommandState("Success", 0, None)


class Finish:
    """The Finish step for a job whose machine `i-1` had command `c-1`, and the result that it stored."""

    def __init__(self, command: CommandState | None = DONE) -> None:
        running = {"status": JobStatus.RUNNING, "attempts": 1, "instance_id": "i-1", "command_id": "c-1"}
        self.jobs = MemoryJobTable(a_job(**running, machines=(a_machine("i-1"),)))
        self.files = MemoryJobFiles({f"outputs/outputs/alice/{JOB_ID}/1/a b.txt": b"result"})
        self.machines = FakeMachines(states={"i-1": "running"}, ends_at_once=False)
        if command is not None:
            self.machines.commands["c-1"] = command
        self.machine_table, self.flow = new_machine_table(), FakeWorkflow()
        self.machine_table.add(MachineAssignment("i-1", "alice", JOB_ID, 1))
        inspect, record = InspectStep(self.jobs, self.machines, 600), RecordStep(self.jobs, self.files, "1.2.3")
        self.answers: list[CommandState] = []  # each is SSM's after a pause
        batcher = TerminationBatcher(self.machine_table, self.machines, (0.4,), self.sleep)
        self.step = FinishStep(inspect, record, self.machine_table, batcher, self.flow, self.sleep)

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds < 5
        for answer in self.answers[:1]:
            self.machines.commands["c-1"] = answer

    def __call__(self) -> list[str]:
        self.step.finish(RUN, 1, "i-1", "c-1", "its-token")
        return self.flow.woken

    def report_end(self) -> list[str]:
        AwaitStep(self.machine_table, self.flow).report("i-1", "terminated", is_end=True)
        return self.flow.woken

    @property
    def job(self) -> Job:
        return self.jobs.only


def test_a_command_that_has_ended_is_recorded_and_its_machine_terminated_and_waited_for() -> None:
    finish = Finish()
    assert finish() == []
    assert (finish.job.status, finish.machines.terminated) == (JobStatus.SUCCEEDED, ["i-1"])
    assert finish.report_end() == ["its-token"]


def test_a_command_that_ssm_shows_as_running_for_a_moment_longer_is_recorded_all_the_same() -> None:
    """GetCommandInvocation is eventually consistent (Systems Manager API reference)."""
    finish = Finish(CommandState("InProgress", -1, None))
    finish.answers = [DONE]
    finish()
    assert (finish.job.status, finish.machines.terminated) == (JobStatus.SUCCEEDED, ["i-1"])


@pytest.mark.parametrize("command", [None, CommandState("InProgress", -1, None), CommandState("Failed", 31, None)])
def test_what_has_not_ended_or_is_not_stored_is_left_as_it_is(command: CommandState | None) -> None:
    finish = Finish(command)
    with pytest.raises(NotFinished, match="c-1 on i-1"):
        finish()
    assert (finish.job.status, finish.machines.terminated, finish.flow.woken) == (JobStatus.RUNNING, [], [])


def test_a_call_that_is_made_again_leaves_the_rest_to_the_steps_for_it() -> None:
    finish = Finish()
    finish.machines.throttles = 2
    with pytest.raises(Throttled):
        finish()
    assert finish.job.status is JobStatus.SUCCEEDED, "the outcome counts before the machine's end"
    with pytest.raises(JobEnded):
        finish()


def test_a_termination_that_ec2_throttles_for_a_moment_is_made_all_the_same() -> None:
    finish = Finish()
    finish.machines.throttles = 1
    assert finish() == []
    assert (finish.machines.terminated, finish.report_end()) == (["i-1"], ["its-token"])


def test_a_machine_that_ended_before_is_not_waited_for() -> None:
    finish = Finish()
    finish.report_end()
    assert finish() == ["its-token"]
    assert finish.machines.terminated == []


def test_a_machine_that_ec2_does_not_know_is_left_to_release() -> None:
    finish = Finish()
    del finish.machines.states["i-1"]
    assert finish() == ["its-token"]
