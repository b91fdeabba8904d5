"""What the engine does not take, and how it says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.engine.deployment import DeploymentError, preview

ProgramWriter = Callable[..., Path]


def test_an_input_that_no_adapter_carries_over_is_refused_by_name(program: ProgramWriter) -> None:
    folder = program('aws.s3.Bucket("b", acceleration_status="Enabled", logging={"target_bucket": "x"})')
    with pytest.raises(
        DeploymentError, match=r"Bucket::b: .* does not carry .*: accelerationStatus, logging"
    ) as failure:
        preview(folder, config={})
    assert failure.value.partial is not None
    assert [r for r in failure.value.partial.resources if r.custom and r.type.startswith("aws:")] == []


def test_a_nested_input_that_no_adapter_carries_over_is_refused_by_path(program: ProgramWriter) -> None:
    folder = program(
        """
        aws.dynamodb.Table("t", hash_key="a", attributes=[{"name": "a", "type": "S"}], billing_mode="PAY_PER_REQUEST",
            global_secondary_indexes=[{"name": "all", "hash_key": "a", "projection_type": "ALL",
                                       "warm_throughput": {"read_units_per_second": 5}}])
        """
    )
    with pytest.raises(DeploymentError, match=r"Table::t: .*: globalSecondaryIndexes\[0\]\.warmThroughput"):
        preview(folder, config={})


def test_a_misspelt_nested_key_is_refused(program: ProgramWriter) -> None:
    folder = program('aws.s3.BucketOwnershipControls("c", bucket="b", rule={"object_owner": "BucketOwnerEnforced"})')
    with pytest.raises(DeploymentError, match=r"::c: .*rule\.object_owner: unknown property .*objectOwnership"):
        preview(folder, config={})


def test_a_call_that_breaks_the_services_rules_is_refused(program: ProgramWriter) -> None:
    folder = program('aws.cloudwatch.LogGroup("g", name="spaces are not allowed", retention_in_days=7)')
    with pytest.raises(DeploymentError, match=r"LogGroup::g: .*logs\.CreateLogGroup.*logGroupName.*does not match"):
        preview(folder, config={})


def test_a_resource_type_without_adapter_is_named(program: ProgramWriter) -> None:
    with pytest.raises(DeploymentError, match=r"::f: .*no adapter for aws:efs/fileSystem:FileSystem"):
        preview(program('aws.efs.FileSystem("f")'), config={})


def test_a_data_source_that_cannot_be_answered_is_named(program: ProgramWriter) -> None:
    with pytest.raises(DeploymentError, match=r"data source aws:ec2/getEips:getEips: .*cannot answer"):
        preview(program("aws.ec2.get_eips()"), config={})


def test_an_error_of_the_program_says_where_it_was_raised(program: ProgramWriter) -> None:
    folder = program("from parts import broken", **{"parts/broken.py": "\nraise ValueError('too small')\n"})
    with pytest.raises(DeploymentError, match=r"^the program failed \(parts/broken\.py:2\): ValueError: too small$"):
        preview(folder, config={})


def test_the_first_failure_alone_is_told(program: ProgramWriter) -> None:
    folder = program(
        """
        bad = aws.s3.Bucket("bad", acceleration_status="Enabled")
        for n in range(20):
            aws.s3.BucketPolicy(f"after-{n}", bucket=bad.id, policy="{}")
        """
    )
    with pytest.raises(DeploymentError, match="Bucket::bad") as failure:
        preview(folder, config={})
    assert "after-" not in str(failure.value)
    assert failure.value.__cause__ is None


def test_a_name_used_twice_is_refused(program: ProgramWriter) -> None:
    with pytest.raises(DeploymentError, match=r"Queue::twice: .*registered twice"):
        preview(program('aws.sqs.Queue("twice")\naws.sqs.Queue("twice")'), config={})


def test_a_missing_file_of_an_asset_is_named(program: ProgramWriter) -> None:
    folder = program('aws.s3.BucketObjectv2("o", bucket="b", source=pulumi.FileAsset("gone.txt"))')
    with pytest.raises(DeploymentError, match=r"BucketObjectv2::o: .*gone\.txt .*does not exist"):
        preview(folder, config={})
