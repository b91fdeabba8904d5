"""One state of the workflow at a time, as the simulation reads it: what it sends, and where which answer leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from simulation.definition import Catcher, Choice, Definition, Retrier, State, Task, Transition, Wait
from simulation.expressions import Variables

INPUT = {"owner": "alice", "job_id": "job", "run": 2, "attempt": 4}


@dataclass(frozen=True)
class Way:
    """The way taken out of a state: `name` tells it from the state's other ways, `next` is None at the end."""

    name: str
    next: str | None
    variables: Variables
    output: Any = None


@dataclass(frozen=True)
class StatesLanguage:
    definition: Definition
    context: Mapping[str, Any] = field(
        default_factory=lambda: {
            "Execution": {"Input": INPUT, "RedriveCount": 2},
            "State": {"RetryCount": 3},
            "Task": {"Token": "the-token"},
        }
    )

    def ways(self) -> set[tuple[str, str]]:
        """(state, name of a way out of it) for all there are."""
        return {(name, way) for name, state in self.definition.states.items() for way, _ in _ways(state)}

    def payload(self, name: str, variables: Variables, given: Any = None) -> dict[str, Any]:
        """What a Task sends its function; `given` is the state's input."""
        sent: dict[str, Any] = self._task(name).arguments.payload(self.scope(variables, given))
        return sent

    def waited(self, name: str, variables: Variables) -> Way:
        wait = cast("Wait", self.definition.states[name])
        wait.timestamp(self.scope(variables))
        return _take("Next", wait, self.scope(variables))

    def chosen(self, name: str, variables: Variables) -> Way:
        choice, scope = cast("Choice", self.definition.states[name]), self.scope(variables)
        chosen = choice.chosen(scope)
        return next(_take(way, chosen, scope) for way, transition in _ways(choice) if transition is chosen)

    def succeeded(self, name: str, variables: Variables, result: Any, given: Any = None) -> Way:
        """`result` is what a callback was answered; an invoked function's answer is its `Payload`."""
        task, scope = self._task(name), self.scope(variables, given, result=result)
        return replace(_take("Next" if task.next else "End", task, scope), output=result)

    def failed(self, name: str, variables: Variables, error: str, cause: str | None = "", given: Any = None) -> Way:
        """Where an error leads that is not tried again any more."""
        catcher = self._task(name).catcher(error)
        if catcher is None:
            raise LookupError(f"{name} does not catch {error}: the execution fails")
        said = {"Error": error} if cause is None else {"Error": error, "Cause": cause}
        scope = self.scope(variables, given, errorOutput=said)
        return _take(_caught(catcher), catcher, scope)

    def retrier(self, name: str, error: str) -> Retrier:
        """The first row of a Task's Retry that an error meets."""
        found = self._task(name).retrier(error)
        assert found is not None
        return found

    def scope(self, variables: Variables, given: Any = None, **states: Any) -> dict[str, Any]:
        return {**variables, "states": {"context": self.context, "input": given or INPUT, **states}}

    def _task(self, name: str) -> Task:
        return cast("Task", self.definition.states[name])


def _take(name: str, transition: Transition, scope: dict[str, Any]) -> Way:
    assigned = {key: value(scope) for key, value in transition.assign.items()}
    output = transition.output(scope) if transition.output else None
    variables = {key: value for key, value in scope.items() if key != "states"}
    return Way(name, transition.next, {**variables, **assigned}, output)


def _ways(state: State) -> Iterator[tuple[str, Transition]]:
    if isinstance(state, Choice):
        yield from ((f"Choices[{index}]", rule) for index, rule in enumerate(state.choices))
        yield "Default", state
    elif isinstance(state, Task):
        yield from ((_caught(catcher), catcher) for catcher in state.catch)
        yield ("Next" if state.next else "End"), state
    else:
        yield "Next", state


def _caught(catcher: Catcher) -> str:
    return f"Catch {sorted(catcher.error_equals)}"
