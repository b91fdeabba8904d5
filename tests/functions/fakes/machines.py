"""EC2 and SSM as told: `answers` and `sends` are played in order, states are looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from functions.execution.ports import CommandState
from functions.jobs.clock import now
from functions.jobs.errors import Throttled
from functions.jobs.job import MachineReceipt
from functions.scheduling.ports import Candidate, InstanceView, LaunchResult, Refusal


@dataclass(frozen=True)
class Asked:
    """One launch call."""

    candidate: Candidate
    count: int
    token: str
    tags: Mapping[str, str]


def a_machine(instance_id: str = "i-1", **changes: object) -> MachineReceipt:
    facts: dict[str, object] = {
        "run": 1,
        "attempt": 1,
        "instance_type": "t4g.small",
        "market": "spot",
        "zone": "eu-central-1b",
        "image_id": "ami-1",
        "launched_at": "2026-01-31T09:15:03.000Z",
    }
    return MachineReceipt(instance_id, **facts | changes)  # type: ignore[arg-type]


@dataclass
class FakeMachines:
    """A launch without an answer of its own gives all that was asked for; a number gives so many.

    A client token gets the machines that it got before, as EC2 does it.
    """

    answers: list[Refusal | int | Exception] = field(default_factory=list)
    sends: list[str | Exception] = field(default_factory=list)
    commands: dict[str, CommandState] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    alive: list[InstanceView] = field(default_factory=list)
    ends_at_once: bool = True
    throttles: int = 0  # how many calls of terminate_all are refused
    asked: list[Asked] = field(default_factory=list)
    tagged: dict[str, Mapping[str, str]] = field(default_factory=dict)
    untagged: int = 0  # how many calls of tag are refused
    sent: list[tuple[str, str, int]] = field(default_factory=list)
    delivery_timeouts: list[int | None] = field(default_factory=list)
    terminated: list[str] = field(default_factory=list)
    launched: dict[str, tuple[Asked, list[LaunchResult]]] = field(default_factory=dict)  # by client token
    before: list[Callable[[], object]] = field(default_factory=list)  # what happens before each launch, one by one
    after: list[Callable[[], object]] = field(default_factory=list)

    def launch(
        self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
    ) -> Sequence[LaunchResult] | Refusal:
        if self.before:
            self.before.pop(0)()
        answer = self._launch(Asked(candidate, count, token, tags))
        if self.after:
            self.after.pop(0)()
        return answer

    def _launch(self, call: Asked) -> Sequence[LaunchResult] | Refusal:
        self.asked.append(call)
        if call.token in self.launched:
            before, instances = self.launched[call.token]
            assert call == before, "EC2 refuses a client token that comes back with other parameters"
            return instances
        answer = self.answers.pop(0) if self.answers else call.count
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Refusal):
            return answer
        assert 1 <= answer <= call.count
        self.launched[call.token] = (call, [self._new_instance() for _ in range(answer)])
        return self.launched[call.token][1]

    def _new_instance(self) -> LaunchResult:
        instance_id = f"i-{len(self.states) + 1}"
        self.states[instance_id] = "pending"
        return LaunchResult(instance_id, "eu-central-1b", "ami-1", now())

    def tag(self, instance_id: str, tags: Mapping[str, str]) -> bool:
        if self.untagged:
            self.untagged -= 1
            return False
        self.tagged[instance_id] = tags
        return True

    def send_command(
        self, instance_id: str, script: str, comment: str, timeout: int, delivery_timeout: int | None = None
    ) -> str:
        answer = self.sends.pop(0)
        self.delivery_timeouts.append(delivery_timeout)
        if isinstance(answer, Exception):
            raise answer
        self.sent.append((instance_id, script, timeout))
        return answer

    def command_state(self, command_id: str, instance_id: str) -> CommandState | None:
        return self.commands.get(command_id)

    def instance_state(self, instance_id: str) -> str | None:
        return self.states.get(instance_id)

    def end_reason(self, instance_id: str) -> str | None:
        return self.reasons.get(instance_id)

    def alive_of_stack(self, stack: str) -> list[InstanceView]:
        return [each for each in self.alive if self.states[each.instance_id] not in {"shutting-down", "terminated"}]

    def terminate(self, instance_id: str) -> str | None:
        self.terminated.append(instance_id)
        if instance_id not in self.states:
            return None
        self.states[instance_id] = "terminated" if self.ends_at_once else "shutting-down"
        return self.states[instance_id]

    def terminate_all(self, instance_ids: Sequence[str]) -> Mapping[str, str]:
        if self.throttles:
            self.throttles -= 1
            raise Throttled("slow down")
        states = {one: self.terminate(one) for one in instance_ids}
        return {one: state for one, state in states.items() if state is not None}
