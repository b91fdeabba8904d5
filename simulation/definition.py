"""A state machine's definition, as far as ours goes; a field that is not understood is refused, never ignored.

Of the Amazon States Language (states-language.net/spec.html) with JSONata: Pass, Choice, and Task with a Lambda
function, waiting for its answer or for a task token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulation.expressions import QueryError, Template, Variables, template

_INVOKE = "arn:aws:states:::lambda:invoke"
_INVOKE_AND_WAIT = "arn:aws:states:::lambda:invoke.waitForTaskToken"
_NONE: Mapping[str, Any] = {}


class NotUnderstood(Exception):
    """The definition has something that the simulation does not know."""


@dataclass(frozen=True)
class Retrier:
    """The language's own defaults: a second, doubled each time, three times. `jitter`: any delay from none to that."""

    errors: frozenset[str]
    interval: float
    backoff: float
    longest: float
    attempts: int
    jitter: bool

    def delay(self, retries: int) -> float:
        """Seconds before the next try, jitter aside, `retries` having been made before."""
        try:
            return min(self.longest, self.interval * self.backoff**retries)
        except OverflowError:
            return self.longest


@dataclass(frozen=True)
class Transition:
    """Where to go on, what to assign on the way there, and what to give on, if not what came."""

    to: str
    assign: Mapping[str, Template]
    output: Template | None = None


@dataclass(frozen=True)
class Catcher:
    errors: frozenset[str]
    transition: Transition


@dataclass(frozen=True)
class Pass:
    transition: Transition


@dataclass(frozen=True)
class Choice:
    rules: tuple[tuple[Template, Transition], ...]
    otherwise: Transition

    def chosen(self, scope: Variables) -> Transition:
        for condition, transition in self.rules:
            met = condition(scope)
            if not isinstance(met, bool):
                raise QueryError(f"a condition is {met!r}, neither true nor false")
            if met:
                return transition
        return self.otherwise


@dataclass(frozen=True)
class Task:
    """`way` is None at the end of the workflow; `timeout` makes seconds, None is no limit."""

    function: str
    payload: Template
    waits_for_token: bool
    timeout: Template | None
    assign: Mapping[str, Template]
    retriers: tuple[Retrier, ...]
    catchers: tuple[Catcher, ...]
    next: str | None

    def retrier(self, error: str) -> Retrier | None:
        """The first row of its Retry that is about an error."""
        return next((row for row in self.retriers if matches(row.errors, error)), None)

    def catcher(self, error: str) -> Catcher | None:
        """The first row of its Catch that is about an error."""
        return next((row for row in self.catchers if matches(row.errors, error)), None)


@dataclass(frozen=True)
class Wait:
    """`until` makes a time, RFC 3339; Step Functions leaves its fraction of a second out (developer guide, "Wait")."""

    until: Template
    transition: Transition


State = Pass | Choice | Task | Wait


@dataclass(frozen=True)
class Definition:
    start: str
    states: Mapping[str, State]

    @staticmethod
    def read(filled: Mapping[str, Any]) -> Definition:
        """Reads a definition without placeholders.

        Raises:
            NotUnderstood
        """
        _only(filled, "the workflow", {"Comment", "QueryLanguage", "StartAt", "States"})
        if filled["QueryLanguage"] != "JSONata":
            raise NotUnderstood(f"query language {filled['QueryLanguage']}")
        states = {name: _state(name, fields) for name, fields in filled["States"].items()}
        return Definition(filled["StartAt"], states)


def matches(errors: frozenset[str], error: str) -> bool:
    """Whether a Retry or Catch row is about an error."""
    return error in errors or "States.ALL" in errors


def _state(name: str, fields: Mapping[str, Any]) -> State:
    kind = fields["Type"]
    if kind == "Pass":
        _only(fields, name, {"Type", "Comment", "Assign", "Next"})
        return Pass(_transition(fields, "Next"))
    if kind == "Choice":
        _only(fields, name, {"Type", "Comment", "Assign", "Choices", "Default"})
        return Choice(tuple(_rule(name, rule) for rule in fields["Choices"]), _transition(fields, "Default"))
    if kind == "Wait":
        _only(fields, name, {"Type", "Comment", "Timestamp", "Assign", "Next"})
        return Wait(template(fields["Timestamp"]), _transition(fields, "Next"))
    if kind == "Task":
        return _task(name, fields)
    raise NotUnderstood(f"{name}: type {kind}")


def _rule(name: str, fields: Mapping[str, Any]) -> tuple[Template, Transition]:
    _only(fields, name, {"Condition", "Comment", "Assign", "Output", "Next"})
    return template(fields["Condition"]), _transition(fields, "Next")


def _task(name: str, fields: Mapping[str, Any]) -> Task:
    known = {"Type", "Comment", "Resource", "Arguments", "TimeoutSeconds", "Assign", "Retry", "Catch", "Next", "End"}
    _only(fields, name, known)
    _only(fields["Arguments"], name, {"FunctionName", "Payload"})
    if fields["Resource"] not in {_INVOKE, _INVOKE_AND_WAIT}:
        raise NotUnderstood(f"{name}: resource {fields['Resource']}")
    if fields.get("End", False) == ("Next" in fields):
        raise NotUnderstood(f"{name}: neither an end nor a way on, or both")
    return Task(
        function=fields["Arguments"]["FunctionName"],
        payload=template(fields["Arguments"]["Payload"]),
        waits_for_token=fields["Resource"] == _INVOKE_AND_WAIT,
        timeout=template(fields["TimeoutSeconds"]) if "TimeoutSeconds" in fields else None,
        assign=_assigned(fields),
        retriers=tuple(_retrier(name, row) for row in fields.get("Retry", ())),
        catchers=tuple(_catcher(name, row) for row in fields.get("Catch", ())),
        next=fields.get("Next"),
    )


def _retrier(name: str, fields: Mapping[str, Any]) -> Retrier:
    known = {"ErrorEquals", "Comment", "IntervalSeconds", "BackoffRate", "MaxDelaySeconds", "MaxAttempts"}
    _only(fields, name, known | {"JitterStrategy"})
    if fields.get("JitterStrategy", "NONE") not in {"NONE", "FULL"}:
        raise NotUnderstood(f"{name}: jitter {fields['JitterStrategy']}")
    return Retrier(
        errors=_errors(name, fields),
        interval=fields.get("IntervalSeconds", 1),
        backoff=fields.get("BackoffRate", 2.0),
        longest=fields.get("MaxDelaySeconds", float("inf")),
        attempts=fields.get("MaxAttempts", 3),
        jitter=fields.get("JitterStrategy") == "FULL",
    )


def _catcher(name: str, fields: Mapping[str, Any]) -> Catcher:
    _only(fields, name, {"ErrorEquals", "Comment", "Assign", "Output", "Next"})
    return Catcher(_errors(name, fields), _transition(fields, "Next"))


def _errors(name: str, fields: Mapping[str, Any]) -> frozenset[str]:
    errors = frozenset(fields["ErrorEquals"])
    special = {error for error in errors if error.startswith("States.")} - {"States.ALL", "States.Timeout"}
    if special:
        raise NotUnderstood(f"{name}: errors {sorted(special)}")
    return errors


def _transition(fields: Mapping[str, Any], to: str) -> Transition:
    return Transition(fields[to], _assigned(fields), template(fields["Output"]) if "Output" in fields else None)


def _assigned(fields: Mapping[str, Any]) -> Mapping[str, Template]:
    return {variable: template(value) for variable, value in fields.get("Assign", _NONE).items()}


def _only(fields: Mapping[str, Any], where: str, known: set[str]) -> None:
    unknown = sorted(set(fields) - known)
    if unknown:
        raise NotUnderstood(f"{where}: {', '.join(unknown)}")
