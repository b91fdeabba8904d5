"""Bytecode next to the modules, so that no cold start compiles: Lambda's code folder is read-only.

Unchecked: a checked .pyc would be compared with its source's time, which a zip does not keep, or with its hash.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from infra.bundling.errors import BundleError
from infra.bundling.target import Target


def compile_all(folder: Path, target: Target) -> None:
    """Compiles every module below the folder if there is a Python here to do it for the target.

    Always in a fresh process, in the same order and without the folder's own path, so that the bytes are the same
    each time.

    Raises:
        BundleError: a module cannot be compiled.
    """
    python = target.compiler()
    if python is None:
        return
    command = [python, "-I", "-S", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    finished = subprocess.run(
        [*command, "-s", str(folder), str(folder)],
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise BundleError(f"{target} cannot be compiled for:\n{finished.stdout.strip()[-2000:]}")
