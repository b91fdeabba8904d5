"""What sets the workflow going and wakes it: the table's stream, and events about machines and commands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.bundle import ORCHESTRATOR
from infra.function import EventRule, Function, FunctionArgs
from infra.job_storage import JobStorage
from infra.policies import Statement, answer_workflow
from infra.stack import Stack
from infra.workflow import Workflow

_SECONDS = 30
_TWO_WEEKS = 14 * 24 * 3600
# Only jobs that begin to wait: new ones, and retried ones, which are on a later run. Machines, queue entries and other
# changes of a job are filtered out; otherwise a job's own updates would start it again.
_BEGINNINGS: list[dict[str, Any]] = [
    {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"status": {"S": ["queued"]}}}},
    {
        "eventName": ["MODIFY"],
        "dynamodb": {"NewImage": {"status": {"S": ["queued"]}, "run": {"N": [{"anything-but": ["1"]}]}}},
    },
]
_EVENTS = (
    EventRule(
        "command",
        {
            "source": ["aws.ssm"],
            "detail-type": ["EC2 Command Invocation Status-change Notification"],
            "detail": {"status": ["Success", "Failed", "TimedOut", "Cancelled"]},
        },
    ),
    EventRule(
        "machine",
        {
            "source": ["aws.ec2"],
            "detail-type": ["EC2 Instance State-change Notification"],
            # Not "shutting-down": a machine's end counts once it is terminated, and "terminated" always follows.
            "detail": {"state": ["stopping", "stopped", "terminated"]},
        },
    ),
    EventRule("spot", {"source": ["aws.ec2"], "detail-type": ["EC2 Spot Instance Interruption Warning"]}),
)


@dataclass(frozen=True)
class TriggersArgs:
    stack: Stack
    data: JobStorage
    workflow: Workflow


class Triggers(pulumi.ComponentResource):
    """`failed_records` is the URL of the queue that gets what the stream function could not handle."""

    failed_records: pulumi.Output[str]
    failed_records_queue: pulumi.Output[str]  # its name

    def __init__(self, name: str, args: TriggersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:Triggers", name, None, opts)
        self._args = args
        self.failed_records = self._new_jobs(name)
        self._events(name)
        self.register_outputs({"failed_records": self.failed_records})

    def _new_jobs(self, name: str) -> pulumi.Output[str]:
        args, stack, child = self._args, self._args.stack, pulumi.ResourceOptions(parent=self)
        queue = aws.sqs.Queue(
            f"{name}-failed-records", message_retention_seconds=_TWO_WEEKS, sqs_managed_sse_enabled=True, opts=child
        )
        self.failed_records_queue = queue.name
        function = Function(
            f"{name}-stream",
            FunctionArgs(
                config=args.stack.config,
                module="orchestrator.stream",
                bundle=ORCHESTRATOR,
                environment={"STATE_MACHINE_ARN": stack.state_machine_arn, "STACK": stack.config.stack},
                statements=[
                    Statement("StartWorkflow", ["states:StartExecution"], [stack.state_machine_arn]),
                    Statement(
                        "ReadStream",
                        ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
                        [args.data.table.stream_arn],
                    ),
                    Statement("FindStream", ["dynamodb:ListStreams"], ["*"]),  # knows no resources
                    Statement("PutFailedRecordsAside", ["sqs:SendMessage"], [queue.arn]),
                ],
                timeout=_SECONDS,
                description="Starts the workflow of each new job",
            ),
            opts=child,
        )
        # A record that cannot be handled is tried again a few times, the batch halved each time, then put aside:
        # without that one bad record would hold up its shard for a day.
        aws.lambda_.EventSourceMapping(
            f"{name}-stream",
            event_source_arn=args.data.table.stream_arn,
            function_name=function.arn,
            starting_position="TRIM_HORIZON",
            batch_size=100,
            # Of one shard, and so of one owner: a hundred executions take a few seconds to start.
            parallelization_factor=10,
            filter_criteria={"filters": [{"pattern": json.dumps(each)} for each in _BEGINNINGS]},
            function_response_types=["ReportBatchItemFailures"],
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=10,
            maximum_record_age_in_seconds=21_600,
            destination_config={"on_failure": {"destination_arn": queue.arn}},
            # Not before there is something to start, and no longer.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.workflow]),
        )
        url: pulumi.Output[str] = queue.url
        return url

    def _events(self, name: str) -> None:
        args, child = self._args, pulumi.ResourceOptions(parent=self)
        Function(
            f"{name}-events",
            FunctionArgs(
                config=args.stack.config,
                module="orchestrator.events",
                bundle=ORCHESTRATOR,
                environment={"JOBS_TABLE": args.data.table.name},
                statements=[
                    Statement("FindWaiter", ["dynamodb:GetItem", "dynamodb:UpdateItem"], [args.data.table.arn]),
                    answer_workflow(args.stack, "states:SendTaskSuccess"),
                ],
                timeout=_SECONDS,
                description="Wakes the workflow that waits for a machine",
                rules=_EVENTS,
            ),
            opts=child,
        )
