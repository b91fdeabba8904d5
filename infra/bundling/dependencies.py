"""Dependencies, installed from a lock file into a folder of their own, once for each content and target."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from infra.bundling.bytecode import compile_all
from infra.bundling.errors import BundleError
from infra.bundling.target import Target


def install(requirements: Path, target: Target, folder: Path) -> Path:
    """Where below `folder` the packages of the lock file are, with their bytecode.

    Raises:
        BundleError: pip could not install them.
    """
    digest = hashlib.sha256(f"{target}\n{requirements.read_text()}".encode()).hexdigest()[:16]
    installed = folder / f"{requirements.parent.name}-{digest}"
    if installed.exists():
        return installed
    unfinished = unfinished_at(installed)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--require-hashes", "--no-deps", "--target", str(unfinished), *target.pip_options()]
    finished = subprocess.run([*command, "-r", str(requirements)], capture_output=True, text=True, check=False)
    if finished.returncode:
        raise BundleError(f"pip could not install {requirements} for {target}:\n{_errors(finished.stderr)}")
    _drop_installer_records(unfinished)
    compile_all(unfinished, target)
    appear(unfinished, installed)
    return installed


def unfinished_at(path: Path) -> Path:
    """Where this process prepares what then appears at `path` in one step."""
    return path.with_name(f"{path.name}.{os.getpid()}.part")


def appear(unfinished: Path, folder: Path) -> None:
    """Moves a prepared folder to its place, unless another process was faster; what that prepared is the same."""
    try:
        unfinished.replace(folder)
    except OSError:
        shutil.rmtree(unfinished)


def _errors(pip_output: str) -> str:
    lines = pip_output.strip().splitlines()
    return "\n".join(line for line in lines if re.match("ERROR", line)) or "\n".join(lines[-5:])


def _drop_installer_records(folder: Path) -> None:
    """Pip's own notes differ from run to run and machine to machine (scripts' hashes, times, paths)."""
    for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
        for path in folder.glob(f"*.dist-info/{name}"):
            path.unlink()
    shutil.rmtree(folder / "bin", ignore_errors=True)
