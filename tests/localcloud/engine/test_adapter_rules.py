"""Rules of AWS that neither the service models nor the emulator enforce: adapters do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.engine.deployment import DeploymentError, preview
from localcloud.engine.dry_run import dry_run_cloud
from localcloud.engine.errors import ServiceRuleError
from localcloud.engine.registry import adapter

FUNCTION = """
aws.lambda_.Function("f", name={name!r}, role="arn:aws:iam::123456789012:role/r", runtime="python3.13", handler="a.b",
                     code=pulumi.FileArchive("a.zip"), environment={{"variables": {env!r}}})
"""
TABLE = """
aws.dynamodb.Table("t", billing_mode="PAY_PER_REQUEST", hash_key="id",
                   attributes=[{"name": "id", "type": "S"}, {"name": "unused", "type": "S"}])
"""

CLIENT = """
aws.cognito.UserPoolClient("c", user_pool_id="eu-central-1_A", allowed_oauth_flows_user_pool_client=True, **{})
"""
DASHBOARD = """
import json
aws.cloudwatch.Dashboard("d", dashboard_name={!r}, dashboard_body=json.dumps({{"widgets": [{!r}]}}))
"""
BUDGET = """
aws.budgets.Budget("b", budget_type="COST", time_unit="MONTHLY", limit_amount="1", limit_unit="USD", notifications=[{{
    "comparison_operator": "GREATER_THAN", "notification_type": "ACTUAL", "threshold": 1,
    "threshold_type": "PERCENTAGE", **{!r}}}])
"""


def client(**settings: object) -> str:
    return CLIENT.format({"callback_urls": ["https://example.org"], **settings})


@pytest.mark.parametrize(
    ("main", "message"),
    [
        ('aws.s3.Bucket("b", bucket="Upper_Case")', r"bucket: 'Upper_Case' does not match"),
        ('aws.sqs.Queue("q", name="with.dot")', r"name: 'with\.dot' does not match"),
        (
            FUNCTION.format(name="n" * 65, env={}),
            r"name: 'n{65}' has 65 characters; aws:lambda/function:Function takes 64",
        ),
        # pulumi-aws refuses what its auto-naming makes too long, at preview.
        (
            f'aws.cloudwatch.EventRule("{"r" * 57}", schedule_expression="rate(1 day)")',
            r"name: 'r+-[0-9a-f]{7}' has 65 characters, 57 of the resource and 8 of auto-naming; .*EventRule takes 64",
        ),
        (f'aws.sqs.Queue("{"q" * 73}")', r"81 characters, 73 of the resource and 8 of auto-naming; .*Queue takes 80"),
        (f'aws.s3.Bucket("{"b" * 56}")', r"64 characters, 56 of the resource and 8 of auto-naming; .*Bucket takes 63"),
        (FUNCTION.format(name="n", env={"A": "x" * 4096}), r"environment\.variables: 4097 bytes"),
        (FUNCTION.format(name="n", env={"AWS_REGION": "x"}), r"AWS_REGION cannot be set"),
        ('aws.cloudwatch.LogGroup("g", retention_in_days=8)', r"retentionInDays: 8 is not one of"),
        ('aws.ec2.SecurityGroup("g", vpc_id="vpc-1", description="what, where?")', r"description: .* does not match"),
        (TABLE, r"attributes: declared are \['id', 'unused'\], but keys use \['id'\]"),
        (DASHBOARD.format("a b", {}), r"dashboardName: 'a b' does not match"),
        (DASHBOARD.format("d", {"type": "metric"}), r"widget 0 has no properties"),
        (DASHBOARD.format("d", {"type": "metric", "properties": {}}), r"the metric widget 0 names no region"),
        (DASHBOARD.format("d", {"type": "text", "properties": {}, "x": 20}), r"widget 0 is wider than the grid"),
        (BUDGET.format({}), r"0 topics; a notification takes one"),
        (BUDGET.format({"subscriber_sns_topic_arns": ["a", "b"]}), r"2 topics; a notification takes one"),
        (
            'aws.cognito.UserPoolDomain("d", domain="my-aws", user_pool_id="eu-central-1_A")',
            r"'my-aws' has 'aws' in it",
        ),
        (client(callback_urls=[]), r"callbackUrls: a client with OAuth flows needs one"),
        (client(callback_urls=["http://example.org"]), r"callbackUrls: 'http://example\.org' is neither https"),
        (client(logout_urls=["http://localhost.example.org"]), r"logoutUrls: .* is neither https"),
        (client(callback_urls=["https://example.org/#top"]), r"or has a fragment"),
        (client(access_token_validity=25), r"accessTokenValidity: 90000 seconds is not from 300 to 86400"),
        (
            client(refresh_token_validity=30, token_validity_units={"refresh_token": "minutes"}),
            r"refreshTokenValidity: 1800 seconds is not from 3600",
        ),
    ],
)
def test_what_aws_would_refuse_is_refused_here(program: Callable[..., Path], main: str, message: str) -> None:
    with pytest.raises(DeploymentError, match=message):
        preview(program(main, **{"a.zip": ""}), config={})


def test_a_user_pool_under_protection_is_not_deleted() -> None:
    pool = adapter("aws:cognito/userPool:UserPool")
    with pytest.raises(ServiceRuleError, match="deletionProtection: Cognito deletes no pool"):
        pool.delete(dry_run_cloud("eu-central-1"), "eu-central-1_A", {"deletionProtection": "ACTIVE"})
