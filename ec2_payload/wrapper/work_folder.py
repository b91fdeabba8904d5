"""The job's folder on the machine: input, text, output, and the script's own working, home and temporary folders."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from ec2_payload.wrapper.spec import Spec

DEFAULT_BASE = "/var/tmp"  # noqa: S108 - Amazon Linux 2023 keeps /tmp in memory; the job's folder in it is private
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SHEBANG = b"#!"


class WorkFolder:
    """Found again by job id and attempt, so that a later command can upload an output that was kept."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        base = pathlib.Path(os.environ.get("TMPDIR") or DEFAULT_BASE).resolve()
        self.path = base / f"mayfly-{spec.job_id}-{spec.attempt}"
        self.input = self.path / f"input{spec.suffix}"
        self.text = self.path / "text.txt"
        self.output = self.path / f"output{spec.output_suffix or spec.suffix}"
        self.working = self.path / "work"
        self.log = self.path / "log.txt"
        self._kept_report = self.path / "report.json"

    def create(self) -> None:
        """Makes it, empty and private. What an earlier run of the same attempt left is removed."""
        if self.path.is_symlink():
            self.path.unlink()
        elif self.path.exists():
            shutil.rmtree(self.path)
        self.path.mkdir(mode=0o700, parents=True)
        for folder in (self.working, self.path / "home", self.path / "tmp"):
            folder.mkdir()

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.path).free

    def keep(self, report: dict[str, Any]) -> None:
        self._kept_report.write_text(json.dumps(report), encoding="ascii")

    def kept(self) -> Optional[dict[str, Any]]:
        """The report that was kept with the output, or None when there is no kept output."""
        if not (self._kept_report.is_file() and self.output.is_file()):
            return None
        report: dict[str, Any] = json.loads(self._kept_report.read_text(encoding="ascii"))
        return report

    def remove(self) -> None:
        if self.path.exists():
            shutil.rmtree(self.path)

    def environment(self) -> dict[bytes, bytes]:
        """The script's whole environment: nothing of the wrapper's own but PATH. Bytes, whatever the locale."""
        variables = {
            "PATH": os.environ.get("PATH") or DEFAULT_PATH,
            "HOME": str(self.path / "home"),
            "TMPDIR": str(self.path / "tmp"),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",  # what a Python script prints reaches the live log at once
            "MAYFLY_JOB_ID": self._spec.job_id,
            "MAYFLY_ATTEMPT": str(self._spec.attempt),
            "MAYFLY_FILENAME": self._spec.shown_filename,
        }
        return {name.encode(): value.encode("utf-8", "surrogateescape") for name, value in variables.items()}

    def argv(self, payload: pathlib.Path, interpreter: str) -> list[str]:
        """The command line; its first word is a file of the payload folder if it names one, else looked up in PATH."""
        program, *arguments = self._spec.command
        files = [str(self.input), str(self.text), str(self.output)]
        in_payload = payload / program
        if "/" not in program and not in_payload.exists():
            return [program, *arguments, *files]
        command = [str(in_payload)]
        if in_payload.suffix == ".py" and not _starts_itself(in_payload):
            command = [interpreter, str(in_payload)]
        return [*command, *arguments, *files]


def _starts_itself(file: pathlib.Path) -> bool:
    if not os.access(file, os.X_OK):
        return False
    with file.open("rb") as opened:
        return opened.read(len(SHEBANG)) == SHEBANG
