"""Which files go onto a machine: the wrapper, which is ours, and the user's script with all that it needs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
_FIRST_LINE_BYTES = 256  # Linux reads as many of a #! line (BINPRM_BUF_SIZE)


@dataclass(frozen=True)
class PayloadFile:
    """A file of this computer, and whether it is to be executable on the machine."""

    path: Path
    is_executable: bool

    @classmethod
    def at(cls, path: Path) -> PayloadFile:
        return cls(path, is_executable=bool(path.stat().st_mode & 0o100))


def payload_files(folder: Path, script: Sequence[str]) -> Mapping[str, PayloadFile]:
    """Every file by its name on the machine, relative to the folder that the script stands in.

    Links are followed: what they lead to goes onto the machine.

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
    name = _name_of_script(script[0], files, folder)
    return {**files, name: _checked_script(script[0], files[name])} if name else files


def _users_files(folder: Path) -> Mapping[str, PayloadFile]:
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


def _files_of(folder: Path, left_out: set[str] = _LEFT_OUT) -> dict[str, PayloadFile]:
    found = {}
    for parent, folders, names in os.walk(folder, followlinks=True, onerror=_refuse_unreadable):
        here = Path(parent)
        folders[:] = sorted(set(folders) - left_out)
        for name in folders:
            _refuse_loop(here / name, folder)
        for name in sorted(set(names) - left_out):
            path = here / name
            if not path.is_file():
                what = "a broken link" if path.is_symlink() else "neither file nor folder"
                raise ConfigError(f"mayfly:payloadFolder has {path.relative_to(folder)}, which is {what}. Remove it.")
            found[path.relative_to(folder).as_posix()] = PayloadFile.at(path)
    return dict(sorted(found.items()))


def _refuse_unreadable(error: OSError) -> None:
    raise ConfigError(f"mayfly:payloadFolder has {error.filename}, which cannot be read: {error.strerror}.")


def _refuse_loop(path: Path, folder: Path) -> None:
    above = [parent for parent in path.parents if parent.is_relative_to(folder)]
    if path.is_symlink() and path.resolve() in {parent.resolve() for parent in above}:
        raise ConfigError(
            f"mayfly:payloadFolder has {path.relative_to(folder)}, a link to a folder that it is in itself. Remove it."
        )


def _name_of_script(word: str, files: Mapping[str, PayloadFile], folder: Path) -> str | None:
    """As ec2_payload/README.md says of a command's first word; None where it is a command of the image."""
    if word.startswith("/"):
        return None
    name = os.path.normpath(word)
    if name in files:
        return name
    if "/" in word or PurePosixPath(word).suffix in _SUFFIXES_OF_SCRIPTS:
        raise ConfigError(f"mayfly:script is {word!r}, which is no file in {str(folder)!r}.")
    return None


def _checked_script(word: str, file: PayloadFile) -> PayloadFile:
    """The script as it can be started, also when this computer's files know no right to be executed."""
    if file.path.suffix == ".py" and not file.is_executable:
        return file  # runs with the machine's Python, whatever its first line
    with file.path.open("rb") as opened:
        first_line = opened.readline(_FIRST_LINE_BYTES)
    if first_line.startswith(b"#!") and first_line.endswith(b"\r\n"):
        raise ConfigError(
            f"mayfly:script is {word!r}, whose first line ends with a carriage return: the machine would look for a "
            f"program of such a name. Save {file.path} with Unix line endings (LF)."
        )
    return replace(file, is_executable=True)
