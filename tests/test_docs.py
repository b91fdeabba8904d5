"""What the documents name is there."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
import yaml

from operations.smoke import TRIALS

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("*/README.md")), *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []


def test_the_recording_takes_twenty_seconds_and_not_a_megabyte() -> None:
    """RFC 9649, 2.7.1.1: in each ANMF chunk the frame's duration, 24 bits of milliseconds, comes after 12 bytes."""
    data = (ROOT / "docs" / "images" / "recording.webp").read_bytes()
    assert len(data) <= 1_000_000
    milliseconds, at = 0, 12
    while at < len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        milliseconds += int.from_bytes(data[at + 20 : at + 23], "little") if kind == b"ANMF" else 0
        at += 8 + size + size % 2
    assert 19_000 <= milliseconds <= 21_000


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_that_a_document_names_is_there(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = re.findall(r"```.*?```|`[^`]+`", document.read_text(encoding="utf-8"), re.DOTALL)
    assert {name for piece in code for name in re.findall(r"\bmake ([a-z][a-z-]*)", piece)} <= targets


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
        # Resources are tagged in the same form, with `mayfly:stack` among others.
        named = re.findall(r"(?<!tag:)mayfly:([a-z]\w+)", document.read_text(encoding="utf-8"))
        assert set(named) - {"stack"} <= declared, document


SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_threat_has_a_test_and_every_test_it_names_is_there() -> None:
    (table,) = re.findall(r"\| asset \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", SECURITY)
    rows = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table.splitlines()]
    assert len(rows) > 20
    assert {len(row) for row in rows} == {4}
    for *_, shown in rows:
        path, _, name = shown.strip("`").partition("::")
        source = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {name}\(", source, re.MULTILINE), shown


def test_the_security_document_says_what_is_not_defended_and_how_to_report() -> None:
    headings = re.findall(r"^## (.*)", SECURITY, re.MULTILINE)
    assert {"What Mayfly does not defend against", "Dependencies", "Reporting"} <= set(headings)


def test_the_first_deployment_tries_every_trial_that_there_is() -> None:
    named = re.findall(r"--trial (\w+)", (ROOT / "docs" / "first-deployment.md").read_text(encoding="utf-8"))
    assert set(named) == set(TRIALS)


PAGES = {"tour.md": 2, "glossary.md": 1}


def defined_in(path: Path) -> set[str]:
    """The functions and classes of a file, methods as `Class.method`; of a workflow its states."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".js":
        return set(re.findall(r"^(?:export )?(?:async )?(?:function|class|const) (\w+)", source, re.MULTILINE))
    if path.suffix == ".json":
        return set(json.loads(source)["States"])
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    named = [node for node in ast.parse(source).body if isinstance(node, kinds)]
    methods = {f"{node.name}.{each.name}" for node in named for each in node.body if isinstance(each, kinds)}
    return {node.name for node in named} | methods


@pytest.mark.parametrize("document", PAGES)
def test_what_the_tour_and_the_glossary_name_is_defined_in_the_file_they_link_to(document: str) -> None:
    folder = ROOT / "docs"
    named = re.findall(r"\[`([\w.]+)`\]\(([^)]+)\)", (folder / document).read_text(encoding="utf-8"))
    assert len(named) > 20
    assert [(name, path) for name, path in named if name not in defined_in(folder / path)] == []


def test_the_tour_has_two_pages_at_most_and_the_glossary_one() -> None:
    pages = {name: len((ROOT / "docs" / name).read_text(encoding="utf-8").splitlines()) / 50 for name in PAGES}
    assert {name: pages[name] <= most for name, most in PAGES.items()} == dict.fromkeys(PAGES, True)


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


def rows(document: str, heading: str) -> list[list[str]]:
    """The cells of the table in docs/`document`.md whose first column is headed so."""
    text = (ROOT / "docs" / f"{document}.md").read_text(encoding="utf-8")
    (table,) = re.findall(rf"\| {heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text)
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table.splitlines()]


def test_the_example_bill_adds_up() -> None:
    sums: list[float] = []
    for heading in ("per job", "per month, whatever is done", "per month, with `mayfly:monitoring`"):
        amounts = [
            (float(quantity) * float(price), float(amount)) for _, quantity, price, amount in rows("costs", heading)
        ]
        assert [pair for pair in amounts if abs(pair[0] - pair[1]) > 0.000_000_6] == []
        sums.append(sum(amount for amount, _ in amounts))
    a_job, a_month, watching = sums
    for jobs, bill, watched in rows("costs", "jobs a month"):
        of_jobs = a_job * int(jobs.replace(",", "")) + a_month
        assert (bill, watched) == (f"{of_jobs:.2f}", f"{of_jobs + watching:.2f}")


def test_what_differs_between_stacks_is_what_their_files_say() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]

    def value(stack: str, key: str) -> str:
        config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
        return json.dumps(config.get(key, declared[key]["default"]))

    told = {
        tuple(re.findall("`([^`]+)`", setting)): (dev, prod) for setting, dev, prod, _ in rows("operations", "setting")
    }
    files = [set(yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]) for stack in ("dev", "prod")]
    assert set().union(*told) == set.union(*files) - {"aws:region", "mayfly:auth"}
    for keys, (dev, prod) in told.items():
        assert prod.split(", ") == [value("prod", key) for key in keys]
        assert dev == value("dev", keys[0])


def test_the_job_is_found_in_the_log_of_every_function() -> None:
    handlers = {path.stem: path.read_text() for path in (ROOT / "functions" / "orchestrator").glob("*.py")}
    handlers = {name.replace("_", "-"): source for name, source in handlers.items() if "def handler(" in source}
    steps, *others = rows("troubleshooting", "function")
    assert set(steps[0].split(", ")) == {name for name, source in handlers.items() if "log_step(" in source}
    assert {name for name, _ in others} - {"api", "machines (`/mayfly/prod/machines`)"} == (
        set(handlers) - set(steps[0].split(", "))
    )
