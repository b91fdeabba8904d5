"""The alarms; docs/troubleshooting.md, "Alarms", says what to do about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from functions.monitoring import metrics
from infra.stack import Stack

# As functions/aws/metrics.py calls it.
NAMESPACE = "Mayfly"
# Of the API's access log; every other metric of the namespace is in functions/monitoring/metrics.py.
API_THROTTLED = metrics.Metric("ApiThrottled", metrics.Unit.COUNT)
_MINUTES = 60


@dataclass(frozen=True)
class Metric:
    namespace: str
    name: str
    statistic: str
    dimensions: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Alarm:
    """Raised when the metric is `limit` or more, or is missing where `must_be_there`, for `times` periods in a row."""

    name: str
    metric: Metric
    description: str
    limit: float = 1
    period: int = 5 * _MINUTES  # seconds
    times: int = 1
    must_be_there: bool = False

    def settings(self) -> dict[str, Any]:
        """As CloudWatch takes it."""
        return {
            "namespace": self.metric.namespace,
            "metric_name": self.metric.name,
            "statistic": self.metric.statistic,
            "dimensions": dict(self.metric.dimensions),
            "alarm_description": f'{self.description} See docs/troubleshooting.md, "Alarms", {self.name}.',
            "comparison_operator": "LessThanThreshold" if self.must_be_there else "GreaterThanOrEqualToThreshold",
            "threshold": self.limit,
            "period": self.period,
            "evaluation_periods": self.times,
            "treat_missing_data": "breaching" if self.must_be_there else "notBreaching",
        }


@dataclass(frozen=True)
class Watched:
    """The parts of a stack that AWS itself measures, by the names that its metrics know them by."""

    stack: Stack
    api_id: pulumi.Output[str]
    failed_records: pulumi.Output[str]

    def own(self, metric: metrics.Metric, statistic: str) -> Metric:
        return Metric(NAMESPACE, metric.name, statistic, {"stack": self.stack.config.stack})

    def errors(self, function: str) -> Metric:
        return Metric("AWS/Lambda", "Errors", "Sum", {"FunctionName": f"{self.stack.config.prefix}-{function}"})

    def executions(self, ended_as: str) -> Metric:
        return Metric("AWS/States", f"Executions{ended_as}", "Sum", {"StateMachineArn": self.stack.state_machine_arn})

    @property
    def api_failures(self) -> Metric:
        return Metric("AWS/ApiGateway", "5xx", "Sum", {"ApiId": self.api_id})

    @property
    def records_put_aside(self) -> Metric:
        name = "ApproximateNumberOfMessagesVisible"
        return Metric("AWS/SQS", name, "Maximum", {"QueueName": self.failed_records})

    def alarms(self) -> list[Alarm]:
        return [
            Alarm(
                "jobs-failing",
                self.own(metrics.FAULTS, "Sum"),
                "A job failed, and neither its file nor its script is to blame: AWS, settings or Mayfly is.",
            ),
            Alarm(
                "starts-failing",
                # The function answers which records failed, and that is no error to Lambda.
                self.own(metrics.STARTS_FAILED, "Sum"),
                "Workflows of new jobs cannot be started, as when Step Functions denies or throttles it.",
                limit=5,
                period=15 * _MINUTES,
            ),
            Alarm(
                "records-put-aside",
                self.records_put_aside,
                "Stream records of new jobs could not be handled; the sweeper starts those jobs, minutes late.",
            ),
            Alarm(
                "machine-overdue",
                self.own(metrics.MACHINES_OVERDUE, "Maximum"),
                "A machine is older than any job may take: neither its workflow nor its own timer has ended it.",
            ),
            Alarm(
                "sweeper-silent",
                # Only a sweep that has seen to the machines reports how many are alive.
                self.own(metrics.MACHINES_ALIVE, "SampleCount"),
                "No sweep has completed for a quarter of an hour: orphaned machines and jobs are not cleaned up.",
                period=15 * _MINUTES,
                must_be_there=True,
            ),
            Alarm(
                "sweeper-failing",
                self.errors("sweep"),
                "The sweeper's function ended with an error or ran out of time.",
                limit=2,
                period=15 * _MINUTES,
            ),
            Alarm(
                "sweep-items-failing",
                self.own(metrics.SWEEP_FAILURES, "Maximum"),
                "The sweeper could not see to some job, machine or queue entry, three sweeps in a row.",
                times=3,
            ),
            Alarm(
                "stream-failing",
                self.errors("stream"),
                "The function that starts the workflows of new jobs ended with errors as a whole, or ran out of time.",
                limit=5,
                period=15 * _MINUTES,
            ),
            Alarm(
                "events-failing",
                self.errors("events"),
                "The function that wakes waiting workflows ended with errors or ran out of time; jobs take longer.",
                limit=5,
                period=15 * _MINUTES,
            ),
            Alarm(
                "functions-throttled",
                # All functions of an account and region take from one pool: it matters little whose calls these are.
                Metric("AWS/Lambda", "Throttles", "Sum"),
                "Functions of this account and region are turned away: too many run at once.",
                times=3,
            ),
            Alarm(
                "api-failing",
                self.api_failures,
                "The API answers 5xx: its function fails or takes too long.",
                limit=5,
            ),
            Alarm(
                "api-throttling",
                self.own(API_THROTTLED, "Sum"),
                "The API turns requests away with 429, more than requestsPerSecond come.",
                limit=10,
            ),
            Alarm(
                "workflow-failed",
                self.executions("Failed"),
                "A workflow ended without its last step, so a machine may be left; the sweeper sees to it.",
            ),
            Alarm(
                "workflow-timed-out",
                self.executions("TimedOut"),
                "A workflow ran out of time, so a machine may be left; the sweeper sees to it.",
            ),
        ]
