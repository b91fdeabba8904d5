"""A Lambda function with what belongs to it: its own role, what the role may do, and a log group that forgets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.bundle import Bundle
from infra.bundling.target import Target
from infra.config import StackConfig
from infra.policies import Statement, assumed_by, policy

# X-Ray's calls know no resources.
WRITE_TRACES = Statement("WriteTraces", ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], ["*"])


@dataclass(frozen=True)
class EventRule:
    """Has EventBridge invoke a function on events of a pattern, or on a schedule; `occasion` names the rule."""

    occasion: str
    pattern: Mapping[str, Any] | None = None
    schedule: str | None = None


@dataclass(frozen=True)
class FunctionArgs:
    config: StackConfig
    module: str  # that has the `handler`, in functions/
    bundle: Bundle
    environment: Mapping[str, pulumi.Input[str]]
    statements: Sequence[Statement]
    description: str
    timeout: int = 60  # seconds
    memory: int = 256  # MiB; processor share grows with it
    # Executions at once, kept for this function and its most; 0 reserves none (to Lambda a 0 would shut the function).
    reserved_concurrency: int = 0
    rules: Sequence[EventRule] = ()


class Function(pulumi.ComponentResource):
    """`name`, `arn` and `invoke_arn` are the function's; `known_name` is the name for what need not wait for it."""

    known_name: str
    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    invoke_arn: pulumi.Output[str]

    def __init__(self, name: str, args: FunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:Function", name, None, opts)
        config = args.config
        child = pulumi.ResourceOptions(parent=self)
        log = aws.cloudwatch.LogGroup(
            name, name=f"/aws/lambda/{name}", retention_in_days=config.log_retention_days, opts=child
        )
        role = aws.iam.Role(
            name,
            assume_role_policy=assumed_by("lambda.amazonaws.com"),
            description=f"What the function {name} may do",
            permissions_boundary=config.permissions_boundary,
            opts=child,
        )
        statements = [*args.statements, _write_log(log.arn), *([WRITE_TRACES] if config.tracing else [])]
        rights = aws.iam.RolePolicy(name, role=role.name, policy=policy(statements), opts=child)
        function = aws.lambda_.Function(
            name,
            name=name,
            description=args.description,
            role=role.arn,
            handler=f"functions.{args.module}.handler",
            runtime=config.function_runtime,
            architectures=[config.architecture],
            code=pulumi.FileArchive(str(_built(args.bundle, _target(config)))),
            environment={"variables": {**args.environment, **_powertools(config)}},
            tracing_config={"mode": "Active"} if config.tracing else None,
            timeout=args.timeout,
            memory_size=args.memory,
            reserved_concurrent_executions=args.reserved_concurrency or None,
            # Not before it may write its log; and Lambda would make the log group itself, one that never forgets.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[rights, log]),
        )
        self.known_name = name
        self.name = function.name
        self.arn = function.arn
        self.invoke_arn = function.invoke_arn
        for each in args.rules:
            self._add_rule(f"{name}-{each.occasion}", each, child)
        self.register_outputs({"arn": self.arn})

    def _add_rule(self, name: str, given: EventRule, opts: pulumi.ResourceOptions) -> None:
        rule = aws.cloudwatch.EventRule(
            name,
            event_pattern=json.dumps(given.pattern) if given.pattern else None,
            schedule_expression=given.schedule,
            opts=opts,
        )
        aws.cloudwatch.EventTarget(name, rule=rule.name, arn=self.arn, opts=opts)
        aws.lambda_.Permission(
            name,
            action="lambda:InvokeFunction",
            function=self.name,
            principal="events.amazonaws.com",
            source_arn=rule.arn,
            opts=opts,
        )


def _built(bundle: Bundle, target: Target) -> Path:
    if not target.compiler():
        _tell_of_sources(target)
    return bundle.build(target)


@cache
def _tell_of_sources(target: Target) -> None:
    """Once, not for each function."""
    pulumi.log.warn(
        f"No Python {target.python} is here to compile for it, so functions compile their modules at each cold start,"
        f" which takes three times as long. Put a python{target.python} on the path, or run this program with one."
    )


def _powertools(config: StackConfig) -> dict[str, str]:
    """Powertools' settings of every function; metrics are off by default, since each costs by the month."""
    return {"POWERTOOLS_LOG_LEVEL": "INFO", "POWERTOOLS_METRICS_DISABLED": str(not config.monitoring).lower()}


def _target(config: StackConfig) -> Target:
    return Target(
        python=config.function_runtime.removeprefix("python"),
        architecture=config.architecture,
        host=config.bundle_for == "host",
    )


def _write_log(log_group_arn: pulumi.Output[str]) -> Statement:
    return Statement(
        sid="WriteOwnLog",
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[pulumi.Output.concat(log_group_arn, ":*")],
    )
