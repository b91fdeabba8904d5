"""AWS Systems Manager: commands to the agents of the machines.

`client` looks like boto3's, so that functions/aws/machines.py works on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from functions.jobs.clock import now
from simulation.calls import Calls
from simulation.client import client, refused
from simulation.clock import Timer, VirtualClock
from simulation.ec2 import Ec2, Instance
from simulation.event_bus import EventBus
from simulation.payload import Payload
from simulation.rng import Rng

_SEND = "ssm:SendCommand"
# SSM goes on listing an agent as online for a while after its machine is gone, in seconds.
_STILL_LISTED = 60.0
# GetCommandInvocation does not know a command in its first moments, in seconds.
_LATEST_NEWS = 1.0
_STATUS_CHANGE = "EC2 Command Invocation Status-change Notification"
_SIGTERM_EXIT = 143


@dataclass
class Invocation:
    """A command on its one machine; `code` is -1 until there is an exit code, as in SSM."""

    id: str
    instance: Instance
    script: str
    sent: float
    delivery_timeout: float  # seconds until it is not delivered any more
    expiry: float  # seconds until a command that was not delivered times out
    status: str = "Pending"
    code: int = -1
    stderr: str = ""
    begun: str = ""  # RFC 3339, and so is the next
    ended: str = ""
    work: Timer | None = None


class Ssm:
    def __init__(self, clock: VirtualClock, rng: Rng, calls: Calls, bus: EventBus, ec2: Ec2, payload: Payload) -> None:
        self.commands: dict[str, Invocation] = {}
        self._of_machine: defaultdict[str, list[Invocation]] = defaultdict(list)
        operations: Mapping[str, Callable[..., Any]] = {
            "SendCommand": self._send_command,
            "GetCommandInvocation": self._get_command_invocation,
            "DescribeInstanceInformation": self._describe_agents,
        }
        self.client = client("ssm", calls, operations)
        self._clock = clock
        self._chance = rng
        self._bus = bus
        self._ec2 = ec2
        self._payload = payload
        ec2.on_down.append(self._machine_goes_down)

    def _send_command(
        self, *, InstanceIds: Sequence[str], TimeoutSeconds: int, Parameters: Mapping[str, Sequence[str]], **_: Any
    ) -> dict[str, Any]:
        (instance_id,), (script,) = InstanceIds, Parameters["commands"]
        instance = self._ec2.instances[instance_id]
        if not self._is_listed(instance):
            # Which one it is where the right asks for a tag that SSM does not know yet is not documented.
            raise refused(_SEND, "InvalidInstanceId" if self._chance.happens(0.5) else "AccessDeniedException")
        # User guide, "Command statuses", Pending: it times out after both time-outs together.
        expiry = TimeoutSeconds + float(Parameters.get("executionTimeout", ["3600"])[0])
        number, sent_at = len(self.commands), self._clock.seconds
        sent = Invocation(f"c-{number}", instance, script, sent_at, TimeoutSeconds, expiry)
        self.commands[sent.id] = sent
        self._of_machine[instance_id].append(sent)
        self._clock.after(self._chance.between(0.1, 1.0), partial(self._deliver, sent))
        return {"Command": {"CommandId": sent.id}}

    def _get_command_invocation(self, *, CommandId: str, InstanceId: str) -> dict[str, Any]:
        sent = self.commands.get(CommandId)
        seen = self._clock.seconds - self._chance.between(0.0, _LATEST_NEWS)
        if sent is None or sent.instance.id != InstanceId or sent.sent > seen:
            raise refused("ssm:GetCommandInvocation", "InvocationDoesNotExist")
        return {
            "Status": sent.status,
            "ResponseCode": sent.code,
            "StandardErrorContent": sent.stderr,
            "ExecutionStartDateTime": sent.begun,
            "ExecutionEndDateTime": sent.ended,
        }

    def _is_listed(self, instance: Instance) -> bool:
        """Whether SSM takes commands for the instance: its agent has reported once, and it has not ended long ago."""
        ended = next((since for since, state in instance.history if state == "shutting-down"), None)
        return instance.is_registered and (ended is None or self._clock.seconds < ended + _STILL_LISTED)

    def _deliver(self, sent: Invocation) -> None:
        online = sent.instance.online_at
        if not sent.instance.is_alive or online is None or online > sent.sent + sent.delivery_timeout:
            self._clock.after(
                sent.sent + sent.expiry - self._clock.seconds, partial(self._end, sent, "TimedOut", -1, "")
            )
            return
        if online > self._clock.seconds:
            self._clock.after(online - self._clock.seconds, partial(self._deliver, sent))
            return
        sent.status, sent.begun = "InProgress", now()
        sent.work = self._payload.run(sent.instance, sent.script, partial(self._exit, sent))

    def _describe_agents(self, *, Filters: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        ((key, ids),) = [(one["Key"], one["Values"]) for one in Filters]
        if key != "InstanceIds":
            raise NotImplementedError(key)
        found = [self._ec2.instances[one] for one in ids if self._ec2.instances[one].is_registered]
        return {
            "InstanceInformationList": [
                {"InstanceId": one.id, "PingStatus": "Online" if one.is_alive else "ConnectionLost"} for one in found
            ]
        }

    def _exit(self, sent: Invocation, code: int, stderr: str) -> None:
        self._end(sent, "Failed" if code else "Success", code, stderr)

    def _machine_goes_down(self, instance: Instance) -> None:
        for sent in self._of_machine[instance.id]:
            if sent.status == "InProgress" and sent.work is not None:
                sent.work.cancel()
                # The wrapper is told to stop; whether its agent still gets to report that is a matter of luck.
                if self._chance.happens(0.5):
                    self._end(sent, "Failed", _SIGTERM_EXIT, "")

    def _end(self, sent: Invocation, status: str, code: int, stderr: str) -> None:
        sent.status, sent.code, sent.stderr, sent.ended = status, code, stderr, now()
        self._bus.publish("events", _STATUS_CHANGE, {"instance-id": sent.instance.id, "status": status})
