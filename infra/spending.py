"""Prices and caps as the functions get them: whole micro-USD, in JSON (functions/costs/budget.py)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal

from infra.burstable import surplus_usd_an_hour
from infra.config import ConfigError, StackConfig
from infra.history import looks
from infra.machines import machine_deadline_minutes

_MICRO = 1_000_000
# As the price list reckons: 8,760 hours a year.
_HOURS_A_MONTH = 730
# As functions/costs/budget.py and pricing.py have it: what a machine takes besides its deadline, and what its job costs
# besides the machine, in micro-USD.
_BOOT_AND_END_MINUTES = 10
_REQUESTS = 380
_LOOK = 80


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
    address = _micro(Decimal(config.address_price))
    _check_caps(config, machines, burst, disk + address)
    caps = {name: _micro(amount) for name, (_, amount) in _caps(config).items()}
    return json.dumps(
        {
            "prices": {"machines": machines, "disk": disk, "address": address, "burst": burst},
            "caps": caps,
            "instance_types": config.instance_types,
            "markets": config.markets,
            "machine_deadline_seconds": machine_deadline_minutes(config) * 60,
            "max_attempts": config.max_attempts,
        }
    )


def _caps(config: StackConfig) -> dict[str, tuple[str, Decimal]]:
    """Each cap's key and amount."""
    return {
        "job": ("maxJobUsd", Decimal(config.max_job_usd)),
        "owner_a_day": ("maxOwnerUsdPerDay", Decimal(config.max_owner_usd_per_day)),
        "stack_a_day": ("maxStackUsdPerDay", Decimal(config.max_stack_usd_per_day)),
    }


def _check_caps(config: StackConfig, machines: dict[str, dict[str, int]], burst: dict[str, int], extra: int) -> None:
    caps = {key: _micro(amount) for key, amount in _caps(config).values() if amount}
    for key, cap in caps.items():
        most = max(_hourly(config, machines, burst, key)) + extra
        minutes = machine_deadline_minutes(config) + _BOOT_AND_END_MINUTES
        needed = -(-most * minutes // 60) + _REQUESTS + _LOOK * looks(minutes * 60)
        if cap < needed:
            raise ConfigError(
                f"mayfly:{key} lets no machine be launched: one may cost up to {Decimal(needed) / _MICRO} USD. "
                f"Raise it, or lower mayfly:jobTimeoutMinutes. Set it with: pulumi config set mayfly:{key} ..."
            )


def _hourly(config: StackConfig, machines: dict[str, dict[str, int]], burst: dict[str, int], key: str) -> Iterator[int]:
    for kind in config.launchable_types:
        for market in config.markets:
            price = machines.get(kind, {}).get(market)
            if price is None:
                raise ConfigError(
                    f"mayfly:prices has no price of {kind}, {market}, and mayfly:{key} needs it. `make prices` prints "
                    "what to set; or set it with: pulumi config set mayfly:prices ..."
                )
            yield price + burst.get(kind, 0)


def _micro(usd: Decimal) -> int:
    """Rounded up: what costs something is not free."""
    return int((usd * _MICRO).to_integral_value(ROUND_CEILING))
