"""What the agent reports of a command that has ended (docs/ssm-agent.md)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from localcloud.emulator.command_shell import KILLED

# Of amazon-ssm-agent: contracts/model.go and appconfig, RebootExitCode.
SUCCEEDS_AT_ONCE, FAILS_AT_ONCE, REBOOTS = 168, 169, 194
REPLY_BYTES = 24_000
TRUNCATED = b"--output truncated--"


@dataclass(frozen=True)
class Reply:
    """`status` as in GetCommandInvocation, or SuccessAndReboot, which Systems Manager shows as InProgress."""

    status: str
    code: int
    stdout: str
    stderr: str

    @classmethod
    def read(cls, folder: Path, status: str, code: int) -> Reply:
        """Of a command whose output is in the folder; runpluginutil.go has what two exit codes make of it."""
        stdout, stderr = read_head(folder / "stdout"), read_head(folder / "stderr")
        skips = (
            f"\nStep exited with code {code}. Therefore, marking step as {{}}. Further document steps will be skipped."
        )
        if code == SUCCEEDS_AT_ONCE:
            return cls("Success", code, stdout + skips.format("succeeded"), "")
        if code == FAILS_AT_ONCE:
            return cls(status, code, stdout + skips.format("Failed"), stderr + skips.format("Failed"))
        return cls(status, code, stdout, stderr)

    @property
    def wants_reboot(self) -> bool:
        """Whether the machine is to be booted and the command run once more."""
        return self.code == REBOOTS


def status_of(code: int, *, is_cancelled: bool) -> str:
    """As pluginutil_unix.go, GetStatus, has it: whatever ends with 137 has timed out if nothing cancelled it."""
    if code == KILLED:
        return "Cancelled" if is_cancelled else "TimedOut"
    return {0: "Success", REBOOTS: "SuccessAndReboot"}.get(code, "Failed")


def read_head(path: Path) -> str:
    """An output file's text; from 24,000 bytes on its beginning."""
    with path.open("rb") as output:
        head = output.read(REPLY_BYTES)
    if len(head) == REPLY_BYTES:
        head = head[: -len(TRUNCATED)] + TRUNCATED
    return head.decode("utf-8", "replace")
