"""Deployment packages of the functions: our packages, what they need from outside, and files from sibling folders.

A bundle is a zip whose bytes depend on its content alone, so an unchanged function is not deployed again.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
# The oldest time a zip can carry; the same for every file.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEFT_OUT = {"__pycache__", "bin"}
# manylinux tags that Lambda's Amazon Linux 2023 (glibc 2.34) can load, newest first.
_GLIBC_TAGS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")


class BundleError(Exception):
    """A bundle could not be built; the message carries pip's own words."""


@dataclass(frozen=True)
class Target:
    """What a bundle's dependencies are built for."""

    python: str  # such as 3.13
    architecture: str  # Lambda's name for it, arm64 or x86_64
    host: bool = False  # this interpreter and platform instead

    def pip_options(self) -> list[str]:
        if self.host:
            return []
        machine = {"arm64": "aarch64"}.get(self.architecture, self.architecture)
        platforms = [option for tag in _GLIBC_TAGS for option in ("--platform", f"{tag}_{machine}")]
        return [*platforms, "--python-version", self.python, "--implementation", "cp", "--only-binary", ":all:"]

    def __str__(self) -> str:
        return f"host-{sys.implementation.cache_tag}" if self.host else f"{self.python}-{self.architecture}"


@dataclass(frozen=True)
class Bundle:
    """`sources` are files or folders of the repository, kept at their own paths; `requirements` is a lock file."""

    name: str
    sources: tuple[str, ...]
    requirements: str

    def build(self, target: Target) -> Path:
        """Builds the zip unless it is there already; returns its path.

        Raises:
            BundleError: pip could not install the requirements.
        """
        dependencies = _install(ROOT / self.requirements, target)
        files = dict(sorted([*_files(dependencies), *self._source_files()]))
        archive = BUILD / "bundles" / f"{self.name}-{_digest(files)[:16]}.zip"
        if not archive.exists():
            archive.parent.mkdir(parents=True, exist_ok=True)
            unfinished = _unfinished(archive)
            _write_zip(unfinished, files)
            unfinished.replace(archive)
        return archive

    def _source_files(self) -> Iterator[tuple[str, Path]]:
        for source in self.sources:
            path = ROOT / source
            if path.is_file():
                yield source, path
            else:
                yield from ((f"{source}/{name}", file) for name, file in _files(path))


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if path.is_file() and not _LEFT_OUT & set(relative.parts):
            yield relative.as_posix(), path


def _install(requirements: Path, target: Target) -> Path:
    """Installs a lock file into a folder of its own, once for each content and target."""
    digest = hashlib.sha256(f"{target}\n{requirements.read_text()}".encode()).hexdigest()[:16]
    folder = BUILD / "dependencies" / digest
    if folder.exists():
        return folder
    unfinished = _unfinished(folder)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--require-hashes", "--no-deps", "--target", str(unfinished), *target.pip_options()]
    finished = subprocess.run([*command, "-r", str(requirements)], capture_output=True, text=True, check=False)
    if finished.returncode:
        raise BundleError(
            f"pip could not install {requirements.relative_to(ROOT)} for {target}:\n{_errors(finished.stderr)}"
        )
    _drop_installer_records(unfinished)
    try:
        unfinished.replace(folder)
    except OSError:  # another process was faster; what it installed is the same
        shutil.rmtree(unfinished)
    return folder


def _unfinished(path: Path) -> Path:
    """Where this process prepares what then appears at `path` in one step."""
    return path.with_name(f"{path.name}.{os.getpid()}.part")


def _errors(pip_output: str) -> str:
    lines = pip_output.strip().splitlines()
    return "\n".join(line for line in lines if re.match("ERROR", line)) or "\n".join(lines[-5:])


def _drop_installer_records(folder: Path) -> None:
    """Pip's own notes differ from run to run and machine to machine (scripts' hashes, times, paths)."""
    for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
        for path in folder.glob(f"*.dist-info/{name}"):
            path.unlink()


def _digest(files: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in files.items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _write_zip(archive: Path, files: dict[str, Path]) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as opened:
        for name, path in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Readable by the user that Lambda runs functions as, whatever this machine's umask is.
            entry.external_attr = 0o100644 << 16
            opened.writestr(entry, path.read_bytes())
