"""A first `pulumi up` takes as long as its longest chain of resources: each waits for the one before."""

from __future__ import annotations

import pytest

from localcloud.engine.deployment import Deployment
from tests.infra.resources import longest_chain

pytestmark = pytest.mark.thorough

# Two for the network, launch template, launch's rights, launch, the state machine, and what starts it. As long is the
# other one: bucket, headers, CloudFront's distribution, the page's client, authorizer, route, stage.
_LONGEST = 7


@pytest.mark.parametrize("stack", ["open_to_all", "signed_in", "production", "tailored", "generous"])
def test_no_resource_has_to_wait_for_more_than_six_others_in_a_row(stack: str, request: pytest.FixtureRequest) -> None:
    deployment: Deployment = request.getfixturevalue(stack)
    chain = longest_chain(deployment)
    assert len(chain) == _LONGEST, chain
