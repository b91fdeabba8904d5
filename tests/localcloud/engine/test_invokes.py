"""Data sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from localcloud.engine.dry_run import dry_run_cloud
from localcloud.engine.errors import RefusedInputError
from localcloud.engine.invokes import INVOKES


def invoke(token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return INVOKES[token](dry_run_cloud("eu-central-1"), arguments)


def test_zones_come_in_order() -> None:
    answer = invoke("aws:index/getAvailabilityZones:getAvailabilityZones", {"state": "available"})
    assert answer["names"] == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]


def test_an_image_is_found_with_the_name_of_its_root_device() -> None:
    answer = invoke("aws:ec2/getAmi:getAmi", {"filters": [{"name": "image-id", "values": ["ami-1"]}]})
    assert (answer["imageId"], answer["rootDeviceName"]) == ("ami-1", "/dev/sda1")
    with pytest.raises(RefusedInputError, match="mostRecent"):
        invoke("aws:ec2/getAmi:getAmi", {"mostRecent": True})


def test_arguments_that_cannot_be_carried_over_are_refused() -> None:
    with pytest.raises(RefusedInputError, match="excludeNames"):
        invoke("aws:index/getAvailabilityZones:getAvailabilityZones", {"excludeNames": ["eu-central-1a"]})
