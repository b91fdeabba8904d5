"""Functions on a simulated Lambda, for tests of what befalls them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulation.calls import Calls
from simulation.clock import VirtualClock
from simulation.faults import CallFault, Congestion, FunctionFault
from simulation.lambdas import Answer, Function, Lambdas
from simulation.rng import Rng


@dataclass
class Bench:
    """One function, "f", that does what it is told; `answers` are what its invocations came to."""

    work: Callable[[], Any]
    call_faults: tuple[tuple[int, CallFault], ...] = ()  # of its first invocation, by the number of the call
    timeout: float = 60.0
    congestions: tuple[Congestion, ...] = ()
    clock: VirtualClock = field(default_factory=VirtualClock)
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = Rng(0)
        self.calls = Calls(self.clock, self.rng, {})
        faults = tuple(FunctionFault("f", 0, call, call_fault) for call, call_fault in self.call_faults)
        functions = {"f": Function(lambda _event, _context: self.work(), self.timeout)}
        self.lambdas = Lambdas(self.clock, self.rng, functions, faults, self.congestions)

    def invoke(self) -> None:
        self.lambdas.invoke("f", {}, self.answers.append)

    def answer(self) -> Answer:
        """What one invocation comes to."""
        self.invoke()
        self.clock.run(self.clock.seconds + 600)
        return self.answers[-1]
