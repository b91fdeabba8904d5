"""A function's settings, out of its environment. That these are set is shown by tests/infra/test_program.py."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from functions.api.caller import Auth
from functions.environment import Settings, listed

ENVIRONMENT = {"JOBS_TABLE": "jobs", "MAX_JOBS": "50", "MARKETS": "spot,on-demand", "AUTH": "cognito"}


@dataclass(frozen=True)
class Some(Settings):
    jobs_table: str
    max_jobs: int
    markets: tuple[str, ...] = field(metadata={"parse": listed})
    auth: Auth = field(metadata={"parse": Auth})


def test_each_setting_is_read_from_the_variable_of_its_name() -> None:
    assert Some.from_env(ENVIRONMENT) == Some("jobs", 50, ("spot", "on-demand"), Auth.COGNITO)
    assert Some.from_env({**ENVIRONMENT, "MARKETS": ""}).markets == ()


@pytest.mark.parametrize("missing", ENVIRONMENT)
def test_a_function_that_lacks_a_variable_does_not_start_and_names_it(missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        Some.from_env({name: value for name, value in ENVIRONMENT.items() if name != missing})


@pytest.mark.parametrize("value", [{"MAX_JOBS": "many"}, {"AUTH": ""}, {"AUTH": "no"}])
def test_a_value_that_cannot_be_is_refused(value: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=repr(*value.values())):
        Some.from_env({**ENVIRONMENT, **value})
