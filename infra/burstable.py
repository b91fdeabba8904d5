"""What burstable machines may cost beyond their price: surplus CPU credits.

T3, T3a and T4g launch as `unlimited`; T2 does where the account says so. Their price covers a share of each processor,
the baseline. What they use beyond it and have not earned is charged when they end, on demand and as spot alike (EC2
user guide, "Unlimited mode concepts for burstable instances"). A credit is a minute of one processor.
"""

from __future__ import annotations

import re
from decimal import Decimal

# EC2 user guide, "Key concepts for burstable performance instances": processors, and credits earned an hour.
_T2 = {
    "nano": (1, "3"),
    "micro": (1, "6"),
    "small": (1, "12"),
    "medium": (2, "24"),
    "large": (2, "36"),
    "xlarge": (4, "54"),
    "2xlarge": (8, "81.6"),
}
_LATER = {
    "nano": (2, "6"),
    "micro": (2, "12"),
    "small": (2, "24"),
    "medium": (2, "24"),
    "large": (2, "36"),
    "xlarge": (4, "96"),
    "2xlarge": (8, "192"),
}
# EC2's price list, "Unlimited mode pricing": USD for an hour of a processor on Linux, in every region and market.
_FAMILIES = {"t2": (_T2, "0.05"), "t3": (_LATER, "0.05"), "t3a": (_LATER, "0.05"), "t4g": (_LATER, "0.04")}
_BURSTABLE = re.compile(r"t\d+[a-z]*\..+")


def surplus_usd_an_hour(instance_type: str) -> Decimal | None:
    """What an hour costs on top with every processor busy; 0 for a type that does not burst, None where not known."""
    if not _BURSTABLE.fullmatch(instance_type):
        return Decimal(0)
    family, _, size = instance_type.partition(".")
    sizes, rate = _FAMILIES.get(family, ({}, "0"))
    if size not in sizes:
        return None
    processors, earned = sizes[size]
    return (processors - Decimal(earned) / 60) * Decimal(rate)
