from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from functions.aws.clients import Clients
from functions.aws.machines import AwsMachines
from functions.jobs.errors import AgentNotOnline, Throttled
from functions.jobs.ports import Candidate, LaunchedInstance, Refusal

KEYS = {"region_name": "eu-central-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
INSTANCE = "i-0123456789abcdef0"
COMMAND = "11111111-2222-3333-4444-555555555555"


class Stubbed:
    def __init__(self) -> None:
        clients = Clients()
        clients.__dict__["ec2"] = boto3.client("ec2", **KEYS)  # type: ignore[call-overload]
        clients.__dict__["ssm"] = boto3.client("ssm", **KEYS)  # type: ignore[call-overload]
        self.ec2, self.ssm = Stubber(clients.ec2), Stubber(clients.ssm)
        self.ec2.activate()
        self.ssm.activate()
        self.machines = AwsMachines(clients, launch_template_id="lt-1", log_group="/mayfly/dev/machines")


@pytest.fixture
def aws() -> Stubbed:
    return Stubbed()


def launch(aws: Stubbed, market: str = "on-demand") -> LaunchedInstance | Refusal:
    return aws.machines.launch(Candidate("t4g.small", "subnet-1", market), "token", {"mayfly:job-id": "j"})


def expected_launch(**more: Any) -> dict[str, Any]:
    tags = [{"Key": "mayfly:job-id", "Value": "j"}]
    return {
        "LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "$Latest"},
        "MinCount": 1,
        "MaxCount": 1,
        "InstanceType": "t4g.small",
        "SubnetId": "subnet-1",
        "ClientToken": "token",
        "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}, {"ResourceType": "volume", "Tags": tags}],
        **more,
    }


def test_a_launch_names_the_template_the_candidate_and_the_token(aws: Stubbed) -> None:
    instance = {"InstanceId": INSTANCE, "ImageId": "ami-1", "Placement": {"AvailabilityZone": "eu-central-1b"}}
    aws.ec2.add_response("run_instances", {"Instances": [instance]}, expected_launch())
    assert launch(aws) == LaunchedInstance(INSTANCE, "eu-central-1b", "ami-1")


def test_a_spot_launch_asks_for_spot(aws: Stubbed) -> None:
    instance = {"InstanceId": INSTANCE, "ImageId": "ami-1", "Placement": {"AvailabilityZone": "z"}}
    spot = expected_launch(InstanceMarketOptions={"MarketType": "spot"})
    aws.ec2.add_response("run_instances", {"Instances": [instance]}, spot)
    assert isinstance(launch(aws, "spot"), LaunchedInstance)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InsufficientInstanceCapacity", "capacity"),
        ("Unsupported", "capacity"),
        ("VcpuLimitExceeded", "quota"),
        ("MaxSpotInstanceCountExceeded", "quota"),
        ("RequestLimitExceeded", "throttled"),
        ("UnauthorizedOperation", "permanent"),
        ("InvalidAMIID.NotFound", "permanent"),
        ("IdempotentParameterMismatch", "permanent"),
    ],
)
def test_a_refusal_keeps_ec2s_words_and_says_of_which_kind_it_is(aws: Stubbed, code: str, kind: str) -> None:
    aws.ec2.add_client_error("run_instances", code, "because")
    assert launch(aws) == Refusal(code, "because", kind)


def test_a_command_goes_to_one_machine_with_its_time_limits_and_log_group(aws: Stubbed) -> None:
    expected = {
        "InstanceIds": [INSTANCE],
        "DocumentName": "AWS-RunShellScript",
        "Comment": ANY,
        "TimeoutSeconds": 30,
        "Parameters": {"commands": ["script"], "executionTimeout": ["660"]},
        "CloudWatchOutputConfig": {"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": "/mayfly/dev/machines"},
    }
    aws.ssm.add_response("send_command", {"Command": {"CommandId": COMMAND}}, expected)
    assert aws.machines.send_command(INSTANCE, "script", "c" * 200, 660) == COMMAND


@pytest.mark.parametrize(("code", "error"), [("InvalidInstanceId", AgentNotOnline), ("ThrottlingException", Throttled)])
def test_ssms_refusals_become_the_errors_that_the_workflow_retries(
    aws: Stubbed, code: str, error: type[Exception]
) -> None:
    for _ in range(5):
        aws.ssm.add_client_error("send_command", code, "because")
    with pytest.raises(error):
        aws.machines.send_command(INSTANCE, "script", "comment", 660)


def invocation(**facts: Any) -> dict[str, Any]:
    return {"Status": "Failed", "ResponseCode": 10, "StandardErrorContent": "", **facts}


def test_the_report_is_the_last_line_of_stderr_that_is_one(aws: Stubbed) -> None:
    stderr = f"noise\n{json.dumps({'exit_code': 3})}\nmore noise [1]\n"
    aws.ssm.add_response("get_command_invocation", invocation(StandardErrorContent=stderr))
    state = aws.machines.command_state(COMMAND, INSTANCE)
    assert state
    assert (state.exit_code, state.report, state.is_over) == (10, {"exit_code": 3}, True)


@pytest.mark.parametrize("stderr", ["", "Killed", "[1, 2]", '{"cut off": '])
def test_a_machine_that_left_no_report_is_still_understood(aws: Stubbed, stderr: str) -> None:
    aws.ssm.add_response("get_command_invocation", invocation(ResponseCode=137, StandardErrorContent=stderr))
    state = aws.machines.command_state(COMMAND, INSTANCE)
    assert state
    assert (state.exit_code, state.report) == (137, None)


def test_a_command_that_ssm_does_not_know_yet_is_not_an_error(aws: Stubbed) -> None:
    aws.ssm.add_client_error("get_command_invocation", "InvocationDoesNotExist", "not yet")
    assert aws.machines.command_state(COMMAND, INSTANCE) is None


def test_an_instance_that_ec2_does_not_know_yet_has_no_state(aws: Stubbed) -> None:
    aws.ec2.add_client_error("describe_instances", "InvalidInstanceID.NotFound", "not yet")
    assert aws.machines.instance_state(INSTANCE) is None


def test_terminating_answers_what_ec2_says_and_unknown_for_what_it_does_not_know(aws: Stubbed) -> None:
    ending = {"InstanceId": INSTANCE, "CurrentState": {"Name": "shutting-down"}}
    aws.ec2.add_response("terminate_instances", {"TerminatingInstances": [ending]}, {"InstanceIds": [INSTANCE]})
    assert aws.machines.terminate(INSTANCE) == "shutting-down"
    aws.ec2.add_client_error("terminate_instances", "InvalidInstanceID.NotFound", "not yet")
    assert aws.machines.terminate(INSTANCE) == "unknown"
