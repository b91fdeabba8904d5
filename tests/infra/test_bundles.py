from __future__ import annotations

import json
import marshal
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import CodeType

import pulumi
import pytest

from infra import function
from infra.api import BUNDLE as API_BUNDLE
from infra.bundle import Bundle
from infra.bundling.aws_calls import AwsCalls
from infra.bundling.errors import BundleError
from infra.bundling.import_scanner import ImportCache
from infra.bundling.modules import Modules
from infra.bundling.target import Target
from infra.steps import orchestrator_bundle
from localcloud.engine.deployment import Deployment, preview
from tests.infra.conftest import ROOT, SIGNED_IN

pytestmark = pytest.mark.thorough

HOST = Target("", "", host=True)
LAMBDA_X86 = Target("3.13", "x86_64")
STEPS = (
    *("await_completion", "dispatch", "events", "inspect_command", "launch"),
    *("record", "release", "stream", "sweep", "terminate"),
)


def names_in(bundle: Bundle, target: Target = HOST) -> list[str]:
    return zipfile.ZipFile(bundle.build(target)).namelist()


def test_two_runs_record_the_same_resources_inputs_and_bytes(signed_in: Deployment) -> None:
    again = preview(ROOT, config=SIGNED_IN)
    assert {each.urn: each for each in signed_in.resources} == {each.urn: each for each in again.resources}


def test_a_bundle_built_anew_elsewhere_has_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = orchestrator_bundle("record").build(HOST)
    monkeypatch.setattr("infra.bundle.BUILD", tmp_path)
    second = orchestrator_bundle("record").build(HOST)
    assert first != second
    assert first.read_bytes() == second.read_bytes()


def test_a_bundle_that_is_there_is_not_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = API_BUNDLE.build(HOST)
    built = first.stat().st_mtime_ns
    monkeypatch.setattr("infra.bundle.install", lambda *_: pytest.fail("installs"))
    assert API_BUNDLE.build(HOST) == first
    assert first.stat().st_mtime_ns == built


def test_a_bundle_has_our_code_and_what_it_needs_and_nothing_else() -> None:
    names = names_in(orchestrator_bundle("stream"))
    ours = {name for name in names if name.startswith(("functions", "ec2_payload")) and name.endswith(".py")}
    assert {
        "functions/orchestrator/stream.py",
        "functions/aws/workflow.py",
    } <= ours
    others = (
        "functions/api",
        "functions/aws/machines",
        "functions/aws/scheduling_table",
        "functions/orchestrator/launch",
    )
    assert not [name for name in ours if name.startswith((*others, "ec2_payload"))]
    assert "ec2_payload/bootstrap.py" in names_in(orchestrator_bundle("dispatch"))
    tops = {name.split("/")[0].removesuffix(".py") for name in names if ".dist-info" not in name}
    outside = {
        "aws_lambda_powertools",
        "botocore",
        "dateutil",
        "jmespath",
        "six",
        "typing_extensions",
        "urllib3",
    }
    assert tops == {"__pycache__", "functions", *outside}


def test_every_module_comes_with_bytecode_that_is_taken_unread() -> None:
    archive = zipfile.ZipFile(API_BUNDLE.build(HOST))
    names = set(archive.namelist())
    modules = [name for name in names if name.endswith(".py")]
    for name in modules:
        path = Path(name)
        compiled = str(path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc")
        code = archive.read(compiled)
        assert code[4:8] == b"\1\0\0\0", name  # by hash, unchecked (PEP 552)
    handler = marshal.loads(  # noqa: S302 - we have just made it
        archive.read(f"functions/api/__pycache__/handler.{sys.implementation.cache_tag}.pyc")[16:]
    )
    assert isinstance(handler, CodeType)
    assert handler.co_filename == "functions/api/handler.py"


def test_without_a_python_that_compiles_for_the_target_a_bundle_has_sources_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Target, "compiler", lambda _: None)
    assert not [name for name in names_in(orchestrator_bundle("record")) if name.endswith(".pyc")]


def test_only_a_python_of_the_targets_version_compiles_for_it() -> None:
    assert Target(f"{sys.version_info.major}.{sys.version_info.minor}", "arm64").compiler() == sys.executable
    assert Target("2.7", "arm64").compiler() is None
    assert str(Target("2.7", "arm64")) == "2.7-arm64-source"


def test_every_operation_of_aws_that_is_called_is_described_and_no_other_service(tmp_path: Path) -> None:
    zipfile.ZipFile(orchestrator_bundle("dispatch").build(HOST)).extractall(tmp_path)
    data = tmp_path / "botocore" / "data"
    operations = {
        path.parents[1].name: set(json.loads(path.read_bytes())["operations"]) for path in data.rglob("service-2.json")
    }
    assert {"SendCommand", "GetCommandInvocation"} == operations["ssm"]
    assert {"CreateTags", "DescribeInstances", "RunInstances", "TerminateInstances"} == operations["ec2"]
    assert {"GetItem", "PutItem", "Query", "UpdateItem"} <= operations["dynamodb"]
    assert {"GetObject", "PutObject", "HeadObject", "ListObjectsV2"} <= operations["s3"]
    assert set(operations) == {"dynamodb", "ec2", "s3", "ssm"}


def test_every_call_of_functions_aws_is_seen_by_the_build() -> None:
    calls = AwsCalls.of(sorted((ROOT / "functions" / "aws").glob("*.py")))
    assert calls.services == {"cognito-idp", "dynamodb", "ec2", "logs", "s3", "ssm", "stepfunctions"}
    methods = {call.method for call in calls.calls}
    assert {
        "admin_get_user",
        "put_item",
        "batch_write_item",
        "run_instances",
        "send_command",
        "head_object",
        "send_task_success",
    } <= methods


def test_a_call_of_what_aws_does_not_have_is_a_build_error_that_names_it(tmp_path: Path) -> None:
    source = tmp_path / "caller.py"
    source.write_text("ec2 = client('ec2')\n\nclients.ec2.run_instances()\nclients.ec2.put_item()\n")
    known = {"ec2": {"RunInstances"}, "dynamodb": {"PutItem"}}
    with pytest.raises(BundleError, match=r"caller\.py:4: put_item is no operation of ec2"):
        AwsCalls.of([source]).check(known)


def test_modules_are_found_however_they_are_named(tmp_path: Path) -> None:
    sources = {
        "start.py": "if TYPE_CHECKING:\n    import never\ndef late():\n    from package import part\n",
        "never.py": "",
        "package/__init__.py": "_LATE = {'name': '.by_text'}",
        "package/part.py": "from .sibling import thing",
        "package/sibling.py": "importlib.import_module(f'package.kinds._{kind}')",
        "package/by_text.py": "",
        "package/unneeded.py": "",
        "package/kinds/__init__.py": "",
        "package/kinds/_one.py": "import absent",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    modules = Modules({name: tmp_path / name for name in sources}, ImportCache.below(tmp_path))
    reached = modules.reached_from(["start"])
    assert modules.files_of(reached) == set(sources) - {"never.py", "package/unneeded.py"}
    assert modules.unmet(reached) == {"absent"}


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


@pytest.mark.parametrize("bundle", [API_BUNDLE, *map(orchestrator_bundle, STEPS)], ids=lambda bundle: str(bundle.name))
def test_a_bundle_imports_alone(bundle: Bundle, tmp_path: Path) -> None:
    """No installed package helps out: whatever a module needs is in the bundle."""
    zipfile.ZipFile(bundle.build(HOST)).extractall(tmp_path)
    imports_alone(sys.executable, tmp_path, f"import {bundle.entry}")


def test_the_bundles_botocore_makes_every_client(tmp_path: Path) -> None:
    zipfile.ZipFile(orchestrator_bundle("dispatch").build(HOST)).extractall(tmp_path)
    code = (
        "from functions.aws.clients import Clients; clients = Clients();"
        "clients.dynamodb.exceptions.ConditionalCheckFailedException; clients.ec2.get_paginator('describe_instances');"
        "clients.ssm.exceptions.InvocationDoesNotExist;"
        "url = clients.s3.generate_presigned_url('put_object', Params={'Bucket': 'bucket', 'Key': 'key'});"
        "form = clients.s3.generate_presigned_post('bucket', 'key')['url'];"
        "assert url.startswith(form) and 'bucket.s3.eu-central-1.amazonaws.com' in url, (url, form)"
    )
    imports_alone(sys.executable, tmp_path, code)


def imports_alone(python: str, folder: Path, code: str) -> None:
    finished = subprocess.run(
        [python, "-I", "-S", "-B", "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {code}"],
        env={**os.environ, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
        | {"AWS_DEFAULT_REGION": "eu-central-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr


def test_without_a_python_of_the_runtime_one_line_says_what_is_slow_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    monkeypatch.setattr(Bundle, "build", lambda _bundle, _target: Path())
    for entry in ("functions.one", "functions.other"):
        function._built(Bundle(entry, "requirements.txt"), Target("3.99", "arm64"))
    [line] = warned
    assert line.startswith("No Python 3.99 is here")
    assert "Put a python3.99 on the path" in line
    assert "\n" not in line
