"""What the documents name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "ec2_payload" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []


def test_every_make_target_that_the_readme_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z-]+)", README)) <= targets


def test_every_path_that_the_readme_names_is_there() -> None:
    paths = re.findall(r"`([\w./]+/|[\w/]+\.(?:py|json|yaml|md))`", README)
    assert paths
    made_later = {"build/test-artifacts/"}
    folders = ("functions", "infra", "ec2_payload", "localcloud", "docs")
    everywhere = {path.name for folder in folders for path in (ROOT / folder).rglob("*.*")}
    missing = [path for path in paths if not (ROOT / path).exists() and path not in everywhere | made_later]
    assert missing == []


def test_every_setting_that_a_document_names_is_declared() -> None:
    declared = {key.removeprefix("mayfly:") for key in yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]}
    for document in DOCUMENTS:
        assert set(re.findall(r"mayfly:([a-z]\w+)", document.read_text())) <= declared, document


SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_threat_has_a_test_and_every_test_it_names_is_there() -> None:
    (table,) = re.findall(r"\| asset \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", SECURITY)
    rows = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table.splitlines()]
    assert len(rows) > 20
    assert {len(row) for row in rows} == {4}
    for *_, shown in rows:
        path, _, name = shown.strip("`").partition("::")
        source = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^def {name or 'test_'}", source, re.MULTILINE), shown
        assert not name or f"def {name}(" in source, shown


def test_the_security_document_says_what_is_not_defended_and_how_to_report() -> None:
    headings = re.findall(r"^## (.*)", SECURITY, re.MULTILINE)
    assert {"What Mayfly does not defend against", "Dependencies", "Reporting"} <= set(headings)


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150
