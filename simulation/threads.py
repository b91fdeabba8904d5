"""Threads of a function: processes with the same owner."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self, TypeVar

from simulation.calls import Crash
from simulation.process import Killed, current

T = TypeVar("T")


class Threads:
    """What concurrent.futures.ThreadPoolExecutor does, as far as the handlers use it."""

    def __init__(self, max_workers: int) -> None:
        self._max_workers = max_workers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(self, work: Callable[[T], None], items: Iterable[T]) -> Iterable[None]:
        """Works on the items in their order. After an error nothing further is begun, and the first error is raised.

        A crash ends all threads at once.
        """
        caller = current()
        if caller is None:
            raise LookupError("only a function has threads")
        left = list(items)[::-1]
        errors: list[BaseException] = []
        waiting = [caller]

        def thread() -> None:
            try:
                while left and not errors:
                    work(left.pop())
            except (Crash, Exception) as error:  # noqa: BLE001  # whatever it is, it is raised in the waiting thread
                errors.append(error)
            except Killed:
                return
            running.pop()
            if waiting and (not running or isinstance(errors[-1] if errors else None, Crash)):
                waiting.pop().wake_soon()

        threads = [caller.fork(thread) for _ in range(min(self._max_workers, len(left)))]
        running = list(threads)
        try:
            if threads:
                caller.wait()
        finally:
            for each in threads:
                each.kill_soon()
        crashes = [error for error in errors if isinstance(error, Crash)]
        for error in (*crashes, *errors):
            raise error
        return ()
