"""Amazon EC2: instances from launch to termination, as far as a launch template's machines go.

`client` looks like boto3's, so that functions/aws/machines.py works on it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, cast

from simulation.calls import Calls, caller, throttled
from simulation.client import client, refused
from simulation.clock import BEGINNING, VirtualClock
from simulation.event_bus import EventBus
from simulation.faults import FINE, PARTIAL, Faults, MachineFault, MachineFaultKind
from simulation.rng import Rng

# The limit of the machines that are launched, not of the requests (EC2 developer guide, "Request throttling").
INSTANCE_QUOTA = "ec2:RunInstances machines"
_RUN = "ec2:RunInstances"
_START = "ec2:StartInstances"
# What a describe shows may be this old, in seconds: EC2 is eventually consistent.
_LATEST_NEWS = 3.0
# EC2 shows a terminated instance for about an hour.
_SHOWN_FOR = 3600.0
_WARNED_BEFORE = 120.0
_THROTTLES = {"RequestLimitExceeded"}
# What EC2 answers about an instance that it does not know, where the right to the call depends on the instance's tags,
# as that to all of ours but Describe's does: runs-on/terraform-aws-runs-on#60; aws/karpenter-provider-aws#2100.
_DENIED = "UnauthorizedOperation"
_STATE_CHANGE = "EC2 Instance State-change Notification"
_SPOT_WARNING = "EC2 Spot Instance Interruption Warning"
# The states that infra/triggers.py has a rule for.
_TOLD = {"stopping", "stopped", "terminated"}


@dataclass
class Instance:
    """`history` is its states and since when; `online_at` when its agent reports, None for never. Seconds.

    `launched` is when it was started last, `boots` how often it was; `is_registered` when its agent ever reported.
    """

    id: str
    number: int
    launched: float
    online_at: float | None
    fault: MachineFault | None
    tags: dict[str, str]
    history: list[tuple[float, str]] = field(default_factory=list)
    boots: int = 0
    is_registered: bool = False

    @property
    def state(self) -> str:
        return self.history[-1][1]

    def state_at(self, moment: float) -> str | None:
        """None before its launch, and when it is forgotten."""
        state = next((state for since, state in reversed(self.history) if since <= moment), None)
        return None if state == "terminated" and moment - self.history[-1][0] > _SHOWN_FOR else state

    @property
    def is_alive(self) -> bool:
        return self.state in {"pending", "running"}


@dataclass(frozen=True)
class Pace:
    """How long machines take, in seconds, from and to: until they run, until their agent reports then, to terminate.

    `restart` is how much of the first boot's time a stopped machine takes, `stop` how long a stop does.
    """

    restart: float = 0.6
    stop: tuple[float, float] = (2.0, 40.0)
    boot: tuple[float, float] = (3.0, 15.0)
    agent: tuple[float, float] = (2.0, 15.0)
    termination: tuple[float, float] = (2.0, 60.0)


class Ec2:
    """`instances` is every one there ever was, by id. `on_down` hears that one begins to go down.

    `room` is how many may be alive at once, None for any number; `scarce` are the types that there are none of.
    """

    def __init__(
        self,
        clock: VirtualClock,
        rng: Rng,
        calls: Calls,
        bus: EventBus,
        faults: Faults,
        pace: Pace,
        room: int | None = None,
        scarce: Collection[str] = (),
    ) -> None:
        self.instances: dict[str, Instance] = {}
        self.on_terminate: list[Callable[[Instance, str], None]] = []
        self.on_stop: list[Callable[[Instance], None]] = []
        self.on_down: list[Callable[[Instance], None]] = []
        operations: Mapping[str, Callable[..., Any]] = {
            "RunInstances": self._run_instances,
            "DescribeInstances": self._describe_instances,
            "StartInstances": self._start_instances,
            "StopInstances": self._stop_instances,
            "TerminateInstances": self._terminate_instances,
            "CreateTags": self._create_tags,
        }
        self.client = client("ec2", calls, operations)
        self._clock = clock
        self._chance = rng
        self._calls = calls
        self._bus = bus
        self._faults = faults
        self._pace = pace
        self._room = room
        self._scarce = scarce
        self._answers = iter(faults.launches)
        self._start_answers = iter(faults.starts)
        self._by_token: dict[str, tuple[str, list[Instance]]] = {}

    @property
    def alive(self) -> list[Instance]:
        return [instance for instance in self.instances.values() if instance.is_alive]

    @property
    def unended(self) -> list[Instance]:
        return [instance for instance in self.instances.values() if instance.state != "terminated"]

    # The calls

    def _run_instances(self, **request: Any) -> dict[str, Any]:
        planned = next(self._answers, FINE)
        if planned in _THROTTLES:
            raise throttled(_RUN)
        token, wanted = request["ClientToken"], json.dumps(request, sort_keys=True)
        if token in self._by_token:
            known, instances = self._by_token[token]
            if known != wanted:
                raise refused(_RUN, "IdempotentParameterMismatch")
            return {"Instances": [self._described(one, one.state) for one in instances]}
        if planned not in {FINE, PARTIAL}:
            raise refused(_RUN, planned)
        if request.get("InstanceType") in self._scarce:
            raise refused(_RUN, "InsufficientInstanceCapacity")
        count = self._count(request, planned)
        instances = [self._launch(_tags(request)) for _ in range(count)]
        self._by_token[token] = wanted, instances
        return {"Instances": [self._described(one, "pending") for one in instances]}

    def _count(self, request: Mapping[str, Any], planned: str) -> int:
        least, most = int(request["MinCount"]), int(request["MaxCount"])
        if not self._calls.has_room(INSTANCE_QUOTA, most):
            raise throttled(_RUN)
        if self._room is not None:
            most = min(most, self._room - len(self.alive))
            if most < least:
                raise refused(_RUN, "VcpuLimitExceeded")
        return max(least, most // 2) if planned == PARTIAL else most

    def _describe_instances(
        self, *, InstanceIds: Sequence[str] = (), Filters: Sequence[Mapping[str, Any]] = ()
    ) -> dict[str, Any]:
        """Of ids that are all known, of those known among the ids of a filter, or by a tag and by state."""
        if InstanceIds:
            seen = [self._seen(one, "InvalidInstanceID.NotFound") for one in InstanceIds]
        elif len(Filters) == 1:
            looks = [self._look(one) for one in _filter(Filters[0], "instance-id")]
            seen = [found for found in looks if found is not None]
        else:
            by_tag, by_state = Filters
            tag, (value,) = by_tag["Name"].removeprefix("tag:"), by_tag["Values"]
            moment, states = self._latest_news(), _filter(by_state, "instance-state-name")
            tagged = [one for one in self.instances.values() if one.tags.get(tag) == value and self._is_visible(one)]
            seen = [(one, state) for one in tagged for state in states if state == one.state_at(moment)]
        return {"Reservations": [{"Instances": [self._described(*found) for found in seen]}]}

    def _start_instances(self, *, InstanceIds: Sequence[str]) -> dict[str, Any]:
        planned = next(self._start_answers, FINE)
        if planned != FINE:
            raise throttled(_START) if planned in _THROTTLES else refused(_START, planned)
        instances = [self._seen(instance_id)[0] for instance_id in InstanceIds]
        if any(one.state not in {"pending", "running", "stopped"} for one in instances):
            raise refused(_START, "IncorrectInstanceState")
        stopped = [one for one in instances if one.state == "stopped"]
        if self._room is not None and len(self.alive) + len(stopped) > self._room:
            raise refused(_START, "VcpuLimitExceeded")
        for one in stopped:
            self._boot(one, self._pace.restart)
        return {"StartingInstances": [{"InstanceId": one.id} for one in instances]}

    def _stop_instances(self, *, InstanceIds: Sequence[str]) -> None:
        instances = [self._seen(instance_id)[0] for instance_id in InstanceIds]
        if any(one.state in {"shutting-down", "terminated"} for one in instances):
            raise refused("ec2:StopInstances", "IncorrectInstanceState")
        for one in instances:
            for observer in self.on_stop:
                observer(one)
            if one.is_alive:
                self._go_down(one, "stopping", "stopped", self._pace.stop)

    def _terminate_instances(self, *, InstanceIds: Sequence[str]) -> dict[str, Any]:
        instances = [self._seen(instance_id)[0] for instance_id in InstanceIds]
        for instance in instances:
            for observer in self.on_terminate:
                observer(instance, caller())
            self.end(instance)
        answers = [{"InstanceId": one.id, "CurrentState": {"Name": one.state}} for one in instances]
        return {"TerminatingInstances": answers}

    def _create_tags(self, *, Resources: Sequence[str], Tags: Sequence[Mapping[str, str]]) -> None:
        (instance_id,) = Resources
        instance, _ = self._seen(instance_id)
        instance.tags |= {tag["Key"]: tag["Value"] for tag in Tags}

    def _seen(self, instance_id: str, unknown: str = _DENIED) -> tuple[Instance, str]:
        """The instance and a state that EC2 may show for it at this moment."""
        found = self._look(instance_id)
        if found is None:
            raise refused("ec2:DescribeInstances", unknown)
        return found

    def _look(self, instance_id: str) -> tuple[Instance, str] | None:
        instance, moment = self.instances.get(instance_id), self._latest_news()
        state = instance.state_at(moment) if instance else None
        if instance is None or state is None or not self._is_visible(instance):
            return None
        return instance, state

    def _latest_news(self) -> float:
        return self._clock.seconds - self._chance.between(0.0, _LATEST_NEWS)

    def _is_visible(self, instance: Instance) -> bool:
        launched, _ = instance.history[0]
        return self._clock.seconds - launched >= self._faults.invisible_for

    def _described(self, instance: Instance, state: str | None) -> dict[str, Any]:
        return {
            "InstanceId": instance.id,
            "ImageId": "ami-simulated",
            "Placement": {"AvailabilityZone": "eu-central-1a"},
            "LaunchTime": BEGINNING + timedelta(seconds=instance.launched),
            "State": {"Name": state},
            "InstanceType": "t4g.small",
        }

    # The machines

    def _launch(self, tags: dict[str, str]) -> Instance:
        number = len(self.instances)
        fault = self._faults.machines.get(number)
        instance = Instance(f"i-{number:017x}", number, self._clock.seconds, None, fault, tags)
        self.instances[instance.id] = instance
        self._boot(instance)
        if fault is not None and fault.kind in {MachineFaultKind.DIES, MachineFaultKind.DIES_AFTER_WARNING}:
            self._clock.after(fault.after, partial(self.end, instance))
            if fault.kind is MachineFaultKind.DIES_AFTER_WARNING:
                self._clock.after(fault.after - _WARNED_BEFORE, partial(self._warn, instance))
        return instance

    def _boot(self, instance: Instance, share: float = 1.0) -> None:
        running = self._chance.between(*self._pace.boot) * share
        online = running + self._chance.between(*self._pace.agent) * share
        never = instance.fault is not None and instance.fault.kind is MachineFaultKind.NEVER_ONLINE
        instance.boots += 1
        instance.launched = self._clock.seconds
        silent = instance.fault is not None and instance.fault.kind is MachineFaultKind.TAKES_NO_COMMAND
        instance.online_at = None if never or silent else self._clock.seconds + online
        instance.history.append((self._clock.seconds, "pending"))
        self._clock.after(running, partial(self._begin, instance, instance.boots))
        if not never:
            self._clock.after(online, partial(self._register, instance, instance.boots))

    def _begin(self, instance: Instance, boot: int) -> None:
        if instance.state == "pending" and instance.boots == boot:
            self._change(instance, "running")

    def _register(self, instance: Instance, boot: int) -> None:
        instance.is_registered = instance.is_registered or (instance.state == "running" and instance.boots == boot)

    def end(self, instance: Instance) -> None:
        """Takes an instance down, whatever the reason."""
        if instance.state not in {"shutting-down", "terminated"}:
            self._go_down(instance, "shutting-down", "terminated", self._pace.termination)

    def _go_down(self, instance: Instance, first: str, then: str, pace: tuple[float, float]) -> None:
        self._change(instance, first)
        for observer in self.on_down:
            observer(instance)

        def arrive() -> None:
            if instance.state == first:
                self._change(instance, then)

        self._clock.after(self._chance.between(*pace), arrive)

    def _change(self, instance: Instance, state: str) -> None:
        instance.history.append((self._clock.seconds, state))
        if state in _TOLD:
            self._tell(instance, _STATE_CHANGE, {"state": state})

    def _warn(self, instance: Instance) -> None:
        if instance.is_alive:
            self._tell(instance, _SPOT_WARNING, {"instance-action": "terminate"})

    def _tell(self, instance: Instance, kind: str, detail: Mapping[str, str]) -> None:
        self._bus.publish("events", kind, {"instance-id": instance.id, **detail})


def _filter(given: Mapping[str, Any], name: str) -> Sequence[str]:
    """The values of a filter that has to be the one of that name."""
    if given["Name"] != name:
        raise NotImplementedError(given["Name"])
    return cast("Sequence[str]", given["Values"])


def _tags(request: Mapping[str, Any]) -> dict[str, str]:
    specifications = request["TagSpecifications"]
    tags = next(one["Tags"] for one in specifications if one["ResourceType"] == "instance")
    return {tag["Key"]: tag["Value"] for tag in tags}
