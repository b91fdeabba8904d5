"""Machines whose refused launches are measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from functions.aws.machines import AwsMachines
from functions.monitoring.metrics import LAUNCH_REFUSALS, MetricsSink
from functions.scheduling.ports import Candidate, LaunchResult, Refusal


@dataclass(frozen=True, kw_only=True)
class MeasuredMachines(AwsMachines):
    """An AwsMachines that records a metric for each refused launch."""

    metrics: MetricsSink

    def launch(
        self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
    ) -> list[LaunchResult] | Refusal:
        answer = super().launch(candidate, count, token, tags)
        if isinstance(answer, Refusal):
            self.metrics.record([LAUNCH_REFUSALS.of(1, answer.kind)])
        return answer
