from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localcloud.emulator.harness import OLDER_MESSAGES, EmulatorHarness, allow, code_of, wait_for

IMAGE = {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1}
NONE = {
    "insufficient_capacity": 0,
    "throttle": 0,
    "agent_never_online": 0,
    "agent_delay_s": 0.0,
    "kill_machine_after_s": None,
    "deny_unregistered": False,
    "drop_command_events": False,
    "old_agent": False,
    "duplicate_stream_records": False,
    "fail_terminate": 0,
    "invisible_for_s": 0.0,
    "agent_bytes_per_s": None,
}


def test_faults_are_set_shown_and_cleared_as_a_whole(harness: EmulatorHarness) -> None:
    assert harness.site.get("/_local/faults").json() == NONE
    assert harness.site.put("/_local/faults", json={"throttle": 2}).json() == {**NONE, "throttle": 2}
    assert harness.site.put("/_local/faults", json={"fail_terminate": 1}).json() == {**NONE, "fail_terminate": 1}
    assert harness.site.delete("/_local/faults").status_code == 204
    assert harness.site.get("/_local/faults").json() == NONE


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"no_such_fault": 1}, "no_such_fault"),
        ({"throttle": "1"}, "throttle"),
        ({"throttle": -1}, "throttle"),
        ({"throttle": True}, "throttle"),
        ({"throttle": 1.5}, "throttle"),
        ({"agent_delay_s": "1"}, "agent_delay_s"),
        ({"invisible_for_s": -1}, "invisible_for_s"),
        ({"agent_bytes_per_s": 0}, "agent_bytes_per_s"),
        ({"agent_bytes_per_s": "fast"}, "agent_bytes_per_s"),
        ({"kill_machine_after_s": None}, "kill_machine_after_s"),
        ({"drop_command_events": 1}, "drop_command_events"),
        ([], "body"),
    ],
)
def test_a_wrong_fault_is_refused_by_name_and_changes_nothing(harness: EmulatorHarness, body: Any, key: str) -> None:
    harness.set_faults(throttle=3)
    answer = harness.site.put("/_local/faults", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["key"] == key
    assert key in answer.json()["detail"]
    assert harness.site.get("/_local/faults").json()["throttle"] == 3


def test_what_is_not_json_is_refused(harness: EmulatorHarness) -> None:
    assert harness.site.put("/_local/faults", content=b"{").json()["code"] == "invalid_json"


def test_unknown_control_paths_and_machines_are_not_found(harness: EmulatorHarness) -> None:
    assert harness.site.get("/_local/nothing").status_code == 404
    assert harness.site.post("/_local/machines/i-none/kill").json()["code"] == "machine_not_found"


def test_capacity_is_missing_as_often_as_asked(harness: EmulatorHarness) -> None:
    harness.set_faults(insufficient_capacity=2)
    ec2 = harness.client("ec2")
    assert code_of(ec2.run_instances, **IMAGE) == "InsufficientInstanceCapacity"
    assert code_of(ec2.run_instances, **IMAGE) == "InsufficientInstanceCapacity"
    assert ec2.run_instances(**IMAGE)["Instances"]


def test_only_calls_of_roles_are_throttled_and_each_service_says_so_in_its_way(harness: EmulatorHarness) -> None:
    role = harness.role([allow(["ec2:DescribeInstances", "ssm:DescribeInstanceInformation", "sts:*"])])
    ec2, ssm = harness.as_role("ec2", role), harness.as_role("ssm", role)
    harness.set_faults(throttle=2)
    harness.client("ec2").describe_instances()
    assert code_of(ec2.describe_instances) == "RequestLimitExceeded"
    assert code_of(ssm.describe_instance_information) == "ThrottlingException"
    ec2.describe_instances()


def test_the_agent_of_the_next_machines_never_comes_online(harness: EmulatorHarness) -> None:
    ended = harness.launch(UserData="#!/bin/sh\nsleep 600\n")
    harness.wait_state(ended, "running")
    harness.set_faults(agent_never_online=1)
    harness.site.post(f"/_local/machines/{ended}/kill").raise_for_status()
    harness.wait_state(ended, "terminated")
    silent = harness.launch()
    wait_for(lambda: harness.site.get("/_local/faults").json()["agent_never_online"] == 0, "the fault to be used up")
    harness.run(harness.launch(), "true")
    assert not harness.is_online(silent)


def test_the_agent_can_be_delayed(harness: EmulatorHarness) -> None:
    harness.set_faults(agent_delay_s=3600)
    machine = harness.launch()
    harness.wait_state(machine, "running")
    assert not harness.is_online(machine)
    harness.set_faults()
    wait_for(lambda: harness.is_online(machine), "the agent whose delay was taken back")


def test_a_machine_that_has_not_registered_can_be_denied_instead_of_invalid(harness: EmulatorHarness) -> None:
    harness.set_faults(agent_delay_s=3600, deny_unregistered=True)
    machine = harness.launch()
    send = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}, "InstanceIds": [machine]}
    assert code_of(harness.client("ssm").send_command, **send) == "AccessDeniedException"


@pytest.mark.parametrize("missing", [None, *OLDER_MESSAGES])
def test_an_old_agent_gets_its_commands_by_the_older_messages_alone(
    harness: EmulatorHarness, missing: str | None
) -> None:
    """Systems Manager user guide, "Reference: ec2messages, ssmmessages, and other API operations"."""
    harness.set_faults(old_agent=True)
    role = [one for one in ("ssm:UpdateInstanceInformation", *OLDER_MESSAGES) if one != missing]
    machine = harness.launch(profile=harness.profile(role))
    if missing is None:
        assert harness.run(machine, "echo works")["StandardOutputContent"] == "works\n"
        return
    wait_for(
        lambda: f"{machine}: the agent stays offline, its role lacks {missing}" in harness.emulator.log_tail(100), "why"
    )


def test_the_next_machine_is_lost_after_its_command_starts(harness: EmulatorHarness) -> None:
    machine, survivor = harness.launch(), harness.launch()
    harness.run(machine, "true")
    harness.set_faults(kill_machine_after_s=0.2)
    command = harness.send(machine, ["sleep 600"])
    harness.wait_state(machine, "terminated")
    ssm, ec2 = harness.client("ssm"), harness.client("ec2")
    assert ssm.get_command_invocation(CommandId=command, InstanceId=machine)["Status"] == "InProgress"
    described = ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"][0]
    assert described["StateReason"]["Code"] == "Server.SpotInstanceTermination"
    assert harness.run(survivor, "echo alive")["StandardOutputContent"] == "alive\n"


def test_command_events_can_be_lost_while_machine_events_still_come(harness: EmulatorHarness) -> None:
    harness.set_faults(drop_command_events=True)
    commands, machines = harness.record_events({"source": ["aws.ssm"]}), harness.record_events({"source": ["aws.ec2"]})
    machine = harness.launch()
    harness.run(machine, "true")
    harness.client("ec2").terminate_instances(InstanceIds=[machine])
    wait_for(lambda: any(e["detail"] == {"instance-id": machine, "state": "terminated"} for e in machines()), "the end")
    assert commands() == []


def test_terminating_can_fail(harness: EmulatorHarness) -> None:
    machine = harness.launch()
    ec2 = harness.client("ec2")
    harness.set_faults(fail_terminate=1)
    assert code_of(ec2.terminate_instances, InstanceIds=[machine]) == "InternalError"
    assert harness.machine(machine)["state"] in {"pending", "running"}
    ec2.terminate_instances(InstanceIds=[machine])
    harness.wait_state(machine, "terminated")


def test_a_new_machine_can_be_unknown_for_a_while(harness: EmulatorHarness) -> None:
    """EC2 developer guide, "Eventual consistency": a describe right after RunInstances may not find the instance."""
    ec2, known = harness.client("ec2"), harness.launch()
    harness.set_faults(invisible_for_s=3600)
    call = {**IMAGE, "ClientToken": "of-a-hidden-one"}
    (hidden,) = (one["InstanceId"] for one in ec2.run_instances(**call)["Instances"])
    assert code_of(ec2.describe_instances, InstanceIds=[known, hidden]) == "InvalidInstanceID.NotFound"
    both = [{"Name": "instance-id", "Values": [known, hidden]}]
    shown = ec2.describe_instances(Filters=both)["Reservations"]
    assert [one["InstanceId"] for each in shown for one in each["Instances"]] == [known]
    tags = [{"Key": "a", "Value": "b"}]
    assert code_of(ec2.create_tags, Resources=[hidden], Tags=tags) == "InvalidInstanceID.NotFound"
    for call_on in (ec2.terminate_instances, ec2.stop_instances, ec2.start_instances):
        assert code_of(call_on, InstanceIds=[hidden]) == "InvalidInstanceID.NotFound"
    assert ec2.run_instances(**call)["Instances"][0]["InstanceId"] == hidden, "its own call knows it"
    harness.set_faults(invisible_for_s=0.2)
    soon = harness.launch()
    wait_for(lambda: not refused(ec2.describe_instances, InstanceIds=[soon]), "the machine to be known")
    ec2.create_tags(Resources=[soon], Tags=tags)


def refused(call: Callable[..., Any], **arguments: Any) -> bool:
    try:
        call(**arguments)
    except ClientError:
        return True
    return False


def test_what_is_known_of_a_job_can_be_read(harness: EmulatorHarness) -> None:
    job = "01890000-0000-7000-8000-000000000001"
    tags = {"mayfly:job-id": job, "mayfly:owner": "anonymous", "mayfly:attempt": "2"}
    tag_list = [{"Key": key, "Value": value} for key, value in tags.items()]
    machine = harness.launch(TagSpecifications=[{"ResourceType": "instance", "Tags": tag_list}])
    command = harness.send(machine, ["true"])
    harness.invocation(command, machine)
    function = harness.function(f"def handler(event, context):\n    print('about {job}')\n")
    harness.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    known = harness.site.get(f"/_local/jobs/{job}/debug").json()
    assert known["machines"] == [shown := harness.machine(machine)]
    assert (shown["job_id"], shown["owner"], shown["attempt"]) == (job, "anonymous", 2)
    assert shown["launched_at"].endswith("Z")
    assert shown["terminated_at"] is None
    assert [each["CommandId"] for each in known["commands"]] == [command]
    assert [each["message"] for each in known["logs"]] == [f"about {job}"]
    assert known["executions"] == []
