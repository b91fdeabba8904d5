"""Service events that MiniStack does not send, handed to the event bus in-process.

`PutEvents` refuses sources that begin with `aws.`, as AWS does, so they cannot come in through the API. Shapes:
EC2, "EC2 Instance State-change Notification" (EC2 user guide, automating with EventBridge); Run Command, Systems
Manager user guide, "Amazon EventBridge event examples for Systems Manager".
"""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import eventbridge

from localcloud.emulator.settings import Scope

log = logging.getLogger("localcloud.events")


def instance_state_changed(scope: Scope, instance_id: str, state: str) -> None:
    _send(
        scope,
        source="aws.ec2",
        detail_type="EC2 Instance State-change Notification",
        detail={"instance-id": instance_id, "state": state},
        resources=[_instance_arn(scope, instance_id)],
    )


def command_status_changed(scope: Scope, record: dict[str, Any], instance_id: str) -> None:
    """Sends both events of a status change: of the command and of its invocation on one instance.

    Args:
        scope: account and region of the command.
        record: the command as MiniStack keeps it, its `Invocations` included.
        instance_id: the instance whose invocation changed.
    """
    common = {
        "command-id": record["CommandId"],
        "document-name": record["DocumentName"],
        "requested-date-time": _iso(record["RequestedDateTime"]),
    }
    _send(
        scope,
        source="aws.ssm",
        detail_type="EC2 Command Invocation Status-change Notification",
        detail={**common, "instance-id": instance_id, "status": record["Invocations"][instance_id]["Status"]},
        resources=[_instance_arn(scope, instance_id)],
    )
    _send(
        scope,
        source="aws.ssm",
        detail_type="EC2 Command Status-change Notification",
        detail={
            **common,
            "expire-after": _iso(record["ExpiresAfter"]),
            "parameters": record["Parameters"],
            "status": record["Status"],
        },
        resources=[_instance_arn(scope, each) for each in record["InstanceIds"]],
    )


# One thread gives the events to the bus in the order they were sent, and no sender waits.
_bus = ThreadPoolExecutor(1, "service-events")


def _send(scope: Scope, *, source: str, detail_type: str, detail: dict[str, Any], resources: list[str]) -> None:
    entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": resources}
    _bus.submit(_deliver, scope, entry)


def _deliver(scope: Scope, entry: dict[str, Any]) -> None:
    try:
        with request_scope(scope.account_id, scope.region):
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
    except Exception:
        log.exception("%s was not delivered", entry["DetailType"])


def _instance_arn(scope: Scope, instance_id: str) -> str:
    return f"arn:aws:ec2:{scope.region}:{scope.account_id}:instance/{instance_id}"


def _iso(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
