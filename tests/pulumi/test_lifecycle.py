"""The unmodified program under the real engine, from an empty stack to an empty cloud."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from localcloud.emulator.process import ROOT
from localcloud.engine.aws import Aws
from localcloud.engine.deployment import preview as preview_in_process
from localcloud.engine.records import Deployment, Resource
from localcloud.plugins.cli import Workspace
from localcloud.plugins.provider import FAIL_AT
from tests.infra.changes import changes
from tests.infra.config_changes import OTHER_KEY
from tests.localcloud.engine.inventory import inventory

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(900)]

_UNCHANGED = "--expect-no-changes"
_UP = ("up", "--yes", "--skip-preview")


@pytest.fixture(scope="module")
def before(aws: Aws) -> dict[str, int]:
    return inventory(aws)


@pytest.fixture(scope="module")
def deployed(before: dict[str, int], workspace: Workspace, config: dict[str, str]) -> Deployment:
    """The stack; each test leaves it as it was."""
    workspace.select("dev", config)
    workspace.do(*_UP)
    return workspace.deployment()


def plan(workspace: Workspace) -> dict[str, str]:
    """URN → create, update, replace or delete, of what a preview says is to be done to AWS."""
    said = workspace.do("preview", "--json")
    steps = json.JSONDecoder().raw_decode(said[said.index("{") :])[0]["steps"]
    planned: dict[str, str] = {}
    for step in steps:
        if "::aws:" in step["urn"] or "$aws:" in step["urn"]:
            planned[step["urn"]] = "replace" if "replace" in step["op"] else step["op"]
    return planned


def inputs(deployment: Deployment) -> dict[str, dict[str, Any]]:
    return {each.urn: each.inputs for each in deployment.resources}


def test_a_second_up_finds_no_drift_and_changes_nothing(workspace: Workspace, deployed: Deployment) -> None:
    workspace.do(*_UP, "--refresh", _UNCHANGED)


def test_what_was_changed_or_removed_by_hand_is_found_and_mended(
    workspace: Workspace, deployed: Deployment, client: Callable[[str], Any]
) -> None:
    group = deployed.of_type("aws:cloudwatch/logGroup:LogGroup")[0]
    queue = deployed.of_type("aws:sqs/queue:Queue")[0]
    role = deployed.of_type("aws:iam/rolePolicy:RolePolicy")[0]
    bucket = deployed.outputs["uploads_bucket"]
    client("logs").put_retention_policy(logGroupName=group.id, retentionInDays=1)
    client("sqs").set_queue_attributes(QueueUrl=queue.id, Attributes={"MessageRetentionPeriod": "60"})
    client("iam").delete_role_policy(RoleName=role.outputs["role"], PolicyName=role.outputs["name"])
    client("s3").delete_bucket_policy(Bucket=bucket)

    assert workspace.run("refresh", "--preview-only", _UNCHANGED).returncode != 0
    workspace.do(*_UP, "--refresh")

    [seen] = client("logs").describe_log_groups(logGroupNamePrefix=group.id)["logGroups"]
    assert seen["retentionInDays"] == group.inputs["retentionInDays"]
    attributes = client("sqs").get_queue_attributes(QueueUrl=queue.id, AttributeNames=["All"])["Attributes"]
    assert attributes["MessageRetentionPeriod"] == str(queue.inputs["messageRetentionSeconds"])
    after = inputs(workspace.deployment())
    made = after[role.urn].pop("name")  # under a new generated name
    client("iam").get_role_policy(RoleName=role.outputs["role"], PolicyName=made)
    client("s3").get_bucket_policy(Bucket=bucket)
    before = inputs(deployed)
    assert after == {**before, role.urn: {key: value for key, value in before[role.urn].items() if key != "name"}}


def test_the_engine_plans_what_the_document_says_of_settings(
    workspace: Workspace, deployed: Deployment, config: dict[str, str]
) -> None:
    """tests/infra/config_changes.py reckons without the engine; here are the two side by side."""
    settings = {"vpcCidr": "10.74.0.0/16", "versioning": "true", "poolSize": "1", "keepDays": "9", "tracing": "true"}
    was = {"vpcCidr": "10.73.0.0/16", "versioning": "false", "poolSize": "0", "keepDays": "7", "tracing": "false"}
    after = preview_in_process(ROOT, config={**config, **settings}, stack="dev")
    expected = changes(preview_in_process(ROOT, config=config, stack="dev"), after)
    workspace.configure("dev", settings)
    planned = plan(workspace)
    workspace.configure("dev", was)
    assert planned == {each.resource.urn: each.step for each in expected}


def test_an_update_that_would_lose_the_job_table_is_planned_as_such(workspace: Workspace, deployed: Deployment) -> None:
    """The in-process engine would deploy the changed program to an empty cloud, and see nothing wrong."""
    infra = workspace.project / "infra"
    original = infra.readlink()
    infra.unlink()
    shutil.copytree(original, infra)
    source = infra / "jobs_table.py"
    for old, new in OTHER_KEY.items():
        assert old in source.read_text()
        source.write_text(source.read_text().replace(old, new))
    shown = workspace.do("preview", "--diff")
    shutil.rmtree(infra)
    infra.symlink_to(original)
    [table] = deployed.of_type("aws:dynamodb/table:Table")
    # What docs/operations.md, "Upgrade", has people look for.
    assert re.search(
        rf"\+-aws:dynamodb/table:Table: \(replace\)\s+\[id={table.id}\]\s+\[urn={re.escape(table.urn)}\]", shown
    )


@dataclass(frozen=True)
class Failed:
    """An `up` to other settings that one resource made fail, and that the next one finished."""

    group: Resource
    before: Deployment
    said: str


@pytest.fixture(scope="module")
def failed(workspace: Workspace, deployed: Deployment) -> Failed:
    before = workspace.deployment()
    group = deployed.of_type("aws:cloudwatch/logGroup:LogGroup")[0]
    workspace.configure("dev", {"logRetentionDays": "3", "protect": "true"})
    done = workspace.run(*_UP, environment={FAIL_AT: group.name})
    assert done.returncode != 0
    workspace.do(*_UP)
    return Failed(group, before, done.stdout)


def test_a_failed_up_names_resource_and_reason_and_the_next_one_finishes_it(
    failed: Failed, client: Callable[[str], Any]
) -> None:
    assert failed.group.name in failed.said
    assert f"told to fail here by {FAIL_AT}" in failed.said
    [seen] = client("logs").describe_log_groups(logGroupNamePrefix=failed.group.id)["logGroups"]
    assert seen["retentionInDays"] == 3


def test_protect_stops_destroy_and_says_which_resources_and_what_to_do(workspace: Workspace, failed: Failed) -> None:
    refused = workspace.run("destroy", "--yes")  # without its preview, the engine deletes all that is not protected
    assert refused.returncode != 0
    assert "protect" in refused.stdout
    kept = {each.urn for each in workspace.deployment().resources}
    assert {each.urn for each in failed.before.resources} <= kept

    workspace.configure("dev", {"logRetentionDays": "7", "protect": "false"})
    workspace.do(*_UP)
    assert inputs(workspace.deployment()) == inputs(failed.before)


def test_destroy_leaves_nothing_behind_buckets_with_files_included(
    workspace: Workspace, deployed: Deployment, client: Callable[[str], Any], aws: Aws, before: dict[str, int]
) -> None:
    client("s3").put_object(Bucket=deployed.outputs["uploads_bucket"], Key="inputs/a/b/c", Body=b"content")
    workspace.do("destroy", "--yes", "--skip-preview")
    assert workspace.deployment().resources == []
    assert inventory(aws) == before
