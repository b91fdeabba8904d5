"""checkov, which lives in an environment of its own, asked about deployments."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
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


def scan(deployments: Mapping[str, Deployment], folder: Path) -> dict[str, Report]:
    """What checkov finds in each of the deployments, by their names; `folder` is for the plans that it reads.

    It takes longer to start than to look at one, hence all at once.

    Raises:
        RuntimeError: there is no checkov, or it could not read a plan.
    """
    if not _CHECKOV.exists():
        raise RuntimeError(f"{_CHECKOV} is not there: run `make setup-checkov`")
    command = [str(_CHECKOV), *_OPTIONS, "--soft-fail"]
    plans = {name: terraform_plan(deployment) for name, deployment in deployments.items()}
    for name, plan in plans.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(plan, indent=1), encoding="utf-8")
        command += ["--file", str(path)]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if finished.returncode or not finished.stdout.lstrip().startswith("{"):
        raise RuntimeError(f"checkov failed:\n{finished.stdout[-1000:]}\n{finished.stderr[-2000:]}")
    answer = json.loads(finished.stdout)
    results, read = answer["results"], answer["summary"]["resource_count"]
    if results["parsing_errors"]:
        raise RuntimeError(f"checkov could not read {results['parsing_errors']}")
    counts = {name: len(plan["planned_values"]["root_module"]["resources"]) for name, plan in plans.items()}
    if read != sum(counts.values()):
        raise RuntimeError(f"checkov looked at {read} resources of {counts}")
    return {name: _report(results, f"/{name}.json", count) for name, count in counts.items()}


def _report(results: dict[str, Any], plan: str, resources: int) -> Report:
    failed, passed = (
        [each for each in results[kind] if each["file_path"] == plan] for kind in ("failed_checks", "passed_checks")
    )
    return Report(
        findings=tuple(Finding(each["check_id"], each["check_name"], each["resource"]) for each in failed),
        passed=frozenset(each["check_id"] for each in passed),
        resources=resources,
    )
