"""What a benchmark ran on, for its JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version


def environment(packages: Sequence[str]) -> dict[str, object]:
    """`packages` are those whose versions belong to the figures. The load is that before the benchmark's own."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "load_before": os.getloadavg()[0],
        "versions": {name: version(name) for name in packages},
    }
