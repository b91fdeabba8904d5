"""Rules of AWS that neither the service models nor the emulator enforce: adapters do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.engine.deployment import DeploymentError, preview

FUNCTION = """
aws.lambda_.Function("f", name={name!r}, role="arn:aws:iam::123456789012:role/r", runtime="python3.13", handler="a.b",
                     code=pulumi.AssetArchive({{"a.py": pulumi.StringAsset("")}}), environment={{"variables": {env!r}}})
"""
TABLE = """
aws.dynamodb.Table("t", billing_mode="PAY_PER_REQUEST", hash_key="id",
                   attributes=[{"name": "id", "type": "S"}, {"name": "unused", "type": "S"}])
"""
MACHINE = """
aws.sfn.StateMachine("m", role_arn="arn:aws:iam::123456789012:role/r", definition="{}", logging_configuration={
    "level": "ALL", "log_destination": "arn:aws:logs:eu-central-1:123456789012:log-group:g"})
"""


@pytest.mark.parametrize(
    ("main", "message"),
    [
        ('aws.s3.Bucket("b", bucket="Upper_Case")', r"bucket: 'Upper_Case' does not match"),
        ('aws.sqs.Queue("q", name="with.dot")', r"name: 'with\.dot' does not match"),
        (FUNCTION.format(name="n" * 65, env={}), r"name: 'n{65}' does not match"),
        (FUNCTION.format(name="n", env={"A": "x" * 4096}), r"environment\.variables: 4097 bytes"),
        (FUNCTION.format(name="n", env={"AWS_REGION": "x"}), r"AWS_REGION cannot be set"),
        ('aws.cloudwatch.LogGroup("g", retention_in_days=8)', r"retentionInDays: 8 is not one of"),
        ('aws.ec2.SecurityGroup("g", vpc_id="vpc-1", description="what, where?")', r"description: .* does not match"),
        (TABLE, r"attributes: declared are \['id', 'unused'\], but keys use \['id'\]"),
        (MACHINE, r"logDestination: the log group's ARN must end with"),
    ],
)
def test_what_aws_would_refuse_is_refused_here(program: Callable[..., Path], main: str, message: str) -> None:
    with pytest.raises(DeploymentError, match=message):
        preview(program(main), config={})
