from __future__ import annotations

import json
import marshal
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import CodeType

import pulumi
import pytest

from infra import function
from infra.bundle import API, ORCHESTRATOR, Bundle
from infra.bundling.aws_calls import AwsCalls
from infra.bundling.target import Target
from localcloud.engine.deployment import Deployment, preview
from tests.infra.conftest import ROOT, SIGNED_IN

pytestmark = pytest.mark.thorough

HOST = Target("", "", host=True)


def contents(bundle: Bundle, target: Target = HOST) -> Mapping[str, bytes]:
    with zipfile.ZipFile(bundle.build(target)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_two_runs_record_the_same_resources_inputs_and_bytes(signed_in: Deployment) -> None:
    again = preview(ROOT, config=SIGNED_IN)
    assert {each.urn: each for each in signed_in.resources} == {each.urn: each for each in again.resources}


def test_a_bundle_is_built_once_and_anew_elsewhere_has_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ORCHESTRATOR.build(HOST)
    with monkeypatch.context() as patched:
        patched.setattr("infra.bundle.install", lambda *_: pytest.fail("installs"))
        assert ORCHESTRATOR.build(HOST) == first
    monkeypatch.setattr("infra.bundle.BUILD", tmp_path)
    second = ORCHESTRATOR.build(HOST)
    assert first != second
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(("bundle", "others"), [(API, "orchestrator"), (ORCHESTRATOR, "api")])
def test_a_bundle_has_one_folders_handlers_and_bytecode_that_is_taken_unread(bundle: Bundle, others: str) -> None:
    found = contents(bundle)
    modules = {Path(name) for name in found if name.endswith(".py") and not name.startswith("ec2_payload/")}
    assert {path.parts[1] for path in modules if path.parts[0] == "functions"} >= {bundle.handlers, "aws", "jobs"}
    assert not [path for path in modules if path.parts[:2] == ("functions", others)]
    for path in modules:
        code = found[f"{path.parent / '__pycache__' / path.stem}.{sys.implementation.cache_tag}.pyc"]
        assert code[4:8] == b"\1\0\0\0", path  # by hash, unchecked (PEP 552)
    core = marshal.loads(  # noqa: S302 - we have just made it
        found[f"functions/jobs/__pycache__/job.{sys.implementation.cache_tag}.pyc"][16:]
    )
    assert isinstance(core, CodeType)
    assert core.co_filename == "functions/jobs/job.py"


def test_without_a_python_that_compiles_for_the_target_a_bundle_has_sources_alone_and_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target, warned = Target("3.99", "arm64"), list[str]()
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    monkeypatch.setattr(Target, "pip_options", lambda _: [])
    assert not [name for name in contents(ORCHESTRATOR, target) if name.endswith(".pyc")]
    for bundle in (API, ORCHESTRATOR):
        monkeypatch.setattr(Bundle, "build", lambda _bundle, _target: Path())
        function._built(bundle, target)
    [line] = warned
    assert line.startswith("No Python 3.99 is here")
    assert "Put a python3.99 on the path" in line
    assert "\n" not in line


def test_only_a_python_of_the_targets_version_compiles_for_it() -> None:
    assert Target(f"{sys.version_info.major}.{sys.version_info.minor}", "arm64").compiler() == sys.executable
    assert Target("2.7", "arm64").compiler() is None
    assert str(Target("2.7", "arm64")) == "2.7-arm64-source"


def test_every_operation_of_aws_that_is_called_is_described_and_no_other_service() -> None:
    found = {Path(name): data for name, data in contents(ORCHESTRATOR).items() if name.endswith("/service-2.json")}
    operations = {path.parts[2]: set(json.loads(data)["operations"]) for path, data in found.items()}
    assert set(operations) == AwsCalls.of(sorted((ROOT / "functions" / "aws").glob("*.py"))).services
    assert operations["ssm"] == {"DescribeInstanceInformation", "GetCommandInvocation", "SendCommand"}
    assert {"CreateTags", "DescribeInstances", "RunInstances", "TerminateInstances"} < operations["ec2"]
    assert {"BatchWriteItem", "GetItem", "PutItem", "Query", "UpdateItem"} < operations["dynamodb"]
    assert {"GetObject", "PutObject", "HeadObject", "ListObjectsV2"} < operations["s3"]
    assert operations["cognito-idp"] == {"AdminGetUser"}


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_the_bundle_for_lambda_has_binaries_for_its_processor_and_no_other(architecture: str) -> None:
    binaries = [name for name in contents(API, Target("3.13", architecture)) if name.endswith(".so")]
    machine = {"arm64": "aarch64"}.get(architecture, architecture)
    assert binaries
    assert all(f"cpython-313-{machine}" in name for name in binaries)


def test_the_bundles_botocore_makes_every_client(tmp_path: Path) -> None:
    zipfile.ZipFile(ORCHESTRATOR.build(HOST)).extractall(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r});"
        "from functions.aws.clients import Clients; clients = Clients();"
        "clients.dynamodb.exceptions.ConditionalCheckFailedException; clients.ec2.get_paginator('describe_instances');"
        "clients.ssm.exceptions.InvocationDoesNotExist;"
        "url = clients.s3.generate_presigned_url('put_object', Params={'Bucket': 'bucket', 'Key': 'key'});"
        "form = clients.s3.generate_presigned_post('bucket', 'key')['url'];"
        "assert url.startswith(form) and 'bucket.s3.eu-central-1.amazonaws.com' in url, (url, form)"
    )
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "eu-central-1"}
    command = [sys.executable, "-I", "-S", "-B", "-c", code]
    finished = subprocess.run(command, env={**os.environ, **keys}, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
