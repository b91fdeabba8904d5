"""The Inspect step: reads how a command went, and whether its machine is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from functions.execution.machine_report import CLOCK_SKEW, MachineReport
from functions.execution.outcome import Outcome, outcome_of
from functions.execution.ports import CommandState, Machines
from functions.execution.time_limits import fetch_seconds, script_seconds
from functions.jobs import clock
from functions.jobs.clock import now
from functions.jobs.job import Job, Run, TimelineEvent
from functions.jobs.machine_state import ALIVE, EC2_STATE_DELAY, because, may_only_seem_down
from functions.jobs.ports import JobTable
from functions.jobs.run_guard import open_job, require_active

# A wrapper that a signal ended exits with 128 + the signal's number, or the agent says -1 where `sh` is bash, as on
# Amazon Linux (docs/ssm-agent.md). On an instance that is shutting down, the shutdown caused it and not the script.
_SIGNALLED = 128
_KILLED = -1
_LOST = "machine_lost"


@dataclass(frozen=True)
class InspectStep:
    jobs: JobTable
    machines: Machines
    job_timeout: int  # seconds a script may run whose job does not say otherwise
    boot_timeout: int = 300  # seconds that a machine may take until it has its command

    def inspect(self, run: Run, instance_id: str, command_id: str) -> Outcome:
        """Raises JobEnded: the job was cancelled meanwhile."""
        return self.inspect_job(open_job(self.jobs, run), run, instance_id, command_id)

    def inspect_job(self, job: Job, run: Run, instance_id: str, command_id: str) -> Outcome:
        """The same for a job that was just read."""
        state = self.machines.command_state(command_id, instance_id)
        over = state if state is not None and state.is_over else None
        if over is not None and not _may_be_caused_by_shutdown(over):
            return self._finished(job, over)
        machine_state = self.machines.instance_state(instance_id)
        was_delivered = not self._is_given_up(job, instance_id, state) and (
            over is None or over.has_begun or over.status != "TimedOut"
        )
        if was_delivered and (machine_state in ALIVE or may_only_seem_down(job, machine_state)):
            # EC2 may not show the instance, or its shutdown, yet: a command that has only just ended, or whose
            # instance EC2 does not know, is inspected again.
            if over is None or machine_state not in ALIVE or _has_just_ended(over):
                return Outcome("running")
            return self._finished(job, over)
        reason = None if machine_state in ALIVE else self.machines.end_reason(instance_id)
        event = TimelineEvent(_LOST, now(), _lost_detail(instance_id, reason, was_delivered=was_delivered))
        self.jobs.update(run.owner, run.job_id, require_active(run, lambda job: job.noted(event)), job)
        return Outcome("lost")

    def _is_given_up(self, job: Job, instance_id: str, state: CommandState | None) -> bool:
        """Whether the command waits for its machine's agent although it can do nothing any more.

        Systems Manager waits for as long as delivery and script may take together ("Understanding command timeouts").
        A job is not written to between its command and that command's end, but by a call of this step that the workflow
        had no answer from.
        """
        if state is not None and not state.is_untaken:
            return False
        is_old = clock.age(job.updated_at) > timedelta(seconds=fetch_seconds(self.boot_timeout))
        return is_old or _is_noted_as_lost(job, instance_id)

    def _finished(self, job: Job, state: CommandState) -> Outcome:
        machine = job.machine(job.instance_id)
        launched_at = datetime.fromisoformat(machine.launched_at if machine else job.created_at)
        report = MachineReport.read(state.report).within(launched_at, clock.utc_now())
        return outcome_of(state, report, script_seconds(job, self.job_timeout))


def _is_noted_as_lost(job: Job, instance_id: str) -> bool:
    return any(event.event == _LOST and event.detail.startswith(instance_id) for event in job.timeline)


def _lost_detail(instance_id: str, reason: str | None, *, was_delivered: bool) -> str:
    return (
        f"{instance_id} is gone before the script was done{because(reason)}."
        if was_delivered
        else f"{instance_id} never took its command{because(reason)}."
    )


def _may_be_caused_by_shutdown(state: CommandState) -> bool:
    """Whether the command may have ended because its machine did; one that is not delivered times out."""
    return state.exit_code > _SIGNALLED or state.exit_code == _KILLED or state.status == "TimedOut"


def _has_just_ended(state: CommandState) -> bool:
    return state.ended_at is not None and -CLOCK_SKEW < clock.age(state.ended_at) < EC2_STATE_DELAY
