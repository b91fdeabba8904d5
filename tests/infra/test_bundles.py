from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import boto3
import pytest

from infra.api import _BUNDLE as API_BUNDLE
from infra.bundle import Bundle, Target
from infra.payload import build_archive
from infra.steps import BUNDLE as STEPS_BUNDLE
from localcloud.engine.deployment import Deployment, preview
from localcloud.engine.fingerprint import fingerprint
from tests.infra.conftest import ROOT, SIGNED_IN

pytestmark = pytest.mark.thorough

LAMBDA_X86 = Target("3.13", "x86_64")


def test_two_runs_record_the_same_resources_inputs_and_bytes(signed_in: Deployment) -> None:
    assert fingerprint(signed_in) == fingerprint(preview(ROOT, config=SIGNED_IN))


def test_a_bundle_built_anew_elsewhere_has_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Target("", "", host=True)
    first = STEPS_BUNDLE.build(host)
    monkeypatch.setattr("infra.bundle.BUILD", tmp_path)
    second = STEPS_BUNDLE.build(host)
    assert first != second
    assert first.read_bytes() == second.read_bytes()


def test_the_payload_depends_on_content_and_modes_alone(tmp_path: Path) -> None:
    for copy in ("one", "two"):
        shutil.copytree(ROOT / "ec2_payload", tmp_path / copy, copy_function=shutil.copy)
    assert build_archive(tmp_path / "one") == build_archive(tmp_path / "two")
    (tmp_path / "two" / "script.py").write_text("print()\n")
    assert build_archive(tmp_path / "one") != build_archive(tmp_path / "two")


def test_a_bundle_has_our_code_and_what_it_needs_and_nothing_else() -> None:
    names = zipfile.ZipFile(STEPS_BUNDLE.build(Target("", "", host=True))).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"functions", "ec2_payload", "aws_lambda_powertools", "jmespath", "typing_extensions.py"}
    assert not any(name.startswith("functions/api") or "__pycache__" in name for name in names)


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_the_bundle_for_lambda_has_binaries_for_its_processor_and_no_other(architecture: str) -> None:
    bundle = zipfile.ZipFile(API_BUNDLE.build(Target("3.13", architecture)))
    binaries = [name for name in bundle.namelist() if name.endswith(".so")]
    machine = {"arm64": "aarch64"}.get(architecture, architecture)
    assert binaries
    assert all(f"cpython-313-{machine}" in name for name in binaries)


def lambda_like_python() -> str | None:
    """A working Python 3.13, from the path or from pyenv."""
    places = [shutil.which("python3.13"), *map(str, Path.home().glob(".pyenv/versions/3.13.*/bin/python3.13"))]
    for place in filter(None, places):
        if subprocess.run([place, "-c", ""], capture_output=True, check=False).returncode == 0:
            return place
    return None


@pytest.mark.skipif(lambda_like_python() is None, reason="no python3.13 here to stand in for Lambda's")
@pytest.mark.skipif(sys.platform != "linux", reason="the bundle's binaries are for Linux")
@pytest.mark.parametrize(
    ("bundle", "module"),
    [
        (API_BUNDLE, "functions.api.handler"),
        *((STEPS_BUNDLE, f"functions.orchestrator.{name}") for name in ("stream", "launch", "dispatch", "record")),
    ],
)
def test_the_bundle_for_lambda_imports_with_lambdas_python(bundle: Bundle, module: str, tmp_path: Path) -> None:
    zipfile.ZipFile(bundle.build(LAMBDA_X86)).extractall(tmp_path)
    # boto3 is the runtime's own; here this environment's stands in, behind the bundle.
    runtime = str(Path(boto3.__file__).parents[1])
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; sys.path.append({runtime!r}); import {module}"
    python = lambda_like_python()
    assert python
    finished = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
