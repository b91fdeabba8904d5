"""The emulator's S3 does what Mayfly relies on of S3; judges/s3_server holds another server to the same."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from judges.s3_server.contract import CHECKS, Store
from tests.localcloud.emulator.harness import REGION, EmulatorHarness, allow


@pytest.fixture(scope="module")
def role(shared_harness: EmulatorHarness) -> str:
    return shared_harness.role([allow(["s3:*"])])


@pytest.fixture
def store(harness: EmulatorHarness, role: str) -> Store:
    client = harness.as_role("s3", role)
    names = [f"{name}-{secrets.token_hex(4)}" for name in ("uploads", "outputs", "artifacts")]
    for name in names:
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return Store(client, *names)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_emulator_keeps_the_contract(check: Callable[[Store], None], store: Store) -> None:
    check(store)
