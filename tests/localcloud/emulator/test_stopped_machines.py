"""Machines that are stopped and started again: what is kept, what is done again, and what Systems Manager knows."""

from __future__ import annotations

import pytest

from localcloud.emulator.ec2.user_data import BootScript, UnknownUserDataError, read_user_data
from tests.localcloud.emulator.harness import EmulatorHarness, allow, wait_for

COUNT = "#!/bin/sh\necho booted >> $HOME/boots\n"
EVERY_BOOT = f"""\
Content-Type: multipart/mixed; boundary="//"
MIME-Version: 1.0

--//
Content-Type: text/x-shellscript-per-boot; charset="us-ascii"
Content-Disposition: attachment; filename="count"

{COUNT}
--//--
"""


def stopped(harness: EmulatorHarness, **options: object) -> str:
    """A machine that was online and is stopped."""
    machine = harness.launch(**options)
    harness.run(machine, "true")
    harness.client("ec2").stop_instances(InstanceIds=[machine])
    harness.wait_state(machine, "stopped")
    return machine


@pytest.mark.parametrize(("user_data", "boots"), [(COUNT, 1), (EVERY_BOOT, 2)])
def test_user_data_runs_at_the_first_boot_or_at_every_one(harness: EmulatorHarness, user_data: str, boots: int) -> None:
    machine = stopped(harness, UserData=user_data)
    harness.client("ec2").start_instances(InstanceIds=[machine])
    assert harness.run(machine, "cat $HOME/boots")["StandardOutputContent"] == "booted\n" * boots


def test_what_user_data_arms_at_a_later_boot_ends_the_machine(harness: EmulatorHarness) -> None:
    second_time = "#!/bin/sh\n[ ! -e $HOME/seen ] || shutdown -h now\ntouch $HOME/seen\n"
    user_data = EVERY_BOOT.replace(COUNT, second_time)
    machine = stopped(harness, UserData=user_data, InstanceInitiatedShutdownBehavior="terminate")
    harness.client("ec2").start_instances(InstanceIds=[machine])
    harness.wait_state(machine, "terminated")


def test_a_command_to_a_stopped_machine_is_kept_until_it_is_started(harness: EmulatorHarness) -> None:
    machine = stopped(harness)
    command = harness.send(machine, ["echo late"])
    assert harness.invocation(command, machine, "Pending")["ExecutionStartDateTime"] == ""
    harness.client("ec2").start_instances(InstanceIds=[machine])
    assert harness.invocation(command, machine)["StandardOutputContent"] == "late\n"


def test_a_command_to_a_machine_that_ends_before_it_is_started_never_begins(harness: EmulatorHarness) -> None:
    machine = stopped(harness)
    found = harness.invocation(harness.send(machine, ["true"]), machine, "Pending")
    harness.client("ec2").terminate_instances(InstanceIds=[machine])
    harness.wait_state(machine, "terminated")
    assert harness.invocation(found["CommandId"], machine, "Pending")["ExecutionStartDateTime"] == ""


def test_a_timer_does_not_survive_a_stop_and_the_launch_time_is_that_of_the_start(harness: EmulatorHarness) -> None:
    ec2 = harness.client("ec2")

    def launched() -> object:
        (found,) = ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"]
        return found["LaunchTime"]

    machine = harness.launch(InstanceInitiatedShutdownBehavior="terminate")
    harness.run(machine, "shutdown -h +60")
    before = launched()
    ec2.stop_instances(InstanceIds=[machine])
    harness.wait_state(machine, "stopped")  # and not terminated: that setting is not for StopInstances

    def started_later() -> bool:
        ec2.start_instances(InstanceIds=[machine])
        harness.wait_state(machine, "running")
        ec2.stop_instances(InstanceIds=[machine])
        harness.wait_state(machine, "stopped")
        return bool(launched() != before)  # in whole seconds

    wait_for(started_later, "another second")


def test_starting_a_machine_that_runs_is_no_error_and_one_that_is_gone_is(harness: EmulatorHarness) -> None:
    ec2 = harness.client("ec2")
    machine = harness.launch()
    harness.run(machine, "true")
    answer = ec2.start_instances(InstanceIds=[machine])["StartingInstances"]
    assert [one["CurrentState"]["Name"] for one in answer] == ["running"]
    ec2.terminate_instances(InstanceIds=[machine])
    harness.wait_state(machine, "terminated")
    with pytest.raises(ec2.exceptions.ClientError, match="IncorrectInstanceState"):
        ec2.start_instances(InstanceIds=[machine])


def test_there_may_be_no_room_to_start_a_machine(harness: EmulatorHarness) -> None:
    ec2 = harness.client("ec2")
    machine = stopped(harness)
    harness.site.put("/_local/faults", json={"insufficient_capacity": 1}).raise_for_status()
    with pytest.raises(ec2.exceptions.ClientError, match="InsufficientInstanceCapacity"):
        ec2.start_instances(InstanceIds=[machine])
    ec2.start_instances(InstanceIds=[machine])


def test_only_machines_of_the_tag_that_the_role_names_are_started(harness: EmulatorHarness) -> None:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "mayfly:stack", "Value": "other"}]}]
    machine = stopped(harness, TagSpecifications=tags)
    role = harness.role([allow(["ec2:StartInstances"], StringEquals={"aws:ResourceTag/mayfly:stack": "mine"})])
    ec2 = harness.as_role("ec2", role)
    with pytest.raises(ec2.exceptions.ClientError, match="UnauthorizedOperation"):
        ec2.start_instances(InstanceIds=[machine])
    harness.client("ec2").create_tags(Resources=[machine], Tags=[{"Key": "mayfly:stack", "Value": "mine"}])
    ec2.start_instances(InstanceIds=[machine])


def test_parts_run_by_name_those_of_every_boot_first_and_as_they_are_written() -> None:
    # cloud-init's guide, "User-data formats"; handlers/shell_script_by_frequency.py keeps what comes after the empty
    # line under the part's name, so a part that begins with another empty line is no program.
    assert read_user_data(b"  ") == []
    assert read_user_data(COUNT.encode()) == [BootScript("part-001", COUNT.encode())]
    unnamed = "--//\nContent-Type: text/{kind}\n\n\n{script}\n"
    parts = [unnamed.format(kind=kind, script=COUNT) for kind in ("x-shellscript", "x-shellscript-per-boot")]
    found = read_user_data(EVERY_BOOT.replace("--//--", "".join(parts) + "--//--").encode())
    assert [(script.name, script.body.strip(), script.every_boot) for script in found] == [
        ("count", COUNT.strip().encode(), True),
        ("part-003", COUNT.strip().encode(), True),
        ("part-002", COUNT.strip().encode(), False),
    ]
    assert [script.body.startswith(b"#!") for script in found] == [True, False, False]


def test_user_data_of_another_kind_is_refused() -> None:
    for unknown in ("#cloud-config\nruncmd: []\n", EVERY_BOOT.replace("x-shellscript-per-boot", "cloud-config")):
        with pytest.raises(UnknownUserDataError):
            read_user_data(unknown.encode())
