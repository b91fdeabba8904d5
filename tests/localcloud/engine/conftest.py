"""A bare emulator for the tests that create things, and small programs for those that only record."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcloud.emulator.process import EmulatorProcess
from localcloud.engine.deployment import Target

REGION = "eu-central-1"

ProgramWriter = Callable[..., Path]


@pytest.fixture(scope="session")
def target() -> Iterator[Target]:
    """An emulator with IAM enforced, and its root key."""
    emulator = EmulatorProcess.start(region=REGION)
    yield Target(emulator.aws_endpoint, REGION, emulator.root.access_key_id, emulator.root.secret_access_key)
    emulator.stop()


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
