"""One emulator for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.emulator.process import EmulatorProcess
from tests.localcloud.emulator.harness import REGION, EmulatorHarness


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder starts an emulator or talks to one."""
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.cloud)


@pytest.fixture(scope="session")
def shared_harness() -> Iterator[EmulatorHarness]:
    harness = EmulatorHarness(EmulatorProcess.start(region=REGION))
    yield harness
    harness.close()


@pytest.fixture
def harness(shared_harness: EmulatorHarness, request: pytest.FixtureRequest) -> Iterator[EmulatorHarness]:
    """The shared emulator, without faults; every machine of the test is terminated afterwards."""
    yield shared_harness
    shared_harness.site.delete("/_local/faults")
    alive = [each["id"] for each in shared_harness.site.get("/_local/machines").json() if each["state"] != "terminated"]
    for instance_id in alive:
        shared_harness.site.post(f"/_local/machines/{instance_id}/kill")
    if getattr(request.node, "failed", False):
        print(shared_harness.emulator.log_tail())  # noqa: T201 - shown by pytest with the failure
