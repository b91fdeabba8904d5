"""What a machine printed, line by line: the CloudWatch log streams that SSM writes a command's output to.

Once a second the SSM agent joins what is new into events of up to 200,000 bytes; lines keep their newlines, but for
the last one of a command that has ended. A longer line comes in pieces (amazon-ssm-agent, cloudwatchlogsservice.go).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from functions.jobs.clock import rfc3339
from functions.jobs.errors import InvalidRequest
from functions.jobs.ports import LogLine, LogPage

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import OutputLogEventTypeDef

_PLUGIN = "aws-runShellScript"
# The wrapper sends the script's output, both streams, to its own stdout; its stderr carries only the report.
_STREAM = "stdout"
# A page of nothing but these, each escaped as six characters, would be more than Lambda answers; they are unreadable.
# A page is at most so many bytes: one event can have 200,000 lines, each with its time, and Lambda answers 6 MB.
_PAGE_BYTES = 1_000_000
_LINE_BYTES = 90  # of a line in the answer besides its text
_POSITION = re.compile(r"(?P<token>.*?)(?:~(?P<skip>[0-9]{1,9}))?", re.DOTALL)
# Half a surrogate pair, which JSON can write and UTF-8 cannot: machines share a role that writes every log.
_UNREADABLE = dict.fromkeys(
    [*range(9), *range(11, 32), 127, *range(0xD800, 0xE000)],
    "\N{REPLACEMENT CHARACTER}",
)


class CloudWatchMachineLog:
    """functions.jobs.ports.MachineLog over CloudWatch Logs."""

    def __init__(self, client: CloudWatchLogsClient, group: str) -> None:
        self._client = client
        self._group = group

    def read(self, command_id: str, instance_id: str, after: str | None) -> LogPage:
        token, skip = _position(after)
        start: dict[str, Any] = {"nextToken": token} if token else {}
        try:
            answer = self._client.get_log_events(
                logGroupName=self._group,
                logStreamName=_stream(command_id, instance_id),
                startFromHead=True,
                limit=1000,
                **start,
            )
        except self._client.exceptions.ResourceNotFoundException:
            return LogPage((), None)  # nothing printed yet
        except self._client.exceptions.InvalidParameterException as error:
            raise InvalidRequest("`after` is not a token that a log page answered.", field="after") from error
        lines: list[LogLine] = []
        room = _PAGE_BYTES
        for line in islice(_lines(answer["events"]), skip, None):
            room -= _LINE_BYTES + len(line.text.encode())
            if room < 0 and lines:
                return LogPage(tuple(lines), f"{token}~{skip + len(lines)}")
            lines.append(line)
        return LogPage(tuple(lines), answer["nextForwardToken"])

    def delete(self, command_id: str, instance_id: str) -> int:
        count = 0
        for name in (_stream(command_id, instance_id), _stream(command_id, instance_id, "stderr")):
            try:
                self._client.delete_log_stream(logGroupName=self._group, logStreamName=name)
                count += 1
            except self._client.exceptions.ResourceNotFoundException:
                continue
        return count


def _position(after: str | None) -> tuple[str, int]:
    """CloudWatch's token, and how many lines of its page have been read: more come behind them, none between."""
    found = _POSITION.fullmatch(after or "")
    assert found  # noqa: S101 - for the type checker: the expression matches everything
    return found["token"], int(found["skip"] or 0)


def _lines(events: Sequence[OutputLogEventTypeDef]) -> Iterator[LogLine]:
    for event in events:
        at = rfc3339(datetime.fromtimestamp(event["timestamp"] / 1000, UTC))
        for line in event["message"].removesuffix("\n").split("\n"):
            # A carriage return overwrites the text before it: the last part is what a terminal would show.
            text = line.rstrip("\r").rpartition("\r")[2]
            yield LogLine(at, _STREAM, text.translate(_UNREADABLE))


def _stream(command_id: str, instance_id: str, name: str = _STREAM) -> str:
    return f"{command_id}/{instance_id}/{_PLUGIN}/{name}"
