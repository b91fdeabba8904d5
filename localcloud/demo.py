"""One job from file to output through the public API, shown step by step."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from localcloud.job_client import JobClient

if TYPE_CHECKING:
    from pathlib import Path

    from localcloud.cloud import LocalCloud

JOB_SECONDS = 300.0
MACHINE_SECONDS = 120.0
USER = "alice"
PREVIEW_BYTES = 600


def run_demo(cloud: LocalCloud, path: Path, text: str, output: Path | None) -> bool:
    """Runs one job and prints its story to standard output; True when it succeeded and its machine is gone."""
    with JobClient(cloud.url, user=USER) as client:
        job = client.submit(path, path.name, text)
        _print(f"Job {job['id']}: {path.name}, {path.stat().st_size} bytes")
        job = client.wait(job["id"], JOB_SECONDS)
        _print_timeline(job)
        if job["status"] != "succeeded":
            _print(f"The job {job['status']}: {_reason(job)}")
            return False
        _print_output(client, job, output)
        return _machines_are_gone(client, job["id"])


def _print_timeline(job: dict[str, Any]) -> None:
    before: datetime | None = None
    for entry in job["timeline"]:
        at = datetime.fromisoformat(entry["at"])
        since = f"+{(at - before).total_seconds():.2f} s" if before else ""
        detail = entry.get("detail")
        shown = detail if isinstance(detail, str) else " ".join(f"{k}={v}" for k, v in (detail or {}).items())
        _print(f"  {at:%H:%M:%S.%f}"[:-3] + f"  {since:>9}  {entry['event']}  {shown}".rstrip())
        before = at


def _print_output(client: JobClient, job: dict[str, Any], output: Path | None) -> None:
    _print(f"Output: {job['output_file_path']}")
    content = client.output(job["id"])
    if output is not None:
        output.write_bytes(content)
        _print(f"Saved as {output}")
    shown = content[:PREVIEW_BYTES].decode("utf-8", "replace")
    _print("\n".join(f"  | {line}" for line in shown.splitlines()))
    if len(content) > PREVIEW_BYTES:
        _print(f"  … {len(content)} bytes in all, ending in:")
        _print(f"  | {content[-PREVIEW_BYTES:].decode('utf-8', 'replace').splitlines()[-1]}")


def _machines_are_gone(client: JobClient, job_id: str) -> bool:
    """Waits for the machine's end, and prints the receipt."""
    deadline = time.monotonic() + MACHINE_SECONDS
    while True:
        machines = [machine for machine in client.machines() if machine["job_id"] == job_id]
        if all(machine["state"] == "terminated" for machine in machines) or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    for machine in machines:
        _print(f"Machine {machine['id']}: {machine['state']} {machine['terminated_at'] or ''}".rstrip())
    alive = sum(machine["state"] != "terminated" for machine in machines)
    _print(f"Machines alive now: {alive}")
    return bool(machines) and not alive


def _reason(job: dict[str, Any]) -> str:
    error = job.get("error") or {}
    return ". ".join(str(error[key]) for key in ("code", "message", "advice") if error.get(key)) or "no reason given"


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
