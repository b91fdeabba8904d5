"""Numbers of bytes for people."""

from __future__ import annotations


def readable_size(count: int) -> str:
    """Bytes in a unit that a person reads: `512 bytes`, `100.0 MiB`."""
    if count < 1024:  # noqa: PLR2004
        return f"{count} bytes"
    size, unit = count / 1024, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if size < 1024:  # noqa: PLR2004
            break
        size, unit = size / 1024, larger
    return f"{size:.1f} {unit}"
