"""What the stacks of this repository differ in, which is configuration alone."""

from __future__ import annotations

import pytest

from functions.costs.budget import Spending
from localcloud.engine.deployment import Deployment
from tests.infra.resources import environment, only

pytestmark = pytest.mark.thorough

TABLE, POOL = "aws:dynamodb/table:Table", "aws:cognito/userPool:UserPool"
BUCKET, VERSIONING = "aws:s3/bucket:Bucket", "aws:s3/bucketVersioning:BucketVersioning"


def test_in_production_jobs_files_and_users_cannot_be_deleted(production: Deployment) -> None:
    (table,), (pool,) = production.of_type(TABLE), production.of_type(POOL)
    files = [only(production, BUCKET, "-uploads"), only(production, BUCKET, "-outputs")]
    assert table.inputs["deletionProtectionEnabled"] is True
    assert pool.inputs["deletionProtection"] == "ACTIVE"
    assert [each.inputs["forceDestroy"] for each in files] == [False, False]
    # Nor does Pulumi replace any of them, be it by mistake; what is set on a bucket is protected with it.
    protected = {each.urn for each in production.resources if each.options.protect}
    assert {each.urn for each in (table, pool, *files)} <= protected
    assert {each.type.split("/")[0] for each in production.resources if each.urn in protected} == {
        "aws:cognito",
        "aws:dynamodb",
        "aws:s3",
    }
    assert [each for each in production.of_type(VERSIONING) if each.urn in protected] == []


def test_in_production_the_table_and_removed_files_come_back(production: Deployment) -> None:
    (table,) = production.of_type(TABLE)
    assert table.inputs["pointInTimeRecovery"] == {"enabled": True}
    versioned = {each.inputs["bucket"] for each in production.of_type(VERSIONING)}
    assert versioned == {only(production, BUCKET, ending).outputs["bucket"] for ending in ("-uploads", "-outputs")}
    assert all(
        each.inputs["versioningConfiguration"] == {"status": "Enabled"} for each in production.of_type(VERSIONING)
    )


def test_a_stack_that_does_not_ask_for_it_can_be_destroyed_with_all_it_holds(signed_in: Deployment) -> None:
    assert [each.urn for each in signed_in.resources if each.options.protect] == []
    assert all(each.inputs["forceDestroy"] for each in signed_in.of_type(BUCKET))
    assert [each.inputs["deletionProtection"] for each in signed_in.of_type(POOL)] == ["INACTIVE"]
    (table,) = signed_in.of_type(TABLE)
    assert (table.inputs["deletionProtectionEnabled"], table.inputs["pointInTimeRecovery"]) == (
        False,
        {"enabled": False},
    )
    assert signed_in.of_type(VERSIONING) == []


@pytest.mark.parametrize(("stack", "days"), [("production", 14), ("signed_in", 7)])
def test_no_version_is_kept_for_good(request: pytest.FixtureRequest, stack: str, days: int) -> None:
    deployment: Deployment = request.getfixturevalue(stack)
    files = {only(deployment, BUCKET, ending).outputs["bucket"] for ending in ("-uploads", "-outputs")}
    for lifecycle in deployment.of_type("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"):
        rules = {rule["id"]: rule for rule in lifecycle.inputs["rules"]}
        kept = rules["removed-and-overwritten"]
        assert (kept["status"], kept["filter"]) == ("Enabled", {"prefix": ""})
        expected = days if lifecycle.inputs["bucket"] in files else 1
        assert kept["noncurrentVersionExpiration"] == {"noncurrentDays": expected}


def test_stacks_are_made_of_the_same_resources(production: Deployment, signed_in: Deployment) -> None:
    def parts(deployment: Deployment, stack: str) -> set[tuple[str, str]]:
        # What watches a stack is none of its parts: test_monitoring.py.
        others = ("mayfly:index:Monitoring", "mayfly:index:Notifications")
        own = [each for each in deployment.resources if not any(other in each.urn for other in others)]
        return {(each.type, each.name.replace(f"mayfly-{stack}", "")) for each in own}

    more = {(VERSIONING, "-uploads"), (VERSIONING, "-outputs")}
    assert parts(production, "prod") - more == parts(signed_in, "local")


def test_an_upgrade_leaves_the_payload_that_machines_are_just_told_to_fetch(signed_in: Deployment) -> None:
    payload = only(signed_in, "aws:s3/bucketObjectv2:BucketObjectv2", "-payload")
    assert payload.options.retain_on_delete
    # So it has to have another key than the one that takes its place.
    assert payload.inputs["key"].startswith("payload/")
    assert len(payload.inputs["key"].removeprefix("payload/").removesuffix(".tar.gz")) == 64


def test_in_production_a_password_is_not_enough(production: Deployment, signed_in: Deployment) -> None:
    (pool,), (other,) = production.of_type(POOL), signed_in.of_type(POOL)
    assert pool.inputs["mfaConfiguration"] == "ON"
    assert pool.inputs["softwareTokenMfaConfiguration"] == {"enabled": True}
    assert "mfaConfiguration" not in other.inputs


def test_in_production_no_job_owner_or_day_costs_without_bound(production: Deployment) -> None:
    caps = Spending.from_json(environment(production, "launch")["SPENDING"]).caps
    assert 0 < caps.job < caps.owner_a_day < caps.stack_a_day
