"""Which files go onto a machine: the wrapper, which is ours, and the user's script with all that it needs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from infra.bundle import ROOT
from infra.config import ConfigError

OWN_FOLDER = ROOT / "ec2_payload"
_WRAPPER = ("run_job.py", "wrapper")
_LEFT_OUT = {"__pycache__", "README.md", "bootstrap.py"}
# The folder is the package whose run_job is started: a top-level module of such a name, whatever its suffix, is run in
# the place of the wrapper's, or before it.
_RESERVED = {"__init__", "run_job", "wrapper"}
_SUFFIXES_OF_SCRIPTS = {".py", ".sh"}


def payload_files(folder: Path, script: Sequence[str]) -> Mapping[str, Path]:
    """Every file by its name on the machine, relative to the folder that the script stands in.

    Args:
        folder: the user's, or ec2_payload itself.
        script: the command that runs there.

    Raises:
        ConfigError: naming the folder, file or word that will not do.
    """
    files = _files_of(OWN_FOLDER)
    if folder.resolve() != OWN_FOLDER.resolve():
        files = {name: file for name, file in files.items() if name.split("/")[0] in _WRAPPER}
        files |= _users_files(folder)
    _check_script(script[0], files, folder)
    return files


def _users_files(folder: Path) -> Mapping[str, Path]:
    if not folder.is_dir():
        raise ConfigError(
            f"mayfly:payloadFolder is {str(folder)!r}, which is no folder. A path that is not absolute begins at the "
            "project's folder."
        )
    files = _files_of(folder, {"__pycache__"})
    if not files:
        raise ConfigError(f"mayfly:payloadFolder is {str(folder)!r}, in which there is no file.")
    for name in files:
        if name.split("/")[0].split(".")[0] in _RESERVED:
            raise ConfigError(
                f"mayfly:payloadFolder has {name}, which would take the place of a part of what runs the script on the "
                "machine. Give it another name."
            )
    return files


def _files_of(folder: Path, left_out: set[str] = _LEFT_OUT) -> dict[str, Path]:
    paths = {path.relative_to(folder): path for path in folder.rglob("*")}
    return {
        relative.as_posix(): path
        for relative, path in sorted(paths.items())
        if path.is_file() and not left_out & set(relative.parts)
    }


def _check_script(word: str, files: Mapping[str, Path], folder: Path) -> None:
    """As ec2_payload/README.md says of a command's first word."""
    if word.startswith("/"):
        return
    file = files.get(os.path.normpath(word))
    if file is None:
        is_path = "/" in word or PurePosixPath(word).suffix in _SUFFIXES_OF_SCRIPTS
        if is_path:
            raise ConfigError(f"mayfly:script is {word!r}, which is no file in {str(folder)!r}.")
    elif file.suffix != ".py" and not os.access(file, os.X_OK):
        raise ConfigError(f"mayfly:script is {word!r}, which is not executable: chmod +x {file}")
