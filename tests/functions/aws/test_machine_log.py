from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from functions.aws.machine_log import CloudWatchMachineLog


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("Grüße 🦋", "Grüße 🦋"),
        ("\x00\x1b[31mred\x7f\r", "��[31mred��"),
    ],
)
def test_what_nobody_can_read_is_replaced(printed: str, shown: str) -> None:
    client: Any = boto3.client("logs", region_name="eu-central-1")
    with Stubber(client) as stub:
        event = {"timestamp": 1_769_850_902_345, "message": printed, "ingestionTime": 0}
        stub.add_response("get_log_events", {"events": [event], "nextForwardToken": "f/1"})
        (line,) = CloudWatchMachineLog(client, "group").read("c-1", "i-1", None).lines
    assert (line.at, line.text) == ("2026-01-31T09:15:02.345Z", shown)
