"""What the agent reports of a command that has ended (docs/ssm-agent.md)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from localcloud.emulator.ssm.command_shell import KILLED

REPLY_BYTES = 24_000
TRUNCATED = b"--output truncated--"


@dataclass(frozen=True)
class Reply:
    """`status` as in GetCommandInvocation."""

    status: str
    code: int
    stdout: str
    stderr: str

    @classmethod
    def read(cls, folder: Path, status: str, code: int) -> Reply:
        """Of a command whose output is in the folder."""
        return cls(status, code, read_head(folder / "stdout"), read_head(folder / "stderr"))


def status_of(code: int, *, is_cancelled: bool) -> str:
    """As pluginutil_unix.go, GetStatus, has it: whatever ends with 137 has timed out if nothing cancelled it."""
    if code == KILLED:
        return "Cancelled" if is_cancelled else "TimedOut"
    return "Failed" if code else "Success"


def read_head(path: Path) -> str:
    """An output file's text; from 24,000 bytes on its beginning."""
    with path.open("rb") as output:
        head = output.read(REPLY_BYTES)
    if len(head) == REPLY_BYTES:
        head = head[: -len(TRUNCATED)] + TRUNCATED
    return head.decode("utf-8", "replace")
