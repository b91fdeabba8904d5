"""Who may import whom (docs/architecture.md, "Code")."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def imports(folder: str) -> Iterator[tuple[str, str]]:
    """(file, imported module) for every import of a module or below a folder, those inside functions included."""
    for path in sorted([*(ROOT / folder).rglob("*.py"), *ROOT.glob(f"{folder}.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: imports are absolute"
                yield str(path.relative_to(ROOT)), node.module or ""
            elif isinstance(node, ast.Import):
                yield from ((str(path.relative_to(ROOT)), name.name) for name in node.names)


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


# The core, each package of which may import those before it: the standard library alone, no handler, no adapter.
CORE = ("jobs", "costs", "scheduling", "monitoring", "execution", "cleanup", "submission")
ALLOWED = {
    **{
        f"functions/{name}": tuple(f"functions.{each}" for each in CORE[: number + 1])
        for number, name in enumerate(CORE)
    },
    "functions/aws": (
        *(f"functions.{each}" for each in CORE),
        "functions.aws",
        "aws_lambda_powertools",
        "botocore",
        "mypy_boto3_*",
    ),
    "ec2_payload": ("ec2_payload",),
    # What a deployment is made with has the packages of requirements.txt alone; so has what it needs of the functions.
    "infra": (
        "infra",
        "functions.costs",
        "functions.environment",
        "functions.monitoring",
        "functions.orchestrator.settings",
        "functions.scheduling",
        "pulumi",
        "pulumi_aws",
    ),
    "functions/orchestrator/settings": ("functions.costs", "functions.environment"),
    "functions/environment": (),
    # localcloud/dependencies.in, and the parts of those packages that have names of their own.
    "localcloud": (
        "localcloud",
        "boto3",
        "botocore",
        "google.protobuf",
        "grpc",
        "httpx2",
        "hypercorn",
        "ministack",
        "pulumi",
        "pulumi_aws",
        "pydantic",
        "yaml",
    ),
    "mayfly": ("mayfly", "typer", "rich", "httpx2"),
    # MiniStack carries DynamoDB's list of reserved words.
    "simulation": (
        "simulation",
        "functions",
        "botocore",
        "greenlet",
        "jsonata",
        "ministack.services._dynamodb_keywords",
        "pydantic",
    ),
}


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_a_folder_imports_the_standard_library_and_what_it_may(folder: str) -> None:
    found = [
        (path, module)
        for path, module in imports(folder)
        if module.split(".")[0] not in sys.stdlib_module_names
        and not any(is_within(module, one) or module.startswith(one.rstrip("*")) for one in ALLOWED[folder])
    ]
    assert found == []


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("functions", ("infra", "localcloud", "simulation", "ec2_payload", "pulumi", "tests")),
        ("functions/api", ("functions.orchestrator",)),
        ("functions/orchestrator", ("functions.api", "fastapi", "mangum", "pydantic")),
        ("localcloud/emulator", ("localcloud.cloud", "localcloud.engine", "localcloud.plugins")),
        ("localcloud/engine", ("localcloud.cloud", "localcloud.emulator", "localcloud.plugins")),
        ("localcloud/plugins", ("localcloud.cloud", "localcloud.emulator")),
        ("operations", ("functions", "localcloud", "simulation", "tests")),
        ("benchmarks", ("functions", "tests")),
        ("soak", ("functions", "infra", "simulation", "tests")),
        ("tests/localcloud", ("functions", "infra", "mayfly", "operations", "simulation")),
    ],
)
def test_a_folder_does_not_reach_where_it_should_not(folder: str, forbidden: tuple[str, ...]) -> None:
    found = [(path, module) for path, module in imports(folder) if any(is_within(module, one) for one in forbidden)]
    assert found == []


def test_the_local_clouds_distribution_has_all_of_its_folders() -> None:
    project = tomllib.loads((ROOT / "localcloud" / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {path.relative_to(ROOT).parent for path in (ROOT / "localcloud").rglob("*.py")}
    assert set(project["tool"]["setuptools"]["packages"]) == {".".join(folder.parts) for folder in folders}


def test_only_the_handler_knows_mangum() -> None:
    assert {path for path, module in imports("functions") if is_within(module, "mangum")} == {
        "functions/api/handler.py"
    }


def test_packages_have_no_code_in_their_init_files() -> None:
    folders = ("functions", "infra", "localcloud", "mayfly", "operations", "simulation")
    sources = [path for folder in folders for path in (ROOT / folder).rglob("__init__.py")]
    assert [str(path) for path in sources if path.read_text().strip()] == []


def test_what_needs_a_cloud_or_a_browser_is_where_make_test_looks_for_it() -> None:
    (listed,) = re.findall(r"^CLOUD_TESTS := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    marked = [
        path for path in (ROOT / "tests").rglob("*.py") if re.search(r"mark\.(cloud|browser)\b", path.read_text())
    ]
    assert [str(path) for path in marked if not any(path.is_relative_to(ROOT / each) for each in listed.split())] == []
    assert marked
