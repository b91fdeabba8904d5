"""Whom the kernel ends when memory runs out: the script, never the wrapper or the SSM agent, which report that."""

from __future__ import annotations

import contextlib
import pathlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SCORE = pathlib.Path("/proc/self/oom_score_adj")
OF_SCRIPTS = 500
"""As half of the machine's memory would weigh (proc(5), `/proc/pid/oom_score_adj`)."""


@contextlib.contextmanager
def chosen_first() -> Iterator[None]:
    """What is started inside, and whatever that starts, is chosen before all others. Nothing happens but on Linux."""
    try:
        own = SCORE.read_text(encoding="ascii")
        SCORE.write_text(str(max(int(own), OF_SCRIPTS)), encoding="ascii")
    except (OSError, ValueError):
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            SCORE.write_text(own, encoding="ascii")
