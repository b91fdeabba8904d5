"""The agent's side of Run Command: one invocation of AWS-RunShellScript on one machine, from start to status."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ministack.services import ssm

from localcloud.emulator import events
from localcloud.emulator.ec2.machine_processes import MachineEndedError
from localcloud.emulator.ec2.machines import Machine
from localcloud.emulator.faults import Faults
from localcloud.emulator.ssm.command_output import LogStream
from localcloud.emulator.ssm.command_reply import Reply, status_of
from localcloud.emulator.ssm.command_shell import STREAMS, CommandShell, ShellEnd

log = logging.getLogger("localcloud.agent")

STDERR_CHARACTERS = 8_000  # GetCommandInvocation: "The first 8,000 characters written by the plugin to stderr"
DEFAULT_EXECUTION_SECONDS = 3600
SHORTEST_EXECUTION_SECONDS = 5  # amazon-ssm-agent, pluginutil.go, ValidateExecutionTimeout: less means the default
FOLLOW_SECONDS = 1.0  # amazon-ssm-agent, cloudwatchlogsservice.go: UploadFrequency


class CommandRun:
    """Runs one command on one machine. `record` is MiniStack's, with `Invocations`; only this class changes it."""

    def __init__(self, record: dict[str, Any], machine: Machine, faults: Faults) -> None:
        self.record = record
        self._machine = machine
        self._faults = faults
        self._invocation: dict[str, Any] = record["Invocations"][machine.id]
        # To cancel it is to close one end, which makes the other one ready.
        self._cancelled, self._cancel = multiprocessing.Pipe(duplex=False)

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"command-{self.record['CommandId']}", daemon=True).start()

    def cancel(self) -> None:
        """Asks for the end."""
        self._cancel.close()

    def _run(self) -> None:
        with self._cancelled, self._cancel:
            self._run_when_online()

    def _run_when_online(self) -> None:
        if not self._machine.wait_until_online(float(self.record["TimeoutSeconds"])):
            self._set_status("TimedOut", "Delivery Timed Out")
            return
        started = datetime.now(UTC)
        self._invocation["ExecutionStartDateTime"] = _iso(started)
        self._set_status("InProgress", "In Progress")
        self._arm_loss()
        reply = self._execute()
        if reply is None or self._machine.is_ending:
            return  # a machine that is gone reports nothing: the invocation stays InProgress, as on AWS
        self._invocation.update(
            ResponseCode=reply.code,
            StandardOutputContent=reply.stdout,
            StandardErrorContent=reply.stderr[:STDERR_CHARACTERS],
            ExecutionEndDateTime=_iso(datetime.now(UTC)),
            ExecutionElapsedTime=_elapsed(started),
        )
        self._set_status(reply.status, "Execution Timed Out" if reply.status == "TimedOut" else reply.status)

    def _execute(self) -> Reply | None:
        """None if the machine has ended meanwhile."""
        folder = self._machine.files.command_folder(self.record["CommandId"])
        working = self._parameter("workingDirectory") or [""]
        shell = CommandShell(self._machine.processes, folder, self._faults.plan.agent_bytes_per_s)
        try:
            shell.start(
                "\n".join(self._parameter("commands")), Path(working[0]) if working[0] else self._machine.files.home
            )
        except (OSError, MachineEndedError) as error:
            if self._machine.is_ending:
                return None
            log.warning("%s: command did not start: %s", self._machine.id, error)
            return Reply("Failed", 1, "", str(error))
        with contextlib.suppress(FileNotFoundError), contextlib.ExitStack() as stack:
            stack.callback(shell.abandon)
            return self._follow(shell, folder)
        return None  # a terminated machine takes its files with it

    def _follow(self, shell: CommandShell, folder: Path) -> Reply | None:
        """Sends output on while the shell runs."""
        logs = self._log_streams(folder)
        deadline = time.monotonic() + self._execution_seconds()
        end: ShellEnd | None = None
        while end is None:
            has_ended = shell.copy(min(FOLLOW_SECONDS, deadline - time.monotonic()), self._cancelled)
            if self._machine.is_ending:
                return None
            if has_ended:
                end = shell.end()
            elif self._cancel.closed or time.monotonic() >= deadline:
                end = shell.kill()
            else:
                _each(logs, LogStream.follow)
        status = status_of(end.code, is_cancelled=self._cancel.closed)
        if status == "Failed":
            with (folder / "stderr").open("ab") as stderr:
                stderr.write(f"failed to run commands: {end.error}".encode())  # straight after the last byte (seen)
        _each(logs, LogStream.finish)
        return Reply.read(folder, status, end.code)

    def _log_streams(self, folder: Path) -> list[LogStream]:
        asked = self.record.get("CloudWatchOutputConfig") or {}
        if not asked.get("CloudWatchOutputEnabled"):
            return []
        group = asked.get("CloudWatchLogGroupName") or f"/aws/ssm/{self.record['DocumentName']}"
        prefix = f"{self.record['CommandId']}/{self._machine.id}/aws-runShellScript"
        return [LogStream(self._machine, folder / name, group, f"{prefix}/{name}") for name in STREAMS]

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


def _each(logs: list[LogStream], do: Callable[[LogStream], None]) -> None:
    for stream in logs:
        do(stream)


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
