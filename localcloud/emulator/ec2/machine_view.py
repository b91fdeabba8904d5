"""A machine as `GET /_local/machines` shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from localcloud.emulator.ec2.machines import Machine

JOB_TAG, OWNER_TAG, ATTEMPT_TAG = "mayfly:job-id", "mayfly:owner", "mayfly:attempt"


def machine_json(machine: Machine) -> dict[str, Any]:
    """`{id, job_id, owner, attempt, state, launched_at, terminated_at}`; times RFC 3339 UTC, null while unknown."""
    attempt = machine.tags.get(ATTEMPT_TAG, "")
    return {
        "id": machine.id,
        "job_id": machine.tags.get(JOB_TAG),
        "owner": machine.tags.get(OWNER_TAG),
        "attempt": int(attempt) if attempt.isdigit() else None,
        "state": machine.state,
        "launched_at": _rfc3339(machine.launched_at),
        "terminated_at": _rfc3339(machine.terminated_at),
    }


def _rfc3339(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" if at else None
