"""Outputs that get their value later, for components that need one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import pulumi


@contextmanager
def deferred() -> Iterator[tuple[pulumi.Output[str], Callable[[pulumi.Output[str]], None]]]:
    """An output, and the function that says which other one it is; call that once, before the block ends.

    The SDK waits for every resource even when the program has failed, so a block that fails before that has the output
    fail as well: what needs it would be waited for without end (pulumi issue 18559).
    """
    deferred_output: tuple[pulumi.Output[str], Callable[[pulumi.Output[str]], None]] = pulumi.deferred_output()
    output, resolve_once = deferred_output
    resolved = False

    def resolve(other: pulumi.Output[str]) -> None:
        nonlocal resolved
        resolve_once(other)
        resolved = True

    try:
        yield output, resolve
    except BaseException as error:
        failure = error

        def fail(_: None) -> NoReturn:
            raise failure

        if not resolved:
            resolve_once(pulumi.Output.from_input(None).apply(fail))
        raise
