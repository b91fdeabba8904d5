from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from functions.aws.machines import REFUSED
from functions.aws.warm_pool_machines import AwsWarmPoolMachines
from functions.scheduling.ports import Refusal
from tests.functions.aws.stubbed import StubbedMachines


class Stubbed(StubbedMachines):
    def __init__(self) -> None:
        super().__init__()
        self.machines = AwsWarmPoolMachines(self.clients)


@pytest.fixture
def aws() -> Stubbed:
    return Stubbed()


def test_machines_are_started_and_stopped_in_one_call_each(aws: Stubbed) -> None:
    both = {"InstanceIds": ["i-1", "i-2"]}
    starting = {"StartingInstances": [{"InstanceId": one} for one in both["InstanceIds"]]}
    aws.ec2.add_response("start_instances", starting, both)
    aws.ec2.add_response("stop_instances", {}, both)
    assert aws.machines.start(["i-1", "i-2"]) == ["i-1", "i-2"]
    aws.machines.stop(["i-1", "i-2"])
    aws.ec2.assert_no_pending_responses()


# What EC2 answers where it does not know one: known_instances.py.
@pytest.mark.parametrize("code", ["InvalidInstanceID.NotFound", "UnauthorizedOperation"])
def test_one_unknown_machine_does_not_keep_others_from_being_started_and_stopped(aws: Stubbed, code: str) -> None:
    shown = {"InstanceId": "i-1", "State": {"Name": "stopped"}, "LaunchTime": datetime(2026, 1, 31, tzinfo=UTC)}
    answers = {"start_instances": {"StartingInstances": [{"InstanceId": "i-1"}]}, "stop_instances": {}}
    for call, answer in answers.items():
        aws.ec2.add_client_error(call, code, "no")
        filters = {"Filters": [{"Name": "instance-id", "Values": ["i-1", "i-2"]}]}
        aws.ec2.add_response("describe_instances", {"Reservations": [{"Instances": [shown]}]}, filters)
        aws.ec2.add_response(call, answer, {"InstanceIds": ["i-1"]})
    assert aws.machines.start(["i-1", "i-2"]) == ["i-1"]
    aws.machines.stop(["i-1", "i-2"])
    aws.ec2.assert_no_pending_responses()


def test_a_refused_start_says_why_and_one_that_may_have_worked_is_raised(aws: Stubbed) -> None:
    aws.ec2.add_client_error("start_instances", "VcpuLimitExceeded", "no")
    aws.ec2.add_client_error("start_instances", "InternalError", "who knows")
    assert aws.machines.start(["i-1"]) == Refusal("VcpuLimitExceeded", REFUSED["quota"], "quota")
    with pytest.raises(ClientError):
        aws.machines.start(["i-1"])


def test_only_agents_that_report_now_are_online(aws: Stubbed) -> None:
    aws.ssm.add_response(
        "describe_instance_information",
        {
            "InstanceInformationList": [
                {"InstanceId": "i-1", "PingStatus": "ConnectionLost"},
                {"InstanceId": "i-2", "PingStatus": "Online"},
                {"InstanceId": "i-3", "PingStatus": "Online"},
            ]
        },
        {"Filters": [{"Key": "InstanceIds", "Values": ["i-1", "i-2"]}]},
    )
    assert aws.machines.online(["i-1", "i-2"]) == ["i-2"]
