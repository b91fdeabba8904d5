from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.aws.machines import refusal_kind
from simulation.calls import Calls
from simulation.clock import VirtualClock
from simulation.ec2 import INSTANCE_QUOTA, Ec2, Pace
from simulation.event_bus import EventBus
from simulation.faults import NO_FAULTS, Faults, MachineFault, MachineFaultKind
from simulation.lambdas import Function, Lambdas
from simulation.quotas import Quota
from simulation.rng import Rng

PACE = Pace(boot=(10, 10), agent=(5, 5), termination=(20, 20))


class Account:
    def __init__(self, faults: Faults = NO_FAULTS, room: int | None = None, quota: Quota | None = None) -> None:
        self.clock, rng = VirtualClock(), Rng(1)
        self.events: list[Any] = []
        lambdas = Lambdas(
            self.clock, rng, {"events": Function(lambda event, _: self.events.append(event["detail"]), 30)}, ()
        )
        calls = Calls(self.clock, rng, {INSTANCE_QUOTA: quota} if quota else {})
        self.ec2 = Ec2(self.clock, rng, calls, EventBus(self.clock, rng, lambdas, {}), faults, PACE, room)

    def launch(self, token: str, count: int = 1, **changes: Any) -> list[str]:
        tags = [{"Key": "mayfly:stack", "Value": "s"}]
        request = {
            "MinCount": 1,
            "MaxCount": count,
            "ClientToken": token,
            "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}],
        }
        answer = self.ec2.client.run_instances(**{**request, **changes})
        return [instance["InstanceId"] for instance in answer["Instances"]]

    def state(self, instance_id: str) -> str:
        answer = self.ec2.client.describe_instances(InstanceIds=[instance_id])
        return str(answer["Reservations"][0]["Instances"][0]["State"]["Name"])

    def alive(self) -> list[str]:
        filters = [
            {"Name": "tag:mayfly:stack", "Values": ["s"]},
            {"Name": "instance-state-name", "Values": ["pending", "running"]},
        ]
        (page,) = self.ec2.client.get_paginator("describe_instances").paginate(Filters=filters)
        return [one["InstanceId"] for one in page["Reservations"][0]["Instances"]]

    def go_on(self, seconds: float) -> None:
        self.clock.run(self.clock.seconds + seconds)


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def test_the_same_token_answers_the_same_machines_even_when_they_are_dead() -> None:
    account = Account()
    launched = account.launch("token", count=2)
    assert account.launch("token", count=2) == launched
    account.go_on(30)
    for instance_id in launched:
        account.ec2.client.terminate_instances(InstanceIds=[instance_id])
    account.go_on(60)
    assert account.launch("token", count=2) == launched
    assert account.alive() == []


def test_the_same_token_with_another_request_is_refused() -> None:
    account = Account()
    account.launch("token")
    with pytest.raises(ClientError) as refused:
        account.launch("token", count=2)
    assert code_of(refused) == "IdempotentParameterMismatch"


def test_a_machine_is_not_shown_at_once_and_then_as_it_was_a_moment_ago() -> None:
    account = Account()
    (instance_id,) = account.launch("token")
    with pytest.raises(ClientError) as unknown:
        account.state(instance_id)
    assert code_of(unknown) == "InvalidInstanceID.NotFound"
    account.go_on(5)
    assert account.state(instance_id) == "pending"
    account.go_on(10)
    assert account.state(instance_id) == "running"
    account.ec2.end(account.ec2.instances[instance_id])
    assert account.state(instance_id) == "running", "an old event"
    account.go_on(5)
    assert account.state(instance_id) == "shutting-down"
    account.go_on(20)
    assert account.state(instance_id) == "terminated"
    account.go_on(2 * 3600)
    with pytest.raises(ClientError):
        account.state(instance_id)


@pytest.mark.parametrize("call", ["terminate_instances", "start_instances", "stop_instances", "create_tags"])
def test_calls_on_a_machine_that_is_not_shown_yet_are_not_authorized(call: str) -> None:
    """As their rights depend on its tags: runs-on/terraform-aws-runs-on#60; aws/karpenter-provider-aws#2100."""
    account = Account(Faults(invisible_for=60))
    (instance_id,) = account.launch("token")
    arguments = {"Resources": [instance_id], "Tags": []} if call == "create_tags" else {"InstanceIds": [instance_id]}
    account.go_on(59)
    with pytest.raises(ClientError) as refused:
        getattr(account.ec2.client, call)(**arguments)
    assert code_of(refused) == "UnauthorizedOperation"
    filters = [{"Name": "instance-id", "Values": [instance_id]}]
    assert account.ec2.client.describe_instances(Filters=filters)["Reservations"] == [{"Instances": []}]
    assert account.alive() == []
    account.go_on(1)
    getattr(account.ec2.client, call)(**arguments)
    assert account.alive() == [instance_id]


def test_a_machine_dies_when_the_plan_says_so_with_a_warning_before() -> None:
    faults = Faults(machines={0: MachineFault(MachineFaultKind.DIES_AFTER_WARNING, 150)})
    account = Account(faults)
    (instance_id,) = account.launch("token")
    account.go_on(149)
    assert account.alive() == [instance_id]
    account.go_on(10)
    assert account.alive() == []
    account.go_on(60)
    assert [event.get("state", event.get("instance-action")) for event in account.events] == ["terminate", "terminated"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InsufficientInstanceCapacity", "capacity"),
        ("VcpuLimitExceeded", "quota"),
        ("RequestLimitExceeded", "throttled"),
        ("UnauthorizedOperation", "permanent"),
    ],
)
def test_the_plan_refuses_launches_of_every_kind(code: str, kind: str) -> None:
    account = Account(Faults(launches=(code,)))
    with pytest.raises(ClientError) as refused:
        account.launch("token")
    assert (code_of(refused), refusal_kind(code)) == (code, kind)
    assert account.launch("token"), "a refused token can be used again"


def test_the_plan_lets_a_part_of_a_launch_through() -> None:
    assert len(Account(Faults(launches=("partial",))).launch("token", count=5)) == 2


def test_an_account_has_room_for_so_many_machines() -> None:
    account = Account(room=3)
    assert len(account.launch("a", count=2)) == 2
    assert len(account.launch("b", count=2)) == 1
    with pytest.raises(ClientError) as refused:
        account.launch("c")
    assert code_of(refused) == "VcpuLimitExceeded"


def test_the_rate_of_machines_is_limited_beside_that_of_requests() -> None:
    account = Account(quota=Quota(burst=5, per_second=1))
    assert len(account.launch("a", count=4)) == 4
    with pytest.raises(ClientError) as refused:
        account.launch("b", count=2)
    assert code_of(refused) == "RequestLimitExceeded"
    account.go_on(1)
    assert len(account.launch("c", count=2)) == 2
