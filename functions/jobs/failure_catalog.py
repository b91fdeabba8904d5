"""The failure catalog: one row for each way a job can fail, with its meaning, remedy and who must act."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from functions.jobs.job import JobError
from functions.jobs.record_limits import MAX_MESSAGE_BYTES, clipped


class Actor(StrEnum):
    """Who has to do something about a failure."""

    NOBODY = "nobody"
    USER = "you"
    SCRIPT_AUTHOR = "the script's author"
    OPERATOR = "the stack's operator"


@dataclass(frozen=True)
class FailureClass:
    """One way to fail: `cause` in plain words, `actor` who must act, `retry_helps`, and `remedy` what to do."""

    cause: str
    actor: Actor
    retry_helps: bool
    remedy: str


FAILURES: dict[str, FailureClass] = {
    "script_failed": FailureClass(
        "The script ended with an error.",
        Actor.SCRIPT_AUTHOR,
        False,
        "Read the message and the end of the log. Fix the script or the input, then submit again.",
    ),
    "script_timed_out": FailureClass(
        "The script ran longer than its time limit.",
        Actor.SCRIPT_AUTHOR,
        False,
        "Make the script faster, give it a smaller file, or give the job more time; the operator sets how much it may "
        "have (jobTimeoutMinutes, maxJobTimeoutMinutes).",
    ),
    "no_output": FailureClass(
        "The script ended without an error but left no output file.",
        Actor.SCRIPT_AUTHOR,
        False,
        "The script must write its result to the path it gets as third argument.",
    ),
    "output_too_large": FailureClass(
        "The script's output is larger than what can be stored.",
        Actor.SCRIPT_AUTHOR,
        False,
        "Make the script write less than 5 GiB, for instance compressed, or give it a smaller file.",
    ),
    "script_not_started": FailureClass(
        "The machine could not start the script.",
        Actor.SCRIPT_AUTHOR,
        False,
        "The message says why. Correct the payload folder or mayfly:script, then deploy again.",
    ),
    "input_unavailable": FailureClass(
        "The machine could not fetch the uploaded file, or what it needs to run the script.",
        Actor.USER,
        True,
        "Submit the file again. If it happens again, tell the operator.",
    ),
    "output_not_stored": FailureClass(
        "The script finished, but its result could not be stored.",
        Actor.OPERATOR,
        True,
        "Try again. If it happens again, the operator should check the outputs bucket.",
    ),
    "disk_full": FailureClass(
        "The machine's disk is too small for this job.",
        Actor.OPERATOR,
        False,
        "Have the operator raise machineDiskGib; input and result must fit on it together.",
    ),
    "machine_lost": FailureClass(
        "The machine disappeared before the script was done, in every attempt.",
        Actor.NOBODY,
        True,
        "Try again. If it keeps happening, have the operator read in the timeline what EC2 says of it, and on spot"
        " capacity choose on-demand machines.",
    ),
    "boot_timeout": FailureClass(
        "No machine became ready in time.",
        Actor.OPERATOR,
        True,
        "Try again. If it happens again, the operator should check that the subnets reach the SSM endpoints.",
    ),
    "queue_timeout": FailureClass(
        "No machine became free for this job in time: all of the stack's were busy, AWS had none free of the "
        "configured types in any zone, or the account's limit was reached.",
        Actor.OPERATOR,
        True,
        "Try again later. Where the last answer names a quota, the operator should ask AWS for more; where it names "
        "capacity, add instance types; where all machines were busy, raise maxConcurrentJobs or queueTimeoutMinutes.",
    ),
    "spending_cap": FailureClass(
        "The machines of this owner, or of the whole stack, have cost so much today that one more might cost more than "
        "a day may.",
        Actor.OPERATOR,
        True,
        "Try again after 00:00 UTC, when the next day begins, or have the operator raise maxOwnerUsdPerDay or "
        "maxStackUsdPerDay.",
    ),
    "job_cost_cap": FailureClass(
        "With another machine this job might have cost more than a job may.",
        Actor.OPERATOR,
        False,
        "Have the operator raise maxJobUsd, or lower the longest time-out of a job (jobTimeoutMinutes, and "
        "maxJobTimeoutMinutes where it is set), by which the most that a machine costs is computed.",
    ),
    "throttled": FailureClass(
        "AWS asked to slow down for longer than this job could wait.",
        Actor.NOBODY,
        True,
        "Try again in a few minutes.",
    ),
    "launch_refused": FailureClass(
        "AWS refused to launch the machine.",
        Actor.OPERATOR,
        False,
        "The operator should read the reason and fix the stack's configuration or permissions.",
    ),
    "internal_error": FailureClass(
        "Something in Mayfly itself went wrong.",
        Actor.OPERATOR,
        True,
        "Try again. If it happens again, give the operator this job's id: the logs carry it.",
    ),
}


def job_error(code: str, message: str = "") -> JobError:
    """The error that a failed job shows; the class's cause replaces an empty message.

    Raises:
        KeyError: `code` is not in the table.
    """
    row = FAILURES[code]
    retry = "Trying again can help." if row.retry_helps else "Trying again unchanged will not help."
    return JobError(code, clipped(message or row.cause, MAX_MESSAGE_BYTES), f"{row.remedy} {retry}")
