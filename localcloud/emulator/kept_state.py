"""An emulator that starts again with what its services held (`EmulatorProcess.restart`).

MiniStack writes that down when it ends. Some of it is untrue then: the machines were processes and are gone, which it
knows of containers alone, and it keeps how far a function has read a stream, but not the stream. Executions that ran it
fails by itself, but sends no event of that, as Step Functions does of every change of status.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from ministack import app
from ministack.core import persistence
from ministack.core.responses import request_scope
from ministack.services import ec2, eventbridge, lambda_svc, stepfunctions

from localcloud.emulator.ec2.machines import REMEMBERED_SECONDS, STATE_CODES
from localcloud.emulator.workflows.workflow_tasks import state_machines_by_token

_TRIES = 100
_TASK_TOKENS = "task_tokens"  # in the folder of the kept state, beside MiniStack's services


def install() -> None:
    app.save_all = _saving_whole(app.save_all)
    failed: list[tuple[str, str, dict[str, Any]]] = []
    stepfunctions.load_persisted_state = _then(
        stepfunctions.load_persisted_state, lambda: failed.extend(_executions_that_the_restart_failed())
    )
    stepfunctions.load_persisted_state = _then(stepfunctions.load_persisted_state, _load_task_tokens)
    # It is called once everything is loaded.
    eventbridge.start_scheduler = _then(
        eventbridge.start_scheduler,
        lambda: threading.Thread(target=_send_events, args=[failed], name="kept-state", daemon=True).start(),
    )
    ec2.load_persisted_state = _then(ec2.load_persisted_state, _terminate_instances)
    lambda_svc.load_persisted_state = _then(lambda_svc.load_persisted_state, _read_streams_from_their_start)


def _saving_whole(save_all: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """Functions and machines write while the state is read, and MiniStack leaves out a service that they change."""

    def whole(get_state: Callable[[], Any]) -> Any:
        for _ in range(_TRIES - 1):
            with suppress(RuntimeError):  # "dictionary changed size during iteration"
                return get_state()
        return get_state()

    def save(services: dict[str, Any]) -> None:
        # An answer to a task of before the restart is told that it has ended, not that it is not allowed.
        services = {**services, _TASK_TOKENS: lambda: dict(state_machines_by_token)}
        save_all({name: partial(whole, get_state) for name, get_state in services.items()})

    return save


def _then(upstream: Callable[..., None], more: Callable[[], None]) -> Callable[..., None]:
    def call(*arguments: Any) -> None:
        upstream(*arguments)
        more()

    return call


def _load_task_tokens() -> None:
    state_machines_by_token.update(persistence.load_state(_TASK_TOKENS) or {})


def _executions_that_the_restart_failed() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for account_id, region, arn in list(stepfunctions._executions._data):
        execution = stepfunctions._executions._data[account_id, region, arn]
        if execution.get("error") == "States.ServiceRestart":
            yield account_id, region, execution


def _send_events(failed: list[tuple[str, str, dict[str, Any]]]) -> None:
    for account_id, region, execution in failed:
        with request_scope(account_id, region):
            stepfunctions._emit_execution_status_event(execution)


def _terminate_instances() -> None:
    for record in ec2._instances.all_values():
        if record["State"]["Name"] != "terminated":
            record["State"] = {"Code": STATE_CODES["terminated"], "Name": "terminated"}
            record["_state_reason"] = "Server.InternalError: Internal error"
            record["_terminated_at"] = time.time() + REMEMBERED_SECONDS


def _read_streams_from_their_start() -> None:
    lambda_svc._dynamodb_stream_positions.clear()
