"""A cloud for the real engine; without its CLI these tests are skipped, unless MAYFLY_REQUIRE_PULUMI says otherwise."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcloud.cloud import local_config
from localcloud.emulator.process import ROOT, EmulatorProcess
from localcloud.engine.aws import Aws
from localcloud.engine.records import Target
from localcloud.plugins.cli import Workspace, find_cli

REGION = "eu-central-1"


@pytest.fixture(scope="session")
def emulator() -> Iterator[EmulatorProcess]:
    started = EmulatorProcess.start(region=REGION)
    yield started
    started.stop()


@pytest.fixture(scope="session")
def target(emulator: EmulatorProcess) -> Target:
    return Target(emulator.aws_endpoint, REGION, emulator.root.access_key_id, emulator.root.secret_access_key)


@pytest.fixture(scope="session")
def aws(target: Target) -> Iterator[Aws]:
    aws = Aws(target)
    yield aws
    aws.close()


@pytest.fixture(scope="session")
def client(aws: Aws) -> Callable[[str], object]:
    return aws.client


@pytest.fixture(scope="session")
def config(emulator: EmulatorProcess) -> dict[str, str]:
    return local_config(emulator.site_url)


@pytest.fixture(scope="session")
def cli() -> Path:
    found = find_cli()
    if found is None:
        if os.environ.get("MAYFLY_REQUIRE_PULUMI"):
            pytest.fail("MAYFLY_REQUIRE_PULUMI is set, but there is no Pulumi CLI: run `make pulumi`")
        pytest.skip("there is no Pulumi CLI here; `make pulumi` builds it")
    return found


@pytest.fixture(scope="module")
def workspace(cli: Path, target: Target) -> Iterator[Workspace]:
    with Workspace(cli, ROOT, target) as opened:
        yield opened
