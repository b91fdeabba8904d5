from __future__ import annotations

from typing import Any

import pytest

from localcloud.emulator.process import EmulatorProcess
from tests.localcloud.emulator.harness import (
    AGENT_ACTIONS,
    LOG_ACTIONS,
    REGION,
    EmulatorHarness,
    is_running,
    wait_for,
)


def test_a_machine_boots_runs_its_user_data_and_then_brings_its_agent_online(harness: EmulatorHarness) -> None:
    machine = harness.launch(UserData="#!/bin/sh\necho booted > $HOME/trace\n")
    assert harness.run(machine, "cat $HOME/trace")["StandardOutputContent"] == "booted\n"
    described = harness.client("ec2").describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"][0]
    assert described["State"] == {"Code": 16, "Name": "running"}


def test_a_command_reports_its_exit_code_and_both_outputs(harness: EmulatorHarness) -> None:
    result = harness.run(harness.launch(), "echo out", "echo err >&2", "exit 7")
    assert (result["Status"], result["ResponseCode"]) == ("Failed", 7)
    assert (result["StandardOutputContent"], result["StandardErrorContent"]) == (
        "out\n",
        "err\nfailed to run commands: exit status 7",  # without a line break (seen, docs/ssm-agent.md)
    )


def test_what_ends_with_137_has_timed_out_and_the_agent_adds_nothing(harness: EmulatorHarness) -> None:
    """amazon-ssm-agent, pluginutil_unix.go, GetStatus; seen, docs/ssm-agent.md."""
    result = harness.run(harness.launch(), "echo err >&2", "exit 137")
    assert (result["Status"], result["ResponseCode"], result["StandardErrorContent"]) == ("TimedOut", 137, "err\n")


def test_a_time_limit_below_five_seconds_is_ignored(harness: EmulatorHarness) -> None:
    """amazon-ssm-agent, pluginutil.go, ValidateExecutionTimeout; seen, docs/ssm-agent.md."""
    machine = harness.launch()
    command = harness.send(machine, ["sleep 2"], parameters={"executionTimeout": ["1"]})
    assert harness.invocation(command, machine)["Status"] == "Success"


def test_a_machine_sees_nothing_of_the_hosts_environment(harness: EmulatorHarness) -> None:
    result = harness.run(harness.launch(), "env")
    names = {line.partition("=")[0] for line in result["StandardOutputContent"].splitlines()}
    allowed = {"PATH", "HOME", "TMPDIR", "LANG", "AWS_ENDPOINT_URL", "AWS_EC2_METADATA_SERVICE_ENDPOINT"}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == allowed


def test_a_machine_has_a_python_outside_the_virtual_environment(harness: EmulatorHarness) -> None:
    inspect = "import sys; print(sys.prefix == sys.base_prefix)"
    result = harness.run(harness.launch(), "command -v python3", f"python3 -c '{inspect}'")
    program, outside = result["StandardOutputContent"].split()
    assert program.endswith("/bin/python3")
    assert outside == "True"


def test_output_beyond_the_limits_is_cut_for_the_caller_and_never_blocks(harness: EmulatorHarness) -> None:
    result = harness.run(harness.launch(), "yes 0123456789 | head -c 3000000", "yes e | head -c 3000000 >&2")
    assert result["Status"] == "Success"
    assert len(result["StandardOutputContent"]) == 24_000
    assert result["StandardOutputContent"].endswith("--output truncated--")  # seen, docs/ssm-agent.md
    assert len(result["StandardErrorContent"]) == 8_000


def test_output_goes_to_the_log_group_in_events_as_the_agent_makes_them(harness: EmulatorHarness) -> None:
    """amazon-ssm-agent, cloudwatchlogsservice.go: lines joined to 200,000 bytes, no newline at the end of the last."""
    logs = harness.client("logs")
    logs.create_log_group(logGroupName="/test/output")
    machine = harness.launch()
    config = {"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": "/test/output"}
    command = harness.send(machine, ["seq 1 50000", "echo problem >&2"], CloudWatchOutputConfig=config)
    harness.invocation(command, machine)
    prefix = f"{command}/{machine}/aws-runShellScript"
    stdout = logs.get_log_events(logGroupName="/test/output", logStreamName=f"{prefix}/stdout")
    messages = [event["message"] for event in stdout["events"]]
    assert len(messages) < 100
    assert max(map(len, messages)) <= 200_000
    lines = [line for message in messages for line in message.removesuffix("\n").split("\n")]
    assert lines == [str(number) for number in range(1, 50_001)]
    stderr = logs.get_log_events(logGroupName="/test/output", logStreamName=f"{prefix}/stderr")
    assert [event["message"] for event in stderr["events"]] == ["problem"]


def test_output_is_in_the_log_while_the_command_still_runs(harness: EmulatorHarness) -> None:
    logs = harness.client("logs")
    logs.create_log_group(logGroupName="/test/live")
    machine = harness.launch()
    config = {"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": "/test/live"}
    command = harness.send(machine, ["echo first", "sleep 600"], CloudWatchOutputConfig=config)

    def first_line() -> bool:
        return bool(logs.filter_log_events(logGroupName="/test/live")["events"])

    wait_for(first_line, "the first line")
    assert harness.client("ssm").get_command_invocation(CommandId=command, InstanceId=machine)["Status"] == "InProgress"


@pytest.mark.parametrize("missing", LOG_ACTIONS)
def test_without_the_rights_to_write_logs_the_output_is_not_in_the_log(harness: EmulatorHarness, missing: str) -> None:
    group = f"/test/denied/{missing.replace(':', '-')}"
    harness.client("logs").create_log_group(logGroupName=group)
    machine = harness.launch(profile=harness.profile([a for a in AGENT_ACTIONS + LOG_ACTIONS if a != missing]))
    config = {"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": group}
    assert harness.run(machine, "echo hidden", CloudWatchOutputConfig=config)["StandardOutputContent"] == "hidden\n"
    assert harness.client("logs").describe_log_streams(logGroupName=group)["logStreams"] == []


@pytest.mark.parametrize("missing", AGENT_ACTIONS)
def test_the_agent_stays_offline_when_its_role_lacks_an_action(harness: EmulatorHarness, missing: str) -> None:
    machine = harness.launch(profile=harness.profile([action for action in AGENT_ACTIONS if action != missing]))

    def said_why() -> bool:
        return f"{machine}: the agent stays offline, its role lacks {missing}" in harness.emulator.log_tail(100)

    wait_for(said_why, "the agent's reason")
    assert not harness.is_online(machine)


def test_a_machine_without_a_role_never_comes_online(harness: EmulatorHarness) -> None:
    ec2 = harness.client("ec2")
    call: dict[str, Any] = {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1}
    machine = ec2.run_instances(**call)["Instances"][0]["InstanceId"]
    wait_for(lambda: f"{machine}: the agent stays offline" in harness.emulator.log_tail(100), "the agent's reason")


def test_the_execution_timeout_ends_the_command_and_what_it_started(harness: EmulatorHarness) -> None:
    machine = harness.launch()
    script = ["sleep 600 & echo $!", "sleep 600"]
    for limit in ("5", "60"):  # a slow computer may need more to begin
        result = harness.run(machine, *script, parameters={"executionTimeout": [limit]})
        assert (result["Status"], result["StatusDetails"]) == ("TimedOut", "Execution Timed Out")
        assert (result["ResponseCode"], result["StandardErrorContent"]) == (137, "")
        if result["StandardOutputContent"]:
            break
    wait_for(lambda: not is_running(int(result["StandardOutputContent"])), "the child to be gone")


def test_terminating_ends_every_process_and_removes_the_folder(harness: EmulatorHarness) -> None:
    machine = harness.launch()
    pid, home = harness.leave_process(machine)
    assert is_running(pid)
    harness.client("ec2").terminate_instances(InstanceIds=[machine])
    ended = harness.wait_state(machine, "terminated")
    assert ended["terminated_at"] >= ended["launched_at"]
    assert not is_running(pid)
    assert not home.parent.exists()


@pytest.mark.parametrize(("behavior", "state"), [("terminate", "terminated"), ("stop", "stopped")])
def test_shutdown_inside_the_machine_follows_the_launch_behaviour(
    harness: EmulatorHarness, behavior: str, state: str
) -> None:
    machine = harness.launch(UserData="#!/bin/sh\nshutdown -h now\n", InstanceInitiatedShutdownBehavior=behavior)
    harness.wait_state(machine, state)
    described = harness.client("ec2").describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"][0]
    assert described["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def test_a_shutdown_in_the_future_can_be_cancelled_or_replaced(harness: EmulatorHarness) -> None:
    machine = harness.launch(UserData="#!/bin/sh\nshutdown -h +60\n", InstanceInitiatedShutdownBehavior="terminate")
    harness.send(machine, ["shutdown -c", "shutdown -h +1", "shutdown -P now"])
    harness.wait_state(machine, "terminated")


def test_metadata_is_served_to_version_two_callers_only_and_carries_the_roles_credentials(
    harness: EmulatorHarness,
) -> None:
    program = """
import json, os, urllib.error, urllib.request
base = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
def get(path, headers={}, method="GET"):
    request = urllib.request.Request(base + path, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return str(error.code)
print(get("/latest/meta-data/instance-id"))
token = {"X-aws-ec2-metadata-token": get("/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}, "PUT")}
print(get("/latest/meta-data/instance-id", token))
print(get("/latest/meta-data/placement/region", token))
print(json.loads(get("/latest/dynamic/instance-identity/document", token))["instanceId"])
role = get("/latest/meta-data/iam/security-credentials/", token)
print(json.loads(get("/latest/meta-data/iam/security-credentials/" + role, token))["AccessKeyId"][:4])
print(get("/latest/meta-data/tags/instance", token))
"""
    machine = harness.launch()
    result = harness.run(machine, f"python3 - <<'EOF'{program}EOF")
    assert result["StandardOutputContent"].split() == ["401", machine, "eu-central-1", machine, "ASIA", "404"]


def test_state_changes_and_command_statuses_are_sent_as_events_in_order(harness: EmulatorHarness) -> None:
    machines = harness.record_events({"source": ["aws.ec2"]})
    commands = harness.record_events({"source": ["aws.ssm"]})
    machine = harness.launch()
    command = harness.send(machine, ["exit 3"])
    harness.invocation(command, machine)
    harness.client("ec2").terminate_instances(InstanceIds=[machine])

    def states() -> list[str]:
        return [e["detail"]["state"] for e in machines() if e["detail"]["instance-id"] == machine]

    wait_for(lambda: states()[-1:] == ["terminated"], "the last event")
    assert states() == ["pending", "running", "shutting-down", "terminated"]

    def of_command() -> list[dict[str, Any]]:
        return [e for e in commands() if e["detail"]["command-id"] == command]

    wait_for(lambda: len(of_command()) == 4, "the command's events, which follow its status")
    mine = of_command()
    invocation = "EC2 Command Invocation Status-change Notification"
    assert [e["detail"]["status"] for e in mine if e["detail-type"] == invocation] == ["InProgress", "Failed"]
    whole = [e for e in mine if e["detail-type"] == "EC2 Command Status-change Notification"]
    assert [e["detail"]["status"] for e in whole] == ["InProgress", "Failed"]
    assert whole[0]["detail"]["document-name"] == "AWS-RunShellScript"
    assert whole[0]["region"] == "eu-central-1"


def test_fifty_machines_at_once_all_work_and_all_go(harness: EmulatorHarness) -> None:
    ec2 = harness.client("ec2")
    profile = harness.profile(AGENT_ACTIONS)
    answer = ec2.run_instances(
        ImageId="ami-0123456789abcdef0",
        InstanceType="t4g.micro",
        IamInstanceProfile={"Name": profile},
        MinCount=50,
        MaxCount=50,
    )
    machines = [each["InstanceId"] for each in answer["Instances"]]
    sent = {machine: harness.send(machine, [f"echo {machine}"]) for machine in machines}
    for machine, command in sent.items():
        assert harness.invocation(command, machine)["StandardOutputContent"] == f"{machine}\n"
    ec2.terminate_instances(InstanceIds=machines)
    for machine in machines:
        harness.wait_state(machine, "terminated")


def test_a_machine_stays_pending_for_the_boot_time() -> None:
    slow = EmulatorHarness(EmulatorProcess.start(region=REGION, boot_seconds=3600))
    try:
        machine = slow.launch()
        assert slow.machine(machine)["state"] == "pending"
        slow.client("ec2").terminate_instances(InstanceIds=[machine])
        slow.wait_state(machine, "terminated")
    finally:
        slow.close()
