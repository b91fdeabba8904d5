"""One setting changed on a deployed stack: what happens to its resources, and that none that holds data is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from localcloud.engine.project_file import load_project
from tests.infra.changes import changes
from tests.infra.config_changes import (
    DOCUMENT,
    OTHER_KEY,
    OTHER_NAME,
    ROOT,
    SETTINGS,
    changes_of,
    loses_data,
    record,
    recorded,
    row,
    table,
)

pytestmark = pytest.mark.thorough

_TABLE = "aws:dynamodb/table:Table::mayfly-dev-jobs"


def test_every_setting_has_a_row() -> None:
    assert set(SETTINGS) == set(load_project(ROOT).declarations)
    assert len(table(DOCUMENT.read_text())) == len(SETTINGS)


@pytest.mark.parametrize("key", SETTINGS)
def test_a_setting_changes_what_the_document_says_and_loses_no_data(key: str) -> None:
    assert row(key) in table(DOCUMENT.read_text()), "run `make settings-table`"
    lost = {urn.split("::")[2].rpartition("$")[2] for urn in loses_data(changes_of(key))}
    assert lost == ({"aws:cognito/userPool:UserPool"} if key == "auth" else set())


@pytest.mark.parametrize("edits", [OTHER_KEY, OTHER_NAME], ids=["another key", "another name"])
def test_a_program_that_makes_a_new_job_table_is_found(tmp_path: Path, edits: dict[str, str]) -> None:
    changed = tmp_path / "program"
    changed.mkdir()
    for entry in ROOT.iterdir():
        if entry.name != "infra":
            (changed / entry.name).symlink_to(entry)
    shutil.copytree(ROOT / "infra", changed / "infra")
    source = changed / "infra" / "jobs_table.py"
    for old, new in edits.items():
        assert old in source.read_text()
        source.write_text(source.read_text().replace(old, new))
    # Either program deploys to an empty cloud without a word; only what is there already tells them apart.
    [lost] = loses_data(changes(recorded(), record(changed)))
    assert lost.endswith(_TABLE)
