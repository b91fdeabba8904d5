"""Two runs side by side: what has changed by more than runs differ anyway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.figure import Figure
from benchmarks.tables import number

HEADINGS = ("figure", "before", "now", "unit", "change", "")
# Below that nothing is worth a look, however exactly it was measured.
LEAST = 0.05
MACHINE_UNITS = ("s", "ms", "MiB/s")


@dataclass(frozen=True)
class Change:
    """A figure's change from one run to the other; either side is None where it was not measured."""

    before: Figure | None
    now: Figure | None
    same_machine: bool

    @property
    def name(self) -> str:
        return (self.now or self.before).name  # type: ignore[union-attr]  # one of both is always there

    @property
    def share(self) -> float | None:
        """Of ratios where both have one: those carry over to other machines. None where there is nothing to compare."""
        if self.before is None or self.now is None or not self.before.judged:
            return None
        return self.now.judged / self.before.judged - 1

    @property
    def remark(self) -> str:
        """Why it is worth a look, or why not; nothing for what is as it was."""
        if self.before is None:
            return "new"
        if self.now is None:
            return "not measured"
        if not self.same_machine and self.now.ratio is None and self.now.unit in MACHINE_UNITS:
            return "other machine"
        noise = max(LEAST, 2 * (self.before.spread + self.now.spread))
        return "CHANGED" if self.share is not None and abs(self.share) > noise else ""

    def row(self) -> tuple[str, ...]:
        before, now = (None if one is None else one.judged for one in (self.before, self.now))
        one = self.now or self.before
        unit = "ratio" if one and one.ratio is not None else one.unit if one else ""
        change = "" if self.share is None else f"{self.share:+.0%}"
        return (self.name, number(before), number(now), unit, change, self.remark)


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """Of two results of `make bench`, in the order of the first."""
    old, new = (
        {figure.name: figure for figure in map(Figure.from_json, result["figures"])} for result in (before, now)
    )
    same = all(before["environment"].get(key) == now["environment"].get(key) for key in ("processor", "processors"))
    return [Change(old.get(name), new.get(name), same) for name in dict.fromkeys([*old, *new])]


def summary(found: Sequence[Change]) -> str:
    """One line about them all."""
    compared = [change for change in found if change.before and change.now]
    changed = sum(change.remark == "CHANGED" for change in compared)
    return f"{len(compared)} figures compared, {changed} changed by more than runs differ anyway."
