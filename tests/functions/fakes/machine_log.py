"""What machines printed, in memory."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from functions.jobs.errors import InvalidRequest
from functions.jobs.ports import LogLine, LogPage


@dataclass
class FakeMachineLog:
    lines: dict[tuple[str, str], list[LogLine]] = field(default_factory=dict)
    deleted: list[tuple[str, str]] = field(default_factory=list)

    def read(self, command_id: str, instance_id: str, after: str | None) -> LogPage:
        lines = self.lines.get((command_id, instance_id), [])
        if after is not None and not re.fullmatch(r"[0-9]{1,9}", after):
            raise InvalidRequest("`after` is not a token that a log page answered.", field="after")
        start = int(after or 0)
        return LogPage(tuple(lines[start:]), str(len(lines)))

    def delete(self, command_id: str, instance_id: str) -> int:
        self.deleted.append((command_id, instance_id))
        return 2
