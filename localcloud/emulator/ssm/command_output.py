"""A command's output on its way from the machine's disk to CloudWatch Logs.

The agent follows a file that has a command's output, once a second (amazon-ssm-agent, cloudwatchlogsservice.go).
"""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch_logs

from localcloud.emulator.ec2.machines import Machine
from localcloud.emulator.iam import agent_permissions
from localcloud.emulator.settings import Scope

log = logging.getLogger("localcloud.agent")

# Of amazon-ssm-agent, cloudwatchlogsservice.go: MessageLengthThresholdInBytes, maxNumberOfEventsPerCall.
EVENT_BYTES = 200_000
EVENTS_A_CALL = 4
# fileS3.go, maxCloudWatchUploadRetry: so many calls, one a second, after a command's end; the rest is lost.
CALLS_AFTER_THE_END = 60


class LogStream:
    """Copies one growing file into one log stream as the agent does, with the rights of the machine's role.

    One difference (docs/ssm-agent.md): what is left when a command ends is sent at once, for the sake of a job's time.
    """

    def __init__(self, machine: Machine, path: Path, group: str, name: str) -> None:
        self._machine = machine
        self._scope: Scope = machine.scope
        self._path = path
        self._group = group
        self._name = name
        self._offset = 0
        self._open: bool | None = None  # not made before there is something to write

    def follow(self) -> None:
        """Sends what is new of the lines that have their newline, as much as one call takes."""
        self._send(is_complete=False)

    def finish(self) -> None:
        """Sends the rest of an output that is complete."""
        for _ in range(CALLS_AFTER_THE_END):
            if not self._send(is_complete=True):
                return
        log.warning("%s: the end of its output is not in %s: there was too much of it", self._machine.id, self._group)

    def _send(self, *, is_complete: bool) -> bool:
        with self._path.open("rb") as output:
            output.seek(self._offset)
            new = output.read((EVENTS_A_CALL + 1) * EVENT_BYTES)
        events = events_of(new, is_complete=is_complete)
        if not events:
            return False
        if self._open is None:
            self._open = self._create()
        self._offset += sum(map(len, events))
        if self._open:
            self._put([message_of(event, is_complete=is_complete) for event in events])
        return True

    def _create(self) -> bool:
        with request_scope(self._scope.account_id, self._scope.region):
            exists = self._group in cloudwatch_logs._log_groups
            missing = agent_permissions.missing_to_write_logs(
                self._scope, self._machine.role_arn, self._group, self._name, group_exists=exists
            )
            if missing:
                what = f"no output goes to {self._group}, its role lacks {', '.join(missing)}"
                log.warning("%s: %s", self._machine.id, what)
                return False
            if not exists:
                cloudwatch_logs._create_log_group({"logGroupName": self._group})
            cloudwatch_logs._create_log_stream({"logGroupName": self._group, "logStreamName": self._name})
        return True

    def _put(self, messages: list[str]) -> None:
        now = int(time.time() * 1000)
        events: list[dict[str, Any]] = [{"timestamp": now, "message": message} for message in messages if message]
        if events:
            with request_scope(self._scope.account_id, self._scope.region):
                cloudwatch_logs._put_log_events(
                    {"logGroupName": self._group, "logStreamName": self._name, "logEvents": events}
                )


def events_of(new: bytes, *, is_complete: bool) -> list[bytes]:
    """One call's events, as getNextMessage makes them: whole lines joined, longer ones in pieces.

    Args:
        new: what is in the file beyond what has been sent, at least one event more than a call takes if there is more.
        is_complete: whether nothing will follow, so that a last line needs no newline.
    """
    events, event = [], b""
    for line in re.findall(rb"[^\n]*\n|[^\n]+", new):
        for piece in (line[start : start + EVENT_BYTES] for start in range(0, len(line), EVENT_BYTES)):
            if not (is_complete or piece.endswith(b"\n") or len(piece) == EVENT_BYTES):
                break  # an unfinished last line waits for its newline
            if len(event) + len(piece) > EVENT_BYTES:
                events.append(event)
                event = b""
                if len(events) == EVENTS_A_CALL:
                    return events
            event += piece
    return [*events, event] if event else events


def message_of(event: bytes, *, is_complete: bool) -> str:
    """As buildEventInfo has it: Unix line endings, and no last newline once the output is complete."""
    text = event.decode("utf-8", "replace").replace("\r\n", "\n")
    return text.removesuffix("\n") if is_complete else text
