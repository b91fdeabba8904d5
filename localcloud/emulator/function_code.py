"""A function's code on disk: extracted once, shared by its workers.

Stock MiniStack extracts the archive again for every worker, so that each also compiles its own bytecode. On AWS the
code folder is read-only, hence a function cannot tell the difference.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ministack.core import lambda_runtime

if TYPE_CHECKING:
    from localcloud.emulator.settings import Settings


class SharedArchives:
    """Extracts each distinct archive once below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def extracted(self, archive: Path) -> Path:
        """The folder with the archive's content."""
        with archive.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        target = self._folder / digest
        with self._lock:
            if not target.exists():
                unfinished = target.with_suffix(".part")
                shutil.rmtree(unfinished, ignore_errors=True)
                with zipfile.ZipFile(archive) as opened:
                    opened.extractall(unfinished)
                unfinished.rename(target)
        return target


def install(settings: Settings) -> None:
    archives = SharedArchives(settings.scratch / "functions")

    class LinkedZipFile(zipfile.ZipFile):
        """Puts a link to the shared folder where a whole archive would be extracted into an empty one."""

        def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
            empty = path is not None and Path(path).is_dir() and not any(Path(path).iterdir())
            if not empty or members is not None or self.filename is None:
                super().extractall(path, members, pwd)
                return
            shared = archives.extracted(Path(self.filename))
            Path(path).rmdir()
            Path(path).symlink_to(shared, target_is_directory=True)

    lambda_runtime.zipfile = SimpleNamespace(
        ZipFile=LinkedZipFile, BadZipFile=zipfile.BadZipFile, LargeZipFile=zipfile.LargeZipFile
    )
