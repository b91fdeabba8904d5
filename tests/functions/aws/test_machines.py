from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.stub import ANY

from functions.aws.machines import REFUSED, AwsMachines
from functions.execution.ports import CommandState
from functions.jobs.errors import AgentNotOnline, Throttled
from functions.scheduling.ports import Candidate, InstanceView, LaunchResult, Refusal
from tests.functions.aws.stubbed import StubbedMachines

INSTANCE = "i-0123456789abcdef0"
COMMAND = "11111111-2222-3333-4444-555555555555"
TAGS = {"mayfly:job-id": "j"}
EC2_TAGS = [{"Key": "mayfly:job-id", "Value": "j"}]
# What EC2 answers about an instance that it does not know; the second where the right to the call depends on the
# instance's tags (runs-on/terraform-aws-runs-on#60; aws/karpenter-provider-aws, pull request 2253).
UNKNOWN = ["InvalidInstanceID.NotFound", "UnauthorizedOperation"]


class Stubbed(StubbedMachines):
    def __init__(self) -> None:
        super().__init__()
        self.machines = AwsMachines(self.clients, launch_template_id="lt-1", log_group="/mayfly/dev/machines")


@pytest.fixture
def aws() -> Stubbed:
    return Stubbed()


def launch(aws: Stubbed, market: str = "on-demand", count: int = 1) -> Sequence[LaunchResult] | Refusal:
    return aws.machines.launch(Candidate("t4g.small", "subnet-1", market), count, "token", TAGS)


def instance(instance_id: str = INSTANCE) -> dict[str, Any]:
    return {
        "InstanceId": instance_id,
        "ImageId": "ami-1",
        "Placement": {"AvailabilityZone": "eu-central-1b"},
        "LaunchTime": datetime(2026, 1, 31, 9, 15, 2, tzinfo=UTC),
        "State": {"Name": "running"},
        "InstanceType": "t4g.small",
    }


def shown(instance_id: str, age: float = 3600, state: str = "running") -> dict[str, Any]:
    launched = datetime.now(UTC) - timedelta(seconds=age)
    return {"InstanceId": instance_id, "State": {"Name": state}, "LaunchTime": launched}


def shows(aws: Stubbed, asked: Sequence[str], instances: Sequence[dict[str, Any]] = ()) -> None:
    """What EC2 shows of those that are asked about by a filter; by their ids the call would be refused as well."""
    filters = {"Filters": [{"Name": "instance-id", "Values": list(asked)}]}
    aws.ec2.add_response("describe_instances", {"Reservations": [{"Instances": list(instances)}]}, filters)


def expected_launch(**more: Any) -> dict[str, Any]:
    return {
        "LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "$Latest"},
        "MinCount": 1,
        "MaxCount": 1,
        "InstanceType": "t4g.small",
        "SubnetId": "subnet-1",
        "ClientToken": "token",
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": EC2_TAGS},
            {"ResourceType": "volume", "Tags": EC2_TAGS},
        ],
        **more,
    }


@pytest.mark.parametrize(
    ("market", "more"), [("on-demand", {}), ("spot", {"InstanceMarketOptions": {"MarketType": "spot"}})]
)
def test_a_launch_names_template_candidate_and_token_and_takes_what_there_is(
    aws: Stubbed, market: str, more: dict[str, Any]
) -> None:
    launched = {"Instances": [instance("i-1"), instance("i-2")]}
    aws.ec2.add_response("run_instances", launched, expected_launch(MinCount=1, MaxCount=5, **more))
    facts = ("eu-central-1b", "ami-1", "2026-01-31T09:15:02.000Z")
    assert launch(aws, market, count=5) == [LaunchResult("i-1", *facts), LaunchResult("i-2", *facts)]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InsufficientInstanceCapacity", "capacity"),
        ("Unsupported", "capacity"),
        ("UnfulfillableCapacity", "capacity"),
        ("InsufficientVolumeCapacity", "capacity"),
        ("InsufficientAddressCapacity", "capacity"),
        ("CreditSpecificationUpdateInProgress", "capacity"),
        ("IdempotentInstanceTerminated", "capacity"),
        ("VcpuLimitExceeded", "quota"),
        ("MaxSpotInstanceCountExceeded", "quota"),
        ("VolumeLimitExceeded", "quota"),
        ("MaxIOPSLimitExceeded", "quota"),
        ("PendingVerification", "quota"),
        ("RequestLimitExceeded", "throttled"),
        ("EC2ThrottledException", "throttled"),
        ("AuthFailure.ServiceLinkedRoleCreationNotPermitted", "permanent"),
        ("UnauthorizedOperation", "permanent"),
        ("InvalidAMIID.NotFound", "permanent"),
        ("IdempotentParameterMismatch", "permanent"),
    ],
)
# EC2 API reference, "Error codes for the Amazon EC2 API"; the throttling codes also in botocore, retries/standard.py.
def test_a_refusal_has_ec2s_code_its_kind_and_no_words_of_ec2s(aws: Stubbed, code: str, kind: str) -> None:
    aws.ec2.add_client_error("run_instances", code, "You, arn:aws:sts::123456789012:assumed-role/x, may not")
    assert launch(aws) == Refusal(code, REFUSED[kind], kind)


@pytest.mark.parametrize("code", ["InternalError", "InternalFailure", "ServerInternal", "ServiceUnavailable"])
def test_an_answer_that_leaves_open_whether_anything_was_launched_is_asked_for_again(aws: Stubbed, code: str) -> None:
    aws.ec2.add_client_error("run_instances", code, "sorry")
    aws.ec2.add_client_error("run_instances", "VcpuLimitExceeded")
    assert launch(aws) == Refusal("VcpuLimitExceeded", REFUSED["quota"], "quota")


# As in an outage of a zone: https://github.com/ubicloud/ubicloud/pull/4698.
def test_a_zone_where_ec2_fails_again_is_passed_over_as_one_without_capacity(aws: Stubbed) -> None:
    for _ in range(2):
        aws.ec2.add_client_error("run_instances", "InternalError", "sorry")
    refusal = launch(aws)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.kind) == ("InternalError", "capacity")


def test_no_answer_is_no_refusal(aws: Stubbed, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://ec2.test")

    monkeypatch.setattr(aws.machines.clients.ec2, "run_instances", hang)
    with pytest.raises(ReadTimeoutError):
        launch(aws)


def test_a_machine_is_tagged_with_its_job(aws: Stubbed) -> None:
    aws.ec2.add_response("create_tags", {}, {"Resources": [INSTANCE], "Tags": EC2_TAGS})
    assert aws.machines.tag(INSTANCE, TAGS)
    aws.ec2.assert_no_pending_responses()


# UnauthorizedOperation: what EC2 answers for an instance that it does not know yet, where the right to tag depends on
# the instance's tags (runs-on/terraform-aws-runs-on#60).
@pytest.mark.parametrize(
    "code", ["RequestLimitExceeded", "ServiceUnavailable", "InvalidInstanceID.NotFound", "UnauthorizedOperation"]
)
def test_a_machine_without_its_tags_is_no_reason_to_fail(
    aws: Stubbed, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    aws.ec2.add_client_error("create_tags", code)
    assert not aws.machines.tag(INSTANCE, TAGS)
    assert code in caplog.text


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


# The second: Service Authorization Reference, Systems Manager: `ssm:resourceTag` is a tag of what SSM knows.
@pytest.mark.parametrize("code", ["InvalidInstanceId", "AccessDeniedException"])
def test_a_machine_that_ssm_does_not_know_yet_is_not_online(aws: Stubbed, code: str) -> None:
    aws.ssm.add_client_error("send_command", code, "because")
    with pytest.raises(AgentNotOnline):
        aws.machines.send_command(INSTANCE, "script", "comment", 660)


@pytest.mark.parametrize(
    ("service", "operation", "call"),
    [
        ("ssm", "SendCommand", lambda machines: machines.send_command(INSTANCE, "script", "comment", 660)),
        ("ssm", "GetCommandInvocation", lambda machines: machines.command_state(COMMAND, INSTANCE)),
        ("ec2", "DescribeInstances", lambda machines: machines.instance_state(INSTANCE)),
        ("ec2", "TerminateInstances", lambda machines: machines.terminate(INSTANCE)),
    ],
)
def test_a_call_that_aws_throttles_is_made_again_by_the_workflow(
    aws: Stubbed, service: str, operation: str, call: Callable[[AwsMachines], object]
) -> None:
    for _ in range(3):  # the SDK's tries of SSM
        getattr(aws, service).add_client_error(
            xform_name(operation), "ThrottlingException", "slow down, account 123456789012"
        )
    with pytest.raises(Throttled, match=rf"^ThrottlingException from {operation}$"):
        call(aws.machines)


@pytest.mark.parametrize(("asked", "sent"), [(1, "5"), (4, "5"), (5, "5"), (6, "6")])
def test_no_command_is_sent_with_a_time_limit_that_the_agent_takes_for_an_hour(
    aws: Stubbed, asked: int, sent: str
) -> None:
    """amazon-ssm-agent, pluginutil.go, ValidateExecutionTimeout: less than 5 seconds becomes 3600."""
    parameters = {"commands": ["script"], "executionTimeout": [sent]}
    expected = dict.fromkeys(
        ("InstanceIds", "DocumentName", "Comment", "TimeoutSeconds", "CloudWatchOutputConfig"), ANY
    )
    aws.ssm.add_response("send_command", {"Command": {"CommandId": COMMAND}}, {**expected, "Parameters": parameters})
    aws.machines.send_command(INSTANCE, "script", "comment", asked)


def command_state(aws: Stubbed, **facts: Any) -> CommandState:
    answer = {"Status": "Failed", "ResponseCode": 10, "StandardErrorContent": "", **facts}
    aws.ssm.add_response("get_command_invocation", answer)
    state = aws.machines.command_state(COMMAND, INSTANCE)
    assert state
    return state


def test_the_report_is_the_last_line_of_stderr_that_is_one(aws: Stubbed) -> None:
    stderr = f"noise\n{json.dumps({'exit_code': 3})}\nmore noise [1]\n"
    state = command_state(aws, StandardErrorContent=stderr)
    assert (state.exit_code, state.report, state.is_over) == (10, {"exit_code": 3}, True)


def test_the_report_is_read_with_the_agents_own_sentence_glued_to_it(aws: Stubbed) -> None:
    """amazon-ssm-agent appends it to stderr without a line break (seen, docs/ssm-agent.md)."""
    stderr = json.dumps({"exit_code": 3}) + "failed to run commands: exit status 10"
    state = command_state(aws, StandardErrorContent=stderr)
    assert state.report == {"exit_code": 3}


@pytest.mark.parametrize(
    "stderr",
    ["", "Killed", "[1, 2]", '{"cut off": ', '{"message": ' * 4_000, "[" * 24_000, '{"size": ' + "9" * 5_000 + "}"],
)
def test_a_machine_that_left_no_report_is_still_understood(aws: Stubbed, stderr: str) -> None:
    state = command_state(aws, ResponseCode=137, StandardErrorContent=stderr)
    assert (state.exit_code, state.report) == (137, None)


@pytest.mark.parametrize(
    ("told", "moment"),
    [
        ("2026-01-31T09:20:00.000Z", "2026-01-31T09:20:00.000Z"),
        ("2026-01-31T09:20:00Z", "2026-01-31T09:20:00.000Z"),
        ("2026-02-30T09:20:00Z", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_command_says_when_it_began_and_ended(aws: Stubbed, told: str, moment: str | None) -> None:
    state = command_state(aws, ExecutionStartDateTime=told, ExecutionEndDateTime=told)
    assert (state.has_begun, state.began_at, state.ended_at) == (bool(told), moment, moment)
    assert command_state(aws).ended_at is None


def test_a_command_that_ssm_does_not_know_yet_is_not_an_error(aws: Stubbed) -> None:
    aws.ssm.add_client_error("get_command_invocation", "InvocationDoesNotExist", "not yet")
    assert aws.machines.command_state(COMMAND, INSTANCE) is None


def test_an_instance_that_ec2_does_not_know_yet_has_no_state(aws: Stubbed) -> None:
    aws.ec2.add_client_error("describe_instances", "InvalidInstanceID.NotFound", "not yet")
    assert aws.machines.instance_state(INSTANCE) is None


def test_the_state_of_an_instance_is_ec2s_word(aws: Stubbed) -> None:
    answer = {"Reservations": [{"Instances": [{"State": {"Name": "shutting-down"}}]}]}
    aws.ec2.add_response("describe_instances", answer, {"InstanceIds": [INSTANCE]})
    assert aws.machines.instance_state(INSTANCE) == "shutting-down"
    aws.ec2.add_response("describe_instances", {"Reservations": []})
    assert aws.machines.instance_state(INSTANCE) is None


# https://github.com/cloudfoundry/bosh-aws-cpi-release/issues/46: EC2 took the launch, then ended the machine
# for a reason that was not shown.
def test_why_an_instance_ended_is_ec2s_code_without_its_words(aws: Stubbed) -> None:
    reason = {"Code": "Client.VolumeLimitExceeded", "Message": "Volume limit exceeded of arn:aws:..."}
    answer = {"Reservations": [{"Instances": [{"State": {"Name": "terminated"}, "StateReason": reason}]}]}
    aws.ec2.add_response("describe_instances", answer, {"InstanceIds": [INSTANCE]})
    assert aws.machines.end_reason(INSTANCE) == "Client.VolumeLimitExceeded"
    aws.ec2.add_response("describe_instances", {"Reservations": []})
    aws.ec2.add_client_error("describe_instances", "RequestLimitExceeded")
    assert [aws.machines.end_reason(INSTANCE) for _ in range(2)] == [None, None]


def test_a_look_at_an_instance_that_is_refused_is_raised_as_it_is(aws: Stubbed) -> None:
    aws.ec2.add_client_error("describe_instances", "UnauthorizedOperation")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        aws.machines.instance_state(INSTANCE)


@pytest.mark.parametrize("code", UNKNOWN)
def test_terminating_what_ec2_does_not_know_answers_nothing(aws: Stubbed, code: str) -> None:
    aws.ec2.add_client_error("terminate_instances", code, "no")
    shows(aws, [INSTANCE])
    assert aws.machines.terminate(INSTANCE) is None


def test_many_are_terminated_in_one_call(aws: Stubbed) -> None:
    ids = ["i-1", "i-2"]
    ending = [{"InstanceId": one, "CurrentState": {"Name": "shutting-down"}} for one in ids]
    aws.ec2.add_response("terminate_instances", {"TerminatingInstances": ending}, {"InstanceIds": ids})
    assert aws.machines.terminate_all(ids) == {"i-1": "shutting-down", "i-2": "shutting-down"}


@pytest.mark.parametrize("code", UNKNOWN)
def test_one_unknown_machine_does_not_spoil_the_termination_of_many(aws: Stubbed, code: str) -> None:
    """In three calls, however many they are."""
    ids = [f"i-{number}" for number in range(300)]
    known = ids[:150] + ids[151:]
    aws.ec2.add_client_error("terminate_instances", code, "no")
    shows(aws, ids[:200], [shown(one) for one in known[:199]])
    shows(aws, ids[200:], [shown(one) for one in known[199:]])
    answer = {"TerminatingInstances": [{"InstanceId": one, "CurrentState": {"Name": "shutting-down"}} for one in known]}
    aws.ec2.add_response("terminate_instances", answer, {"InstanceIds": known})
    assert aws.machines.terminate_all(ids) == dict.fromkeys(known, "shutting-down")
    aws.ec2.assert_no_pending_responses()


def test_a_machine_whose_end_took_its_tags_along_is_answered_as_it_is(aws: Stubbed) -> None:
    """aws/karpenter-provider-aws, pull request 2253: TerminateInstances is refused then, DescribeInstances is not."""
    aws.ec2.add_client_error("terminate_instances", "UnauthorizedOperation", "no")
    shows(aws, ["i-1"], [shown("i-1", state="terminated")])
    assert aws.machines.terminate_all(["i-1"]) == {"i-1": "terminated"}


def test_a_machine_that_not_all_of_ec2_knows_yet_does_not_spoil_the_termination_of_others(aws: Stubbed) -> None:
    ids = ["i-1", "i-2", "i-3"]
    aws.ec2.add_client_error("terminate_instances", "UnauthorizedOperation", "no")
    shows(aws, ids, [shown(one, age=10) for one in ids])
    ends = {one: {"InstanceId": one, "CurrentState": {"Name": "shutting-down"}} for one in ids}
    aws.ec2.add_client_error("terminate_instances", "UnauthorizedOperation", expected_params={"InstanceIds": ids})
    aws.ec2.add_response("terminate_instances", {"TerminatingInstances": [ends["i-1"]]}, {"InstanceIds": ["i-1"]})
    for asked in (["i-2", "i-3"], ["i-2"]):
        aws.ec2.add_client_error("terminate_instances", "UnauthorizedOperation", expected_params={"InstanceIds": asked})
    aws.ec2.add_response("terminate_instances", {"TerminatingInstances": [ends["i-3"]]}, {"InstanceIds": ["i-3"]})
    assert aws.machines.terminate_all(ids) == {"i-1": "shutting-down", "i-3": "shutting-down"}


def test_a_termination_that_is_not_allowed_is_raised(aws: Stubbed) -> None:
    aws.ec2.add_client_error("terminate_instances", "UnauthorizedOperation", "no")
    shows(aws, [INSTANCE], [shown(INSTANCE, age=61)])
    aws.ec2.add_client_error("terminate_instances", "UnauthorizedOperation", "no")
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        aws.machines.terminate(INSTANCE)


def test_the_stacks_machines_are_those_with_its_tag_that_live(aws: Stubbed) -> None:
    expected = {
        "Filters": [
            {"Name": "tag:mayfly:stack", "Values": ["dev"]},
            {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
        ]
    }
    pages = [[instance("i-1")], [{**instance("i-2"), "InstanceLifecycle": "spot"}]]
    first, last = ({"Reservations": [{"Instances": page}]} for page in pages)
    aws.ec2.add_response("describe_instances", {**first, "NextToken": "more"}, expected)
    aws.ec2.add_response("describe_instances", last, {**expected, "NextToken": "more"})
    launched = datetime(2026, 1, 31, 9, 15, 2, tzinfo=UTC)
    assert list(aws.machines.alive_of_stack("dev")) == [
        InstanceView("i-1", launched, "running", "t4g.small", "on-demand"),
        InstanceView("i-2", launched, "running", "t4g.small", "spot"),
    ]


def test_a_machine_that_is_protected_from_termination_spares_no_other_in_the_same_call(aws: Stubbed) -> None:
    """EC2 API reference, TerminateInstances: those in the zone of a protected instance "are not terminated"."""
    ids = ["i-1", "i-2", "i-protected", "i-4"]
    ends = {one: {"InstanceId": one, "CurrentState": {"Name": "shutting-down"}} for one in ids}
    for refused in (ids, ids[2:], ids[2:3]):
        aws.ec2.add_client_error(
            "terminate_instances", "OperationNotPermitted", expected_params={"InstanceIds": refused}
        )
        if refused == ids:
            answer = {"TerminatingInstances": [ends["i-1"], ends["i-2"]]}
            aws.ec2.add_response("terminate_instances", answer, {"InstanceIds": ids[:2]})
    aws.ec2.add_response("terminate_instances", {"TerminatingInstances": [ends["i-4"]]}, {"InstanceIds": ["i-4"]})
    assert aws.machines.terminate_all(ids) == dict.fromkeys(["i-1", "i-2", "i-4"], "shutting-down")


def test_machines_that_are_all_protected_are_an_error(aws: Stubbed) -> None:
    for refused in (["i-1", "i-2"], ["i-1"], ["i-2"]):
        aws.ec2.add_client_error(
            "terminate_instances", "OperationNotPermitted", expected_params={"InstanceIds": refused}
        )
    with pytest.raises(ClientError, match="OperationNotPermitted"):
        aws.machines.terminate_all(["i-1", "i-2"])
