"""A state machine's definition, as far as ours goes; a field that is not understood is refused, never ignored.

Of the Amazon States Language (states-language.net/spec.html) with JSONata: Pass, Choice, Wait, and Task with a Lambda
function, waiting for its answer or for a task token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_pascal

from simulation.expressions import QueryError, Template, Variables, template

_WAITS = "arn:aws:states:::lambda:invoke.waitForTaskToken"


def _known(error: str) -> str:
    if error.startswith("States.") and error not in {"States.ALL", "States.Timeout"}:
        raise ValueError(f"{error} is not understood")
    return error


Expression = Annotated[Template, BeforeValidator(template)]
ErrorName = Annotated[str, AfterValidator(_known)]


class _Fields(BaseModel):
    model_config = ConfigDict(alias_generator=to_pascal, extra="forbid", frozen=True)
    comment: str = ""


class Transition(_Fields):
    """Where to go on, None at the workflow's end; what to assign on the way, and what to give on, if not what came."""

    next: str | None
    assign: Mapping[str, Expression] = Field(default_factory=dict)
    output: Expression | None = None


class _ErrorRow(_Fields):
    error_equals: frozenset[ErrorName]

    def matches(self, error: str) -> bool:
        return error in self.error_equals or "States.ALL" in self.error_equals


class Retrier(_ErrorRow):
    """The language's own defaults. With full jitter a delay is anything from none to what it would be, in seconds."""

    interval_seconds: float = 1
    backoff_rate: float = 2.0
    max_delay_seconds: float = float("inf")
    max_attempts: int = 3
    jitter_strategy: Literal["NONE", "FULL"] = "NONE"

    def delay(self, retries: int) -> float:
        """Seconds before the next try, jitter aside, `retries` having been made before."""
        try:
            return min(self.max_delay_seconds, self.interval_seconds * self.backoff_rate**retries)
        except OverflowError:
            return self.max_delay_seconds


class Catcher(_ErrorRow, Transition):
    pass


class Pass(Transition):
    type: Literal["Pass"]


class Wait(Transition):
    """`timestamp` is RFC 3339; Step Functions leaves its fraction of a second out (developer guide, "Wait")."""

    type: Literal["Wait"]
    timestamp: Expression


class Rule(Transition):
    condition: Expression


class Choice(Transition):
    """A transition itself, where no rule's condition is met."""

    type: Literal["Choice"]
    choices: tuple[Rule, ...]
    next: str | None = Field(alias="Default")

    def chosen(self, scope: Variables) -> Transition:
        for rule in self.choices:
            met = rule.condition(scope)
            if not isinstance(met, bool):
                raise QueryError(f"a condition is {met!r}, neither true nor false")
            if met:
                return rule
        return self


class Arguments(_Fields):
    function_name: str
    payload: Expression


class Task(Transition):
    """`timeout_seconds` makes seconds, None is no limit."""

    type: Literal["Task"]
    resource: Literal["arn:aws:states:::lambda:invoke", "arn:aws:states:::lambda:invoke.waitForTaskToken"]
    arguments: Arguments
    timeout_seconds: Expression | None = None
    retry: tuple[Retrier, ...] = ()
    catch: tuple[Catcher, ...] = ()
    next: str | None = None
    end: bool = False

    @model_validator(mode="after")
    def _has_one_way_on(self) -> Self:
        if self.end == (self.next is not None):
            raise ValueError("neither an end nor a way on, or both")
        return self

    @property
    def waits_for_token(self) -> bool:
        return self.resource == _WAITS

    def retrier(self, error: str) -> Retrier | None:
        """The first row of its Retry that is about an error."""
        return next((row for row in self.retry if row.matches(error)), None)

    def catcher(self, error: str) -> Catcher | None:
        """The first row of its Catch that is about an error."""
        return next((row for row in self.catch if row.matches(error)), None)


State = Annotated[Pass | Choice | Task | Wait, Field(discriminator="type")]


class Definition(_Fields):
    """Without placeholders."""

    query_language: Literal["JSONata"]
    start_at: str
    states: Mapping[str, State]
