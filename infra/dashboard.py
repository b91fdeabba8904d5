"""The dashboard: one row for each question of an operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pulumi

from functions.monitoring import metrics
from infra.alarms import API_THROTTLED, NAMESPACE, Metric, Watched

# The grid of a dashboard has 24 columns (CloudWatch API reference, "Dashboard Body Structure and Syntax").
_COLUMNS = 24
_HEAD, _HEIGHT = 1, 6
_DAY = 86_400
Widget = dict[str, Any]


def dashboard(watched: Watched, alarm_arns: Sequence[pulumi.Output[str]]) -> dict[str, Any]:
    """The dashboard's body; values of resources are outputs in it."""
    graph = partial(_graph, watched.stack.region)
    rows: Mapping[str, list[Widget]] = {
        "Are jobs getting through?": [
            graph("Jobs that ended", [_each(watched, metrics.JOBS_ENDED)], stacked=True),
            graph("Why jobs failed", [_each(watched, metrics.JOBS_FAILED)], stacked=True),
        ],
        "How long do they wait?": [
            graph("For a machine", _percentiles(watched, metrics.QUEUED_SECONDS)),
            graph("For the machine to be ready", _percentiles(watched, metrics.LAUNCHING_SECONDS)),
            graph("For the script", _percentiles(watched, metrics.RUNNING_SECONDS)),
            graph("Altogether", _percentiles(watched, metrics.WHOLE_SECONDS)),
        ],
        "What runs now?": [
            graph(
                "Jobs that have not ended, and machines",
                [_line(watched.own(each, "Maximum")) for each in (metrics.JOBS_OPEN, metrics.MACHINES_ALIVE)],
            ),
            graph(
                "Workflows started, and starts that failed",
                [_line(watched.executions("Started")), _line(watched.own(metrics.STARTS_FAILED, "Sum"))],
            ),
        ],
        "What went wrong?": [
            {"type": "alarm", "properties": {"title": "Alarms", "alarms": list(alarm_arns)}},
            graph("Launches that EC2 refused", [_each(watched, metrics.LAUNCH_REFUSALS)], stacked=True),
            graph(
                "Machines left over and ended, machines too old, what the sweeper could not see to",
                [
                    _line(watched.own(metrics.ORPHANS_ENDED, "Sum")),
                    _line(watched.own(metrics.MACHINES_OVERDUE, "Maximum")),
                    _line(watched.own(metrics.SWEEP_FAILURES, "Sum")),
                ],
            ),
            graph(
                "Requests that failed or were turned away",
                [_line(watched.api_failures), _line(watched.own(API_THROTTLED, "Sum"))],
            ),
        ],
        "What does it cost?": [
            graph("Machines a day, USD", [_line(watched.own(metrics.COST, "Sum"))], period=_DAY),
            graph("Machines a day, seconds", [_line(watched.own(metrics.MACHINE_SECONDS, "Sum"))], period=_DAY),
        ],
    }
    return {"widgets": [widget for at, row in enumerate(rows.items()) for widget in _row(at, *row)]}


def _row(at: int, question: str, widgets: Sequence[Widget]) -> list[Widget]:
    top, width = at * (_HEAD + _HEIGHT), _COLUMNS // len(widgets)
    head = {"type": "text", "properties": {"markdown": f"## {question}"}}
    return [
        {**head, "x": 0, "y": top, "width": _COLUMNS, "height": _HEAD},
        *(
            {**widget, "x": column * width, "y": top + _HEAD, "width": width, "height": _HEIGHT}
            for column, widget in enumerate(widgets)
        ),
    ]


def _graph(region: str, title: str, lines: list[list[Any]], *, period: int = 300, stacked: bool = False) -> Widget:
    properties = {"title": title, "region": region, "view": "timeSeries", "period": period, "stacked": stacked}
    return {"type": "metric", "properties": {**properties, "metrics": lines, "yAxis": {"left": {"min": 0}}}}


def _line(metric: Metric) -> list[Any]:
    pairs = [word for pair in metric.dimensions.items() for word in pair]
    return [metric.namespace, metric.name, *pairs, {"stat": metric.statistic}]


def _percentiles(watched: Watched, metric: metrics.Metric) -> list[list[Any]]:
    """Of half of the jobs, and of all but the slowest twentieth."""
    return [_line(watched.own(metric, statistic)) for statistic in ("p50", "p95")]


def _each(watched: Watched, metric: metrics.Metric) -> list[Any]:
    """A line for each value of the metric's dimension that was seen."""
    search = f'{{{NAMESPACE},stack,{metric.by}}} MetricName="{metric.name}" stack="{watched.stack.config.stack}"'
    return [{"expression": f"SEARCH('{search}', 'Sum', 300)", "label": f"${{PROP('Dim.{metric.by}')}}"}]
