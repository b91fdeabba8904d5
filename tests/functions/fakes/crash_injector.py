"""A process that dies in the middle: ports that fail at the nth call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class ProcessDied(BaseException):
    """Nothing after the call that raises it was done."""


@dataclass
class CrashInjector:
    """Blows at call number `blows_at` of all calls through its ports, before or after the call had its effect."""

    blows_at: int
    after: bool
    calls: int = 0
    last: str = ""

    @property
    def blown(self) -> bool:
        return self.calls >= self.blows_at

    def before(self, port: Any) -> Any:
        """The port, with the injector before each of its methods."""
        return _Fused(port, self)

    def burn(self, name: str, call: Callable[[], Any]) -> Any:
        self.calls += 1
        self.last = name
        if not self.blown:
            return call()
        if self.after:
            call()
        raise ProcessDied(f"died at call {self.calls}, {name}")


@dataclass(frozen=True)
class _Fused:
    port: Any
    injector: CrashInjector

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.port, name)
        return lambda *given, **named: self.injector.burn(name, lambda: method(*given, **named))
