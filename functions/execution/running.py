"""The steps while a machine is at work: Dispatch sends the command, Await parks, Inspect reads how it went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from functions.execution.machine_command import Spec, machine_command, sha256_hex
from functions.execution.machine_report import CLOCK_SKEW, MachineReport
from functions.execution.ports import CommandState, MachineAssignment, Machines, MachineTable
from functions.jobs import clock
from functions.jobs.clock import now
from functions.jobs.errors import AgentNotOnline, JobEnded, MachineLost
from functions.jobs.job import Job, JobStatus, MachineReceipt, Program, Run, TimelineEvent
from functions.jobs.ports import JobFiles, JobTable, Workflow
from functions.jobs.provenance import Reported
from functions.jobs.run_guard import open_job, require_active
from functions.jobs.s3_keys import output_key, spec_key
from functions.scheduling.ports import SchedulingTable

# Exit codes of ec2_payload/run_job.py, see its README.
WRAPPER_FAILURES = {
    10: "script_failed",
    11: "script_timed_out",
    12: "no_output",
    13: "output_too_large",
    14: "script_not_started",
    20: "input_unavailable",
    21: "input_unavailable",
    30: "output_not_stored",
    40: "disk_full",
}
# The upload's URL had expired; the output is kept on the machine.
UPLOAD_URL_EXPIRED = 31
_ALIVE = {"pending", "running"}
_ENDED = {"shutting-down", "terminated", "stopping", "stopped"}
# A wrapper that was stopped by a signal exits with 128 + its number, or the agent says -1 for it where `sh` is bash, as
# on Amazon Linux (docs/ssm-agent.md): on a machine that is going down, that is the machine's end and not the script's.
_SIGNALLED = 128
_KILLED = -1
_SHELL_OF_KILLED = _SIGNALLED + 9
_MOMENT = timedelta(seconds=30)
# For so long a machine can fetch payload, spec and input once it has its command: the largest input at a tenth of what
# the smallest machines' network carries, with time for tries after errors.
_FETCH_SECONDS = 600
# For so long EC2 may not show a new machine.
_NOT_SHOWN_YET = timedelta(minutes=2)


@dataclass(frozen=True)
class Outcome:
    """What Inspect found: `verdict` is finished, unstored, running or lost; the rest describes a finished command.

    `unstored` means that the result is there but its upload's URL had expired.
    """

    verdict: str
    code: str | None = None  # a key of failure_catalog.py, None for success
    message: str = ""
    events: tuple[TimelineEvent, ...] = ()
    reported: Reported = field(default_factory=Reported)


@dataclass(frozen=True)
class DispatchStep:
    jobs: JobTable
    queue: SchedulingTable
    machine_table: MachineTable
    machines: Machines
    files: JobFiles
    stack: str
    bootstrap: str
    payload_sha256: str
    script: Sequence[str]
    job_timeout: int  # seconds a script may run whose job does not say otherwise
    transfer_allowance: int  # seconds more for fetching the file and storing the result
    online_waits: Sequence[float]  # seconds between tries within the first call; the workflow retries beyond them
    sleep: Callable[[float], None]
    boot_timeout: int = 300  # seconds that a machine may take until it has its command

    def dispatch(
        self, run: Run, attempt: int, instance_id: str, stored_after: str | None = None, retries: int = 0
    ) -> str:
        """Enters the machine into the job's record and sends it the attempt's command; returns the command's id.

        With `stored_after`, the id of a command whose result could not be stored, it sends the command that only
        stores that result, under a fresh URL.

        Raises:
            AgentNotOnline: not yet; the workflow tries again, and says how often it did.
            MachineLost: the machine ended before it was online.
            JobEnded, Throttled
        """
        job, is_tagged = self._with_machine(run, attempt, instance_id)
        if job.command_id not in {None, stored_after}:
            return str(job.command_id)  # an earlier, interrupted call got this far
        command = self._command(job, attempt, upload_only=stored_after is not None)
        try:
            # A machine that is not online in its first moments takes its time: then one try a call does.
            waits = () if retries else self.online_waits
            command_id = self._send(job, command, f"mayfly {run.job_id} attempt {attempt}", waits)
        except AgentNotOnline:
            self._check_alive(job, instance_id)
            raise
        finally:
            if not is_tagged:  # EC2 may not have known it a moment ago
                self._tag(run, attempt, instance_id)
        begins = "starts and takes its command once it is up" if _is_pooled(job) else "is online and has its command"
        event = TimelineEvent("running", now(), f"{instance_id} {begins}.")
        if stored_after:
            event = TimelineEvent("storing_again", now(), "The upload's address had expired; storing with a new one.")

        def change(job: Job) -> Job:
            job = job.moved(JobStatus.RUNNING, event).with_command(instance_id, command_id)
            # What only stores a result is not what made it.
            return job if stored_after else replace(job, program=self._program)

        self.jobs.update(run.owner, run.job_id, require_active(run, change))
        return command_id

    def _with_machine(self, run: Run, attempt: int, instance_id: str) -> tuple[Job, bool]:
        """The job with its machine, and whether EC2 took the machine's tags, or need not any more."""
        job = open_job(self.jobs, run)
        if job.instance_id == instance_id:
            return job, True
        slot = self.queue.slot(run)
        if slot is None or slot.machine.instance_id != instance_id:
            raise JobEnded(f"{instance_id} is not attempt {attempt}'s machine any more")
        machine = slot.machine
        self.machine_table.add(MachineAssignment(instance_id, run.owner, run.job_id, attempt))
        is_tagged = self._tag(run, attempt, instance_id)
        job = self.jobs.update(run.owner, run.job_id, require_active(run, lambda job: _launched(job, machine)))
        return job, is_tagged

    def _tag(self, run: Run, attempt: int, instance_id: str) -> bool:
        """Launched with many others, a machine has no name of its own yet."""
        return self.machines.tag(
            instance_id,
            {
                "Name": f"mayfly {self.stack} {run.job_id}",
                "mayfly:owner": run.owner,
                "mayfly:job-id": run.job_id,
                "mayfly:attempt": str(attempt),
            },
        )

    def _check_alive(self, job: Job, instance_id: str) -> None:
        # EC2 is only asked when an event gave cause to: a thousand booting machines must not mean a thousand calls.
        if not self.machine_table.has_event(instance_id):
            return
        state = self.machines.instance_state(instance_id)
        if state in _ENDED and not _may_only_seem_down(job, state):
            raise MachineLost(f"{instance_id} ended before it was online")

    def _send(self, job: Job, script: str, comment: str, waits: Sequence[float]) -> str:
        instance_id, seconds = str(job.instance_id), self._total_seconds(job)
        # SSM knows the agent of a machine of the pool from before, and keeps its command until that is back.
        patience = self.boot_timeout if _is_pooled(job) else None
        for wait in waits:
            try:
                return self.machines.send_command(instance_id, script, comment, seconds, patience)
            except AgentNotOnline:
                self.sleep(wait)
        return self.machines.send_command(instance_id, script, comment, seconds, patience)

    def _total_seconds(self, job: Job) -> int:
        return script_seconds(job, self.job_timeout) + self.transfer_allowance

    @property
    def _program(self) -> Program:
        return Program(self.payload_sha256, tuple(self.script))

    def _command(self, job: Job, attempt: int, *, upload_only: bool) -> str:
        # Whoever may list commands can fetch what they name for as long as it is signed.
        seconds = self.boot_timeout + _FETCH_SECONDS
        output = output_key(job.owner, job.id, attempt, job.output_filename)
        spec = Spec(
            job=job,
            attempt=attempt,
            input_url=self.files.input_url(job.input_file_path, seconds),
            output_url=self.files.output_upload_url(output, self._total_seconds(job)),
            script=tuple(self.script),
            timeout_seconds=script_seconds(job, self.job_timeout),
        ).encode()
        spec_url = self.files.put_spec(spec_key(job.owner, job.id, attempt), spec, seconds)
        return machine_command(
            self.bootstrap,
            payload_url=self.files.payload_url(seconds),
            payload_sha256=self.payload_sha256,
            spec_url=spec_url,
            spec_sha256=sha256_hex(spec),
            upload_only=upload_only,
        )


def _launched(job: Job, machine: MachineReceipt) -> Job:
    if job.attempts > machine.attempt:
        raise JobEnded(f"job {job.id} is at attempt {job.attempts}; attempt {machine.attempt} is over")
    origin = ", from the pool" if machine.prepared_at else ""
    words = f"{machine.instance_id}: {machine.instance_type}, {machine.market}, in {machine.zone}{origin}."
    job = job.moved(JobStatus.LAUNCHING, TimelineEvent("launched", now(), words))
    job = replace(job, attempts=machine.attempt, instance_id=machine.instance_id, command_id=None)
    return job.with_machine(machine)


@dataclass(frozen=True)
class AwaitStep:
    """Both ends of the wait: the workflow parks its task token, an event about the machine wakes it."""

    machine_table: MachineTable
    workflow: Workflow

    def store_token(self, instance_id: str, token: str) -> None:
        if self.machine_table.store_token(instance_id, token).has_event:
            self.workflow.wake(token)

    def report(self, instance_id: str, event_name: str, *, is_end: bool = False) -> MachineAssignment | None:
        """The machine, if it is one of ours; `is_end` when the news is that it is terminated."""
        waiter = self.machine_table.report(instance_id, event_name, is_end=is_end)
        if waiter is None:
            return None
        if waiter.token:
            self.workflow.wake(waiter.token)
        if is_end and waiter.end_token:
            self.workflow.wake(waiter.end_token)
        return waiter.machine


@dataclass(frozen=True)
class InspectStep:
    jobs: JobTable
    machines: Machines
    job_timeout: int  # seconds a script may run whose job does not say otherwise

    def inspect(self, run: Run, instance_id: str, command_id: str) -> Outcome:
        """Raises JobEnded when the job was cancelled meanwhile."""
        job = open_job(self.jobs, run)
        state = self.machines.command_state(command_id, instance_id)
        over = state if state is not None and state.is_over else None
        if over is not None and not _may_be_the_machines_end(over):
            return self._finished(job, over)
        machine_state = self.machines.instance_state(instance_id)
        took_it = over is None or over.has_begun or over.status != "TimedOut"
        if took_it and (machine_state in _ALIVE or _may_only_seem_down(job, machine_state)):
            # EC2 may not show yet that a machine goes down, nor that there is one: a command that has only just ended,
            # or whose machine EC2 does not know, is looked at again.
            if over is None or machine_state not in _ALIVE or _has_just_ended(over):
                return Outcome("running")
            return self._finished(job, over)
        event = TimelineEvent("machine_lost", now(), _lost_words(instance_id, took_it=took_it))
        self.jobs.update(run.owner, run.job_id, require_active(run, lambda job: job.noted(event)))
        return Outcome("lost")

    def _finished(self, job: Job, state: CommandState) -> Outcome:
        machine = job.machine(job.instance_id)
        launched_at = datetime.fromisoformat(machine.launched_at if machine else job.created_at)
        report = MachineReport.read(state.report).within(launched_at, clock.utc_now())
        return _finished(state, report, script_seconds(job, self.job_timeout))


def script_seconds(job: Job, default: int) -> int:
    """How long the job's script may run."""
    minutes = job.overrides.timeout_minutes
    return default if minutes is None else minutes * 60


def _lost_words(instance_id: str, *, took_it: bool) -> str:
    return f"{instance_id} is gone before the script was done." if took_it else f"{instance_id} never took its command."


def _is_pooled(job: Job) -> bool:
    """Whether the job's latest machine waited in the pool."""
    latest = job.machine(job.instance_id)
    return latest is not None and latest.prepared_at is not None


def _may_only_seem_down(job: Job, state: str | None) -> bool:
    """EC2 may not show a new machine yet, and one of the pool for a moment as it was before it was started."""
    latest = job.machine(job.instance_id)
    if latest is None:
        return False
    age = clock.age(latest.launched_at)
    return (
        age < _NOT_SHOWN_YET
        if state is None
        else state in {"stopping", "stopped"} and age < _MOMENT and _is_pooled(job)
    )


def _may_be_the_machines_end(state: CommandState) -> bool:
    """A machine that is gone does not take its command either, which then times out."""
    return state.exit_code > _SIGNALLED or state.exit_code == _KILLED or state.status == "TimedOut"


def _has_just_ended(state: CommandState) -> bool:
    return state.ended_at is not None and -CLOCK_SKEW < clock.age(state.ended_at) < _MOMENT


def _was_killed_early(state: CommandState, seconds: int) -> bool:
    """Whether the command ended before even the script's time was over: its wrapper was killed, for memory say.

    Where `sh` is dash, the agent says of that the same as of a time-out (docs/ssm-agent.md).
    """
    if state.exit_code != _SHELL_OF_KILLED or state.began_at is None or state.ended_at is None:
        return False
    took = datetime.fromisoformat(state.ended_at) - datetime.fromisoformat(state.began_at)
    return took < timedelta(seconds=seconds)


def _finished(state: CommandState, report: MachineReport, seconds: int) -> Outcome:
    if state.status == "Success":
        return Outcome("finished", events=report.events, reported=report.reported)
    if state.status == "TimedOut" and not _was_killed_early(state, seconds):
        return Outcome("finished", "script_timed_out", "The command was stopped at its time limit.", report.events)
    if state.exit_code == UPLOAD_URL_EXPIRED:
        return Outcome("unstored", events=report.events)
    code = WRAPPER_FAILURES.get(state.exit_code, "internal_error")
    return Outcome("finished", code, failure_message(state.exit_code, report), report.events)


def failure_message(wrapper_exit: int, report: MachineReport) -> str:
    """What went wrong in the wrapper's words, which name the script's exit code, and the end of the script's stderr."""
    words = report.message or f"the machine's wrapper ended with exit code {wrapper_exit}, without a word"
    tail = report.stderr_tail
    return f"{words[:1].upper()}{words[1:]}." + (f"\nThe end of its stderr:\n{tail}" if tail else "")
