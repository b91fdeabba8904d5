"""The linter's security rules (bandit's, "S") are on everywhere; each one that is off says why."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from tests.static.tracked_files import ROOT, tracked_files

pytestmark = pytest.mark.thorough

PYPROJECT = ROOT / "pyproject.toml"
SECURITY_RULE = r"\bS\d{3}\b"
# One line for each kind of danger, and the rule that sees it.
DANGERS = {
    "S307": "eval(input())",
    "S602": "subprocess.run(input(), shell=True)",
    "S301": "pickle.loads(input().encode())",
    "S324": "hashlib.md5(input().encode())",
    "S501": "requests.get(input(), verify=False)",
    "S506": "yaml.load(input())",
    "S306": "tempfile.mktemp()",
    "S202": "tarfile.open(input()).extractall()",
    "S608": 'f"SELECT * FROM jobs WHERE owner = {input()}"',
    "S113": "requests.get(input())",
    "S311": "random.random()",
}
FOLDERS = sorted({str(path.parent).split("/")[0] for path in tracked_files() if path.suffix == ".py"})


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_folders_code_is_checked_for_what_is_dangerous(folder: str) -> None:
    modules = sorted({re.split(r"\W", line)[0] for line in DANGERS.values()} - {"eval", "f"})
    code = "\n".join([*(f"import {module}" for module in modules), *DANGERS.values()])
    command = [sys.executable, "-m", "ruff", "check", "--output-format", "concise", "--stdin-filename"]
    answer = subprocess.run(
        [*command, f"{folder}/planted.py", "-"], cwd=ROOT, input=code, capture_output=True, text=True, check=False
    )
    assert set(DANGERS) - set(re.findall(SECURITY_RULE, answer.stdout)) == set(), answer.stderr


def test_settings_that_turn_a_security_rule_off_give_a_reason() -> None:
    lines = [line.partition("#") for line in PYPROJECT.read_text(encoding="utf-8").splitlines()]
    off = [(settings, reason) for settings, _, reason in lines if re.search(SECURITY_RULE, settings)]
    assert off
    assert [settings for settings, reason in off if len(reason.split()) < 2] == []


def noqa_comments(path: Path) -> list[str]:
    source = io.StringIO(path.read_text(encoding="utf-8"))
    comments = [token.string for token in tokenize.generate_tokens(source.readline) if token.type == tokenize.COMMENT]
    return [comment for comment in comments if re.search(r"noqa", comment, re.IGNORECASE)]


def reason(comment: str) -> str:
    """What stands behind the rules of a `noqa`."""
    return re.sub(r"#\s*(?:ruff:\s*)?noqa:?\s*([A-Z]+\d+[,\s]*)*", "", comment, flags=re.IGNORECASE).strip(" #-:")


def test_every_suppressed_security_rule_says_why() -> None:
    suppressed = [
        (str(path), comment)
        for path in tracked_files()
        if path.suffix == ".py"
        for comment in noqa_comments(ROOT / path)
        if re.search(SECURITY_RULE, comment) or not re.search(r"noqa:\s*[A-Z]+\d+", comment)
    ]
    assert suppressed
    assert [(path, comment) for path, comment in suppressed if len(reason(comment).split()) < 2] == []


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# noqa: S311  # nothing secret about it", "nothing secret about it"),
        ("# noqa: S105 a type signature", "a type signature"),
        ("# noqa: S101, PLR2004 - as above", "as above"),
        ("# noqa: S101", ""),
        ("# ruff: noqa: S101", ""),
        ("# noqa", ""),
    ],
)
def test_a_reason_is_what_stands_behind_the_rules(comment: str, expected: str) -> None:
    assert reason(comment) == expected
