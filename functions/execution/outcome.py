"""What a finished command means for its job: success, a failure class, or a result that is not stored yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from functions.execution.machine_report import MachineReport
from functions.execution.ports import CommandState
from functions.jobs.job import TimelineEvent
from functions.jobs.provenance import Reported

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
# The exit code of a shell whose command SIGKILL ended: 128 + its number.
_SHELL_OF_KILLED = 128 + 9


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


def outcome_of(state: CommandState, report: MachineReport, seconds: int) -> Outcome:
    """What a finished command means; `seconds` is the time-out of its script."""
    if state.status == "Success":
        return Outcome("finished", events=report.events, reported=report.reported)
    if state.status == "TimedOut" and not _was_killed_early(state, seconds):
        return Outcome("finished", "script_timed_out", "The command was stopped at its time limit.", report.events)
    if state.exit_code == UPLOAD_URL_EXPIRED:
        return Outcome("unstored", events=report.events)
    code = WRAPPER_FAILURES.get(state.exit_code, "internal_error")
    return Outcome("finished", code, failure_message(state.exit_code, report), report.events)


def _was_killed_early(state: CommandState, seconds: int) -> bool:
    """Whether the wrapper was killed, for memory say, before the script's time-out was over.

    Where `sh` is dash, the agent reports that in the same way as a time-out (docs/ssm-agent.md).
    """
    if state.exit_code != _SHELL_OF_KILLED or state.began_at is None or state.ended_at is None:
        return False
    took = datetime.fromisoformat(state.ended_at) - datetime.fromisoformat(state.began_at)
    return took < timedelta(seconds=seconds)


def failure_message(wrapper_exit: int, report: MachineReport) -> str:
    """The wrapper's message, which names the script's exit code, and the end of the script's stderr."""
    words = report.message or f"the machine's wrapper ended with exit code {wrapper_exit}, without a message"
    tail = report.stderr_tail
    return f"{words[:1].upper()}{words[1:]}." + (f"\nThe end of its stderr:\n{tail}" if tail else "")
