"""Measurements as CloudWatch metrics, in the function's own log: CloudWatch Logs finds them there by their form.

So measuring takes no call and no right (CloudWatch user guide, "Embedding metrics within logs").
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from aws_lambda_powertools.metrics import EphemeralMetrics

from functions.monitoring.metrics import Measurement

NAMESPACE = "Mayfly"


class EmfMetrics:
    """functions.monitoring.metrics.MetricsSink, one line for each set of dimensions.

    POWERTOOLS_METRICS_DISABLED, which infra/function.py sets for a stack that is not monitored, keeps the lines out.
    """

    def __init__(self, stack: str) -> None:
        self._stack = stack

    def record(self, measurements: Sequence[Measurement]) -> None:
        for (by, kind), group in groupby(sorted(measurements, key=_kind), key=_kind):
            # One of its own for each line: the other kind keeps dimensions from one use to the next.
            line = EphemeralMetrics(namespace=NAMESPACE)
            line.add_dimension("stack", self._stack)
            if by:
                line.add_dimension(by, kind)
            for each in group:
                line.add_metric(each.metric.name, each.metric.unit.value, each.value)
            line.flush_metrics()


def _kind(measurement: Measurement) -> tuple[str, str]:
    """Name and value of the dimension besides the stack; empty where there is none."""
    return measurement.metric.by or "", measurement.kind or ""
