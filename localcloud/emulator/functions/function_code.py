"""A function's code on disk: extracted once, shared by its workers and by every local cloud after this one.

Upstream MiniStack extracts the archive again for every worker, so that each also compiles its own bytecode. On AWS the
code folder is read-only, hence a function cannot tell the difference.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime

FOLDER = Path(__file__).parents[3] / "build" / "functions"
# A program's functions are a dozen, some ten MB each; another local cloud may be using what is in use.
KEPT = 40
IDLE_SECONDS = 2 * 3600
_UNFINISHED = "unfinished-"


class SharedArchives:
    """Extracts each distinct archive once below a folder that outlives the process, and that others may use too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def extracted(self, archive: Path) -> Path:
        """The folder with the archive's content."""
        with archive.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        target = self._folder / digest
        with self._lock:
            if not target.exists():
                self._extract(archive, target)
            os.utime(target)
        return target

    def _extract(self, archive: Path, target: Path) -> None:
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self._folder))
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(unfinished)
        with contextlib.suppress(OSError):  # another local cloud was first
            unfinished.rename(target)
        shutil.rmtree(unfinished, ignore_errors=True)

    def remove_old(self) -> None:
        """Removes what has not been used for long, beyond the latest."""
        used = {}
        for entry in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another local cloud has just finished or removed it
                used[entry] = entry.stat().st_mtime
        for entry in sorted(used, key=used.__getitem__, reverse=True)[KEPT:]:
            if time.time() - used[entry] > IDLE_SECONDS:
                shutil.rmtree(entry, ignore_errors=True)


def install() -> None:
    archives = SharedArchives(FOLDER)
    archives.remove_old()

    class LinkedZipFile(zipfile.ZipFile):
        """Puts a link to the shared folder in the place of the new one that MiniStack would extract a file into."""

        def extractall(self, path: Any = None, *_: Any) -> None:
            shared = archives.extracted(Path(str(self.filename)))
            Path(path).rmdir()
            Path(path).symlink_to(shared, target_is_directory=True)

    lambda_runtime.zipfile = SimpleNamespace(**vars(zipfile) | {"ZipFile": LinkedZipFile})
