"""One job from file to output through the command line client, shown step by step."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from localcloud.cloud import LocalCloud

# A command, not an import: the local cloud needs nothing of what it runs.
CLIENT = (sys.executable, "-m", "mayfly")
JOB_SECONDS = 300
MACHINE_SECONDS = 120.0
USER = "alice"
PREVIEW_BYTES = 600


def run_demo(cloud: LocalCloud, path: Path, text: str, output: Path | None) -> bool:
    """Runs one job and prints its story to standard output; True when it succeeded and its machine is gone."""
    with tempfile.TemporaryDirectory() as folder:
        target = output or Path(folder) / "output"
        options = (f"--text={text}", f"--output={target}", "--force", f"--timeout={JOB_SECONDS}", "--json")
        command = (*CLIENT, "submit", *options, "--", str(path))
        # What goes wrong is said on standard error, by the client.
        done = subprocess.run(command, env=_environment(cloud), stdout=subprocess.PIPE, check=False)
        if not done.stdout:
            return False
        for job in json.loads(done.stdout)["jobs"]:
            print(f"Job {job['id']}: {path.name}, {path.stat().st_size} bytes")
            _print_timeline(job)
        if done.returncode:
            return False
        print(f"Output: {job['output_file_path']}")
        if output is not None:
            print(f"Saved as {output}")
        _print_output(target.read_bytes())
    return _machines_are_gone(cloud, job["id"])


def _environment(cloud: LocalCloud) -> dict[str, str]:
    """Without what the user may have set for a stack of AWS."""
    users = {"MAYFLY_TOKEN": cloud.token(USER)} if cloud.users else {}
    others = {name: value for name, value in os.environ.items() if not name.startswith("MAYFLY_")}
    return {**others, **users, "MAYFLY_URL": cloud.url}


def _print_timeline(job: dict[str, Any]) -> None:
    before: datetime | None = None
    for entry in job["timeline"]:
        at = datetime.fromisoformat(entry["at"])
        since = f"+{(at - before).total_seconds():.2f} s" if before else ""
        print(f"  {at:%H:%M:%S.%f}"[:-3] + f"  {since:>9}  {entry['event']}  {entry['detail']}".rstrip())
        before = at


def _print_output(content: bytes) -> None:
    shown = content[:PREVIEW_BYTES].decode("utf-8", "replace")
    print("\n".join(f"  | {line}" for line in shown.splitlines()))
    if len(content) > PREVIEW_BYTES:
        print(f"  … {len(content)} bytes in all, ending in:")
        print(f"  | {content[-PREVIEW_BYTES:].decode('utf-8', 'replace').splitlines()[-1]}")


def _machines_are_gone(cloud: LocalCloud, job_id: str) -> bool:
    """Waits for the machine's end, and prints the receipt."""
    deadline = time.monotonic() + MACHINE_SECONDS
    while True:
        machines = [machine for machine in cloud.machines() if machine["job_id"] == job_id]
        if all(machine["state"] == "terminated" for machine in machines) or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    for machine in machines:
        print(f"Machine {machine['id']}: {machine['state']} {machine['terminated_at'] or ''}".rstrip())
    alive = sum(machine["state"] != "terminated" for machine in machines)
    print(f"Machines alive now: {alive}")
    return bool(machines) and not alive
