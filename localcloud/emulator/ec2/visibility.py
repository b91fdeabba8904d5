"""Which instances EC2's calls know: not yet one that was launched a moment ago, no longer one that ended long ago.

EC2 is eventually consistent: a new instance may be unknown to any other call for a while (EC2 developer guide,
"Eventual consistency"). The fault `invisible_for_s` says for how long. Upstream MiniStack tags what does not exist, and
ignores the filter by instance id.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from ministack.services import ec2

from localcloud.emulator.ec2.ec2_parameters import Ec2Error, Parameters
from localcloud.emulator.ec2.ec2_records import Response

_VISIBLE_AT = "_visible_at"


def hide(record: dict[str, Any], seconds: float) -> None:
    """Lets calls know an instance only so much later."""
    record[_VISIBLE_AT] = time.monotonic() + seconds


def is_known(instance_id: str) -> bool:
    record = ec2._instances.get(instance_id)
    return record is not None and _is_visible(record)


def check_known(instance_ids: Sequence[str]) -> None:
    """Raises Ec2Error, naming those that are not known."""
    missing = [each for each in instance_ids if not is_known(each)]
    if missing:
        plural, verb = ("s", "do") if len(missing) > 1 else ("", "does")
        message = f"The instance ID{plural} '{', '.join(missing)}' {verb} not exist"
        raise Ec2Error("InvalidInstanceID.NotFound", message)


def install() -> None:
    ec2._matches_filters = _hiding(ec2._matches_filters)


def of_known(upstream: Callable[[Parameters], Response], parameter: str) -> Callable[[Parameters], Response]:
    """A handler that refuses instances which are not known, among the ids that the parameter lists."""

    def handle(params: Parameters) -> Response:
        check_known([each for each in ec2._parse_member_list(params, parameter) if ec2._INSTANCE_ID_RE.match(each)])
        return upstream(params)

    return handle


def _hiding(upstream: Callable[..., bool]) -> Callable[..., bool]:
    def matches_filters(record: dict[str, Any], filters: dict[str, list[str]]) -> bool:
        ids = filters.get("instance-id")
        if not _is_visible(record) or (ids is not None and record["InstanceId"] not in ids):
            return False
        return upstream(record, filters)

    return matches_filters


def _is_visible(record: dict[str, Any]) -> bool:
    return bool(record.get(_VISIBLE_AT, 0.0) <= time.monotonic())
