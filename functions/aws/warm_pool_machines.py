"""Starting and stopping machines, and whether their agents have reported: what only the pool does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from botocore.exceptions import ClientError

from functions.aws.clients import Clients
from functions.aws.known_instances import call_for_known
from functions.aws.machines import refusal_of
from functions.scheduling.ports import Refusal


@dataclass(frozen=True)
class AwsWarmPoolMachines:
    """functions.scheduling.warm_pool_ports.PoolMachines over EC2 and SSM."""

    clients: Clients

    def start(self, instance_ids: Sequence[str]) -> Sequence[str] | Refusal:
        ec2 = self.clients.ec2
        try:
            answered = call_for_known(
                ec2, instance_ids, lambda known: ec2.start_instances(InstanceIds=known)["StartingInstances"]
            )
        except ClientError as error:
            return refusal_of(error)
        return [one["InstanceId"] for answer in answered.answers for one in answer]

    def stop(self, instance_ids: Sequence[str]) -> None:
        # By the API, never from within: shutting down terminates, and that setting is not for StopInstances
        # (EC2 user guide, "Change instance initiated shutdown behavior").
        ec2 = self.clients.ec2
        call_for_known(ec2, instance_ids, lambda known: ec2.stop_instances(InstanceIds=known))

    def online(self, instance_ids: Sequence[str]) -> list[str]:
        pages = self.clients.ssm.get_paginator("describe_instance_information").paginate(
            Filters=[{"Key": "InstanceIds", "Values": instance_ids}]
        )
        listed = [one for page in pages for one in page["InstanceInformationList"]]
        online = {one["InstanceId"] for one in listed if one["PingStatus"] == "Online"}
        return [one for one in instance_ids if one in online]
