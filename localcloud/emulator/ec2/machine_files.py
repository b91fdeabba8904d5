"""A machine's own folder: home, temporary folder, logs, and the commands that it finds before the host's."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


class MachineFiles:
    """Paths below `root`; `initctl` is the pipe on which `shutdown` reaches the machine's init."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "root"
        self.temporary = root / "tmp"
        self.programs = root / "bin"
        self.logs = root / "log"
        self.initctl = root / "initctl"

    def command_folder(self, command_id: str) -> Path:
        """Where the agent keeps one command's script and output; made on demand."""
        folder = self.root / "ssm" / command_id
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def environment(self, endpoints: dict[str, str]) -> dict[str, str]:
        """The whole environment of the machine's processes: nothing of the host's is carried over.

        Args:
            endpoints: where AWS and the metadata service are. They stand for DNS and the link-local address.
        """
        return {
            "PATH": f"{self.programs}:{SYSTEM_PATH}",
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "LANG": "C.UTF-8",
            **endpoints,
        }

    def create(self) -> None:
        for folder in (self.home, self.temporary, self.programs, self.logs):
            folder.mkdir(parents=True)
        os.mkfifo(self.initctl, 0o600)
        # The base interpreter, not the virtual environment's with all its packages.
        interpreter = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
        self._write_program("python3", f'exec {shlex.quote(interpreter)} "$@"')
        self._write_program("shutdown", f"printf '%s\\n' \"$*\" > {shlex.quote(str(self.initctl))}")

    def remove(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def _write_program(self, name: str, line: str) -> None:
        program = self.programs / name
        program.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        program.chmod(0o755)
