"""An emulator that starts again with what its services held (`EmulatorProcess.restart`).

MiniStack writes that down when it ends. Some of it is untrue then: the machines were processes and are gone, which it
knows of containers alone, and it keeps how far a function has read a stream, but not the stream. It fails executions
that ran, by itself.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ministack.services import ec2, lambda_svc

from localcloud.emulator.machines import REMEMBERED_SECONDS, STATE_CODES

if TYPE_CHECKING:
    from collections.abc import Callable


def install() -> None:
    ec2.load_persisted_state = _then(ec2.load_persisted_state, _terminate_instances)
    lambda_svc.load_persisted_state = _then(lambda_svc.load_persisted_state, _read_streams_from_their_start)


def _then(load: Callable[[Any], None], correct: Callable[[], None]) -> Callable[[Any], None]:
    def load_persisted_state(data: Any) -> None:
        load(data)
        correct()

    return load_persisted_state


def _terminate_instances() -> None:
    for record in ec2._instances.all_values():
        if record["State"]["Name"] != "terminated":
            record["State"] = {"Code": STATE_CODES["terminated"], "Name": "terminated"}
            record["_state_reason"] = "Server.InternalError: Internal error"
            record["_terminated_at"] = time.time() + REMEMBERED_SECONDS


def _read_streams_from_their_start() -> None:
    lambda_svc._dynamodb_stream_positions.clear()
