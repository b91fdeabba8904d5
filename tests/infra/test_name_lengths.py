"""The longest stack name that is taken fits into every name that is made of it."""

from __future__ import annotations

import json

import pytest

from localcloud.engine.deployment import Deployment, DeploymentError, preview
from localcloud.engine.name_limits import LONGEST_NAMES
from tests.infra.conftest import CONFIG, ROOT, WATCHED

LONGEST_STACK = "s" * 30
# What pulumi-aws adds to a name that it makes itself: a hyphen and seven digits (provider/autonaming.go).
AUTO_NAMING = 8


@pytest.fixture(scope="module")
def longest() -> Deployment:
    """Everything that a stack can have, in the region whose name is the longest that the pool may be in."""
    config = {
        **CONFIG,
        **WATCHED,
        "mayfly:auth": "cognito",
        "mayfly:monitoring": "true",
        "mayfly:poolSize": "1",
        "mayfly:markets": json.dumps(["spot", "on-demand"]),
    }
    return preview(ROOT, config=config, stack=LONGEST_STACK, region="ap-southeast-2")


def test_every_name_of_the_longest_stack_is_one_that_pulumi_and_aws_take(longest: Deployment) -> None:
    named = [one for one in longest.resources if one.type in LONGEST_NAMES]
    assert any(one.type.endswith(":EventRule") for one in named)
    too_long = {}
    for one in named:
        given = one.inputs.get("bucket") or one.inputs.get("dashboardName") or one.inputs.get("name")
        length = len(given) if given else len(one.name) + AUTO_NAMING
        if length > LONGEST_NAMES[one.type]:
            too_long[one.urn] = length
    assert too_long == {}


def test_the_length_of_every_name_that_is_made_up_is_known(longest: Deployment) -> None:
    """What has a name of its own, in AWS, and no limit here would be found out at the first real deployment."""
    unnamed = {"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "aws:apigatewayv2/stage:Stage"}
    made = {one.type for one in longest.resources if one.custom and {"name", "bucket"} & set(one.outputs)}
    parts_of_a_bucket = {one for one in made if one.startswith("aws:s3/bucket") and one != "aws:s3/bucket:Bucket"}
    assert made - unnamed - parts_of_a_bucket - set(LONGEST_NAMES) == set()


def test_a_longer_stack_name_is_refused_with_the_reason() -> None:
    with pytest.raises(DeploymentError, match="must be 1 to 30 lower-case letters"):
        preview(ROOT, config=CONFIG, stack=LONGEST_STACK + "s")
