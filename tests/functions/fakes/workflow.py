"""A state machine that keeps what it was told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from functions.jobs.job import Run


@dataclass(frozen=True)
class Answer:
    """What a stored token was answered: an `output`, or an `error` and its `cause`."""

    token: str
    output: Mapping[str, str] | None = None
    error: str | None = None
    cause: str = ""


@dataclass
class FakeWorkflow:
    """A token is good for one answer; one that is `dead` waits no more."""

    started: list[tuple[Run, int]] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)  # by the execution's name
    answers: list[Answer] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)

    @property
    def woken(self) -> list[str]:
        return [answer.token for answer in self.answers if answer.error is None]

    @property
    def failed(self) -> list[tuple[str, str | None]]:
        return [(answer.token, answer.error) for answer in self.answers if answer.error is not None]

    def start(self, run: Run, attempt: int) -> None:
        if run.name not in self.states:
            self.states[run.name] = "RUNNING"
            self.started.append((run, attempt))

    def state(self, run: Run) -> str | None:
        return self.states.get(run.name)

    def wake(self, token: str, output: Mapping[str, str] | None = None) -> bool:
        return self._answer(Answer(token, output or {}))

    def fail(self, token: str, error: str, cause: str) -> bool:
        return self._answer(Answer(token, error=error, cause=cause))

    def _answer(self, answer: Answer) -> bool:
        if answer.token in self.dead:
            return False
        self.dead.add(answer.token)
        self.answers.append(answer)
        return True
