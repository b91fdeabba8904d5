"""A result's way to this computer."""

from __future__ import annotations

import os
import secrets
import stat
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

import httpx2 as httpx

from mayfly.client import JobClient
from mayfly.errors import UsageProblem
from mayfly.job import Job
from mayfly.progress_reader import OnBytes
from mayfly.retry import ATTEMPTS, is_lasting, pause

LONGEST_NAME_BYTES = 255  # as ext4 and APFS count them
_SEPARATORS = tuple(each for each in (os.sep, os.altsep) if each)

# Win32, "Naming Files, Paths, and Namespaces": whatever comes after the first dot.
_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³"}
)


def target_of(job_filename: str, given: str | None, *, force: bool) -> Path:
    """Where a result goes: a file, or a folder to put it into under its own name; this folder when none is given.

    A link is followed, so that it stays a link.

    Args:
        job_filename: the result's own name.
        given: a path; a separator at its end makes it a folder's.
        force: whether a file there may be replaced.

    Raises:
        UsageProblem: it would overwrite a file, or there is no such folder.
    """
    try:
        return _target_of(job_filename, given or ".", force=force)
    except (OSError, ValueError) as error:  # a name too long, a loop of links, a NUL
        raise UsageProblem(f"{given} cannot be written: {getattr(error, 'strerror', None) or error}.") from error


def _target_of(job_filename: str, given: str, *, force: bool) -> Path:
    target = Path(given)
    if target.is_dir():
        target /= _harmless(Path(job_filename).name)
    elif given.endswith(_SEPARATORS):
        raise UsageProblem(f"There is no folder {given} to save a result in. Make it first: mkdir {given}")
    if len(os.fsencode(target.name)) > LONGEST_NAME_BYTES:
        raise UsageProblem(f"The name {target.name} is too long for a file. Choose another with -o FILE.")
    there = target.resolve() if target.is_symlink() else target
    if there.is_dir() or not there.parent.is_dir():
        raise UsageProblem(f"{target} cannot be written: there is no folder {there.parent}, or it is a folder itself.")
    if there.exists() and not there.is_file() and not _is_stream(there):
        raise UsageProblem(f"{target} cannot be written: it is not a file.")
    if os.path.lexists(target) and not force and not _is_stream(there):
        raise UsageProblem(f"{target} already exists. Name another file with -o, or overwrite it with --force.")
    return target


def _harmless(name: str) -> str:
    """Not hidden, not one of the shell's own files, and nothing that Windows takes for a device."""
    stem = name.partition(".")[0].rstrip(" ").upper()
    return f"_{name}" if not stem or stem in _DEVICES else name


def download(client: JobClient, job: Job, target: Path, on_bytes: OnBytes, *, force: bool = False) -> None:
    """Stores a succeeded job's result; what was there stays until all of the new one is.

    Args:
        client: of the stack.
        job: one that has succeeded.
        target: of `target_of`; a FIFO or a character device is written to.
        on_bytes: called with how many more bytes are there.
        force: replaces a file there, whose mode the new one gets; else a file there by now is kept.

    Raises:
        UsageProblem: it cannot be written, or there is a file by now.
        JobApiError: there is no result.
        httpx.TransportError: the network was gone for too long.
    """
    try:
        there = target.resolve() if target.is_symlink() else target
        if _is_stream(there):
            with there.open("wb", buffering=0) as stream:
                fetch(client, job, stream, on_bytes)
        else:
            _store(client, job, there, on_bytes, force=force)
    except FileExistsError as error:
        raise UsageProblem(
            f"{target} has appeared meanwhile, and is kept. Save the result elsewhere:"
            f" mayfly download {job['id']} -o FILE"
        ) from error
    except OSError as error:
        raise UsageProblem(f"{target} cannot be written: {error.strerror or error}.") from error


def _store(client: JobClient, job: Job, target: Path, on_bytes: OnBytes, *, force: bool) -> None:
    # Not made of the target's name, which may have all the bytes that a name can have.
    part = target.with_name(f".mayfly-{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            if force and target.exists():
                part.chmod(stat.S_IMODE(target.stat().st_mode))
            fetch(client, job, file, on_bytes)
        if force:
            part.replace(target)
        else:
            _publish(part, target)
    finally:
        part.unlink(missing_ok=True)


def _publish(part: Path, target: Path) -> None:
    """Gives a file its name, unless there is one of that name. Raises FileExistsError."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        part.replace(target)


def _is_stream(path: Path) -> bool:
    """Whether bytes written to it replace nothing: a FIFO, or a device such as /dev/null."""
    return path.is_fifo() or path.is_char_device()


def fetch(client: JobClient, job: Job, file: BinaryIO, on_bytes: OnBytes) -> None:
    """Writes a result to a file; after a network error it goes on where it was. Raises as `download` does."""
    written = failures = 0
    while True:
        before = written
        try:
            with client.open_output(job["id"], written) as response:
                # A store may answer a range request with the whole object.
                skipped = written if response.status_code != HTTPStatus.PARTIAL_CONTENT else 0
                for chunk in response.iter_bytes():
                    fresh, skipped = chunk[skipped:], max(0, skipped - len(chunk))
                    _write_all(file, fresh)
                    written += len(fresh)
                    on_bytes(len(fresh))
        except httpx.TransportError as error:
            failures = 1 if written > before else failures + 1
            if failures == ATTEMPTS or is_lasting(error):
                raise
            pause(failures)
        else:
            return


def _write_all(file: BinaryIO, data: bytes) -> None:
    """An unbuffered file may take less than it is given."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
