"""checkov, which lives in an environment of its own, asked about a deployment."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.engine.records import Deployment
from tests.static.terraform_plan import terraform_plan
from tests.static.tracked_files import ROOT

_CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"
# It knows its rules and asks nobody for more.
_OPTIONS = ("--framework", "terraform_plan", "--output", "json", "--skip-download", "--compact")


@dataclass(frozen=True)
class Finding:
    """`resource` is the address in the plan, such as `aws_s3_bucket.mayfly_local_uploads`."""

    check: str
    name: str
    resource: str


@dataclass(frozen=True)
class Report:
    """`passed` has the ids of checks that some resource passed; `resources` counts those that were looked at."""

    findings: tuple[Finding, ...]
    passed: frozenset[str]
    resources: int


def scan(deployment: Deployment, folder: Path) -> Report:
    """What checkov finds in the deployment; `folder` is for the plan that it reads.

    Raises:
        RuntimeError: there is no checkov, or it could not read the plan.
    """
    if not _CHECKOV.exists():
        raise RuntimeError(f"{_CHECKOV} is not there: run `make setup-checkov`")
    plan = folder / "plan.json"
    plan.write_text(json.dumps(terraform_plan(deployment), indent=1), encoding="utf-8")
    command = [str(_CHECKOV), "--file", str(plan), *_OPTIONS, "--soft-fail"]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if finished.returncode or not finished.stdout.lstrip().startswith("{"):
        raise RuntimeError(f"checkov failed:\n{finished.stdout[-1000:]}\n{finished.stderr[-2000:]}")
    return _report(json.loads(finished.stdout))


def _report(answer: dict[str, Any]) -> Report:
    results = answer["results"]
    if results["parsing_errors"]:
        raise RuntimeError(f"checkov could not read {results['parsing_errors']}")
    return Report(
        findings=tuple(
            Finding(each["check_id"], each["check_name"], each["resource"]) for each in results["failed_checks"]
        ),
        passed=frozenset(each["check_id"] for each in results["passed_checks"]),
        resources=answer["summary"]["resource_count"],
    )
