"""What a function printed while it was invoked, collected without waiting for what will not come.

Upstream MiniStack waits 50 ms after every invocation for a first line, which is most of the time of one that prints
nothing. A worker prints before it answers: what it printed is in the pipe when its answer is there, so only the thread
that reads the pipe has to be waited for.
"""

from __future__ import annotations

import queue
import select
import time
from typing import Any

from ministack.core import lambda_runtime

READER_SECONDS = 0.01
"""From taking a line out of the pipe to handing it over, on a busy computer."""
LONGEST_SECONDS = 0.25


def collected(worker: Any, **_: Any) -> str:
    """The lines so far, without their last line break."""
    lines: list[str] = []
    now = time.monotonic()
    ends, calm_at = now + LONGEST_SECONDS, now + READER_SECONDS
    while (now := time.monotonic()) < min(ends, calm_at):
        try:
            lines.append(worker._stderr_queue.get_nowait())
            calm_at = now + READER_SECONDS
        except queue.Empty:
            if _has_unread(worker._proc):
                calm_at = now + READER_SECONDS
            time.sleep(0.001)
    return "\n".join(lines)


def _has_unread(process: Any) -> bool:
    poll = select.poll()
    try:
        poll.register(process.stderr, select.POLLIN)
    except (AttributeError, ValueError):  # the process is gone, its pipe is closed
        return False
    return any(event & select.POLLIN for _, event in poll.poll(0))


def install() -> None:
    lambda_runtime.Worker._drain_stderr_bounded = collected
