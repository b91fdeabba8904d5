"""Machines: EC2 instances from the launch template, and commands on them through SSM."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from functions.aws.clients import Clients
from functions.aws.known_instances import call_for_known
from functions.execution.ports import CommandState
from functions.jobs.clock import rfc3339
from functions.jobs.errors import AgentNotOnline, Throttled
from functions.monitoring.metrics import LAUNCH_REFUSALS, MetricsSink
from functions.scheduling.ports import Candidate, InstanceView, LaunchResult, Refusal

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import InstanceTypeDef, TagTypeDef

logger = Logger(service="orchestrator", child=True)

# EC2's error codes (EC2 API reference, "Error codes for the Amazon EC2 API"), by what they mean for a launch; any other
# is permanent.
_CAPACITY = {
    "InsufficientInstanceCapacity",
    "InsufficientCapacity",
    "InsufficientHostCapacity",
    "InsufficientCapacityOnHost",
    "InsufficientReservedInstanceCapacity",
    "InsufficientReservedInstancesCapacity",
    "InsufficientVolumeCapacity",
    "InsufficientAddressCapacity",
    "InsufficientFreeAddressesInSubnet",
    "UnfulfillableCapacity",
    "SpotMaxPriceTooLow",
    "Unsupported",  # this type does not exist in this zone
    "CreditSpecificationUpdateInProgress",  # takes five minutes, for burstable types alone
    "IdempotentInstanceTerminated",  # the instances of this client token have ended; a new token launches others
}
_QUOTA = {
    "VcpuLimitExceeded",
    "InstanceLimitExceeded",
    "MaxSpotInstanceCountExceeded",
    "VolumeLimitExceeded",
    "MaxIOPSLimitExceeded",
    "NetworkInterfaceLimitExceeded",
    "ResourceLimitExceeded",
    "ResourceCountExceeded",
    # AWS looks at a new account, or at one that is new to a region, before it launches: minutes, hours at most.
    "PendingVerification",
}
# EC2's codes and those that the SDK treats as throttling (botocore, retries/standard.py).
_THROTTLED = {
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "EC2ThrottledException",
    "TooManyRequestsException",
    "SlowDown",
    "TooManyUpdates",
    "RateExceeded",
}
# Faults of AWS's own: whether the call had its effect is open.
_UNCLEAR = {"InternalError", "InternalFailure", "ServerInternal", "ServiceUnavailable", "Unavailable"}
# Termination protection, which an operator may switch on for a machine: it spares all others of its zone in the same
# call, too (EC2 API reference, TerminateInstances).
_PROTECTED = "OperationNotPermitted"
_UNKNOWN_INSTANCE = {"InvalidInstanceID.NotFound"}
# SSM's words for an agent that has not reported yet. The right to send commands asks for the machine's tag
# (`ssm:resourceTag`), which SSM may not know before that. A right that is really missing fails the job all the same,
# when the time to boot is over, with this code in its message.
_NOT_REGISTERED = {"InvalidInstanceId", "AccessDeniedException"}
_DOCUMENT = "AWS-RunShellScript"
# The agent takes less for an hour (amazon-ssm-agent, pluginutil.go, ValidateExecutionTimeout; docs/ssm-agent.md).
_SHORTEST_EXECUTION_SECONDS = 5
_DECODER = json.JSONDecoder()
# How long SSM tries to deliver a command to an online agent, in seconds: its minimum.
_DELIVERY_SECONDS = 30


# The message of a refusal, by its kind. EC2's own message, which can name the account and a role, is only logged.
REFUSED = {
    "capacity": "EC2 has no room for it at the moment",
    "quota": "the account's limit is reached",
    "throttled": "AWS asks to slow down",
    "permanent": "EC2 refuses the launch",
}


def refusal_kind(code: str) -> str:
    for kind, codes in (("capacity", _CAPACITY), ("quota", _QUOTA), ("throttled", _THROTTLED)):
        if code in codes:
            return kind
    return "permanent"


def refusal_of(error: ClientError) -> Refusal:
    """EC2's refusal; raises the error again where it leaves open whether the call took effect."""
    code = error.response["Error"]["Code"]
    if code in _UNCLEAR:
        raise error
    kind = refusal_kind(code)
    logger.warning("EC2 refuses: %s", error)
    return Refusal(code, REFUSED[kind], kind)


@contextmanager
def _throttling() -> Iterator[None]:
    """Makes one of _THROTTLED the step's error, without AWS's message."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _THROTTLED:
            raise
        logger.info("throttled: %s", error)
        raise Throttled(f"{code} from {error.operation_name}") from error


@dataclass(frozen=True)
class AwsMachines:
    """functions.execution.ports.Machines over EC2 and SSM.

    Each step uses one or two of the methods, so it takes the lazy clients and names only the settings it needs.
    """

    clients: Clients
    launch_template_id: str = ""
    log_group: str = ""
    metrics: MetricsSink | None = None  # of refused launches

    def launch(
        self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
    ) -> list[LaunchResult] | Refusal:
        answer = self._launch(candidate, count, token, tags)
        if self.metrics and isinstance(answer, Refusal):
            self.metrics.record([LAUNCH_REFUSALS.of(1, answer.kind)])
        return answer

    def _launch(
        self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
    ) -> list[LaunchResult] | Refusal:
        code = ""
        # The token makes the second call answer what the first one launched, if it launched anything.
        for _ in range(2):
            try:
                return self._launch_once(candidate, count, token, tags)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                logger.warning("EC2 fails: %s", error)
        # A zone may be out of order, and another one not. Should there be machines, no run has them: the sweeper ends
        # them.
        return Refusal(code, "EC2 itself fails at the moment", "capacity")

    def _launch_once(
        self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
    ) -> list[LaunchResult] | Refusal:
        """Raises ClientError: one of _UNCLEAR."""
        tag_list = _tag_list(tags)
        spot: dict[str, Any] = {"InstanceMarketOptions": {"MarketType": "spot"}} if candidate.market == "spot" else {}
        try:
            answer = self.clients.ec2.run_instances(
                LaunchTemplate={"LaunchTemplateId": self.launch_template_id, "Version": "$Latest"},
                MinCount=1,
                MaxCount=count,
                InstanceType=candidate.instance_type,  # type: ignore[arg-type]  # the stubs list the types of their day
                SubnetId=candidate.subnet_id,
                ClientToken=token,
                TagSpecifications=[
                    {"ResourceType": "instance", "Tags": tag_list},
                    {"ResourceType": "volume", "Tags": tag_list},
                ],
                **spot,
            )
        except ClientError as error:
            return refusal_of(error)
        return [
            LaunchResult(
                instance["InstanceId"],
                instance["Placement"]["AvailabilityZone"],
                instance["ImageId"],
                rfc3339(instance["LaunchTime"]),
            )
            for instance in answer["Instances"]
        ]

    def tag(self, instance_id: str, tags: Mapping[str, str]) -> bool:
        try:
            self.clients.ec2.create_tags(Resources=[instance_id], Tags=_tag_list(tags))
        except ClientError as error:
            # Not found, or not authorized: RunInstances is eventually consistent (known_instances.py). Should the right
            # be missing, or the call be throttled: a job is not worth less for want of its machine's name.
            logger.warning("%s is not tagged: %s", instance_id, error.response["Error"])
            return False
        return True

    def send_command(
        self, instance_id: str, script: str, comment: str, timeout: int, delivery_timeout: int | None = None
    ) -> str:
        most = str(max(timeout, _SHORTEST_EXECUTION_SECONDS))
        try:
            with _throttling():
                answer = self.clients.ssm.send_command(
                    InstanceIds=[instance_id],
                    DocumentName=_DOCUMENT,
                    Comment=comment[:100],
                    TimeoutSeconds=delivery_timeout or _DELIVERY_SECONDS,
                    Parameters={"commands": [script], "executionTimeout": [most]},
                    CloudWatchOutputConfig={"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": self.log_group},
                )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _NOT_REGISTERED:
                raise AgentNotOnline(f"{instance_id} is not online in SSM yet: {code}") from error
            raise
        return answer["Command"]["CommandId"]

    def command_state(self, command_id: str, instance_id: str) -> CommandState | None:
        try:
            with _throttling():
                answer = self.clients.ssm.get_command_invocation(CommandId=command_id, InstanceId=instance_id)
        except self.clients.ssm.exceptions.InvocationDoesNotExist:
            return None
        began, ended = answer.get("ExecutionStartDateTime"), answer.get("ExecutionEndDateTime")
        return CommandState(
            answer["Status"],
            answer["ResponseCode"],
            _report(answer["StandardErrorContent"]),
            ended_at=_moment(ended),
            has_begun=bool(began),
            began_at=_moment(began),
        )

    def instance_state(self, instance_id: str) -> str | None:
        try:
            with _throttling():
                instance = self._instance(instance_id)
        except ClientError as error:
            if error.response["Error"]["Code"] in _UNKNOWN_INSTANCE:
                return None
            raise
        return instance["State"]["Name"] if instance else None

    def end_reason(self, instance_id: str) -> str | None:
        try:
            instance = self._instance(instance_id)
        except ClientError as error:  # a machine's end counts, whether or not EC2 says why
            logger.warning("no reason of %s: %s", instance_id, error)
            return None
        reason = instance.get("StateReason", {}) if instance else {}
        logger.info("%s ended: %s", instance_id, reason)
        return reason.get("Code")

    def _instance(self, instance_id: str) -> InstanceTypeDef | None:
        answer = self.clients.ec2.describe_instances(InstanceIds=[instance_id])
        return next((one for each in answer["Reservations"] for one in each["Instances"]), None)

    def alive_of_stack(self, stack: str) -> Iterator[InstanceView]:
        pages = self.clients.ec2.get_paginator("describe_instances").paginate(
            Filters=[
                {"Name": "tag:mayfly:stack", "Values": [stack]},
                {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
            ]
        )
        for page in pages:
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    yield InstanceView(
                        instance["InstanceId"],
                        instance["LaunchTime"],
                        instance["State"]["Name"],
                        instance["InstanceType"],
                        instance.get("InstanceLifecycle", "on-demand"),  # EC2 leaves it out for on-demand ones
                    )

    def terminate(self, instance_id: str) -> str | None:
        return self.terminate_all([instance_id]).get(instance_id)

    def terminate_all(self, instance_ids: Sequence[str]) -> Mapping[str, str]:
        ec2 = self.clients.ec2
        try:
            with _throttling():
                answered = call_for_known(
                    ec2, instance_ids, lambda known: ec2.terminate_instances(InstanceIds=known)["TerminatingInstances"]
                )
        except ClientError as error:
            if error.response["Error"]["Code"] == _PROTECTED and len(instance_ids) > 1:
                return self._terminate_by_halves(instance_ids)
            raise
        ended = {one["InstanceId"]: one["CurrentState"]["Name"] for answer in answered.answers for one in answer}
        return {**answered.going_down, **ended}

    def _terminate_by_halves(self, instance_ids: Sequence[str]) -> Mapping[str, str]:
        """Ends all but those that are protected; raises what EC2 says of them when there are no others."""
        half = len(instance_ids) // 2
        ended: dict[str, str] = {}
        refusal: ClientError | None = None
        for part in (instance_ids[:half], instance_ids[half:]):
            try:
                ended |= self.terminate_all(part)
            except ClientError as error:
                if error.response["Error"]["Code"] != _PROTECTED:
                    raise
                refusal = error
                logger.exception("EC2 protects machines from being ended", extra={"instance_ids": list(part)})
        if refusal is not None and not ended:
            raise refusal
        return ended


def _tag_list(tags: Mapping[str, str]) -> list[TagTypeDef]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _moment(text: str | None) -> str | None:
    """The time, if it is valid: SSM passes on the agent's text."""
    try:
        return rfc3339(datetime.fromisoformat(text)) if text else None
    except (ValueError, OverflowError):
        return None


def _report(stderr: str) -> dict[str, Any] | None:
    """The wrapper's report: the JSON object that begins the last line of stderr that begins with one.

    The agent's own sentence may follow it without a line break (docs/ssm-agent.md).
    """
    for line in reversed(stderr.splitlines()):
        try:
            report, _ = _DECODER.raw_decode(line)
        except (ValueError, RecursionError):  # no JSON, or nested deeper than anything that the wrapper writes
            continue
        if isinstance(report, dict):
            return report
    return None
