"""A result's way to this computer."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

import httpx2 as httpx

from mayfly.client import Job, JobClient
from mayfly.counted import OnBytes
from mayfly.errors import UsageProblem
from mayfly.patience import ATTEMPTS, pause

# Win32, "Naming Files, Paths, and Namespaces": whatever comes after the first dot.
_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³"}
)


def target_of(job_filename: str, given: Path | None, *, force: bool) -> Path:
    """Where a result goes: a file, or a folder to put it into under its own name; this folder when none is given.

    Raises:
        UsageProblem: it would overwrite a file, or there is no such folder.
    """
    target = given or Path()
    if target.is_dir():
        target /= _harmless(Path(job_filename).name)
    if target.is_dir() or not target.parent.is_dir():
        raise UsageProblem(f"{target} cannot be written: there is no folder {target.parent}, or it is one itself.")
    if target.exists() and not force:
        raise UsageProblem(f"{target} is there already. Name another with -o, or overwrite it with --force.")
    return target


def _harmless(name: str) -> str:
    """Not hidden, not one of the shell's own files, and nothing that Windows takes for a device."""
    stem = name.partition(".")[0].rstrip(" ").upper()
    return f"_{name}" if not stem or stem in _DEVICES else name


def download(client: JobClient, job: Job, target: Path, on_bytes: OnBytes) -> None:
    """Stores a succeeded job's result; what was there stays until all of the new one is.

    Raises:
        JobApiError: there is no result.
        httpx.TransportError: the network was gone for too long.
    """
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            fetch(client, job, file, on_bytes)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def fetch(client: JobClient, job: Job, file: BinaryIO, on_bytes: OnBytes) -> None:
    """Writes a result to a file; after a network error it goes on where it was. Raises as `download` does."""
    written = failures = 0
    while True:
        before = written
        try:
            with client.open_output(job["id"], written) as response:
                # Asked for the rest, a store may answer all of it.
                skipped = written if response.status_code != HTTPStatus.PARTIAL_CONTENT else 0
                for chunk in response.iter_bytes():
                    fresh, skipped = chunk[skipped:], max(0, skipped - len(chunk))
                    file.write(fresh)
                    written += len(fresh)
                    on_bytes(len(fresh))
        except httpx.TransportError:
            failures = 1 if written > before else failures + 1
            if failures == ATTEMPTS:
                raise
            pause(failures)
        else:
            return
