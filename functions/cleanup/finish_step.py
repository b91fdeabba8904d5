"""The Finish step: what most jobs end with, in one call: their command has ended, and their machine is not needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from functions.cleanup.termination_batcher import TerminationBatcher
from functions.execution.inspect_step import InspectStep
from functions.execution.outcome import Outcome
from functions.execution.ports import MachineTable
from functions.execution.record_step import RecordStep
from functions.jobs.errors import NotFinished
from functions.jobs.job import Job, Run
from functions.jobs.ports import Workflow
from functions.jobs.run_guard import open_job

_ENDED = {"terminated", "unknown"}
# Seconds to a second look: what Systems Manager answers may be older than its event (API reference,
# GetCommandInvocation: "eventual consistency").
_LOOK_AGAIN_AFTER = 1.0


@dataclass(frozen=True)
class FinishStep:
    """Inspect, Record and Terminate for a command that has ended.

    Each part may be repeated, and what is left undone is done by those steps themselves: the workflow goes on with them
    after any error.
    """

    inspect: InspectStep
    record: RecordStep
    machine_table: MachineTable
    batcher: TerminationBatcher
    workflow: Workflow
    sleep: Callable[[float], None]

    def finish(self, run: Run, attempt: int, instance_id: str, command_id: str, token: str) -> None:
        """Records the outcome and terminates the machine; `token` completes when that has ended.

        Raises:
            NotFinished: the command runs, its result is not stored, or its machine is lost.
            JobEnded: the job was cancelled, or an earlier call has recorded the outcome.
            Throttled
        """
        job = open_job(self.record.jobs, run)
        outcome = self._outcome(job, run, instance_id, command_id)
        if outcome.verdict != "finished":
            raise NotFinished(f"{command_id} on {instance_id}: {outcome.verdict}")
        self.record.finished(run, attempt, outcome, job)
        # The token is stored before EC2 is called, so that an event right afterwards finds it.
        if self.machine_table.store_end_token(instance_id, token):
            self.workflow.wake(token)
        elif self.batcher.end([instance_id]).get(instance_id, "unknown") in _ENDED:
            self.workflow.wake(token)  # no event may come any more

    def _outcome(self, job: Job, run: Run, instance_id: str, command_id: str) -> Outcome:
        outcome = self.inspect.inspect_job(job, run, instance_id, command_id)
        if outcome.verdict == "running":
            self.sleep(_LOOK_AGAIN_AFTER)
            outcome = self.inspect.inspect_job(job, run, instance_id, command_id)
        return outcome
