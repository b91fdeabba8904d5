"""What a text looks like on a terminal: nothing in it steers the terminal, and some words have a colour."""

from __future__ import annotations

# No line of a log or name may steer the terminal, or turn the direction of what follows (Unicode Standard Annex 9,
# "Directional Formatting Characters"). Half a surrogate pair cannot be written at all.
_DEL_AND_C1 = range(127, 160)
_TURNS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SEPARATORS = (0x2028, 0x2029)
_SURROGATES = range(0xD800, 0xE000)
BEYOND_ASCII = (*_DEL_AND_C1, *_TURNS, *_SEPARATORS, *_SURROGATES)
_CONTROLS = dict.fromkeys([*range(9), *range(10, 32), *BEYOND_ASCII], "\N{REPLACEMENT CHARACTER}")
STYLES = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "ok": "green", "differs": "red"}


def plain(text: str) -> str:
    """Without anything that a terminal would take for a command."""
    return text.translate(_CONTROLS)


def plain_lines(text: str) -> list[str]:
    """The same of a text of several lines; there is at least one."""
    return [plain(line.removesuffix("\r")) for line in text.split("\n")]


def last_state(text: str) -> str:
    """What a terminal shows in the end of a line that carriage returns have rewritten, as progress bars do."""
    return text.rstrip("\r").rpartition("\r")[2]
