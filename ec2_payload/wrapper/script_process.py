"""Runs the script in its own session, passes on what it prints, and lets nothing of it survive."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple, Optional

from ec2_payload.wrapper.descendants import Descendants, adopted_orphans
from ec2_payload.wrapper.kept_log import KeptLog
from ec2_payload.wrapper.memory_shortage import chosen_first
from ec2_payload.wrapper.script_output import ScriptOutput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ec2_payload.wrapper.log import Log
    from ec2_payload.wrapper.stop import StopSignals
    from ec2_payload.wrapper.work_folder import WorkFolder

GRACE_S = 2.0
"""Between SIGTERM and SIGKILL."""
SETTLE_S = 0.5
"""For helpers of the script that are still writing when it has ended (`exec > >(tee log)`)."""


class ScriptResult(NamedTuple):
    exit_code: Optional[int]
    """None when a signal ended the script."""
    signal: Optional[str]
    timed_out: bool
    stderr_tail: str
    survivors: list[int]
    """Processes of the script that could not be killed."""


def run_script(
    argv: Sequence[str],
    folder: WorkFolder,
    timeout_s: float,
    log: Log,
    stop: StopSignals,
) -> ScriptResult:
    """Runs the command to its end, its timeout, or a stop signal; then kills every process that is left of it.

    Raises:
        OSError: it cannot be started.
        Stopped: the wrapper received a stop signal; the script has been killed.
    """
    with stop.held(), adopted_orphans() as descendants:
        with chosen_first():
            process = subprocess.Popen(
                argv,
                cwd=folder.working,
                env=folder.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        with contextlib.closing(ScriptOutput(process, KeptLog(folder.log), log)) as output:
            deadline = time.monotonic() + timeout_s

            def ended() -> bool:
                descendants.reap(process)
                return _has_ended(process) or stop.received is not None

            timed_out = not output.pump(ended, deadline)
            survivors = _end(process, output, descendants)
        return _result(process.returncode, timed_out, output.stderr_tail(), survivors)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None


def _end(process: subprocess.Popen[bytes], output: ScriptOutput, descendants: Descendants) -> list[int]:
    if process.returncode is None:
        _signal_group(process, signal.SIGTERM)
        output.pump(lambda: _has_ended(process), time.monotonic() + GRACE_S)
    else:
        output.pump(lambda: not output.is_open(), time.monotonic() + SETTLE_S)
    _signal_group(process, signal.SIGKILL)
    process.wait()
    survivors = descendants.kill_all()
    output.pump(lambda: not output.is_open(), time.monotonic() + SETTLE_S)
    return survivors


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # The group's id stays taken as long as one of its members lives, so it cannot have become another's.
    # PermissionError: macOS, when only zombies are left in the group.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _result(returncode: int, timed_out: bool, stderr_tail: str, survivors: list[int]) -> ScriptResult:
    if returncode >= 0:
        return ScriptResult(returncode, None, timed_out, stderr_tail, survivors)
    try:
        name = signal.Signals(-returncode).name
    except ValueError:  # real-time signals have no names
        name = f"signal {-returncode}"
    return ScriptResult(None, name, timed_out, stderr_tail, survivors)
