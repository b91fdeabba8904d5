"""Calls on many instances of which EC2 may not know each: launched a moment ago, or ended an hour ago.

EC2 refuses the whole call then, with InvalidInstanceID.NotFound. Where the right to make the call depends on the
instance's tags, it answers UnauthorizedOperation instead: an instance that it does not know, or whose end took its
tags along, has none (runs-on/terraform-aws-runs-on#60; aws/karpenter-provider-aws#2100 and its pull request 2253).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

from botocore.exceptions import ClientError

from functions.jobs import clock
from functions.jobs.machine_state import TERMINATING

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

UNKNOWN_INSTANCE = frozenset({"InvalidInstanceID.NotFound", "UnauthorizedOperation"})
# EC2 is eventually consistent: for so long a refusal says nothing about a new instance.
_YOUNG = timedelta(minutes=1)
# As many values as a filter takes (EC2 API reference, DescribeInstances).
_FILTER_VALUES = 200

T = TypeVar("T")


@dataclass(frozen=True)
class _Shown:
    state: str
    launched_at: datetime


@dataclass
class Answered(Generic[T]):
    """What calls answered, and the states of the instances that they left out because they are going down.

    An instance in neither is one that EC2 does not know, or not yet.
    """

    answers: list[T] = field(default_factory=list)
    going_down: Mapping[str, str] = field(default_factory=dict)


def call_for_known(ec2: EC2Client, instance_ids: Sequence[str], call: Callable[[Sequence[str]], T]) -> Answered[T]:
    """Makes the call for all, and where EC2 refuses that for the sake of one, for those that it knows.

    Raises:
        ClientError: a refusal that has another reason.
    """
    try:
        return Answered([call(instance_ids)])
    except ClientError as error:
        if not _means_unknown(error):
            raise
    shown = _shown(ec2, instance_ids)
    answered = Answered[T](going_down={one: each.state for one, each in shown.items() if each.state in TERMINATING})
    alive = [one for one in instance_ids if one in shown and one not in answered.going_down]
    young = [one for one in alive if clock.age(shown[one].launched_at) < _YOUNG]
    answered.answers.extend(_for_young(young, call))
    if old := [one for one in alive if one not in young]:
        answered.answers.append(call(old))  # EC2 knows these for long: a refusal is meant
    return answered


def _for_young(instance_ids: Sequence[str], call: Callable[[Sequence[str]], T]) -> Iterator[T]:
    """Halves what is refused until those are found that not all of EC2 knows yet."""
    if not instance_ids:
        return
    try:
        yield call(instance_ids)
    except ClientError as error:
        if not _means_unknown(error):
            raise
        half = len(instance_ids) // 2
        if half:
            yield from _for_young(instance_ids[:half], call)
            yield from _for_young(instance_ids[half:], call)


def _shown(ec2: EC2Client, instance_ids: Sequence[str]) -> dict[str, _Shown]:
    """Those that EC2 shows; by a filter, for a list of ids would be refused as well."""
    found = {}
    for first in range(0, len(instance_ids), _FILTER_VALUES):
        values = instance_ids[first : first + _FILTER_VALUES]
        answer = ec2.describe_instances(Filters=[{"Name": "instance-id", "Values": list(values)}])
        for reservation in answer["Reservations"]:
            for one in reservation["Instances"]:
                found[one["InstanceId"]] = _Shown(one["State"]["Name"], one["LaunchTime"])
    return found


def _means_unknown(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in UNKNOWN_INSTANCE
