"""boto3's clients that answer what a test told them to, and refuse every other call (botocore, `Stubber`)."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.stub import Stubber

from functions.aws.clients import Clients


def stubbed(service: str) -> tuple[Any, Stubber]:
    client: Any = boto3.client(service, region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")  # type: ignore[call-overload]  # any service
    stub = Stubber(client)
    stub.activate()
    return client, stub


class StubbedMachines:
    """EC2 and SSM."""

    def __init__(self) -> None:
        self.clients = Clients()
        self.clients.__dict__["ec2"], self.ec2 = stubbed("ec2")
        self.clients.__dict__["ssm"], self.ssm = stubbed("ssm")
