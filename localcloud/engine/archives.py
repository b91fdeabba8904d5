"""Assets and archives as bytes: the same files always give the same bytes.

Bytes are read when the resource is registered, so a record stays true when the files change afterwards.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip entry can carry
_EXECUTABLE, _READABLE = 0o755, 0o644
_FAST = 1  # bundles go to a cloud on the same machine: speed counts, size does not


@dataclass(frozen=True)
class Blob:
    """The content of a Pulumi asset or archive (an archive is a zip file)."""

    data: bytes = field(repr=False)
    source: str

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


class Archives:
    """Builds zips; a tree that several functions share is packed once."""

    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def pack(self, entries: dict[str, Path | bytes]) -> bytes:
        """Zip `entries` (name in the archive → file or content), sorted, with fixed times and modes."""
        contents = {name: _content(entry) for name, entry in sorted(entries.items())}
        digest = _tree_digest(contents)
        with self._lock:
            if digest not in self._packed:
                self._packed[digest] = _zip(contents)
            return self._packed[digest]


def directory_entries(folder: Path, prefix: str = "") -> dict[str, Path | bytes]:
    """Every file below `folder` by its name in an archive."""
    entries: dict[str, Path | bytes] = {}
    for root, _, names in os.walk(folder, followlinks=True):
        for name in names:
            path = Path(root, name)
            entries[prefix + path.relative_to(folder).as_posix()] = path
    return entries


def zip_entries(path: Path, prefix: str = "") -> dict[str, Path | bytes]:
    """Every file of a zip that is nested in another archive."""
    with zipfile.ZipFile(path) as archive:
        return {prefix + item.filename: archive.read(item) for item in archive.infolist() if not item.is_dir()}


def _content(entry: Path | bytes) -> tuple[bytes, int]:
    if isinstance(entry, bytes):
        return entry, _READABLE
    return entry.read_bytes(), _EXECUTABLE if os.access(entry, os.X_OK) else _READABLE


def _tree_digest(contents: dict[str, tuple[bytes, int]]) -> str:
    digest = hashlib.sha256()
    for name, (data, mode) in contents.items():
        digest.update(f"{name}\0{mode}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def _zip(contents: dict[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST) as archive:
        for name, (data, mode) in contents.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return buffer.getvalue()
