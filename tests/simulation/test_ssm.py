from __future__ import annotations

from collections import Counter

import pytest
from botocore.exceptions import ClientError

from simulation.client import EXCEPTIONS
from simulation.faults import NO_FAULTS, Faults, MachineFault, MachineFaultKind
from simulation.lambdas import ignored
from simulation.payload import Script
from simulation.s3 import OUTPUTS
from simulation.stack import Stack
from simulation.world import World
from tests.simulation.test_ec2 import PACE, code_of
from tests.simulation.workflow import definition


class OneMachine(World):
    """One machine, launched at the beginning; its agent is online after 15 seconds."""

    def __init__(self, faults: Faults = NO_FAULTS) -> None:
        super().__init__(Stack(pace=PACE), definition(), faults=faults)
        tags = [{"ResourceType": "instance", "Tags": []}]
        self.ports.ec2.client.run_instances(MinCount=1, MaxCount=1, ClientToken="t", TagSpecifications=tags)
        (self.machine,) = self.ports.ec2.instances.values()

    def send(self) -> str:
        parameters = {"commands": ["a script"], "executionTimeout": ["60"]}
        answer = self.ports.ssm.client.send_command(
            InstanceIds=[self.machine.id], TimeoutSeconds=30, Parameters=parameters
        )
        return str(answer["Command"]["CommandId"])

    def look(self, command_id: str) -> tuple[str, int]:
        answer = self.ports.ssm.client.get_command_invocation(CommandId=command_id, InstanceId=self.machine.id)
        return answer["Status"], answer["ResponseCode"]


def test_an_agent_takes_commands_once_it_is_online() -> None:
    one = OneMachine()
    one.run(14)
    with pytest.raises(ClientError) as refused:
        one.send()
    assert code_of(refused) in {"InvalidInstanceId", "AccessDeniedException"}
    one.run(2)
    assert one.send()


def test_an_agent_that_never_reports_takes_none() -> None:
    one = OneMachine(Faults(machines={0: MachineFault(MachineFaultKind.NEVER_ONLINE)}))
    one.run(3600)
    with pytest.raises(ClientError):
        one.send()


def test_a_machine_that_goes_down_takes_its_command_along() -> None:
    """Whether the wrapper's end by SIGTERM is still reported is left to chance: both happen."""
    ends: Counter[str] = Counter()
    for seed in range(20):
        with World(Stack(), definition(), seed=seed) as world:
            world.submit(0, b"given", "text", Script(100), ignored)
            world.run(60)
            (command,) = world.ports.ssm.commands.values()
            assert command.status == "InProgress"
            world.ports.ec2.end(command.instance)
            world.run(100)
            ends[command.status] += 1
            assert not any(path.startswith(f"{OUTPUTS}/outputs/") for path in world.ports.s3.objects)
    assert set(ends) == {"InProgress", "Failed"}


def test_a_command_to_a_machine_that_has_just_gone_times_out_undelivered() -> None:
    one = OneMachine()
    one.run(30)
    one.ports.ec2.end(one.machine)
    sent = one.send()
    with pytest.raises(EXCEPTIONS.InvocationDoesNotExist):
        one.look(sent)
    one.run(35)
    assert one.look(sent) == ("Pending", -1), "until it could not end in time any more"
    one.run(60)
    assert one.look(sent) == ("TimedOut", -1)
    with pytest.raises(ClientError):
        one.send()
