from __future__ import annotations

from typing import Any

import pytest

from localcloud.engine.archives import Blob
from localcloud.engine.deployment import Deployment
from localcloud.engine.records import Resource
from tests.static.terraform_plan import snake, terraform_plan, terraform_type

pytestmark = pytest.mark.thorough


def resource(token: str, name: str, inputs: dict[str, Any], made_of: dict[str, list[str]] | None = None) -> Resource:
    return Resource(
        urn=f"urn::{name}",
        type=token,
        name=name,
        parent="",
        custom=True,
        inputs=inputs,
        property_dependencies=made_of or {},
    )


def values(token: str, inputs: dict[str, Any]) -> dict[str, Any]:
    plan = terraform_plan(Deployment([resource(token, "one", inputs)], {}, 0, ""))
    (planned,) = plan["planned_values"]["root_module"]["resources"]
    found: dict[str, Any] = planned["values"]
    return found


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("aws:s3/bucket:Bucket", "aws_s3_bucket"),
        ("aws:s3/bucketObjectv2:BucketObjectv2", "aws_s3_object"),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", "aws_vpc_endpoint"),
        ("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "aws_vpc_security_group_egress_rule"),
        ("aws:cloudwatch/logGroup:LogGroup", "aws_cloudwatch_log_group"),
        ("aws:lambda/function:Function", "aws_lambda_function"),
    ],
)
def test_a_type_has_the_name_that_terraform_gives_it(token: str, expected: str) -> None:
    assert terraform_type(token) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cidrIpv4", "cidr_ipv4"),
        ("sqsManagedSseEnabled", "sqs_managed_sse_enabled"),
        ("isIpv6Enabled", "is_ipv6_enabled"),
    ],
)
def test_a_property_is_spelt_as_terraform_spells_it(name: str, expected: str) -> None:
    assert snake(name) == expected


def test_an_object_is_a_block_that_comes_once() -> None:
    assert values("aws:ec2/launchTemplate:LaunchTemplate", {"metadataOptions": {"httpTokens": "required"}}) == {
        "metadata_options": [{"http_tokens": "required"}]
    }


def test_a_list_of_objects_is_a_repeated_block_named_for_one() -> None:
    assert values(
        "aws:dynamodb/table:Table", {"globalSecondaryIndexes": [{"hashKey": "open"}], "attributes": [{}]}
    ) == {
        "global_secondary_index": [{"hash_key": "open"}],
        "attribute": [{}],
    }


def test_a_name_that_only_looks_like_a_plural_stays() -> None:
    given = {"ingress": [{"fromPort": 22}], "blockDeviceMappings": [{"deviceName": "a"}]}
    assert values("aws:ec2/securityGroup:SecurityGroup", given) == {
        "ingress": [{"from_port": 22}],
        "block_device_mappings": [{"device_name": "a"}],
    }


def test_a_list_of_texts_and_an_empty_one_keep_their_name() -> None:
    assert values("aws:cloudfront/distribution:Distribution", {"allowedMethods": ["GET"], "ingress": []}) == {
        "allowed_methods": ["GET"],
        "ingress": [],
    }


def test_the_keys_of_a_map_are_left_alone() -> None:
    given = {"environment": {"variables": {"jobsTable": "a"}}, "tags": {"mayfly:jobId": "b"}}
    assert values("aws:lambda/function:Function", given) == {
        "environment": [{"variables": {"jobsTable": "a"}}],
        "tags": {"mayfly:jobId": "b"},
    }


def test_code_is_the_file_it_comes_from() -> None:
    assert values("aws:lambda/function:Function", {"code": Blob(b"", "api.zip")}) == {"filename": "api.zip"}


def test_what_a_resource_was_made_of_is_a_reference() -> None:
    bucket = resource("aws:s3/bucket:Bucket", "up-loads", {})
    policy = resource(
        "aws:s3/bucketPolicy:BucketPolicy", "shut", {"bucket": "x"}, {"bucket": [bucket.urn, "urn::other"]}
    )
    plan = terraform_plan(Deployment([bucket, policy], {}, 0, ""))
    first, second = plan["configuration"]["root_module"]["resources"]
    assert (first["address"], first["expressions"]) == ("aws_s3_bucket.up_loads", {})
    assert second["expressions"] == {"bucket": {"references": ["aws_s3_bucket.up_loads"]}}


def test_the_plan_has_every_resource_once_and_no_component(recorded: Deployment) -> None:
    plan = terraform_plan(recorded)
    addresses = [each["address"] for each in plan["planned_values"]["root_module"]["resources"]]
    assert len(addresses) == len(set(addresses)) == sum(each.type.startswith("aws:") for each in recorded.resources)
    assert [each["address"] for each in plan["resource_changes"]] == addresses
