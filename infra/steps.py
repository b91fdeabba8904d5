"""The functions of the workflow's steps, each with the rights of its own step."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from infra.bundle import ROOT, Bundle
from infra.config import StackConfig
from infra.function import EventRule, Function, FunctionArgs
from infra.job_storage import JobStorage
from infra.machines import TRANSFER_MINUTES, Machines
from infra.network import Network
from infra.payload import Payload
from infra.policies import Statement
from infra.spending import spending_settings
from infra.warm_pool import RECONCILE_EVERY, RECONCILER_SECONDS, reconcile_pool, reconciler_settings, start_pooled

MEMORY = 256
# Lambda gives CPU in proportion to memory, a whole one with this: a lease holder notifies hundreds of runs.
_LAUNCH_MEMORY = 1769
_SECONDS = 60
_READ_AND_WRITE = ("dynamodb:GetItem", "dynamodb:UpdateItem")
_USE_QUEUE = ("dynamodb:DeleteItem", "dynamodb:Query")
_JOB_TAGS = ("Name", "mayfly:attempt", "mayfly:job-id", "mayfly:owner")


@dataclass(frozen=True)
class StepsArgs:
    config: StackConfig
    account_id: str
    region: str
    data: JobStorage
    network: Network
    machines: Machines
    payload: Payload
    state_machine_arn: str


class Steps(pulumi.ComponentResource):
    """`functions`: the steps by the names that workflow.asl.json calls them."""

    functions: Mapping[str, Function]

    def __init__(self, name: str, args: StepsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:Steps", name, None, opts)
        self._args = args
        table = {"JOBS_TABLE": args.data.table.name}
        time_limits = {
            "JOB_TIMEOUT_SECONDS": str(args.config.job_timeout_minutes * 60),
            "BOOT_TIMEOUT_SECONDS": str(args.config.boot_timeout_minutes * 60),
        }
        self.functions = {
            "launch": self._step("launch", self._launch_environment(), self._launch_policy(), _LAUNCH_MEMORY),
            "dispatch": self._step("dispatch", self._dispatch_environment(), self._dispatch_policy()),
            "await_completion": self._step(
                "await_completion",
                table,
                [
                    self._table("dynamodb:UpdateItem"),
                    answer_workflow(args.state_machine_arn, "states:SendTaskSuccess"),
                ],
            ),
            "inspect": self._step(
                "inspect_command",
                {**table, **time_limits},
                [self._table(*_READ_AND_WRITE), LOOK_AT_MACHINES, _READ_COMMANDS],
            ),
            "record": self._step(
                "record",
                {
                    **table,
                    "OUTPUTS_BUCKET": args.data.outputs.name,
                    "MAYFLY_VERSION": own_version(),
                    "STACK": args.config.stack,
                    **time_limits,
                },
                [
                    # What EC2 throttles is written down for the next call to terminate.
                    self._table(*_READ_AND_WRITE, "dynamodb:BatchWriteItem", "dynamodb:Query"),
                    LOOK_AT_MACHINES,
                    _READ_COMMANDS,
                    answer_workflow(args.state_machine_arn, "states:SendTaskSuccess"),
                    end_machines(args.region, args.account_id, args.config.stack),
                    Statement("CheckOutput", ["s3:GetObject"], [_within(args.data.outputs.arn, "outputs/*")]),
                    # Without it S3 answers 403 instead of 404 for an output that is not there.
                    Statement("TellMissingOutput", ["s3:ListBucket"], [args.data.outputs.arn]),
                    Statement("WriteManifests", ["s3:PutObject"], [_within(args.data.outputs.arn, "manifests/*")]),
                ],
            ),
            "terminate": self._step(
                "terminate",
                table,
                [
                    self._table(
                        "dynamodb:BatchGetItem",
                        "dynamodb:BatchWriteItem",
                        "dynamodb:DeleteItem",
                        "dynamodb:PutItem",
                        "dynamodb:Query",
                        "dynamodb:UpdateItem",
                    ),
                    answer_workflow(args.state_machine_arn, "states:SendTaskSuccess"),
                    LOOK_AT_MACHINES,
                    end_machines(args.region, args.account_id, args.config.stack),
                ],
            ),
            "release": self._step(
                "release",
                {**table, "STACK": args.config.stack},
                [
                    self._table(*_READ_AND_WRITE, *_USE_QUEUE, "dynamodb:BatchGetItem"),
                    LOOK_AT_MACHINES,
                    answer_workflow(args.state_machine_arn, "states:SendTaskFailure"),
                    end_machines(args.region, args.account_id, args.config.stack),
                ],
            ),
        }
        if args.config.pool_size:
            self._reconcile_pool()
        self.register_outputs({})

    def _step(
        self,
        module: str,
        environment: Mapping[str, pulumi.Input[str]],
        statements: Sequence[Statement],
        memory: int = MEMORY,
        seconds: int = _SECONDS,
        description: str | None = None,
        rules: Sequence[EventRule] = (),
    ) -> Function:
        return Function(
            f"{self._args.config.prefix}-{module.replace('_', '-')}",
            FunctionArgs(
                config=self._args.config,
                bundle=orchestrator_bundle(module),
                environment=environment,
                statements=statements,
                timeout=seconds,
                memory=memory,
                description=description or f"Mayfly workflow step: {module.replace('_', ' ')}",
                rules=rules,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _table(self, *actions: str) -> Statement:
        return Statement("KeepJob", actions, [self._args.data.table.arn])

    def _launch_environment(self) -> dict[str, pulumi.Input[str]]:
        config = self._args.config
        return {
            "JOBS_TABLE": self._args.data.table.name,
            "STACK": config.stack,
            "LAUNCH_TEMPLATE_ID": self._args.machines.launch_template_id,
            "MARKETS": ",".join(config.markets),
            "INSTANCE_TYPES": ",".join(config.instance_types),
            "SUBNET_IDS": pulumi.Output.all(*self._args.network.subnet_ids).apply(",".join),
            "MAX_CONCURRENT_JOBS": str(config.max_concurrent_jobs),
            "QUEUE_TIMEOUT_SECONDS": str(config.queue_timeout_minutes * 60),
            "SPENDING": spending_settings(config),
            "POOL_SIZE": str(config.pool_size),
        }

    def _launch_policy(self) -> list[Statement]:
        args = self._args
        return [
            self._table(*_READ_AND_WRITE, *_USE_QUEUE, "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"),
            LOOK_AT_MACHINES,
            end_machines(args.region, args.account_id, args.config.stack),
            answer_workflow(args.state_machine_arn, "states:SendTaskSuccess", "states:SendTaskFailure"),
            *self._run_policy(),
            *([create_spot_role(args.account_id)] if "spot" in args.config.markets else []),
            *([start_pooled(self._ec2("instance/*"), args.config.stack)] if args.config.pool_size else []),
        ]

    def _reconcile_pool(self) -> None:
        """The function that keeps the pool full; no step of the workflow."""
        args = self._args
        self._step(
            "pool",
            {
                **reconciler_settings(args.config),
                "JOBS_TABLE": args.data.table.name,
                "STACK": args.config.stack,
                "LAUNCH_TEMPLATE_ID": args.machines.launch_template_id,
                "SUBNET_IDS": pulumi.Output.all(*args.network.subnet_ids).apply(",".join),
            },
            [
                self._table("dynamodb:PutItem", "dynamodb:UpdateItem", *_USE_QUEUE),
                end_machines(args.region, args.account_id, args.config.stack),
                LOOK_AT_MACHINES,
                *self._run_policy(),
                *reconcile_pool(self._ec2("instance/*"), args.config.stack),
            ],
            seconds=RECONCILER_SECONDS,
            description="Keeps stopped machines ready for jobs",
            rules=[EventRule("schedule", schedule=RECONCILE_EVERY)],
        )

    def _run_policy(self) -> list[Statement]:
        """Launching machines as they are meant to be, and no others; for their user data EC2 has no condition key."""
        args = self._args
        return [
            Statement(
                "LaunchTagged",
                ["ec2:RunInstances"],
                [self._ec2("instance/*")],
                {
                    "StringEquals": {
                        "aws:RequestTag/mayfly:stack": args.config.stack,
                        "ec2:InstanceType": list(args.config.launchable_types),
                        "ec2:MetadataHttpTokens": "required",
                    },
                    "NumericEquals": {"ec2:MetadataHttpPutResponseHopLimit": "1"},
                    "ArnEquals": {"ec2:LaunchTemplate": args.machines.launch_template_arn},
                },
            ),
            Statement(
                "GiveTaggedDisk",
                ["ec2:RunInstances"],
                [self._ec2("volume/*")],
                {
                    "StringEquals": {"aws:RequestTag/mayfly:stack": args.config.stack},
                    "ArnEquals": {"ec2:LaunchTemplate": args.machines.launch_template_arn},
                },
            ),
            Statement(
                "LaunchFromTemplateOnly",
                ["ec2:RunInstances"],
                [
                    pulumi.Output.concat(self._ec2("security-group/"), args.network.security_group_id),
                    self._ec2("network-interface/*"),
                    *(pulumi.Output.concat(self._ec2("subnet/"), subnet) for subnet in args.network.subnet_ids),
                    *([self._ec2("spot-instances-request/*")] if "spot" in args.config.markets else []),
                ],
                {"ArnEquals": {"ec2:LaunchTemplate": args.machines.launch_template_arn}},
            ),
            Statement(
                "LaunchTemplatesImage",
                ["ec2:RunInstances"],
                [f"arn:aws:ec2:{args.region}::image/*"],  # whichever image the public parameter names that day
                {
                    "ArnEquals": {"ec2:LaunchTemplate": args.machines.launch_template_arn},
                    # The template's own, and none that the call names instead (EC2 user guide, "Use launch templates to
                    # control launch parameters").
                    "Bool": {"ec2:IsLaunchTemplateResource": "true"},
                },
            ),
            Statement("UseTemplate", ["ec2:RunInstances"], [args.machines.launch_template_arn]),
            Statement(
                "TagAtLaunch",
                ["ec2:CreateTags"],
                [self._ec2("instance/*"), self._ec2("volume/*"), self._ec2("network-interface/*")],
                {"StringEquals": {"ec2:CreateAction": "RunInstances"}},
            ),
            Statement(
                "ResolveImage",
                ["ssm:GetParameters"],
                [self._image_parameter()],
            ),
            Statement(
                "GiveMachineItsRole",
                ["iam:PassRole"],
                [args.machines.role_arn],
                {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
            ),
        ]

    def _image_parameter(self) -> str:
        # AWS's own parameters belong to no account.
        name = self._args.config.image_parameter
        account_id = "" if name.startswith("/aws/service/") else self._args.account_id
        return f"arn:aws:ssm:{self._args.region}:{account_id}:parameter{name}"

    def _dispatch_environment(self) -> dict[str, pulumi.Input[str]]:
        args = self._args
        return {
            "JOBS_TABLE": args.data.table.name,
            "STACK": args.config.stack,
            "UPLOADS_BUCKET": args.data.uploads.name,
            "OUTPUTS_BUCKET": args.data.outputs.name,
            "ARTIFACTS_BUCKET": args.data.artifacts.name,
            "PAYLOAD_KEY": args.payload.key,
            "PAYLOAD_SHA256": args.payload.sha256,
            "MACHINE_LOG_GROUP": args.machines.log_group,
            "SCRIPT": json.dumps(args.config.script),
            "JOB_TIMEOUT_SECONDS": str(args.config.job_timeout_minutes * 60),
            "TRANSFER_SECONDS": str(TRANSFER_MINUTES * 60),
            "BOOT_TIMEOUT_SECONDS": str(args.config.boot_timeout_minutes * 60),
        }

    def _dispatch_policy(self) -> list[Statement]:
        args = self._args
        return [
            self._table(*_READ_AND_WRITE, "dynamodb:BatchGetItem", "dynamodb:PutItem"),
            LOOK_AT_MACHINES,
            # What Dispatch signs for the machine, Dispatch must be allowed itself.
            Statement(
                "SignReads",
                ["s3:GetObject"],
                [
                    _within(args.data.uploads.arn, "inputs/*"),
                    _within(args.data.artifacts.arn, "payload/*"),
                    _within(args.data.artifacts.arn, "specs/*"),
                ],
            ),
            Statement(
                "SignWrites",
                ["s3:PutObject"],
                [_within(args.data.outputs.arn, "outputs/*"), _within(args.data.artifacts.arn, "specs/*")],
            ),
            Statement(
                "RunShellScript", ["ssm:SendCommand"], [f"arn:aws:ssm:{args.region}::document/AWS-RunShellScript"]
            ),
            Statement(
                "OnOwnMachines",
                ["ssm:SendCommand"],
                [self._ec2("instance/*")],
                {"StringEquals": {"ssm:resourceTag/mayfly:stack": args.config.stack}},
            ),
            Statement(
                "TagOwnMachines",
                ["ec2:CreateTags"],
                [self._ec2("instance/*")],
                {
                    "StringEquals": {"aws:ResourceTag/mayfly:stack": args.config.stack},
                    "ForAllValues:StringEquals": {"aws:TagKeys": list(_JOB_TAGS)},
                },
            ),
        ]

    def _ec2(self, resource: str) -> str:
        return f"arn:aws:ec2:{self._args.region}:{self._args.account_id}:{resource}"


_READ_COMMANDS = Statement("ReadCommands", ["ssm:GetCommandInvocation"], ["*"])  # knows no resources
LOOK_AT_MACHINES = Statement("LookAtMachines", ["ec2:DescribeInstances"], ["*"])  # knows no resources


def own_version() -> str:
    """What pyproject.toml calls the version of all this."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def orchestrator_bundle(module: str) -> Bundle:
    """Of one of the modules in functions/orchestrator that have a handler."""
    files = ("ec2_payload/bootstrap.py",) if module == "dispatch" else ()
    return Bundle(f"functions.orchestrator.{module}", "functions/orchestrator/requirements.txt", files)


def end_machines(region: str, account_id: str, stack: str) -> Statement:
    """Terminating the machines that carry this stack's tag."""
    return Statement(
        "EndOwnMachines",
        ["ec2:TerminateInstances"],
        [f"arn:aws:ec2:{region}:{account_id}:instance/*"],
        {"StringEquals": {"aws:ResourceTag/mayfly:stack": stack}},
    )


def create_spot_role(account_id: str) -> Statement:
    """An account's first spot request makes EC2 create this one role, with the caller's right to.

    EC2 user guide, "Service-linked role for Spot Instance requests".
    """
    return Statement(
        "CreateSpotRole",
        ["iam:CreateServiceLinkedRole"],
        [f"arn:aws:iam::{account_id}:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"],
        {"StringEquals": {"iam:AWSServiceName": "spot.amazonaws.com"}},
    )


def answer_workflow(state_machine_arn: pulumi.Input[str], *actions: str) -> Statement:
    """Ending the waits of the state machine's tasks."""
    return Statement("AnswerWorkflow", actions, [state_machine_arn])


def _within(bucket_arn: pulumi.Output[str], keys: str) -> pulumi.Output[str]:
    return pulumi.Output.concat(bucket_arn, "/", keys)
