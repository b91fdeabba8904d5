from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.ec2_payload.machine import Machine, compiled_payload, interpreters
from tests.ec2_payload.s3_double import S3Double

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def payload(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return compiled_payload(tmp_path_factory.mktemp("payload"))


@pytest.fixture
def s3() -> Iterator[S3Double]:
    with S3Double() as server:
        yield server


@pytest.fixture
def machine(tmp_path: pathlib.Path, s3: S3Double, payload: pathlib.Path) -> Machine:
    """Runs the payload with the interpreter that runs the tests."""
    return Machine(tmp_path, s3, sys.executable, payload)


@pytest.fixture(params=interpreters())
def any_machine(request: pytest.FixtureRequest, tmp_path: pathlib.Path, s3: S3Double, payload: pathlib.Path) -> Machine:
    """Runs the payload with each interpreter found."""
    return Machine(tmp_path, s3, request.param, payload)
