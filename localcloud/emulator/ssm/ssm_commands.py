"""SendCommand and CancelCommand, with the checks that Systems Manager makes before it takes a command.

Upstream MiniStack takes any document, ignores `executionTimeout`, `workingDirectory` and `CloudWatchOutputConfig`, and
has no CancelCommand.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from ministack.core.responses import error_response_json, json_response, new_uuid
from ministack.services import ec2, ssm

from localcloud.emulator.ec2.instance_registry import InstanceRegistry
from localcloud.emulator.faults import Faults
from localcloud.emulator.ssm.command_run import CommandRun

DOCUMENT = "AWS-RunShellScript"
DOCUMENT_PARAMETERS = frozenset({"commands", "workingDirectory", "executionTimeout"})
MAX_EXECUTION_SECONDS = 172_800  # the document's allowed pattern: 1 to 172800
DEFAULT_DELIVERY_SECONDS = 3600


class SsmError(Exception):
    """A refusal in Systems Manager's terms."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class RunCommand:
    """The handlers, over one instance registry. Commands are MiniStack's records, so its own read calls see them."""

    def __init__(self, instances: InstanceRegistry, faults: Faults) -> None:
        self._instances = instances
        self._faults = faults
        self._runs: dict[tuple[str, str], CommandRun] = {}

    def send(self, request: dict[str, Any]) -> dict[str, Any]:
        _check_document(request)
        ids = ssm._command_target_ids(request)
        if not ids:
            raise SsmError("InvalidInstanceId")
        unmanaged = [each for each in ids if not (ec2.instance_is_managed(each) or self._is_known(each))]
        if unmanaged and self._faults.plan.deny_unregistered:
            # Nothing documents that SSM knows the tags of an instance before its agent has registered.
            raise SsmError("AccessDeniedException", f"not authorized to perform: ssm:SendCommand on {unmanaged[0]}")
        if unmanaged:
            # Also what AWS says of an instance whose agent has not come online yet.
            raise SsmError("InvalidInstanceId", f"Instances not in a valid state for account: {', '.join(unmanaged)}")
        record = _record(request, ids)
        ssm._commands[record["CommandId"]] = record
        for instance_id in ids:
            machine = self._instances.get(instance_id)
            if machine is not None:
                run = CommandRun(record, machine, self._faults)
                self._runs[record["CommandId"], instance_id] = run
                run.start()
        return {"Command": ssm._public_command(record)}

    def _is_known(self, instance_id: str) -> bool:
        """What was online before gets its command when it is online again (SSM API reference, SendCommand)."""
        machine = self._instances.get(instance_id)
        return machine is not None and machine.takes_commands_later()

    def cancel(self, request: dict[str, Any]) -> dict[str, Any]:
        command_id = request.get("CommandId", "")
        record = ssm._commands.get(command_id)
        if record is None:
            raise SsmError("InvalidCommandId")
        for instance_id in request.get("InstanceIds") or record["InstanceIds"]:
            if instance_id not in record["InstanceIds"]:
                raise SsmError("InvalidInstanceId")
            run = self._runs.get((command_id, instance_id))
            if run is not None:
                run.cancel()
        return {}


def install(instances: InstanceRegistry, faults: Faults) -> None:
    commands = RunCommand(instances, faults)
    ssm.handle_request = _with_commands(ssm.handle_request, commands)


def _with_commands(upstream: Callable[..., Awaitable[Any]], commands: RunCommand) -> Callable[..., Awaitable[Any]]:
    handlers = {"AmazonSSM.SendCommand": commands.send, "AmazonSSM.CancelCommand": commands.cancel}

    async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        handler = handlers.get(headers.get("x-amz-target", ""))
        if handler is None:
            return await upstream(method, path, headers, body, query)
        try:
            return json_response(handler(json.loads(body or b"{}")))
        except SsmError as error:
            return error_response_json(error.code, error.message, 400)

    return handle_request


def _check_document(request: dict[str, Any]) -> None:
    document = request.get("DocumentName", "").removeprefix("arn:aws:ssm:::document/")
    parameters = request.get("Parameters") or {}
    if document != DOCUMENT:
        raise SsmError("InvalidDocument", f"document {document} does not exist in your account")
    unknown = sorted(set(parameters) - DOCUMENT_PARAMETERS)
    if unknown:
        raise SsmError("InvalidParameters", f"unknown parameters: {', '.join(unknown)}")
    if not parameters.get("commands"):
        raise SsmError("InvalidParameters", "commands is required")
    with contextlib.suppress(ValueError, KeyError, IndexError):
        if not 1 <= int(parameters["executionTimeout"][0]) <= MAX_EXECUTION_SECONDS:
            raise SsmError("InvalidParameters", f"executionTimeout must be 1 to {MAX_EXECUTION_SECONDS}")


def _record(request: dict[str, Any], ids: list[str]) -> dict[str, Any]:
    """The command as MiniStack keeps it; `Invocations` is left out of what callers see."""
    command_id, now = new_uuid(), ssm._now_epoch()
    delivery_seconds = request.get("TimeoutSeconds", DEFAULT_DELIVERY_SECONDS)
    common = {
        "CommandId": command_id,
        "Comment": request.get("Comment", ""),
        "DocumentName": DOCUMENT,
        "DocumentVersion": request.get("DocumentVersion", "$DEFAULT"),
        "CloudWatchOutputConfig": request.get("CloudWatchOutputConfig") or {"CloudWatchOutputEnabled": False},
        "Status": "Pending",
        "StatusDetails": "Pending",
    }
    execution = float((request["Parameters"].get("executionTimeout") or [DEFAULT_DELIVERY_SECONDS])[0])
    return {
        **common,
        "ExpiresAfter": now + delivery_seconds + execution,
        "Parameters": request["Parameters"],
        "InstanceIds": ids,
        "Targets": request.get("Targets", []),
        "RequestedDateTime": now,
        "MaxConcurrency": request.get("MaxConcurrency", "50"),
        "MaxErrors": request.get("MaxErrors", "0"),
        "TargetCount": len(ids),
        "CompletedCount": 0,
        "ErrorCount": 0,
        "DeliveryTimedOutCount": 0,
        "TimeoutSeconds": delivery_seconds,
        "Invocations": {each: {**common, **_invocation(each)} for each in ids},
    }


def _invocation(instance_id: str) -> dict[str, Any]:
    return {
        "InstanceId": instance_id,
        "PluginName": "aws:runShellScript",
        "ResponseCode": -1,
        "ExecutionStartDateTime": "",
        "ExecutionElapsedTime": "",
        "ExecutionEndDateTime": "",
        "StandardOutputContent": "",
        "StandardOutputUrl": "",
        "StandardErrorContent": "",
        "StandardErrorUrl": "",
    }
