"""The sweeper: ends machines that no workflow is responsible for, and sees to jobs that have no workflow."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra.bundle import ORCHESTRATOR
from infra.function import EventRule, Function, FunctionArgs
from infra.job_storage import JobStorage
from infra.machines import Machines, machine_deadline_minutes
from infra.policies import LOOK_AT_MACHINES, Statement, answer_workflow, end_machines
from infra.purge import purge_files
from infra.spending import spending_settings
from infra.stack import Stack

# How long a job or a machine may be in the making before the sweeper asks what it waits for.
GRACE_SECONDS = 120
_EVERY = "rate(5 minutes)"
_TIMEOUT_SECONDS = 240


@dataclass(frozen=True)
class SweeperArgs:
    stack: Stack
    data: JobStorage
    machines: Machines


class Sweeper(pulumi.ComponentResource):
    def __init__(self, name: str, args: SweeperArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:Sweeper", name, None, opts)
        stack, config = args.stack, args.stack.config
        ended = {
            "source": ["aws.states"],
            "detail-type": ["Step Functions Execution Status Change"],
            "detail": {"stateMachineArn": [stack.state_machine_arn], "status": ["FAILED", "TIMED_OUT", "ABORTED"]},
        }
        Function(
            name,
            FunctionArgs(
                config=config,
                module="orchestrator.sweep",
                bundle=ORCHESTRATOR,
                environment={
                    "JOBS_TABLE": args.data.table.name,
                    "STACK": config.stack,
                    "STATE_MACHINE_ARN": stack.state_machine_arn,
                    "GRACE_SECONDS": str(GRACE_SECONDS),
                    "MACHINE_DEADLINE_SECONDS": str(machine_deadline_minutes(config) * 60),
                    "POOL_SIZE": str(config.pool_size),
                    "UPLOADS_BUCKET": args.data.uploads.name,
                    "OUTPUTS_BUCKET": args.data.outputs.name,
                    "ARTIFACTS_BUCKET": args.data.artifacts.name,
                    "MACHINE_LOG_GROUP": args.machines.log_group,
                    "SPENDING": spending_settings(config),
                },
                statements=_policy(args),
                timeout=_TIMEOUT_SECONDS,
                description="Ends orphaned machines and jobs",
                rules=[EventRule("schedule", schedule=_EVERY), EventRule("ended", ended)],
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})


def _policy(args: SweeperArgs) -> list[Statement]:
    stack = args.stack
    executions = stack.arn("states", f"execution:{stack.state_machine_name}:*")
    return [
        Statement("FindOpenJobs", ["dynamodb:Query"], [args.data.table.open_index_arn]),
        Statement(
            "MendJobs",
            ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"],
            [args.data.table.arn],
        ),
        *purge_files(args.data),
        Statement("DeleteJobLogs", ["logs:DeleteLogStream"], [pulumi.Output.concat(args.machines.log_group_arn, ":*")]),
        answer_workflow(stack, "states:SendTaskFailure"),
        Statement("AskWorkflow", ["states:DescribeExecution"], [executions]),
        Statement("StartWorkflow", ["states:StartExecution"], [stack.state_machine_arn]),
        LOOK_AT_MACHINES,
        end_machines(stack),
    ]
