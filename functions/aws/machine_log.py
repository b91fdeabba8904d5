"""What a machine printed: the CloudWatch log streams that SSM writes a command's output to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from functions.jobs.clock import rfc3339
from functions.jobs.errors import InvalidRequest
from functions.jobs.ports import LogLine, LogPage

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_PLUGIN = "aws-runShellScript"
# The wrapper sends the script's output, both streams, to its own stdout; its stderr carries only the report.
_STREAM = "stdout"
# A page of nothing but these, each escaped as six characters, would be more than Lambda answers; nobody can read them.
_UNREADABLE = dict.fromkeys([*range(9), *range(11, 32), 127], "\N{REPLACEMENT CHARACTER}")


class CloudWatchMachineLog:
    """functions.jobs.ports.MachineLog over CloudWatch Logs."""

    def __init__(self, client: CloudWatchLogsClient, group: str) -> None:
        self._client = client
        self._group = group

    def read(self, command_id: str, instance_id: str, after: str | None) -> LogPage:
        start: dict[str, Any] = {"nextToken": after} if after else {}
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
        lines = tuple(
            LogLine(
                rfc3339(datetime.fromtimestamp(event["timestamp"] / 1000, UTC)),
                _STREAM,
                event["message"].translate(_UNREADABLE),
            )
            for event in answer["events"]
        )
        return LogPage(lines, answer["nextForwardToken"])

    def delete(self, command_id: str, instance_id: str) -> None:
        for name in (_stream(command_id, instance_id), _stream(command_id, instance_id, "stderr")):
            try:
                self._client.delete_log_stream(logGroupName=self._group, logStreamName=name)
            except self._client.exceptions.ResourceNotFoundException:
                continue


def _stream(command_id: str, instance_id: str, name: str = _STREAM) -> str:
    return f"{command_id}/{instance_id}/{_PLUGIN}/{name}"
