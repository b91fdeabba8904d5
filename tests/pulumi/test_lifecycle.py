"""The unmodified program under the real engine, from an empty stack to an empty cloud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from localcloud.engine.records import Deployment, Resource
from localcloud.plugins.cli import Workspace

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(900)]

_UNCHANGED = "--expect-no-changes"
_UP = ("up", "--yes", "--skip-preview")


@pytest.fixture(scope="module")
def preview(workspace: Workspace, config: dict[str, str]) -> str:
    """What the first preview of an empty stack says."""
    workspace.select("dev", config)
    return workspace.do("preview")


@pytest.fixture(scope="module")
def deployed(workspace: Workspace, preview: str) -> Deployment:
    """The stack; each test leaves it as it was."""
    workspace.do(*_UP)
    return workspace.deployment()


def one(deployed: Deployment, name: str, token: str) -> Resource:
    [found] = [each for each in deployed.of_type(token) if each.name == name]
    return found


def test_the_first_preview_of_an_empty_stack_needs_nothing_that_is_deployed(preview: str) -> None:
    assert " to create" in preview


def test_a_second_up_changes_nothing(workspace: Workspace, deployed: Deployment) -> None:
    workspace.do(*_UP, _UNCHANGED)


def test_refresh_finds_no_drift(workspace: Workspace, deployed: Deployment) -> None:
    workspace.do("refresh", "--yes", "--skip-preview", _UNCHANGED)


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
    again = one(workspace.deployment(), role.name, role.type).outputs["name"]  # made anew, under a name of its own
    client("iam").get_role_policy(RoleName=role.outputs["role"], PolicyName=again)
    client("s3").get_bucket_policy(Bucket=bucket)
    workspace.do("preview", _UNCHANGED)
