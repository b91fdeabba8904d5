"""Prices and caps as the functions get them: whole micro-USD, in JSON (functions/costs/budget.py)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal

from functions.costs.budget import Spending
from functions.costs.pricing import MICRO_PER_USD, usd
from infra.burstable import surplus_usd_an_hour
from infra.config import ConfigError, StackConfig
from infra.machines import machine_deadline_minutes

# As the price list reckons: 8,760 hours a year.
_HOURS_A_MONTH = 730


def spending_settings(config: StackConfig) -> str:
    """Raises ConfigError: a cap is set that the prices, or the time that a machine may take, do not fit."""
    machines: dict[str, dict[str, int]] = {}
    burst: dict[str, int] = {}
    for line in config.prices:
        kind, market, amount = line.split(" ")
        surplus = surplus_usd_an_hour(kind)
        # A type whose surplus credits have no price here has none: a cap could not hold.
        if kind in config.launchable_types and surplus is not None:
            machines.setdefault(kind, {})[market] = _micro(Decimal(amount))
            burst |= {kind: _micro(surplus)} if surplus else {}
    disk = _micro(Decimal(config.disk_price) * config.machine_disk_gib / _HOURS_A_MONTH)
    caps = {
        "job": ("maxJobUsd", _micro(Decimal(config.max_job_usd))),
        "owner_a_day": ("maxOwnerUsdPerDay", _micro(Decimal(config.max_owner_usd_per_day))),
        "stack_a_day": ("maxStackUsdPerDay", _micro(Decimal(config.max_stack_usd_per_day))),
    }
    address = _micro(Decimal(config.address_price))
    settings = json.dumps(
        {
            "prices": {"machines": machines, "disk": disk, "address": address, "burst": burst},
            "caps": {name: cap for name, (_, cap) in caps.items()},
            "instance_types": config.instance_types,
            "markets": config.markets,
            "machine_deadline_seconds": machine_deadline_minutes(config) * 60,
            "max_attempts": config.max_attempts,
        }
    )
    for key, cap in caps.values():
        if cap:
            _check_cap(config, Spending.from_json(settings), key, cap)
    return settings


def _check_cap(config: StackConfig, spending: Spending, key: str, cap: int) -> None:
    needed = spending.cost_until_deadline(max(_hourly(config, spending, key)))
    if cap < needed:
        raise ConfigError(
            f"mayfly:{key} lets no machine be launched: one may cost up to {usd(needed)} USD. "
            f"Raise it, or lower mayfly:jobTimeoutMinutes. Set it with: pulumi config set mayfly:{key} ..."
        )


def _hourly(config: StackConfig, spending: Spending, key: str) -> Iterator[int]:
    for kind in config.launchable_types:
        for market in config.markets:
            price = spending.prices.most_hourly(kind, market)
            if price is None:
                raise ConfigError(
                    f"mayfly:prices has no price of {kind}, {market}, and mayfly:{key} needs it. `make prices` prints "
                    "what to set; or set it with: pulumi config set mayfly:prices ..."
                )
            yield price


def _micro(amount: Decimal) -> int:
    """Rounded up: what costs something is not free."""
    return int((amount * MICRO_PER_USD).to_integral_value(ROUND_CEILING))
