"""Prices and caps, as the functions get them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from functions.costs.budget import Caps, Spending
from functions.costs.pricing import LOOK, REQUESTS, looks
from infra.config import ConfigError, StackConfig
from infra.machines import machine_deadline_minutes
from infra.spending import spending_settings
from tests.infra.configured import DEV

CONFIG = replace(DEV, instance_types=("t4g.small",), allowed_instance_types=(), markets=("on-demand",))


def spending(config: StackConfig) -> Spending:
    return Spending.from_json(spending_settings(config))


def test_amounts_become_whole_micro_usd_an_hour() -> None:
    config = replace(CONFIG, prices=("t4g.small on-demand 0.0192", "t4g.small spot 0.00581"), machine_disk_gib=16)
    found = spending(config)
    assert found.prices.machines == {"t4g.small": {"on-demand": 19_200, "spot": 5_810}}
    # 16 GiB for 0.0952 USD a month of 730 hours, and the smallest part of a micro-USD is not free.
    assert (found.prices.disk, found.prices.address) == (2_087, 5_000)
    assert found.prices.hourly("t4g.small", "on-demand") == 26_287
    assert found.prices.burst == {"t4g.small": 64_000}


def test_prices_are_those_of_what_may_be_launched() -> None:
    dear = "p5.48xlarge on-demand 98.32"
    assert set(spending(replace(CONFIG, prices=(*CONFIG.prices, dear))).prices.machines) == {"t4g.small"}
    asked_for = replace(CONFIG, prices=(*CONFIG.prices, dear), allowed_instance_types=("p5.48xlarge",))
    assert set(spending(asked_for).prices.machines) == {"t4g.small", "p5.48xlarge"}


def test_every_type_that_is_the_default_has_a_price() -> None:
    found = spending(DEV)
    for kind in DEV.instance_types:
        for market in DEV.markets:
            assert found.prices.hourly(kind, market)


def test_without_a_cap_a_type_needs_no_price() -> None:
    assert spending(replace(CONFIG, prices=())).most() is None


@pytest.mark.parametrize(
    "config",
    [
        replace(CONFIG, max_job_usd="5"),
        replace(CONFIG, max_owner_usd_per_day="5"),
        replace(CONFIG, max_stack_usd_per_day="5"),
    ],
)
def test_with_a_cap_every_type_in_every_market_needs_a_price(config: StackConfig) -> None:
    assert spending(config).caps != Caps()
    for lacking in (replace(config, markets=("on-demand", "spot")), replace(config, allowed_instance_types=("a1.xx",))):
        with pytest.raises(ConfigError, match=r"mayfly:prices has no price of .*mayfly:max\w+ needs it.*make prices"):
            spending_settings(replace(lacking, prices=CONFIG.prices[:1]))


def test_a_cap_that_lets_no_machine_be_launched_is_refused() -> None:
    hours = (timedelta(minutes=machine_deadline_minutes(CONFIG)) + timedelta(minutes=10)) / timedelta(hours=1)
    most = spending(CONFIG).most()
    assert most == int((26_287 + 64_000) * hours + 0.999) + REQUESTS + LOOK * looks(round(hours * 3600))
    fits = replace(CONFIG, max_owner_usd_per_day=f"{most / 1e6:.6f}")
    assert spending(fits).caps.owner_a_day == most
    with pytest.raises(ConfigError, match=r"mayfly:maxOwnerUsdPerDay lets no machine be launched: one may cost"):
        spending_settings(replace(CONFIG, max_owner_usd_per_day=f"{(most - 1) / 1e6:.6f}"))
