"""What is read once still counts as soon as it is changed."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.emulator.repeated_work import plain_copy
from tests.localcloud.emulator.harness import EmulatorHarness, allow


def test_a_copy_is_equal_and_shares_nothing_that_can_change() -> None:
    item: dict[str, Any] = {
        "id": {"S": "a"},
        "list": {"L": [{"M": {"n": {"N": "1"}}}, {"NULL": True}]},
        "set": {"SS": ["x"]},
    }
    copied = plain_copy(item)
    assert copied == item == copy.deepcopy(item)
    copied["list"]["L"][0]["M"]["n"]["N"] = "2"
    copied["set"]["SS"].append("y")
    assert item["list"]["L"][0] == {"M": {"n": {"N": "1"}}}
    assert item["set"] == {"SS": ["x"]}


def test_a_copy_of_another_kind_keeps_its_kind() -> None:
    copied = plain_copy({"items": defaultdict(dict, a={"b": 1})})["items"]
    assert isinstance(copied, defaultdict)
    assert copied == {"a": {"b": 1}}


def test_a_changed_policy_counts_for_the_next_request(harness: EmulatorHarness) -> None:
    role = harness.role([allow(["sqs:ListQueues"])])
    sqs = harness.as_role("sqs", role)
    sqs.list_queues()
    harness.set_policy(role, [allow(["sqs:GetQueueUrl"])])
    with pytest.raises(ClientError, match="AccessDenied"):
        sqs.list_queues()
    harness.set_policy(role, [allow(["sqs:ListQueues"])])
    sqs.list_queues()
