"""The agent's side of Run Command: one invocation of AWS-RunShellScript on one machine, from start to status."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ministack.services import ssm

from localcloud.emulator import events
from localcloud.emulator.command_output import LogStream, read_head
from localcloud.emulator.machine_processes import MachineEndedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from localcloud.emulator.faults import Faults
    from localcloud.emulator.machine_processes import MachineProcess
    from localcloud.emulator.machines import Machine

log = logging.getLogger("localcloud.agent")

STDERR_CHARACTERS = 8_000  # GetCommandInvocation: "The first 8,000 characters written by the plugin to stderr"
DEFAULT_EXECUTION_SECONDS = 3600
SHORTEST_EXECUTION_SECONDS = 5  # amazon-ssm-agent, pluginutil.go, ValidateExecutionTimeout: less means the default
KILLED = 137  # pluginutil_unix.go, GetStatus: whatever ends with it has timed out
FOLLOW_SECONDS = 1.0  # amazon-ssm-agent, cloudwatchlogsservice.go: UploadFrequency
STREAMS = ("stdout", "stderr")


class CommandRun:
    """Runs one command on one machine. `record` is MiniStack's, with `Invocations`; only this class changes it."""

    def __init__(self, record: dict[str, Any], machine: Machine, faults: Faults) -> None:
        self.record = record
        self._machine = machine
        self._faults = faults
        self._invocation: dict[str, Any] = record["Invocations"][machine.id]
        self._process: MachineProcess | None = None
        self._finished = threading.Event()
        self._cancelled = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"command-{self.record['CommandId']}", daemon=True).start()

    def cancel(self) -> None:
        """Asks for the end; the status becomes Cancelled once the process has ended."""
        self._cancelled.set()
        if self._process is not None:
            self._machine.processes.kill(self._process)

    def _run(self) -> None:
        if not self._machine.wait_until_online(float(self.record["TimeoutSeconds"])):
            self._set_status("TimedOut", "Delivery Timed Out")
            return
        started = datetime.now(UTC)
        self._invocation["ExecutionStartDateTime"] = _iso(started)
        self._set_status("InProgress", "In Progress")
        self._arm_loss()
        try:
            code, timed_out = self._execute()
        except (OSError, MachineEndedError) as error:
            if self._machine.is_ending:
                return
            log.warning("%s: command did not start: %s", self._machine.id, error)
            self._invocation["StandardErrorContent"] = str(error)
            code, timed_out = 1, False
        if self._machine.is_ending:
            return  # a machine that is gone reports nothing: the invocation stays InProgress, as on AWS
        self._invocation.update(
            ResponseCode=code, ExecutionEndDateTime=_iso(datetime.now(UTC)), ExecutionElapsedTime=_elapsed(started)
        )
        if self._cancelled.is_set():
            self._set_status("Cancelled", "Cancelled")
        elif timed_out or code == KILLED:
            self._set_status("TimedOut", "Execution Timed Out")
        else:
            status = "Failed" if code else "Success"
            self._set_status(status, status)

    def _execute(self) -> tuple[int, bool]:
        """Exit code, and whether the execution timeout ended it."""
        folder = self._machine.files.command_folder(self.record["CommandId"])
        script = folder / "_script.sh"
        script.write_text("\n".join(self._parameter("commands")), encoding="utf-8")
        working = self._parameter("workingDirectory") or [""]
        self._process = self._machine.processes.start(
            ["/bin/sh", str(script)],
            folder=Path(working[0]) if working[0] else self._machine.files.home,
            stdout=folder / "stdout",
            stderr=folder / "stderr",
        )
        if self._cancelled.is_set():
            self._machine.processes.kill(self._process)
        timed_out = self._follow(folder)
        code = self._process.wait()
        with contextlib.suppress(FileNotFoundError):  # a terminated machine takes its files with it
            self._invocation["StandardOutputContent"] = read_head(folder / "stdout")
            self._invocation["StandardErrorContent"] = read_head(folder / "stderr")[:STDERR_CHARACTERS]
        return code, timed_out

    def _follow(self, folder: Path) -> bool:
        """Sends output on while the process runs; True when the execution timeout had to end it."""
        assert self._process is not None  # noqa: S101 - for the type checker: set by the caller
        process = self._process
        threading.Thread(target=self._await_end, args=(process,), daemon=True).start()
        logs = self._log_streams(folder)
        deadline = _Deadline(self._execution_seconds())
        timed_out = False
        while not self._finished.wait(min(FOLLOW_SECONDS, deadline.left()) if logs else deadline.left()):
            if deadline.passed() and not timed_out:
                timed_out = True
                self._machine.processes.kill(process)
            self._each(logs, LogStream.follow)
        with contextlib.suppress(FileNotFoundError):  # as below
            if not (timed_out or self._cancelled.is_set()):
                _add_failure(folder / "stderr", process.wait())
        self._each(logs, LogStream.finish)
        return timed_out

    def _await_end(self, process: MachineProcess) -> None:
        process.wait()
        self._finished.set()

    def _log_streams(self, folder: Path) -> list[LogStream]:
        asked = self.record.get("CloudWatchOutputConfig") or {}
        if not asked.get("CloudWatchOutputEnabled"):
            return []
        group = asked.get("CloudWatchLogGroupName") or f"/aws/ssm/{self.record['DocumentName']}"
        prefix = f"{self.record['CommandId']}/{self._machine.id}/aws-runShellScript"
        return [LogStream(self._machine, folder / name, group, f"{prefix}/{name}") for name in STREAMS]

    def _each(self, logs: list[LogStream], do: Callable[[LogStream], None]) -> None:
        with contextlib.suppress(FileNotFoundError):  # a terminated machine takes its files with it
            for stream in logs:
                do(stream)

    def _execution_seconds(self) -> float:
        given = self._parameter("executionTimeout")
        seconds = float(given[0]) if given else DEFAULT_EXECUTION_SECONDS
        return seconds if seconds >= SHORTEST_EXECUTION_SECONDS else DEFAULT_EXECUTION_SECONDS

    def _parameter(self, name: str) -> list[str]:
        return list(self.record["Parameters"].get(name) or [])

    def _arm_loss(self) -> None:
        delay = self._faults.take_kill_delay()
        if delay is not None:
            reason = "Server.SpotInstanceTermination: Spot instance termination"
            timer = threading.Timer(delay, self._machine.terminate, [reason])
            timer.daemon = True
            timer.start()

    def _set_status(self, status: str, details: str) -> None:
        self._invocation["StatusDetails"] = details
        self._invocation["Status"] = status
        _roll_up(self.record)
        if self._faults.plan.drop_command_events:
            log.info("%s: event %s dropped (fault drop_command_events)", self.record["CommandId"], status)
        else:
            events.command_status_changed(self._machine.scope, self.record, self._machine.id)


def _add_failure(stderr: Path, code: int) -> None:
    """The agent's own sentence, straight after the last byte (docs/ssm-agent.md)."""
    if code > 0 and code != KILLED:
        with stderr.open("ab") as output:
            output.write(f"failed to run commands: exit status {code}".encode())


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left; a short wait once it has passed, while the killed process is on its way out."""
        return max(self._ends - time.monotonic(), 0.05)

    def passed(self) -> bool:
        return time.monotonic() >= self._ends


def _roll_up(record: dict[str, Any]) -> None:
    """The command's own status and counts from those of its invocations."""
    ssm._refresh_command_status(record)
    statuses = [invocation["Status"] for invocation in record["Invocations"].values()]
    ended = {status for status in statuses if status not in {"Pending", "InProgress"}}
    if len(statuses) == record["CompletedCount"]:
        worst = next((status for status in ("Failed", "TimedOut", "Cancelled") if status in ended), "Success")
        record["Status"] = worst
        record["StatusDetails"] = "Execution Timed Out" if worst == "TimedOut" else worst
        record["ErrorCount"] = sum(status in {"Failed", "TimedOut"} for status in statuses)


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _elapsed(since: datetime) -> str:
    return f"PT{(datetime.now(UTC) - since).total_seconds():.3f}S"
