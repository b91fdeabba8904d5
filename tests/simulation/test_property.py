"""Whatever goes wrong: the real handlers and the real workflow, played against random schedules of faults."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings

from tests.simulation.schedule import Schedule, SimulationRun
from tests.simulation.strategies import schedules

_CHOSEN = os.environ.get("HYPOTHESIS_PROFILE", settings.get_current_profile_name())
_PROFILE = settings.get_profile("nightly" if _CHOSEN == "nightly" else "simulation")


@pytest.mark.simulation
@pytest.mark.timeout(3600)
@settings(_PROFILE)
@given(schedules())
def test_every_job_ends_as_it_should_and_nothing_is_left_behind(schedule: Schedule) -> None:
    assert SimulationRun(schedule).run().problems == []
