"""A job's whole way: the workflow's definition, walked state by state, with the real functions over fakes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from functions.aws.run_reader import DynamoRunReader
from functions.cleanup.finish_step import FinishStep
from functions.cleanup.release_step import ReleaseStep
from functions.cleanup.run_machines import RunMachines
from functions.cleanup.terminate_step import TerminateStep
from functions.cleanup.termination_batcher import TerminationBatcher
from functions.execution.await_step import AwaitStep
from functions.execution.dispatch_step import DispatchStep
from functions.execution.inspect_step import InspectStep
from functions.execution.ports import CommandState
from functions.execution.record_step import RecordStep
from functions.jobs.errors import AgentNotOnline, MayflyError
from functions.jobs.job import Job, JobStatus, Run
from functions.orchestrator import await_completion, dispatch, inspect_command, launch, record, release, terminate
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.launch_step import LaunchStep
from functions.submission.submission import Submission
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_files import MemoryJobFiles
from tests.functions.fakes.machine_log import FakeMachineLog
from tests.functions.fakes.tables import new_machine_table
from tests.functions.orchestrator.lambda_context import CONTEXT
from tests.functions.orchestrator.states_language import StatesLanguage, Way
from tests.functions.orchestrator.workflow_definition import ARNS, MACHINE, TASKS, WORKFLOW
from tests.functions.scheduling.waiting_queue import DENIED, FULL, QUEUE_TIMEOUT, WaitingQueue

HANDLERS: dict[str | int, Any] = {
    ARNS["launch"]: launch,
    ARNS["dispatch"]: dispatch,
    ARNS["await_completion"]: await_completion,
    ARNS["inspect"]: inspect_command,
    ARNS["record"]: record,
    ARNS["terminate"]: terminate,
    ARNS["release"]: release,
}
STORED = CommandState("Success", 0, None)
EXPIRED = CommandState("Failed", 31, None)
MAX_STATES = 200


@dataclass
class Execution:
    """One run of one job. `visited` are the states it went through, `before` what happens as one is reached."""

    queue: WaitingQueue
    files: MemoryJobFiles
    submission: Submission
    visited: list[str] = field(default_factory=list)
    before: dict[int, Any] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)  # the execution's input

    @property
    def job(self) -> Job:
        return self.queue.jobs.only

    @property
    def ended(self) -> list[bool]:
        return [machine.terminated_at is not None for machine in self.job.machines]

    def walk(self, run: Run, attempt: int = 1) -> None:
        """Until the execution ends; whatever is tried again is tried again at once."""
        given = {"owner": run.owner, "job_id": run.job_id, "run": run.number, "attempt": attempt}
        self.given = given
        way = Way("Start", MACHINE["StartAt"], {}, given)
        for step in range(MAX_STATES):
            state = way.next
            if state is None:
                return
            self.before.get(step, lambda: None)()
            self.visited.append(state)
            way = self._step(state, way, f"{run.name}/{step}")
        raise AssertionError(f"the execution never ends: {self.visited}")

    def _step(self, state: str, way: Way, token: str) -> Way:
        context = {"Execution": {"Input": self.given}, "State": {"RetryCount": 0}, "Task": {"Token": token}}
        language = replace(WORKFLOW, context=context)
        if state == "Boot":
            return language.waited(state, way.variables)
        if state not in TASKS:
            return language.chosen(state, way.variables)
        error, answer = self._do(language, state, way, token)
        if error is None:
            return language.succeeded(state, way.variables, answer, way.output)
        is_final = error == AgentNotOnline.__name__ or "Retry" not in TASKS[state]
        if is_final or language.retrier(state, error).attempts == 0:
            return language.failed(state, way.variables, error, "why", way.output)
        return way

    def _do(self, language: StatesLanguage, name: str, way: Way, token: str) -> tuple[str | None, Any]:
        """The error's name, or the answer, of one try of a Task."""
        module = HANDLERS[TASKS[name]["Arguments"]["FunctionName"]]
        event = json.loads(json.dumps(language.payload(name, way.variables, way.output)))
        try:
            answer = module.handler(event, CONTEXT)
        except MayflyError as error:
            self.queue.flow.dead.add(token)
            return type(error).__name__, None
        if not TASKS[name]["Resource"].endswith(".waitForTaskToken"):
            return None, {"Payload": json.loads(json.dumps(answer))}
        told = [one for one in self.queue.flow.answers if one.token == token]
        self.queue.flow.dead.add(token)
        if not told:
            return "States.Timeout", None
        return told[0].error, told[0].output


@pytest.fixture
def execution(monkeypatch: pytest.MonkeyPatch) -> Execution:
    """A stack with one queued job; `sends` and `commands` of its machines say how they do."""
    queue = WaitingQueue.of(1)
    files, machine_table = MemoryJobFiles(), new_machine_table()
    whole, reader = LaunchQueue(queue.table, queue.flow), queue.jobs.beside(DynamoRunReader)
    dispatch_step = DispatchStep(
        jobs=queue.jobs,
        queue=queue.table,
        reader=reader,
        machine_table=machine_table,
        machines=queue.machines,
        files=files,
        stack="dev",
        bootstrap="pass",
        payload_sha256="a" * 64,
        script=("./script.py",),
        job_timeout=600,
        transfer_allowance=60,
        online_waits=(),
        sleep=lambda _: None,
        boot_timeout=0,  # no time passes here
    )
    ends = RunMachines(queue.jobs, whole, queue.machines, reader)
    batcher = TerminationBatcher(machine_table, queue.machines, (), lambda _: None)
    inspecting, recording = InspectStep(queue.jobs, queue.machines, 600), RecordStep(queue.jobs, files, "1.2.3")
    cores = {
        (launch, "launch_step"): LaunchStep(queue.jobs, whole, queue.scheduler(), reader),
        (dispatch, "dispatch_step"): dispatch_step,
        (await_completion, "await_step"): AwaitStep(machine_table, queue.flow),
        (inspect_command, "inspect_step"): inspecting,
        (record, "record_step"): recording,
        (record, "finish_step"): FinishStep(inspecting, recording, machine_table, batcher, queue.flow, lambda _: None),
        (terminate, "terminate_step"): TerminateStep(ends, machine_table, batcher),
        (release, "release_step"): ReleaseStep(ends, machine_table),
    }
    for (module, name), core in cores.items():
        monkeypatch.setattr(module, name, lambda core=core: core)
    submission = Submission(queue.jobs, machine_table, files, FakeMachineLog(), whole, 1000, 7, deleted_jobs=queue.jobs)
    return Execution(queue, files, submission)


def stored(execution: Execution, attempt: int) -> None:
    run = execution.queue.runs[0]
    execution.files.s3.put(f"outputs/outputs/alice/{run.job_id}/{attempt}/a b.txt", b"abc\nappended")


def nothing_left(execution: Execution) -> bool:
    """No machine, no slot, no queue entry; every machine there was has the end of its receipt."""
    queue = execution.queue
    return not queue.alive and not queue.table.slots() and not queue.table.oldest(9) and all(execution.ended)


def test_a_job_that_goes_well(execution: Execution) -> None:
    stored(execution, 1)
    execution.queue.machines.sends = ["c-1"]
    execution.queue.machines.commands = {"c-1": STORED}
    execution.walk(execution.queue.runs[0])
    assert execution.job.status is JobStatus.SUCCEEDED
    assert execution.visited == [
        "Launch",
        "Dispatch",
        "AwaitCompletion",
        "Inspect",
        "Verdict",
        "Record",
        "Terminate",
        "Release",
    ]
    assert nothing_left(execution)


def report(execution: Execution) -> None:
    """An event about the first machine."""
    execution.submission.machines.report("i-1", "an event")


def test_a_job_whose_commands_end_is_reported_is_finished_in_one_step(execution: Execution) -> None:
    stored(execution, 1)
    execution.queue.machines.sends = ["c-1"]
    execution.queue.machines.commands = {"c-1": STORED}
    execution.before[2] = lambda: report(execution)
    execution.walk(execution.queue.runs[0])
    assert execution.job.status is JobStatus.SUCCEEDED
    assert execution.visited == ["Launch", "Dispatch", "AwaitCompletion", "Finish", "Release"]
    assert nothing_left(execution)


def test_an_event_that_is_not_the_commands_end_leads_to_a_look(execution: Execution) -> None:
    stored(execution, 1)
    execution.queue.machines.sends = ["c-1"]
    execution.before[2] = lambda: report(execution)
    execution.before[5] = lambda: execution.queue.machines.commands.update({"c-1": STORED})
    execution.walk(execution.queue.runs[0])
    assert execution.visited[3:6] == ["Finish", "Inspect", "Verdict"]
    assert execution.job.status is JobStatus.SUCCEEDED
    assert nothing_left(execution)


def test_a_machine_that_cannot_be_terminated_at_once_is_terminated_by_the_step_for_it(execution: Execution) -> None:
    stored(execution, 1)
    execution.queue.machines.sends = ["c-1"]
    execution.queue.machines.commands = {"c-1": STORED}
    execution.queue.machines.throttles = 1
    execution.before[2] = lambda: report(execution)
    execution.walk(execution.queue.runs[0])
    assert execution.visited[3:] == ["Finish", "Inspect", "Terminate", "Release"]
    assert execution.job.status is JobStatus.SUCCEEDED
    assert nothing_left(execution)


def test_a_job_whose_machine_is_lost_gets_another_one(execution: Execution) -> None:
    stored(execution, 2)
    execution.queue.machines.sends = ["c-1", "c-2"]
    execution.queue.machines.commands = {"c-2": STORED}
    execution.before[2] = lambda: execution.queue.machines.states.update({"i-1": "terminated"})
    execution.walk(execution.queue.runs[0])
    assert execution.job.status is JobStatus.SUCCEEDED
    assert (execution.job.attempts, len(execution.ended)) == (2, 2)
    assert execution.visited.count("DropMachine") == 1
    assert nothing_left(execution)


def test_a_job_that_loses_every_machine_fails_and_can_be_tried_again(execution: Execution) -> None:
    queue, run = execution.queue, execution.queue.runs[0]
    queue.machines.sends = ["c-1", "c-2", "c-3", "c-4"]
    queue.machines.commands = {"c-4": STORED}

    def lose_machines() -> None:
        queue.machines.states.update({one: "terminated" for one in queue.machines.states if one != "i-4"})

    execution.before = dict.fromkeys(range(MAX_STATES), lose_machines)
    execution.walk(run)
    assert execution.job.status is JobStatus.FAILED
    assert execution.job.error
    assert (execution.job.error.code, execution.job.attempts) == ("machine_lost", 3)
    assert nothing_left(execution)

    stored(execution, 4)
    execution.files.upload(f"inputs/alice/{run.job_id}/a b.txt")
    again = execution.submission.retry(run.owner, run.job_id)
    execution.walk(again.this_run, again.attempts + 1)
    assert (execution.job.status, execution.job.run) == (JobStatus.SUCCEEDED, 2)
    assert [(one.run, one.attempt) for one in execution.job.machines] == [(1, 1), (1, 2), (1, 3), (2, 4)]
    assert nothing_left(execution)


def test_a_job_whose_machines_never_come_online_fails_with_its_machines_ended(execution: Execution) -> None:
    execution.queue.machines.sends = [AgentNotOnline("not yet")] * 6  # before each wait and after it
    execution.walk(execution.queue.runs[0])
    assert execution.job.error
    assert (execution.job.error.code, len(execution.ended)) == ("boot_timeout", 3)
    assert nothing_left(execution)


def test_a_job_waits_until_there_is_room(execution: Execution) -> None:
    stored(execution, 1)
    execution.queue.machines.answers = [FULL, FULL]
    execution.queue.machines.sends = ["c-1"]
    execution.queue.machines.commands = {"c-1": STORED}
    execution.walk(execution.queue.runs[0])
    assert execution.visited[:4] == ["Launch", "Launch", "Launch", "Dispatch"]
    assert execution.job.status is JobStatus.SUCCEEDED
    assert nothing_left(execution)


def test_a_job_that_gets_no_room_in_time_fails_and_makes_way(execution: Execution, stopped_clock: StoppedClock) -> None:
    execution.queue.machines.answers = [FULL] * 9
    execution.before = dict.fromkeys(range(1, 9), lambda: stopped_clock.go_on(QUEUE_TIMEOUT.total_seconds() / 2))
    execution.walk(execution.queue.runs[0])
    assert execution.job.error
    assert execution.job.error.code == "queue_timeout"
    assert execution.visited[-3:] == ["RecordError", "Terminate", "Release"]
    assert nothing_left(execution)


def test_a_launch_that_is_refused_for_good_fails_the_job_at_once(execution: Execution) -> None:
    execution.queue.machines.answers = [DENIED]
    execution.walk(execution.queue.runs[0])
    assert execution.visited == ["Launch", "RecordError", "Terminate", "Release"]
    assert execution.job.error
    assert execution.job.error.code == "launch_refused"
    assert nothing_left(execution)


@pytest.mark.parametrize(
    ("step", "cancelled_in"), [(0, "Launch"), (1, "Dispatch"), (2, "AwaitCompletion"), (3, "Inspect")]
)
def test_a_job_cancelled_on_its_way_leaves_nothing_behind(execution: Execution, step: int, cancelled_in: str) -> None:
    run = execution.queue.runs[0]
    execution.queue.machines.sends = ["c-1"]
    execution.before[step] = lambda: execution.submission.cancel(run.owner, run.job_id)
    execution.walk(run)
    assert execution.visited[step] == cancelled_in
    assert execution.visited[-1] == "Release"
    assert execution.job.status is JobStatus.CANCELLED
    assert len(execution.job.machines) == (0 if cancelled_in == "Launch" else 1)
    assert nothing_left(execution)


def test_a_result_that_came_too_late_is_stored_by_a_second_command(execution: Execution) -> None:
    stored(execution, 1)
    execution.queue.machines.sends = ["c-1", "c-2"]
    execution.queue.machines.commands = {"c-1": EXPIRED, "c-2": STORED}
    execution.walk(execution.queue.runs[0])
    assert execution.job.status is JobStatus.SUCCEEDED
    uploads = ["--upload-only" in script for _, script, _ in execution.queue.machines.sent]
    assert uploads == [False, True]
    assert nothing_left(execution)


def test_a_result_that_always_comes_too_late_is_given_up(execution: Execution) -> None:
    execution.queue.machines.sends = [f"c-{number}" for number in range(9)]
    execution.queue.machines.commands = {f"c-{number}": EXPIRED for number in range(9)}
    execution.walk(execution.queue.runs[0])
    assert execution.job.error
    assert execution.job.error.code == "output_not_stored"
    assert len(execution.queue.machines.sent) == 4
    assert nothing_left(execution)


def test_a_result_that_a_later_attempt_could_not_store_is_stored_by_that_attempt(execution: Execution) -> None:
    stored(execution, 2)
    execution.queue.machines.sends = ["c-1", "c-2", "c-3"]
    execution.queue.machines.commands = {"c-1": EXPIRED, "c-3": STORED}
    execution.before[6] = lambda: execution.queue.machines.states.update({"i-1": "terminated"})
    execution.walk(execution.queue.runs[0])
    assert execution.job.status is JobStatus.SUCCEEDED
    uploads = ["--upload-only" in script for _, script, _ in execution.queue.machines.sent]
    assert uploads == [False, True, False], "the new machine has nothing to store yet"
    assert nothing_left(execution)
