"""A bare emulator for the tests that create things, and small programs for those that only record."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from localcloud.engine.deployment import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "eu-central-1"
START_S, STOP_S = 60, 20

ProgramWriter = Callable[..., Path]


@pytest.fixture(scope="session")
def everything() -> Path:
    """The folder of a program with one of each resource type."""
    return Path(__file__).parent / "programs" / "everything"


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """An emulator with IAM enforced, and its root key."""
    scratch = tmp_path_factory.mktemp("emulator")
    port = _free_port()
    settings = {
        "AUTH": "true",
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(scratch),
    }
    with (scratch / "log").open("wb") as log:
        emulator = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env={**os.environ, **settings}, stdout=log, stderr=log
        )
        try:
            _wait_until_open(port, emulator)
            yield Target(f"http://127.0.0.1:{port}", REGION, "test", "test")
        finally:
            emulator.terminate()
            emulator.wait(STOP_S)


@pytest.fixture
def program(tmp_path: Path) -> ProgramWriter:
    """Writes a program: `program(main, config="key: value lines", **{"infra/part.py": text})` → its folder."""

    def write(main: str, config: str = "", **files: str) -> Path:
        folder = tmp_path / "program"
        folder.mkdir(exist_ok=True)
        settings = f"\nconfig:\n{textwrap.indent(textwrap.dedent(config), '  ')}" if config else ""
        (folder / "Pulumi.yaml").write_text(f"name: small\nruntime: python{settings}\n")
        (folder / "__main__.py").write_text("import pulumi\nimport pulumi_aws as aws\n" + textwrap.dedent(main))
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return folder

    return write


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_open(port: int, emulator: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if emulator.poll() is not None:
            raise RuntimeError(f"the emulator ended with {emulator.returncode} before it was ready")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)  # until the next look; START_S is the bound
        else:
            return
    raise TimeoutError(f"the emulator did not open port {port} within {START_S} s")
