"""How many random schedules are played: few and always the same ones, or many new ones by night."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]

settings.register_profile(
    "simulation", max_examples=200, derandomize=True, database=None, deadline=None, suppress_health_check=_SLOW
)
settings.register_profile("nightly", max_examples=2_000, deadline=None, print_blob=True, suppress_health_check=_SLOW)
