"""Which version of the client is installed."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

# "Recording installed projects": {name}-{version}.dist-info; neither part has another hyphen.
_DISTRIBUTION = ".dist-info"


def installed_version() -> str:
    """By the name of the distribution's folder: importlib.metadata takes longer to import than all else to run."""
    for folder in sys.path:
        with suppress(OSError):
            for name in os.listdir(folder or os.curdir):  # noqa: PTH208 - pathlib would be most of the time, too
                if name.startswith("mayfly-") and name.endswith(_DISTRIBUTION):
                    return name.removeprefix("mayfly-").removesuffix(_DISTRIBUTION)
    return "not installed"
