"""The functions of the workflow's steps, each with the rights of its own step."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import pulumi

from functions.environment import Settings
from functions.orchestrator.settings import (
    DispatchSettings,
    InspectSettings,
    LaunchSettings,
    PoolSettings,
    RecordSettings,
    ReleaseSettings,
    TableSettings,
)
from infra.bundle import ORCHESTRATOR, ROOT
from infra.function import EventRule, Function, FunctionArgs
from infra.job_storage import JobStorage
from infra.launch_policy import create_spot_role, launch_machines
from infra.machines import TRANSFER_MINUTES, Machines
from infra.network import Network
from infra.payload import Payload
from infra.policies import LOOK_AT_MACHINES, Statement, answer_workflow, end_machines, on_own_machines
from infra.spending import spending_settings
from infra.stack import Stack
from infra.storage import objects
from infra.warm_pool import RECONCILE_EVERY, RECONCILER_SECONDS, reconcile_pool, reconciler_settings, start_pooled

# Lambda gives CPU in proportion to memory, a whole one with this: a lease holder notifies hundreds of runs.
_LAUNCH_MEMORY = 1769
_READ_AND_WRITE = ("dynamodb:GetItem", "dynamodb:UpdateItem")
_USE_QUEUE = ("dynamodb:DeleteItem", "dynamodb:Query")
_JOB_TAGS = ("Name", "mayfly:attempt", "mayfly:job-id", "mayfly:owner")
_READ_COMMANDS = Statement("ReadCommands", ["ssm:GetCommandInvocation"], ["*"])  # knows no resources


@dataclass(frozen=True)
class StepsArgs:
    stack: Stack
    data: JobStorage
    network: Network
    machines: Machines
    payload: Payload


class Steps(pulumi.ComponentResource):
    """`functions`: the steps by the names that workflow.asl.json calls them."""

    functions: Mapping[str, Function]

    def __init__(self, name: str, args: StepsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:Steps", name, None, opts)
        self._args = args
        self._variables = _variables(args)
        stack, outputs = args.stack, args.data.outputs
        succeed = answer_workflow(stack, "states:SendTaskSuccess")
        launch = self._step("launch", LaunchSettings, self._launch_policy())
        await_policy = [self._table("dynamodb:UpdateItem"), succeed]
        inspect_policy = [self._table(*_READ_AND_WRITE), LOOK_AT_MACHINES, _READ_COMMANDS]
        record_policy = [
            # What EC2 throttles is written down for the next call to terminate.
            self._table(*_READ_AND_WRITE, "dynamodb:BatchWriteItem", "dynamodb:Query"),
            LOOK_AT_MACHINES,
            _READ_COMMANDS,
            succeed,
            end_machines(stack),
            Statement("CheckOutput", ["s3:GetObject"], [objects(outputs, "outputs/*")]),
            # Without it S3 answers 403 instead of 404 for an output that is not there.
            Statement("TellMissingOutput", ["s3:ListBucket"], [outputs.arn]),
            Statement("WriteManifests", ["s3:PutObject"], [objects(outputs, "manifests/*")]),
        ]
        batch = ("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
        terminate_policy = [self._table(*batch, *_USE_QUEUE), succeed, LOOK_AT_MACHINES, end_machines(stack)]
        release_policy = [
            self._table(*_READ_AND_WRITE, *_USE_QUEUE, "dynamodb:BatchGetItem"),
            LOOK_AT_MACHINES,
            answer_workflow(stack, "states:SendTaskFailure"),
            end_machines(stack),
        ]
        steps = {
            "launch": replace(launch, memory=_LAUNCH_MEMORY),
            "dispatch": self._step("dispatch", DispatchSettings, self._dispatch_policy()),
            "await_completion": self._step("await_completion", TableSettings, await_policy),
            "inspect": self._step("inspect_command", InspectSettings, inspect_policy),
            "record": self._step("record", RecordSettings, record_policy),
            "terminate": self._step("terminate", TableSettings, terminate_policy),
            "release": self._step("release", ReleaseSettings, release_policy),
        }
        self.functions = {name: self._function(step) for name, step in steps.items()}
        if stack.config.pool_size:
            self._function(self._pool())
        self.register_outputs({})

    def _function(self, args: FunctionArgs) -> Function:
        module = args.module.removeprefix("orchestrator.").replace("_", "-")
        name = f"{self._args.stack.config.prefix}-{module}"
        return Function(name, args, opts=pulumi.ResourceOptions(parent=self))

    def _step(self, module: str, settings: type[Settings], statements: Sequence[Statement]) -> FunctionArgs:
        return FunctionArgs(
            config=self._args.stack.config,
            module=f"orchestrator.{module}",
            bundle=ORCHESTRATOR,
            environment={each.name.upper(): self._variables[each.name] for each in fields(settings)},
            statements=statements,
            description=f"Mayfly workflow step: {module.replace('_', ' ')}",
        )

    def _pool(self) -> FunctionArgs:
        """The function that keeps the pool full; no step of the workflow."""
        stack = self._args.stack
        statements = [
            self._table("dynamodb:PutItem", "dynamodb:UpdateItem", *_USE_QUEUE),
            end_machines(stack),
            LOOK_AT_MACHINES,
            *launch_machines(stack, self._args.machines, self._args.network),
            *reconcile_pool(stack),
        ]
        return replace(
            self._step("pool", PoolSettings, statements),
            timeout=RECONCILER_SECONDS,
            description="Keeps stopped machines ready for jobs",
            rules=[EventRule("schedule", schedule=RECONCILE_EVERY)],
        )

    def _table(self, *actions: str) -> Statement:
        return Statement("KeepJob", actions, [self._args.data.table.arn])

    def _launch_policy(self) -> list[Statement]:
        stack = self._args.stack
        return [
            self._table(*_READ_AND_WRITE, *_USE_QUEUE, "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"),
            LOOK_AT_MACHINES,
            end_machines(stack),
            answer_workflow(stack, "states:SendTaskSuccess", "states:SendTaskFailure"),
            *launch_machines(stack, self._args.machines, self._args.network),
            *([create_spot_role(stack)] if "spot" in stack.config.markets else []),
            *([start_pooled(stack)] if stack.config.pool_size else []),
        ]

    def _dispatch_policy(self) -> list[Statement]:
        stack, data = self._args.stack, self._args.data
        instances = stack.arn("ec2", "instance/*")
        only_job_tags = {"ForAllValues:StringEquals": {"aws:TagKeys": list(_JOB_TAGS)}}
        return [
            self._table(*_READ_AND_WRITE, "dynamodb:BatchGetItem", "dynamodb:PutItem"),
            LOOK_AT_MACHINES,
            # What Dispatch signs for the machine, Dispatch must be allowed itself.
            Statement(
                "SignReads",
                ["s3:GetObject"],
                [
                    objects(data.uploads, "inputs/*"),
                    objects(data.artifacts, "payload/*"),
                    objects(data.artifacts, "specs/*"),
                ],
            ),
            Statement(
                "SignWrites", ["s3:PutObject"], [objects(data.outputs, "outputs/*"), objects(data.artifacts, "specs/*")]
            ),
            Statement(
                "RunShellScript", ["ssm:SendCommand"], [f"arn:aws:ssm:{stack.region}::document/AWS-RunShellScript"]
            ),
            Statement(
                "OnOwnMachines",
                ["ssm:SendCommand"],
                [instances],
                {"StringEquals": {"ssm:resourceTag/mayfly:stack": stack.config.stack}},
            ),
            on_own_machines(stack, "TagOwnMachines", "ec2:CreateTags", only_job_tags),
        ]


def _variables(args: StepsArgs) -> dict[str, pulumi.Input[str]]:
    """What any of these functions reads from its environment, by the fields of its settings."""
    config, data = args.stack.config, args.data
    return {
        "jobs_table": data.table.name,
        "uploads_bucket": data.uploads.name,
        "outputs_bucket": data.outputs.name,
        "artifacts_bucket": data.artifacts.name,
        "stack": config.stack,
        "mayfly_version": own_version(),
        "launch_template_id": args.machines.launch_template_id,
        "subnet_ids": pulumi.Output.all(*args.network.subnet_ids).apply(",".join),
        "instance_types": ",".join(config.instance_types),
        "markets": ",".join(config.markets),
        "max_concurrent_jobs": str(config.max_concurrent_jobs),
        "queue_timeout_seconds": str(config.queue_timeout_minutes * 60),
        "spending": spending_settings(config),
        "payload_key": args.payload.key,
        "payload_sha256": args.payload.sha256,
        "script": json.dumps(config.script),
        "machine_log_group": args.machines.log_group,
        "job_timeout_seconds": str(config.job_timeout_minutes * 60),
        "boot_timeout_seconds": str(config.boot_timeout_minutes * 60),
        "transfer_seconds": str(TRANSFER_MINUTES * 60),
        **reconciler_settings(config),
    }


def own_version() -> str:
    """What pyproject.toml calls the version of all this."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])
