"""Amounts of money as people read them."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Any

_CENT = -2
_MICRO = -6


def dollars(usd: str) -> str:
    """Such as `$0`, `$0.00044`, `$1.25`: two digits that say something, rounded up."""
    amount = Decimal(usd)
    if not amount:
        return "$0"
    last = max(_MICRO, min(_CENT, amount.adjusted() - 1))
    return f"${amount.quantize(Decimal(1).scaleb(last), ROUND_CEILING)}"


def price_note(limits: dict[str, Any]) -> str:
    """What a job will cost; empty where the stack does not say."""
    price = limits["price"]
    if not price:
        return ""
    minute, most = dollars(price["usd_per_minute"]), dollars(price["max_usd_per_job"])
    busy = price["max_usd_per_minute"]
    is_burstable = Decimal(busy) > Decimal(price["usd_per_minute"])
    burst = f" ({dollars(busy)} with busy processors)" if is_burstable else ""
    return f"About {minute} per minute{burst}. One minute is the minimum; a job costs at most {most}."


def cost_of(job: dict[str, Any]) -> str:
    """What a job has cost up to now; empty where the stack does not say."""
    cost = job["cost"]
    if not cost:
        return ""
    is_bound = Decimal(cost["min_usd"]) < Decimal(cost["usd"])
    bound = "at most " if cost["is_final"] else "up to "
    return f"{bound if is_bound else ''}{dollars(cost['usd'])}"
