"""The Inspect step: reads how a command went, and whether its machine is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from functions.execution.machine_report import CLOCK_SKEW, MachineReport
from functions.execution.machine_state import ALIVE, EC2_STATE_DELAY, may_only_seem_down
from functions.execution.outcome import Outcome, outcome_of
from functions.execution.ports import CommandState, Machines
from functions.execution.script_timeout import script_seconds
from functions.jobs import clock
from functions.jobs.clock import now
from functions.jobs.job import Job, Run, TimelineEvent
from functions.jobs.ports import JobTable
from functions.jobs.run_guard import open_job, require_active

# A wrapper that a signal ended exits with 128 + the signal's number, or the agent says -1 where `sh` is bash, as on
# Amazon Linux (docs/ssm-agent.md). On an instance that is shutting down, the shutdown caused it and not the script.
_SIGNALLED = 128
_KILLED = -1


@dataclass(frozen=True)
class InspectStep:
    jobs: JobTable
    machines: Machines
    job_timeout: int  # seconds a script may run whose job does not say otherwise

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
        was_delivered = over is None or over.has_begun or over.status != "TimedOut"
        if was_delivered and (machine_state in ALIVE or may_only_seem_down(job, machine_state)):
            # EC2 may not show the instance, or its shutdown, yet: a command that has only just ended, or whose
            # instance EC2 does not know, is inspected again.
            if over is None or machine_state not in ALIVE or _has_just_ended(over):
                return Outcome("running")
            return self._finished(job, over)
        event = TimelineEvent("machine_lost", now(), _lost_detail(instance_id, was_delivered=was_delivered))
        self.jobs.update(run.owner, run.job_id, require_active(run, lambda job: job.noted(event)), job)
        return Outcome("lost")

    def _finished(self, job: Job, state: CommandState) -> Outcome:
        machine = job.machine(job.instance_id)
        launched_at = datetime.fromisoformat(machine.launched_at if machine else job.created_at)
        report = MachineReport.read(state.report).within(launched_at, clock.utc_now())
        return outcome_of(state, report, script_seconds(job, self.job_timeout))


def _lost_detail(instance_id: str, *, was_delivered: bool) -> str:
    return (
        f"{instance_id} is gone before the script was done."
        if was_delivered
        else f"{instance_id} never took its command."
    )


def _may_be_caused_by_shutdown(state: CommandState) -> bool:
    """Whether the command may have ended because its machine did; one that is not delivered times out."""
    return state.exit_code > _SIGNALLED or state.exit_code == _KILLED or state.status == "TimedOut"


def _has_just_ended(state: CommandState) -> bool:
    return state.ended_at is not None and -CLOCK_SKEW < clock.age(state.ended_at) < EC2_STATE_DELAY
