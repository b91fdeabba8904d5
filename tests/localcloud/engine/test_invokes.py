"""Data sources."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from localcloud.engine.dry_run import dry_run_cloud
from localcloud.engine.errors import RefusedInputError
from localcloud.engine.invokes import INVOKES

if TYPE_CHECKING:
    from collections.abc import Mapping


def invoke(token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return INVOKES[token](dry_run_cloud("eu-central-1"), arguments)


def test_a_policy_document_is_rendered_as_the_provider_does() -> None:
    answer = invoke(
        "aws:iam/getPolicyDocument:getPolicyDocument",
        {
            "statements": [
                {
                    "sid": "Read",
                    "actions": ["s3:GetObject", "s3:ListBucket"],
                    "resources": ["*"],
                    "conditions": [{"test": "StringEquals", "variable": "aws:PrincipalTag/a", "values": ["b"]}],
                }
            ]
        },
    )
    assert json.loads(answer["json"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:ListBucket"],
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:PrincipalTag/a": "b"}},
            }
        ],
    }
    assert json.loads(answer["minifiedJson"]) == json.loads(answer["json"])


def test_zones_come_in_order() -> None:
    answer = invoke("aws:index/getAvailabilityZones:getAvailabilityZones", {"state": "available"})
    assert answer["names"] == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]


def test_a_managed_policy_is_found_by_name_and_by_id() -> None:
    token = "aws:cloudfront/getCachePolicy:getCachePolicy"
    by_name = invoke(token, {"name": "Managed-CachingDisabled"})
    assert by_name == invoke(token, {"id": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"})


def test_an_image_is_found_with_the_name_of_its_root_device() -> None:
    answer = invoke("aws:ec2/getAmi:getAmi", {"filters": [{"name": "image-id", "values": ["ami-1"]}]})
    assert (answer["imageId"], answer["rootDeviceName"]) == ("ami-1", "/dev/sda1")
    with pytest.raises(RefusedInputError, match="mostRecent"):
        invoke("aws:ec2/getAmi:getAmi", {"mostRecent": True})


def test_an_unknown_managed_policy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(RefusedInputError, match=r"known are .*Managed-CachingOptimized"):
        invoke("aws:cloudfront/getCachePolicy:getCachePolicy", {"name": "Managed-Nothing"})


def test_arguments_that_cannot_be_carried_over_are_refused() -> None:
    with pytest.raises(RefusedInputError, match="excludeNames"):
        invoke("aws:index/getAvailabilityZones:getAvailabilityZones", {"excludeNames": ["eu-central-1a"]})
