"""DynamoDB's numbers: which it takes, and how it answers them.

"Supported data types and naming rules in Amazon DynamoDB" (developer guide) has the digits and the range, and that
leading and trailing zeros are trimmed. An answer has no exponent, no plus sign and no -0, and every digit: a stream's
record had 110111111111111110000000000000000000000 (powertools-lambda-python issue 4845), and what was written as 1.5E2
came back as 150 (ExtendDB pull request 7).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Context, Decimal, Inexact
from typing import Any

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# Most numbers are whole and short: these are as DynamoDB has them.
_TRIMMED = re.compile(r"0|-?[1-9][0-9]{0,37}")
_DIGITS = Context(prec=38, traps=[Inexact])
_LEAST, _MOST = -130, 125  # powers of ten


def stored(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """An attribute's value as the table keeps it.

    Raises:
        ValueError: a number in it is none or out of range, or a set is empty or has an element twice.
    """
    ((kind, plain),) = value.items()
    if kind == "N":
        return {kind: trimmed(plain)}
    if kind == "M":
        return {kind: {name: stored(each) for name, each in plain.items()}}
    if kind == "L":
        return {kind: list(map(stored, plain))}
    if kind in {"SS", "NS", "BS"}:
        kept = list(map(trimmed, plain)) if kind == "NS" else plain
        if not 0 < len(set(kept)) == len(kept):
            raise ValueError("an empty set, or an element twice")
        return {kind: kept}
    return value


def trimmed(number: str) -> str:
    """A number as DynamoDB answers it.

    Raises:
        ValueError: it is no number, has more than 38 digits, or is out of range.
    """
    if _TRIMMED.fullmatch(number):
        return number
    if not _NUMBER.fullmatch(number):
        raise ValueError("no number")
    return _plain(Decimal(number))


def total(one: str, other: str) -> str:
    """The sum of two numbers.

    Raises:
        ValueError: it has more than 38 digits, or is out of range.
    """
    return _plain(Decimal(one), Decimal(other))


def _plain(value: Decimal, more: Decimal = Decimal(0)) -> str:
    try:
        exact = _DIGITS.add(value, more)
    except Inexact:
        raise ValueError("more than 38 digits") from None
    if not exact:
        return "0"
    if not _LEAST <= exact.adjusted() <= _MOST:
        raise ValueError("out of range")
    return f"{exact.normalize(_DIGITS):f}"
