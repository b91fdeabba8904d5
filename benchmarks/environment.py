"""What a benchmark ran on, for its JSON."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

VERSIONS = (
    "ministack",
    "boto3",
    "botocore",
    "fastapi",
    "mangum",
    "pydantic",
    "aws-lambda-powertools",
    "pulumi",
    "pulumi-aws",
    "greenlet",
    "jsonata-python",
)


def environment(packages: Sequence[str] = VERSIONS) -> dict[str, object]:
    """`packages` are those whose versions belong to the figures. The load is that before the benchmark's own."""
    return {
        "processor": _processor(),
        "processors": os.cpu_count(),
        "memory_gib": _memory_gib(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "curl": _curl(),
        "load_before": os.getloadavg()[0],
        "versions": {name: version(name) for name in packages},
    }


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _memory_gib() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def _curl() -> str | None:
    curl = shutil.which("curl")
    if not curl:
        return None
    return subprocess.run([curl, "-V"], capture_output=True, text=True, check=True).stdout.split(" (")[0]
