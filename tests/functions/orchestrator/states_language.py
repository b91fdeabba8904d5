"""One state of a workflow at a time, as Step Functions runs it: what it sends, and where which answer leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulation.expressions import Variables, template

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
    """The part of the language that the workflow uses: JSONata, Choice, Wait, and Task with Retry and Catch."""

    definition: Mapping[str, Any]
    context: Mapping[str, Any] = field(
        default_factory=lambda: {
            "Execution": {"Input": INPUT, "RedriveCount": 2},
            "State": {"RetryCount": 3},
            "Task": {"Token": "the-token"},
        }
    )

    def state(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.definition["States"][name]
        return found

    def ways(self) -> set[tuple[str, str]]:
        """(state, name of a way out of it) for all there are."""
        return {(name, way) for name, state in self.definition["States"].items() for way, _ in _ways(state)}

    def payload(self, name: str, variables: Variables, given: Any = None) -> dict[str, Any]:
        """What a Task sends its function; `given` is the state's input."""
        sent: dict[str, Any] = self.arguments(name, variables, given)["Payload"]
        return sent

    def arguments(self, name: str, variables: Variables, given: Any = None) -> dict[str, Any]:
        """What a Task calls its service with."""
        states = {"context": self.context, "input": given or INPUT}
        called: dict[str, Any] = _value(self.state(name)["Arguments"], variables, **states)
        return called

    def waited(self, name: str, variables: Variables) -> Way:
        _value(self.state(name)["Timestamp"], variables)
        return self._take("Next", self.state(name), variables)

    def chosen(self, name: str, variables: Variables) -> Way:
        state = self.state(name)
        for way, choice in _ways(state):
            if way == "Default" or _value(choice["Condition"], variables, context=self.context):
                return self._take(way, choice, variables)
        raise LookupError(f"{name} has no way for {variables}")

    def succeeded(self, name: str, variables: Variables, result: Any, given: Any = None) -> Way:
        """`result` is what a callback was answered; an invoked function's answer is its `Payload`."""
        state = self.state(name)
        return self._take("End" if state.get("End") else "Next", state, variables, result=result, input=given or INPUT)

    def failed(self, name: str, variables: Variables, error: str, cause: str = "", given: Any = None) -> Way:
        """Where an error leads that is not tried again any more."""
        for way, catch in _ways(self.state(name)):
            if way.startswith("Catch") and _matches(catch, error):
                states = {"errorOutput": {"Error": error, "Cause": cause}, "input": given or INPUT}
                return self._take(way, catch, variables, **states)
        raise LookupError(f"{name} does not catch {error}: the execution fails")

    def retrier(self, name: str, error: str) -> Mapping[str, Any]:
        """The first row of a Task's Retry that an error meets."""
        rows: list[Mapping[str, Any]] = self.state(name)["Retry"]
        return next(row for row in rows if _matches(row, error))

    def _take(self, name: str, way: Mapping[str, Any], variables: Variables, **states: Any) -> Way:
        # Every expression of an Assign sees the variables as they were before it.
        states.setdefault("context", self.context)
        assigned = {key: _value(value, variables, **states) for key, value in way.get("Assign", {}).items()}
        output = _value(way["Output"], variables, **states) if "Output" in way else states.get("result")
        return Way(
            name, way.get("Default") if name == "Default" else way.get("Next"), {**variables, **assigned}, output
        )


def _ways(state: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    ways: list[tuple[str, Mapping[str, Any]]] = []
    ways += [(f"Choices[{index}]", choice) for index, choice in enumerate(state.get("Choices", []))]
    ways += [(f"Catch {', '.join(catch['ErrorEquals'])}", catch) for catch in state.get("Catch", [])]
    ways += [(name, state) for name in ("Next", "Default", "End") if name in state]
    return ways


def _value(value: Any, variables: Variables, **states: Any) -> Any:
    return template(value)({**variables, "states": states})


def _matches(row: Mapping[str, Any], error: str) -> bool:
    return error in row["ErrorEquals"] or "States.ALL" in row["ErrorEquals"]
