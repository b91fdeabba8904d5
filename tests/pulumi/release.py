"""Another release of the program, as `git pull` would bring it: other code, another workflow, another payload."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from localcloud.emulator.process import ROOT

# Everything else of the repository is the same in both.
_COPIED = ("ec2_payload", "functions", "infra")


def next_release(folder: Path) -> Path:
    """A project folder whose functions log and answer `release`, and whose workflow has a step more and sends it."""
    for entry in ROOT.iterdir():
        if entry.name in _COPIED:
            shutil.copytree(entry, folder / entry.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (folder / entry.name).symlink_to(entry)
    steps = folder / "functions" / "orchestrator"
    _replace(steps / "step.py", r"append_keys\(", "append_keys(release=2, ")
    _replace(steps / "dispatch.py", r'return \{"command_id"', 'return {"release": 2, "command_id"')
    _replace(folder / "ec2_payload" / "run_job.py", r"\Z", "# release 2\n")
    _replace(steps / "workflow.asl.json", r"(?s).*", json.dumps(_changed(steps / "workflow.asl.json")), most=1)
    return folder


def _replace(path: Path, old: str, new: str, most: int = 0) -> None:
    text, count = re.subn(old, lambda _: new, path.read_text(encoding="utf-8"), count=most)
    assert count == 1, f"{path} has {old} {count} times"
    path.write_text(text, encoding="utf-8")


def _changed(workflow: Path) -> dict[str, object]:
    definition: dict[str, object] = json.loads(workflow.read_text(encoding="utf-8"))
    states = definition["States"]
    assert isinstance(states, dict)
    for state in states.values():
        if state.get("Next") == "Release":
            state["Next"] = "Recorded"
    states["Recorded"] = {"Type": "Pass", "Assign": {"release": 2}, "Next": "Release"}
    for name in ("Dispatch", "Finish", "Record", "Terminate", "Release"):
        states[name]["Arguments"]["Payload"]["release"] = 2
    return definition
