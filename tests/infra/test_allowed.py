"""What a stack has that lets jobs ask for more than others get."""

from __future__ import annotations

import base64

import pytest

from functions.submission.overrides import Allowance
from localcloud.engine.deployment import Deployment
from tests.infra.resources import environment, only
from tests.policy_statements import allowing

pytestmark = pytest.mark.thorough


def test_the_api_is_told_what_a_job_may_ask_for(generous: Deployment, open_to_all: Deployment) -> None:
    told = environment(generous, "api")
    assert Allowance.read(told["ALLOWANCE"]) == Allowance(("c7g.xlarge",), 60, 240)
    assert told["OUTPUT_SUFFIX"] == ".html"
    assert Allowance.read(environment(open_to_all, "api")["ALLOWANCE"]) == Allowance((), 60, 60)


def test_only_the_types_of_the_stack_and_those_that_are_allowed_can_be_launched(
    generous: Deployment, open_to_all: Deployment
) -> None:
    own = ["t4g.small", "t4g.medium", "m6g.medium"]
    for deployment, types in ((open_to_all, own), (generous, [*own, "c7g.xlarge"])):
        launches = [row for _, row in allowing(deployment, "ec2:RunInstances")]
        instances = [row for row in launches if any(":instance/" in resource for resource in row.resources)]
        assert [row.conditions["StringEquals"]["ec2:InstanceType"] for row in instances] == [types]


def test_machines_and_sweeper_wait_for_the_longest_that_a_job_may_ask_for(generous: Deployment) -> None:
    template = only(generous, "aws:ec2/launchTemplate:LaunchTemplate")
    # EC2 user guide, "Device names for volumes": images of others than Amazon often have this one.
    (disk,) = template.inputs["blockDeviceMappings"]
    assert disk["deviceName"] == "/dev/sda1"
    assert b"shutdown -h +290" in base64.b64decode(template.inputs["userData"])
    assert environment(generous, "sweep")["MACHINE_DEADLINE_SECONDS"] == str(290 * 60)
    assert environment(generous, "dispatch")["JOB_TIMEOUT_SECONDS"] == "3600"


def test_an_image_of_ones_own_is_read_from_a_parameter_of_the_account(generous: Deployment) -> None:
    ((_, row),) = allowing(generous, "ssm:GetParameters")
    assert [resource.split(":", 4)[4] for resource in row.resources] == ["123456789012:parameter/our/image"]
