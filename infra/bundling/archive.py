"""Zips whose bytes depend on their content alone."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

# The oldest time a zip can carry; the same for every file.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEVEL = 6  # more takes twice as long for one per cent


def write_zip(archive: Path, contents: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as opened:
        for name, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Readable by the user that Lambda runs functions as, whatever this machine's umask is.
            entry.external_attr = 0o100644 << 16
            opened.writestr(entry, content)
