"""How close any stack may come to AWS's limits.

`python -m tests.operations.limits` prints the table of docs/settings.md.

What times and counts make is reckoned. What the program makes is measured on the largest stack that the settings allow,
by a preview that touches no cloud.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache

from infra import history
from infra.config import StackConfig
from infra.machines import TRANSFER_MINUTES
from infra.workflow import definition
from localcloud.engine.deployment import Deployment, preview
from localcloud.engine.records import Resource
from localcloud.engine.registry import adapter, tokens
from tests.infra.configured import DEV, ROOT

LONGEST_STACK = "s" * 30
# What pulumi-aws adds to a name that it makes itself: a hyphen and seven digits (provider/autonaming.go).
AUTO_NAMING = 8
LONGEST_NAMES = {token: limit for token in tokens() if (limit := adapter(token).longest_name)}
STEPS = ("launch", "dispatch", "await_completion", "inspect", "record", "terminate", "release")
# As long as a function's ARN can be.
ARN = "arn:aws:lambda:ap-southeast-2:123456789012:function:" + "f" * 64
# What Inspect answers has the end of what a script wrote to stderr: 8,000 characters at most (Systems Manager API
# reference, GetCommandInvocation), each up to twelve bytes of JSON, beside a few times and words.
STEP_ANSWER = 8_000 * 12 + 4_000
_YEAR, _WEEK = 365 * 86_400, 7 * 86_400
_LARGEST = {
    "mayfly:auth": "cognito",
    "mayfly:bundleFor": "host",
    "mayfly:instanceTypes": [f"u7gin-{number:02}tb.224xlarge-met" for number in range(10)],
    "mayfly:allowedInstanceTypes": [f"u7gin-{number:02}tb.224xlarge-met" for number in range(10, 25)],
    "mayfly:markets": ["spot", "on-demand"],
    "mayfly:script": ["x" * 990],
    "mayfly:machineImageParameter": "/" + "x" * 255,
    "mayfly:outputSuffix": "." + "x" * 16,
    "mayfly:monitoring": "true",
    "mayfly:alarmEmail": "team@example.org",
    "mayfly:monthlyBudgetUsd": "1000000",
    "mayfly:notify": "true",
    "mayfly:tracing": "true",
    "mayfly:poolSize": "50",
    "mayfly:jobTimeoutMinutes": "2760",
    "mayfly:bootTimeoutMinutes": "60",
    "mayfly:queueTimeoutMinutes": "1440",
    "mayfly:maxConcurrentJobs": "10000",
    "mayfly:maxUploadMib": "5000",
}


@dataclass(frozen=True)
class WorstCase:
    """`limit` is AWS's, with its source; `most` is what no stack exceeds."""

    what: str
    limit: int
    most: int
    unit: str
    source: str

    @property
    def row(self) -> str:
        return f"| {self.what} | {self.limit:,} {self.unit} | {self.most:,} | {self.source} |"


def worst_cases() -> list[WorstCase]:
    slowest = replace(DEV, job_timeout_minutes=2_760, boot_timeout_minutes=60, queue_timeout_minutes=1_440)
    return [*of_times(slowest), *of_program(largest())]


@cache
def largest() -> Deployment:
    """The stack with the most of everything, as `pulumi up` would make it."""
    kinds = [*_LARGEST["mayfly:instanceTypes"], *_LARGEST["mayfly:allowedInstanceTypes"]]
    prices = [f"{kind} {market} 999999.9999999999" for kind in kinds for market in ("spot", "on-demand")]
    config = {**_LARGEST, "mayfly:prices": prices, "mayfly:maxJobUsd": "999999999"}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    return preview(ROOT, config=texts, stack=LONGEST_STACK, region="ap-southeast-2")


def of_times(config: StackConfig) -> Iterator[WorstCase]:
    """What a stack with these time-outs comes to; `config` has the longest that three attempts may have."""
    executions, delivery = "Step Functions, quotas of state machine executions", config.boot_timeout_minutes * 60
    longest_run = history.longest_run_minutes(replace(config, max_attempts=10)) * 60
    for row in (
        ("events of a job's workflow", history.MOST_EVENTS, events(config), "events", executions),
        ("time of a job's workflow", _YEAR, longest_run, "seconds", executions),
        ("answer of a step", 262_144, STEP_ANSWER, "bytes", "Step Functions, quotas of task executions"),
        ("time of a command", 172_800, command_seconds(config), "seconds", "Systems Manager, `AWS-RunShellScript`"),
        ("time of a command's delivery", 2_592_000, delivery, "seconds", "Systems Manager, `SendCommand`"),
        ("life of a presigned address", _WEEK, command_seconds(config), "seconds", "S3, presigned URLs"),
    ):
        yield WorstCase(*row)


def of_program(deployment: Deployment) -> Iterator[WorstCase]:
    """What the program makes of the largest stack; sizes are rounded up to two digits."""
    definition = longest(texts(deployment, "sfn/stateMachine:StateMachine", "definition"))
    pattern = longest(texts(deployment, "cloudwatch/eventRule:EventRule", "eventPattern"))
    policy = max(len("".join(text.split())) for text in texts(deployment, "iam/rolePolicy:RolePolicy", "policy"))
    user_data = longest(texts(deployment, "ec2/launchTemplate:LaunchTemplate", "userData")) * 3 // 4
    for what, limit, size, unit, source in (
        ("definition of the workflow", 1_048_576, definition, "bytes", "Step Functions, `CreateStateMachine`"),
        ("pattern of an event rule", 2_048, pattern, "characters", "EventBridge, quotas"),
        ("environment of a function", 4_096, max(environments(deployment)), "bytes", "Lambda, quotas"),
        ("policy of a role", 10_240, policy, "characters", "IAM, quotas"),
        ("user data", 16_384, user_data, "bytes", "EC2, user data"),
    ):
        yield WorstCase(what, limit, rounded(size), unit, source)
    for kind, length in sorted(names(deployment).items()):
        what = f"name, `{kind.partition(':')[2]}`"
        yield WorstCase(what, LONGEST_NAMES[kind], length, "characters", "its API reference")


def events(config: StackConfig) -> int:
    states = definition(config, dict.fromkeys([*STEPS, "topic"], ARN))["States"]
    return history.most_events(states, config)


def command_seconds(config: StackConfig) -> int:
    return (config.longest_timeout_minutes + TRANSFER_MINUTES) * 60


def names(deployment: Deployment) -> dict[str, int]:
    """The longest name of each type that has a limit."""
    found: dict[str, int] = {}
    for one in deployment.resources:
        if one.type in LONGEST_NAMES:
            found[one.type] = max(found.get(one.type, 0), _name_length(one))
    return found


def environments(deployment: Deployment) -> Iterator[int]:
    for one in deployment.resources:
        if one.type == "aws:lambda/function:Function":
            variables = one.inputs["environment"]["variables"]
            yield sum(len(f"{key}{value}".encode()) for key, value in variables.items())


def texts(deployment: Deployment, kind: str, key: str) -> list[str]:
    return [one.inputs[key] for one in deployment.resources if one.type == f"aws:{kind}" and one.inputs.get(key)]


def rounded(size: int) -> int:
    step = int(10 ** max(0, len(str(size)) - 2))
    return -(-size // step) * step


def longest(texts: Iterable[str]) -> int:
    return max(len(text.encode()) for text in texts)


def _name_length(resource: Resource) -> int:
    given = next((resource.inputs[key] for key in ("bucket", "dashboardName", "name") if resource.inputs.get(key)), "")
    return len(given) or len(resource.name) + AUTO_NAMING


def table(cases: Iterable[WorstCase]) -> str:
    """In Markdown."""
    return "\n".join(["| what | AWS's limit | at most | source |", "|---|---|---|---|", *(case.row for case in cases)])


if __name__ == "__main__":
    sys.stdout.write(table(worst_cases()) + "\n")
