"""What a bundle is for: a Lambda runtime and processor, or the Python that builds it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache

# manylinux tags that Lambda's Amazon Linux 2023 (glibc 2.34) can load, newest first.
_GLIBC_TAGS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
# Bytecode's magic number in every final release of a version (CPython, Lib/importlib/_bootstrap_external.py).
_MAGIC = {"3.11": 3495, "3.12": 3531, "3.13": 3571, "3.14": 3627}
_PRINT_MAGIC = "import importlib.util; print(int.from_bytes(importlib.util.MAGIC_NUMBER[:2], 'little'))"


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

    def compiler(self) -> str | None:
        """A Python here whose bytecode the target runs: this one, or one on the path. None without either."""
        return sys.executable if self.host else _compiler_of(self.python)

    def __str__(self) -> str:
        name = f"host-{sys.implementation.cache_tag}" if self.host else f"{self.python}-{self.architecture}"
        return name if self.compiler() else f"{name}-source"


@cache
def _compiler_of(version: str) -> str | None:
    places = (sys.executable, shutil.which(f"python{version}"))
    return next((place for place in places if place and _magic_of(place) == _MAGIC.get(version, 0)), None)


def _magic_of(python: str) -> int | None:
    """None for what does not run, such as a version manager's stand-in for a Python that is not chosen."""
    answer = subprocess.run([python, "-I", "-S", "-c", _PRINT_MAGIC], capture_output=True, text=True, check=False)
    return int(answer.stdout) if answer.returncode == 0 else None
