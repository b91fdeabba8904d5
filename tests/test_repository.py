"""What runs around the repository calls what is in it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
_LOCKS = {"npm": "package-lock.json", "gomod": "go.sum", "maven": "pom.xml"}
MEASURING = {"make bench-report"}


def read(path: str | Path) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def jobs() -> dict[str, Any]:
    return {name: job for path in WORKFLOWS for name, job in read(path)["jobs"].items()}


def commands() -> list[str]:
    return [step["run"] for job in jobs().values() for step in job["steps"] if "run" in step]


def test_continuous_integration_calls_make_targets_that_exist_and_nothing_else() -> None:
    called = [re.fullmatch(r"make ([a-z-]+)", command) for command in commands()]
    assert called
    assert all(call and call[1] in TARGETS for call in called), commands()


def test_continuous_integration_runs_what_the_other_one_runs_and_checks_the_pages_types() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert set(commands()) == {*re.findall(r"^make .*", script, re.MULTILINE), "make check-js", *MEASURING}


def test_figures_are_measured_now_and_then_and_hold_up_no_change() -> None:
    when = read(".github/workflows/bench.yml")[True]  # YAML 1.1 takes `on` for a truth value
    assert set(when) == {"schedule", "workflow_dispatch"}
    (job,) = read(".github/workflows/bench.yml")["jobs"].values()
    assert {step["run"] for step in job["steps"] if "run" in step} == MEASURING


def test_every_supported_python_is_tried() -> None:
    versions = jobs()["test"]["strategy"]["matrix"]["python"]
    (oldest,) = re.findall(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert (versions[0], versions[-1]) == (oldest, "3.13")
    assert all(isinstance(version, str) for version in versions)  # 3.10 as a number is 3.1


def test_actions_are_pinned_to_a_commit_and_say_which_version_that_is() -> None:
    used = [line for path in WORKFLOWS for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []


def test_a_workflow_may_only_read_and_the_preview_runs_where_a_role_is_configured() -> None:
    assert [read(path)["permissions"] for path in WORKFLOWS] == [{"contents": "read"}] * len(WORKFLOWS)
    (name,) = [name for name, job in jobs().items() if "id-token" in job.get("permissions", {})]
    condition = jobs()[name]["if"]
    assert "vars.AWS_PREVIEW_ROLE_ARN != ''" in condition
    assert "!github.event.pull_request.head.repo.fork" in condition
    assert jobs()[name]["environment"] == "preview"


def test_hooks_run_what_is_installed_here_and_download_nothing() -> None:
    repositories = read(".pre-commit-config.yaml")["repos"]
    assert {each["repo"] for each in repositories} == {"local"}
    locked = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    for hook in (hook for each in repositories for hook in each["hooks"]):
        assert hook["language"] == "system"
        program, word, *_ = hook["entry"].split()
        if program == "make":
            assert word in TARGETS
        else:
            assert re.search(rf"^{re.escape(program.removeprefix('.venv/bin/'))}==", locked, re.MULTILINE), hook


def test_updates_are_looked_for_wherever_a_lock_is() -> None:
    updates = {each["package-ecosystem"]: each for each in read(".github/dependabot.yml")["updates"]}
    assert set(updates) == {"pip", "npm", "gomod", "maven", "github-actions"}
    locked = {kind: [path.parent for path in ROOT.glob(f"judges/*/{name}")] for kind, name in _LOCKS.items()}
    locked["npm"].append(ROOT)
    for kind, folders in locked.items():
        assert {ROOT / folder.lstrip("/") for folder in updates[kind]["directories"]} == set(folders)
    sources = (ROOT / folder.lstrip("/") for folder in updates["pip"]["directories"])
    assert all(list(folder.glob("requirements*.in")) for folder in sources)


def test_every_judge_can_be_run_and_is_described() -> None:
    judges = sorted(path.parent for path in (ROOT / "judges").glob("*/run"))
    assert [path.name for path in judges if not os.access(path / "run", os.X_OK)] == []
    described = re.findall(r"^\| `(\w+)` \|", (ROOT / "judges" / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert described == [path.name for path in judges]


def test_issue_forms_have_a_name_a_description_and_questions() -> None:
    forms = [path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"]
    assert forms
    for path in forms:
        form = read(path)
        assert {"name", "description", "body"} <= set(form)
        fields = [field for field in form["body"] if field["type"] != "markdown"]
        assert len({field["id"] for field in fields}) == len(fields)
        assert all(field["attributes"]["label"] for field in fields)


def test_reports_of_weaknesses_go_to_no_person_by_name() -> None:
    assert re.findall(r"\S+@\S+", (ROOT / "SECURITY.md").read_text(encoding="utf-8")) == []
