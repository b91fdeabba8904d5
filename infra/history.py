"""How many events an execution's history can get at most, whatever happens: Step Functions ends it at 25,000.

Each loop of the workflow has a bound of its own, so the sum can be known before anything is deployed
(docs/decisions/0016-a-bounded-history.md). Events are counted as AWS counts them (Step Functions API reference,
HistoryEvent): a state is entered and exited, a try of a Task is scheduled, started and ended, and one that waits for a
task token is submitted as well. A retry is one more try, and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from functions.costs.budget import BOOT_AND_END
from functions.costs.pricing import looks
from functions.scheduling.launch_step import MOST_ASKS
from infra.config import ConfigError, StackConfig
from infra.machines import machine_deadline_minutes

MOST_EVENTS = 25_000
_MINUTES_A_DAY = 1_440
# The event at the limit is the one that ends the execution as failed; some are kept in reserve.
_ROOM = MOST_EVENTS - 250
# How often the workflow has a result stored again whose upload's address had expired.
_STORES = 3
# Events wake the workflow early, a few for each machine, and some come twice; each makes a look more. One is the last.
_EARLY_LOOKS = 4
# For how many seconds one call of Dispatch looks for a machine's agent, those between two calls, and their growth.
ONLINE_POLL, _ONLINE_WAIT, _ONLINE_GROWTH = 20, 3, 1.03
# Events of one state, of one try of a Task, and one more where the try waits for a task token.
_STATE, _TRY, _WAITING = 2, 3, 1


def online_retries(boot_timeout: float) -> int:
    """After how many retries of Dispatch so many seconds are over."""
    count, waited = 0, 0.0
    while waited < boot_timeout:
        waited += _ONLINE_WAIT * _ONLINE_GROWTH**count + ONLINE_POLL
        count += 1
    return count


def most_looks(config: StackConfig) -> int:
    """Over all attempts of a run."""
    life = timedelta(minutes=machine_deadline_minutes(config)) + BOOT_AND_END
    storing = machine_deadline_minutes(config) - config.longest_timeout_minutes - config.boot_timeout_minutes
    return (looks(life.total_seconds()) + _EARLY_LOOKS) * config.max_attempts + looks(storing * 60) * _STORES


def most_events(states: Mapping[str, Mapping[str, Any]], config: StackConfig) -> int:
    """Of an execution of these states, their limits filled in, if all takes as long and fails as often as it may.

    Args:
        states: those of workflow.asl.json.
        config: the stack's.
    """
    attempts, dispatches = config.max_attempts, config.max_attempts + _STORES
    visits = {
        "Dispatch": dispatches,
        "Boot": attempts,
        "AwaitCompletion": dispatches + most_looks(config),
        "Finish": dispatches + _EARLY_LOOKS * attempts,
        "Inspect": dispatches + most_looks(config),
        "Verdict": dispatches + most_looks(config),
        "DropMachine": attempts,
        "NextAttempt": attempts,
        "Record": 1,
        "RecordError": 1,
        "Terminate": 1,
        "Release": 1,
        "Notify": int("Notify" in states),
    }
    # The call before a boot is waited for is not tried again for an agent that is not online.
    rows = [row for row in states["Dispatch"]["Retry"] if "AgentNotOnline" not in row["ErrorEquals"]]
    boots = attempts * _events({**states["Dispatch"], "Retry": rows})
    launch = states["Launch"]
    # Those that Lambda turns away for its concurrency are no asks: the function never sees them.
    asks = MOST_ASKS + _retries(launch, "States.ALL") + _retries(launch, "Lambda.TooManyRequestsException")
    asks *= (_STATE + _TRY + _WAITING) * attempts
    counted = sum(count * _events(states[name]) for name, count in visits.items() if count)
    return _STATE + asks + boots + counted


def check(states: Mapping[str, Mapping[str, Any]], config: StackConfig) -> None:
    """Raises ConfigError: a job of this stack might not live until its end."""
    events = most_events(states, config)
    if events > _ROOM:
        key = "maxJobTimeoutMinutes" if config.max_job_timeout_minutes else "jobTimeoutMinutes"
        raise ConfigError(
            f"mayfly:maxAttempts is {config.max_attempts} and mayfly:{key} {config.longest_timeout_minutes}: together "
            f"with the time-outs for boot and queue a job's workflow might get {events:,} events, and Step Functions "
            f"ends it at {MOST_EVENTS:,}. Lower one of them: pulumi config set mayfly:maxAttempts ..."
        )


def longest_run_minutes(config: StackConfig) -> int:
    """How long a job's run may take: all attempts waiting, and their machines living, as long as they may."""
    return config.max_attempts * (config.queue_timeout_minutes + machine_deadline_minutes(config))


def check_kept(config: StackConfig) -> None:
    """Raises ConfigError: a job's record or file might be removed while the job waits or runs."""
    needed = math.ceil(longest_run_minutes(config) / _MINUTES_A_DAY)
    if config.keep_days < needed:
        raise ConfigError(
            f"mayfly:keepDays is {config.keep_days}, and with mayfly:maxAttempts and the time-outs of this stack a job"
            f" may take {needed} days: it would be removed before its end. Set it with: pulumi config set"
            f" mayfly:keepDays {needed}"
        )


def _events(state: Mapping[str, Any]) -> int:
    """Of one visit of a state, all its retries used up."""
    if state["Type"] != "Task":
        return _STATE
    tries = 1 + sum(int(row["MaxAttempts"]) for row in state.get("Retry", ()))
    # The tries that are made again, Launch's aside, are those whose function failed: none of them came to wait.
    return _STATE + tries * _TRY + (_WAITING if state["Resource"].endswith(".waitForTaskToken") else 0)


def _retries(state: Mapping[str, Any], error: str) -> int:
    return sum(int(row["MaxAttempts"]) for row in state["Retry"] if error in row["ErrorEquals"])
