"""A command's output on its way from the machine's disk to CloudWatch Logs.

The agent writes a command's output to files and follows them; a process that outlives its script therefore cannot
hold a command open, and no amount of output can block one.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch_logs

from localcloud.emulator import agent_permissions

if TYPE_CHECKING:
    from pathlib import Path

    from localcloud.emulator.machines import Machine
    from localcloud.emulator.settings import Scope

log = logging.getLogger("localcloud.agent")

MAX_EVENT_BYTES = 256 * 1024  # CloudWatch Logs quota: event size
MAX_CHUNK = 1024 * 1024


def read_head(path: Path, characters: int) -> str:
    """The first characters of an output file, as GetCommandInvocation gives them."""
    with path.open("rb") as output:
        return output.read(characters * 4).decode("utf-8", "replace")[:characters]


class LogStream:
    """Copies one growing file into one log stream, line by line, with the rights of the machine's role."""

    def __init__(self, machine: Machine, path: Path, group: str, name: str) -> None:
        self._scope: Scope = machine.scope
        self._path = path
        self._group = group
        self._name = name
        self._offset = 0
        self._rest = b""
        self._open = self._create(machine)

    def follow(self, *, final: bool = False) -> None:
        """Sends the lines that have been completed since the last call; with `final`, also an unfinished one."""
        if not self._open:
            return
        while chunk := self._read():
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            self._put(lines)
        if len(self._rest) >= MAX_EVENT_BYTES or (final and self._rest):
            self._put([self._rest])
            self._rest = b""

    def _read(self) -> bytes:
        with self._path.open("rb") as output:
            output.seek(self._offset)
            chunk = output.read(MAX_CHUNK)
        self._offset += len(chunk)
        return chunk

    def _create(self, machine: Machine) -> bool:
        with request_scope(self._scope.account_id, self._scope.region):
            exists = self._group in cloudwatch_logs._log_groups
            missing = agent_permissions.missing_to_write_logs(
                self._scope, machine.role_arn, self._group, self._name, group_exists=exists
            )
            if missing:
                log.warning("%s: no output goes to %s, its role lacks %s", machine.id, self._group, ", ".join(missing))
                return False
            if not exists:
                cloudwatch_logs._create_log_group({"logGroupName": self._group})
            cloudwatch_logs._create_log_stream({"logGroupName": self._group, "logStreamName": self._name})
        return True

    def _put(self, lines: list[bytes]) -> None:
        now = int(time.time() * 1000)
        events: list[dict[str, Any]] = [
            {"timestamp": now, "message": part.decode("utf-8", "replace")}
            for line in lines
            for part in _parts(line.rstrip(b"\r"))
        ]
        if events:
            with request_scope(self._scope.account_id, self._scope.region):
                cloudwatch_logs._put_log_events(
                    {"logGroupName": self._group, "logStreamName": self._name, "logEvents": events}
                )


def _parts(line: bytes) -> list[bytes]:
    """A line in pieces that fit an event; an empty line is left out, since an event needs a message."""
    return [line[start : start + MAX_EVENT_BYTES] for start in range(0, len(line), MAX_EVENT_BYTES)]
