"""The state machine: functions/orchestrator/workflow.asl.json with this stack's functions and limits filled in."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from functions.costs.pricing import FIRST_LOOK, LONGEST_LOOK
from infra import history
from infra.bundle import ROOT
from infra.config import StackConfig
from infra.function import WRITE_TRACES, Function
from infra.notifications import Notifications, add_notification
from infra.policies import Statement, assumed_by, policy
from infra.stack import Stack
from infra.steps import Steps

DEFINITION = ROOT / "functions" / "orchestrator" / "workflow.asl.json"
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_FUNCTION = re.compile(rf'"FunctionName": "{_PLACEHOLDER.pattern}"')
# Seconds after which a waiting run asks again, in case the lease holder has missed its entry.
_LONGEST_LAUNCH_WAIT = 1800
_MARGIN = 5
# Rows that Retry and Catch have in many states, by their placeholders.
_ROWS: Mapping[str, Any] = {
    "retry_busy": {
        "ErrorEquals": ["Lambda.TooManyRequestsException"],
        "IntervalSeconds": 5,
        "BackoffRate": 2,
        "MaxDelaySeconds": 120,
        "JitterStrategy": "FULL",
        "MaxAttempts": 8,
    },
    "retry_unexpected": {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 2,
        "BackoffRate": 2,
        "MaxDelaySeconds": 60,
        "JitterStrategy": "FULL",
        "MaxAttempts": 5,
    },
    "catch_failure": {
        "ErrorEquals": ["States.ALL"],
        "Assign": {
            "error_name": "{% $states.errorOutput.Error %}",
            # Step Functions API reference, TaskFailedEventDetails and others: not every error has a cause.
            "cause": "{% $exists($states.errorOutput.Cause) ? $states.errorOutput.Cause : '' %}",
        },
        "Next": "RecordError",
    },
}
_TERMINATION_WAIT = 90
# Step Functions asks which executions to trace (developer guide, "Tracing Step Functions with X-Ray").
_TRACE = (
    WRITE_TRACES,
    Statement("SampleTraces", ["xray:GetSamplingRules", "xray:GetSamplingTargets"], ["*"]),  # knows no resources
)


def filled(definition: Any, values: Mapping[str, str | int]) -> Any:
    """The definition with every `${name}` replaced; a string that is nothing else becomes the value or row itself.

    Raises:
        KeyError: a placeholder has no value.
    """
    if isinstance(definition, dict):
        return {key: filled(value, values) for key, value in definition.items()}
    if isinstance(definition, list):
        return [filled(value, values) for value in definition]
    if not isinstance(definition, str):
        return definition
    whole = _PLACEHOLDER.fullmatch(definition)
    if whole:
        return _ROWS[whole[1]] if whole[1] in _ROWS else values[whole[1]]
    return _PLACEHOLDER.sub(lambda found: str(values[found[1]]), definition)


def _launch_wait(queue_timeout: int) -> int:
    """Seconds after which a waiting run asks again: a whole fraction of the queue's time-out."""
    # A queue entry is a moment younger than the wait of its workflow.
    return math.ceil(queue_timeout / math.ceil(queue_timeout / _LONGEST_LAUNCH_WAIT)) + _MARGIN


def limits(config: StackConfig) -> dict[str, int]:
    return {
        "max_attempts": config.max_attempts,
        "online_retries": history.online_retries(config.boot_timeout_minutes * 60),
        "online_poll": history.ONLINE_POLL,
        "launch_wait": _launch_wait(config.queue_timeout_minutes * 60),
        "first_look": FIRST_LOOK,
        "longest_look": LONGEST_LOOK,
        "most_looks": history.most_looks(config),
        "termination_wait": _TERMINATION_WAIT,
    }


def definition(config: StackConfig, arns: Mapping[str, str]) -> dict[str, Any]:
    """The state machine's definition.

    Args:
        config: the stack's.
        arns: the steps' functions by their names, and `topic` where the stack notifies.

    Raises:
        ConfigError: the history of an execution might grow beyond what Step Functions takes.
    """
    machine: dict[str, Any] = json.loads(DEFINITION.read_text(encoding="utf-8"))
    if config.notify:
        add_notification(machine["States"])
    machine = filled(machine, {**arns, **limits(config), "stack": config.stack})
    history.check(machine["States"], config)
    return machine


def check(config: StackConfig) -> None:
    """Raises ConfigError, as `definition` does, for a stack that has no functions yet, and of what it keeps."""
    history.check_kept(config)
    names = _FUNCTION.findall(DEFINITION.read_text(encoding="utf-8"))
    definition(config, dict.fromkeys([*names, "topic"], ""))


@dataclass(frozen=True)
class WorkflowArgs:
    stack: Stack
    steps: Steps


class Workflow(pulumi.ComponentResource):
    """`arn` is the state machine's, which has the component's name; `exports` has the topic, if there is one."""

    arn: pulumi.Output[str]
    exports: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: WorkflowArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:Workflow", name, None, opts)
        config = args.stack.config
        check(config)  # refused before anything is made
        child = pulumi.ResourceOptions(parent=self)
        topic = Notifications(f"{config.prefix}-notifications", opts=child).topic if config.notify else None
        role = aws.iam.Role(
            name,
            assume_role_policy=assumed_by("states.amazonaws.com"),
            description="What the workflow may do: run its steps",
            permissions_boundary=config.permissions_boundary,
            opts=child,
        )
        rights = aws.iam.RolePolicy(
            name,
            role=role.name,
            policy=policy([*_policy(args, topic), *(_TRACE if config.tracing else ())]),
            opts=child,
        )
        machine = aws.sfn.StateMachine(
            name,
            name=name,
            role_arn=role.arn,
            type="STANDARD",
            tracing_configuration={"enabled": True} if config.tracing else None,
            definition=_arns(args.steps.functions, topic).apply(lambda arns: json.dumps(definition(config, arns))),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[rights]),
        )
        self.arn = machine.arn
        self.exports = {"state_machine": self.arn, **({"notify_topic": topic} if topic is not None else {})}
        self.register_outputs({"arn": self.arn})


def _policy(args: WorkflowArgs, topic: pulumi.Output[str] | None) -> list[Statement]:
    # By their names, so that the role need not wait for them; the state machine does.
    arns = [args.stack.arn("lambda", f"function:{each.known_name}") for each in args.steps.functions.values()]
    run_steps = Statement("RunSteps", ["lambda:InvokeFunction"], arns)
    return [run_steps, Statement("Notify", ["sns:Publish"], [topic])] if topic is not None else [run_steps]


def _arns(functions: Mapping[str, Function], topic: pulumi.Output[str] | None) -> pulumi.Output[dict[str, str]]:
    known = {name: function.arn for name, function in functions.items()}
    arns: pulumi.Output[dict[str, str]] = pulumi.Output.all(**known, **({"topic": topic} if topic is not None else {}))
    return arns
