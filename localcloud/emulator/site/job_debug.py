"""Everything the emulator knows of one job, for understanding a failure."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch_logs, ssm, stepfunctions

from localcloud.emulator.ec2.instance_registry import InstanceRegistry
from localcloud.emulator.ec2.machine_view import JOB_TAG, machine_json
from localcloud.emulator.settings import Scope


def known_of_job(job_id: str, instances: InstanceRegistry, scope: Scope) -> dict[str, Any]:
    """`{executions, logs, commands, machines}` of a job; each empty when there is nothing."""
    machines = [each for each in instances.all() if each.tags.get(JOB_TAG) == job_id]
    with request_scope(*scope):
        return {
            "executions": [_execution(each) for each in stepfunctions._executions.values() if _concerns(each, job_id)],
            "logs": _log_lines(job_id),
            "commands": _commands({machine.id for machine in machines}),
            "machines": [machine_json(machine) for machine in machines],
        }


def _concerns(execution: dict[str, Any], job_id: str) -> bool:
    return job_id in execution.get("name", "") or job_id in execution.get("input", "")


def _execution(execution: dict[str, Any]) -> dict[str, Any]:
    events = [
        {
            "type": event.get("type"),
            "at": str(event.get("timestamp", "")),
            **{key: value for key, value in event.items() if key.endswith("EventDetails")},
        }
        for event in list(execution.get("events", []))
    ]
    return {
        "arn": execution["executionArn"],
        "status": execution["status"],
        "input": execution.get("input"),
        "output": execution.get("output"),
        "events": events,
    }


def _log_lines(job_id: str) -> list[dict[str, Any]]:
    """Lines of any log group that name the job, oldest first."""
    lines = [
        {"group": group, "stream": stream, "timestamp": event["timestamp"], "message": event["message"]}
        for group, content in list(cloudwatch_logs._log_groups.items())
        for stream, held in list(content["streams"].items())
        for event in list(held["events"])
        if job_id in event["message"]
    ]
    return sorted(lines, key=lambda line: line["timestamp"])


def _commands(instance_ids: set[str]) -> list[dict[str, Any]]:
    return [record for record in ssm._commands.values() if instance_ids & set(record.get("InstanceIds", []))]
