"""Faults on demand: what `PUT /_local/faults` sets and the patches ask for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

COUNTS = frozenset({"insufficient_capacity", "throttle", "agent_never_online", "fail_terminate"})
SECONDS = frozenset({"agent_delay_s", "kill_machine_after_s", "invisible_for_s"})
RATES = frozenset({"agent_bytes_per_s"})
SWITCHES = frozenset({"deny_unregistered", "drop_command_events", "duplicate_stream_records", "old_agent"})


class InvalidFaultError(ValueError):
    """The fault object has an unknown key or a value of the wrong type; `key` names it."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key


@dataclass(frozen=True)
class FaultPlan:
    """One consistent set of faults.

    Attributes:
        insufficient_capacity: the next N RunInstances or StartInstances answer InsufficientInstanceCapacity.
        throttle: the next N EC2/SSM calls of roles (never root) are throttled.
        agent_never_online: the agent of the next N machines never comes online.
        agent_delay_s: seconds that every machine's agent needs after boot, on top of the boot itself; a change is for
            those that wait, too.
        kill_machine_after_s: the next machine that starts a command is lost this many seconds later.
        deny_unregistered: SendCommand for a machine whose agent has not registered yet is denied, not invalid.
        drop_command_events: EventBridge loses SSM command events.
        duplicate_stream_records: every DynamoDB stream record reaches Lambda twice.
        old_agent: agents that come online are older than 3.3.40, and get commands by ec2messages alone.
        fail_terminate: the next N TerminateInstances answer InternalError.
        invisible_for_s: seconds that a new instance is unknown to EC2's other calls.
        agent_bytes_per_s: how fast agents copy each of the streams of commands that begin now; 420,000 is what the real
            one was seen to do (docs/ssm-agent.md). Without it as fast as this computer can.
    """

    insufficient_capacity: int = 0
    throttle: int = 0
    agent_never_online: int = 0
    agent_delay_s: float = 0.0
    kill_machine_after_s: float | None = None
    deny_unregistered: bool = False
    drop_command_events: bool = False
    duplicate_stream_records: bool = False
    old_agent: bool = False
    fail_terminate: int = 0
    invisible_for_s: float = 0.0
    agent_bytes_per_s: float | None = None

    @classmethod
    def from_json(cls, body: object) -> FaultPlan:
        """Checks the parsed JSON body of the request.

        Raises:
            InvalidFaultError: naming the first key that does not fit.
        """
        if not isinstance(body, dict):
            raise InvalidFaultError("body", "must be a JSON object")
        known = {field.name for field in fields(cls)}
        for key, value in body.items():
            if key not in known:
                raise InvalidFaultError(str(key), f"is not a fault; known are {', '.join(sorted(known))}")
            _check_value(key, value)
        return cls(**body)


_RULES: tuple[tuple[frozenset[str], Callable[[Any], bool], str], ...] = (
    (COUNTS, lambda value: type(value) is int and value >= 0, "a whole number, zero or more"),
    (SECONDS, lambda value: type(value) in {int, float} and value >= 0, "a number of seconds, zero or more"),
    (RATES, lambda value: type(value) in {int, float} and value > 0, "a number of bytes a second, more than zero"),
    (SWITCHES, lambda value: type(value) is bool, "true or false"),
)


def _check_value(key: str, value: object) -> None:
    for keys, is_valid, rule in _RULES:
        if key in keys and not is_valid(value):
            raise InvalidFaultError(key, f"must be {rule}")


class Faults:
    """The faults now in force; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plan = FaultPlan()

    @property
    def plan(self) -> FaultPlan:
        return self._plan

    def replace(self, plan: FaultPlan) -> None:
        with self._lock:
            self._plan = plan

    def clear(self) -> None:
        self.replace(FaultPlan())

    def to_json(self) -> dict[str, Any]:
        return asdict(self._plan)

    def take(self, count: str) -> bool:
        """Uses up one of a counted fault; False when none is left."""
        with self._lock:
            left: int = getattr(self._plan, count)
            if left > 0:
                self._plan = replace(self._plan, **{count: left - 1})  # type: ignore[arg-type]  # a count
            return left > 0

    def take_kill_delay(self) -> float | None:
        """Seconds until the machine that asks is lost; None when this fault is not set. Used up by asking."""
        with self._lock:
            delay = self._plan.kill_machine_after_s
            if delay is not None:
                self._plan = replace(self._plan, kill_machine_after_s=None)
            return delay
