"""Machines whose refused launches are measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from functions.aws.machines import AwsMachines
from functions.jobs.measuring import Meter, NoMeter, refused
from functions.jobs.ports import Candidate, LaunchedInstance, Refusal


@dataclass(frozen=True)
class MeasuredMachines(AwsMachines):
    """An AwsMachines that tells its meter why EC2 does not launch."""

    meter: Meter = field(default_factory=NoMeter)

    def launch(
        self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
    ) -> list[LaunchedInstance] | Refusal:
        answer = super().launch(candidate, count, token, tags)
        if isinstance(answer, Refusal):
            self.meter.take(refused(answer))
        return answer
