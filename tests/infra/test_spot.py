"""What a stack with spot machines has that others have not."""

from __future__ import annotations

import json

import pytest

from localcloud.engine.deployment import Deployment, preview
from tests.infra.conftest import CONFIG, ROOT
from tests.policy_statements import allowing

pytestmark = pytest.mark.thorough


def test_only_launching_spot_machines_may_create_a_role_and_that_one_alone(open_to_all: Deployment) -> None:
    """EC2 user guide, "Service-linked role for Spot Instance requests"."""
    spot = preview(ROOT, config={**CONFIG, "mayfly:markets": json.dumps(["spot", "on-demand"])})
    found = [
        (role.rpartition("-")[2], row.resources, row.conditions)
        for deployment in (open_to_all, spot)
        for role, row in allowing(deployment, "iam:CreateServiceLinkedRole")
    ]
    ((role, (arn,), conditions),) = found
    assert role == "launch"
    assert arn.endswith(":role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot")
    assert conditions == {"StringEquals": {"iam:AWSServiceName": "spot.amazonaws.com"}}
