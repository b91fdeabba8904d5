"""The stack of Pulumi.prod.yaml under the real engine: made despite failures, then with every option on, then gone."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from localcloud.emulator.process import ROOT
from localcloud.engine.aws import Aws
from localcloud.engine.deployment import preview
from localcloud.engine.records import Deployment
from localcloud.plugins.cli import Workspace
from localcloud.plugins.provider import FAIL_AT
from tests.localcloud.engine.inventory import inventory
from tests.localcloud.engine.reading import read_otherwise
from tests.pulumi.comparison import unlike

_UP = ("up", "--yes", "--skip-preview")
_CONFIG = {"mayfly:bundleFor": "host"}
# How many resources fail, one `up` after the other, and which: `make nightly` takes more of them.
_FAILURES = int(os.environ.get("MAYFLY_FAILURES", "2"))
_SEED = os.environ.get("MAYFLY_SEED", "1")

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(1800 + 120 * _FAILURES)]

_TOKEN = "made-up-session-token"
_PRICED = ("t4g.small", "t4g.medium", "m6g.medium", "c7g.xlarge")
_EVERYTHING = {
    **_CONFIG,
    "mayfly:allowedInstanceTypes": '["c7g.xlarge"]',
    "mayfly:markets": '["spot", "on-demand"]',
    "mayfly:prices": json.dumps([f"{one} {market} 0.05" for one in _PRICED for market in ("spot", "on-demand")]),
    "mayfly:maxJobTimeoutMinutes": "240",
    "mayfly:outputSuffix": ".html",
    "mayfly:poolSize": "1",
    "mayfly:alarmEmail": "team@example.org",
    "mayfly:monthlyBudgetUsd": "50",
    "mayfly:tracing": "true",
    "mayfly:notify": "true",
    "mayfly:extraOrigins": '["https://example.org"]',
    "mayfly:domainName": "jobs.example.org",
    "mayfly:domainCertificate": "arn:aws:acm:us-east-1:210987654321:certificate/1a2b3c",
    "mayfly:permissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess",
    "mayfly:vpcCidr": "10.74.0.0/16",
    "mayfly:protect": "false",
}
_PUBLIC_OUTPUTS = {
    "alarm_topic",
    "api_url",
    "docs_url",
    "failed_records_queue",
    "notify_topic",
    "outputs_bucket",
    "sign_in_client_id",
    "sign_in_url",
    "site_host",
    "site_url",
    "state_machine",
    "table",
    "uploads_bucket",
    "user_pool_id",
}
# None of the stack's clients has a secret, and no password is an output.
_SECRET_OUTPUTS: set[str] = set()


def recorded(config: dict[str, str]) -> Deployment:
    """By the in-process engine."""
    return preview(ROOT, config=config, stack="prod")


def assert_same(deployed: Deployment, config: dict[str, str]) -> None:
    assert unlike(deployed, recorded(config)) == []


@pytest.fixture(scope="module")
def before(aws: Aws) -> dict[str, int]:
    return inventory(aws)


@pytest.fixture(scope="module")
def first_preview(before: dict[str, int], workspace: Workspace) -> str:
    workspace.select("prod", _CONFIG)
    return workspace.do("preview")


@pytest.fixture(scope="module")
def failing() -> list[str]:
    """URNs, in the order in which they come into being."""
    made = [each.urn for each in recorded(_CONFIG).resources if each.type.startswith("aws:")]
    chosen = set(random.Random(_SEED).sample(made, _FAILURES))  # noqa: S311 a choice, no secret
    return [urn for urn in made if urn in chosen]


@pytest.fixture(scope="module")
def deployed(workspace: Workspace, first_preview: str, failing: list[str]) -> Deployment:
    """The stack, of which one resource after the other could not be made at first."""
    there: set[str] = set()
    for urn in failing:
        done = workspace.run(*_UP, environment={FAIL_AT: urn})
        # One that earlier failures did not keep from being made is there already, and nothing is done to it.
        assert (f"told to fail here by {FAIL_AT}" in done.stdout) == bool(done.returncode) == (urn not in there)
        there = {each.urn for each in workspace.deployment().resources}
    workspace.do(*_UP)
    return workspace.deployment()


def names(deployment: Deployment, token: str) -> list[str]:
    return sorted(str(each.id) for each in deployment.of_type(token))


def test_the_first_preview_needs_nothing_that_is_deployed(first_preview: str) -> None:
    assert " to create" in first_preview


def test_an_up_that_failed_anywhere_is_finished_by_the_next_with_nothing_doubled_or_orphaned(
    deployed: Deployment, client: Callable[[str], Any]
) -> None:
    buckets = [each["Name"] for each in client("s3").list_buckets()["Buckets"]]
    roles = [each["RoleName"] for each in client("iam").get_paginator("list_roles").paginate().search("Roles")]
    functions = client("lambda").get_paginator("list_functions").paginate().search("Functions")
    groups = client("logs").get_paginator("describe_log_groups").paginate().search("logGroups")
    rules = [each["Name"] for each in client("events").list_rules()["Rules"]]
    assert sorted(buckets) == names(deployed, "aws:s3/bucket:Bucket")
    assert sorted(each for each in roles if each.startswith("mayfly")) == names(deployed, "aws:iam/role:Role")
    assert sorted(each["FunctionName"] for each in functions) == names(deployed, "aws:lambda/function:Function")
    assert {each["logGroupName"] for each in groups} >= set(names(deployed, "aws:cloudwatch/logGroup:LogGroup"))
    assert sorted(rules) == names(deployed, "aws:cloudwatch/eventRule:EventRule")
    assert sorted(client("dynamodb").list_tables()["TableNames"]) == names(deployed, "aws:dynamodb/table:Table")
    assert sorted(client("sqs").list_queues()["QueueUrls"]) == names(deployed, "aws:sqs/queue:Queue")
    pools = [each["Id"] for each in client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"]]
    assert sorted(pools) == names(deployed, "aws:cognito/userPool:UserPool")
    templates = client("ec2").describe_launch_templates()["LaunchTemplates"]
    assert [each["LaunchTemplateId"] for each in templates] == names(deployed, "aws:ec2/launchTemplate:LaunchTemplate")


def test_both_engines_record_production_alike(deployed: Deployment) -> None:
    assert_same(deployed, _CONFIG)


@pytest.fixture(scope="module")
def with_everything(workspace: Workspace, deployed: Deployment) -> Deployment:
    """The same stack with every option on, but for `protect`; the network moves."""
    workspace.configure("prod", _EVERYTHING)
    workspace.do("config", "set", "--secret", "aws:token", _TOKEN)
    workspace.do(*_UP)
    return workspace.deployment()


def test_both_engines_record_every_option_alike(with_everything: Deployment) -> None:
    assert_same(with_everything, _EVERYTHING)


def test_every_input_is_read_back_as_it_was_given(with_everything: Deployment, aws: Aws) -> None:
    assert read_otherwise(aws, with_everything) == {}


def test_turning_everything_on_keeps_what_holds_data(deployed: Deployment, with_everything: Deployment) -> None:
    for token in (
        "aws:dynamodb/table:Table",
        "aws:s3/bucket:Bucket",
        "aws:cognito/userPool:UserPool",
        "aws:sqs/queue:Queue",
    ):
        assert names(deployed, token) == names(with_everything, token)
    groups = "aws:cloudwatch/logGroup:LogGroup"
    assert set(names(deployed, groups)) <= set(names(with_everything, groups))


def test_outputs_are_public_or_secret_as_they_should_be(workspace: Workspace, with_everything: Deployment) -> None:
    shown = json.loads(workspace.do("stack", "output", "--json"))
    assert {key for key, value in shown.items() if value == "[secret]"} == _SECRET_OUTPUTS
    assert set(shown) == _PUBLIC_OUTPUTS | _SECRET_OUTPUTS
    assert _TOKEN not in workspace.do("stack", "export")


def test_a_renamed_stack_would_be_made_anew_and_its_data_deleted(
    workspace: Workspace, with_everything: Deployment
) -> None:
    workspace.do("stack", "rename", "other")
    preview = workspace.do("preview")
    workspace.do("stack", "rename", "prod")
    assert re.search(r"- +aws:dynamodb:Table mayfly-prod-jobs delete", preview)
    assert re.search(r"\+ +aws:dynamodb:Table mayfly-other-jobs create", preview)


def test_destroy_leaves_nothing_behind(
    workspace: Workspace, with_everything: Deployment, aws: Aws, before: dict[str, int]
) -> None:
    workspace.do("destroy", "--yes", "--skip-preview")
    assert workspace.deployment().resources == []
    assert inventory(aws) == before
