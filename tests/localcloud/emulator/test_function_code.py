from __future__ import annotations

import os
import time
import zipfile
from pathlib import Path

from localcloud.emulator.functions.function_code import IDLE_SECONDS, KEPT, SharedArchives


def archive(folder: Path, text: str) -> Path:
    path = folder / "code.zip"
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("module.py", text)
    return path


def test_an_archive_is_extracted_once_for_all_callers(tmp_path: Path) -> None:
    first = SharedArchives(tmp_path / "shared").extracted(archive(tmp_path, "one = 1"))
    written = (first / "module.py").stat().st_mtime_ns
    second = SharedArchives(tmp_path / "shared").extracted(archive(tmp_path, "one = 1"))
    assert (second, (second / "module.py").stat().st_mtime_ns) == (first, written)
    other = SharedArchives(tmp_path / "shared").extracted(archive(tmp_path, "two = 2"))
    assert (other / "module.py").read_text() == "two = 2"
    assert sorted((tmp_path / "shared").iterdir()) == sorted([first, other]), "nothing unfinished is left"


def test_what_was_long_not_used_is_removed_beyond_the_latest(tmp_path: Path) -> None:
    shared = SharedArchives(tmp_path / "shared")
    old = [tmp_path / "shared" / f"{number:02}" for number in range(KEPT)]
    for age, folder in enumerate(old):
        folder.mkdir()
        os.utime(folder, (0, time.time() - IDLE_SECONDS - 60 - age))
    used = shared.extracted(archive(tmp_path, "one = 1"))
    shared.remove_old()
    assert set((tmp_path / "shared").iterdir()) == {used, *old[:-1]}
    os.utime(old[0], (0, time.time()))
    young = tmp_path / "shared" / "young"
    young.mkdir()
    shared.remove_old()
    assert set((tmp_path / "shared").iterdir()) == {used, young, *old[:-2]}
