"""What the engine does not take, and how it says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.engine.deployment import DeploymentError, preview

ProgramWriter = Callable[..., Path]
NESTED = """
aws.dynamodb.Table("t", hash_key="a", attributes=[{"name": "a", "type": "S"}], billing_mode="PAY_PER_REQUEST",
    global_secondary_indexes=[{"name": "all", "hash_key": "a", "projection_type": "ALL",
                               "read_capacity": 5}])
"""


def test_an_input_that_no_adapter_carries_over_is_refused_by_name(program: ProgramWriter) -> None:
    folder = program('aws.s3.Bucket("b", acceleration_status="Enabled", logging={"target_bucket": "x"})')
    with pytest.raises(
        DeploymentError, match=r"Bucket::b: .* does not carry .*: accelerationStatus, logging"
    ) as failure:
        preview(folder, config={})
    assert failure.value.partial is not None
    assert [r for r in failure.value.partial.resources if r.custom and r.type.startswith("aws:")] == []


@pytest.mark.parametrize(
    ("main", "message"),
    [
        (NESTED, r"Table::t: GlobalSecondaryIndexes\[0\]\.readCapacity: AWS takes no such"),
        (
            'aws.s3.BucketOwnershipControls("c", bucket="b", rule={"object_owner": "BucketOwnerEnforced"})',
            r"::c: .*rule\.object_owner: unknown property .*objectOwnership",
        ),
        (
            'aws.cloudwatch.LogGroup("g", name="spaces are not allowed", retention_in_days=7)',
            r"LogGroup::g: .*logs\.CreateLogGroup.*logGroupName.*does not match",
        ),
        ('aws.efs.FileSystem("f")', r"::f: .*no adapter for aws:efs/fileSystem:FileSystem"),
        ("aws.ec2.get_eips()", r"data source aws:ec2/getEips:getEips: .*cannot answer"),
        ('aws.sqs.Queue("twice")\naws.sqs.Queue("twice")', r"Queue::twice: .*registered twice"),
        (
            'aws.s3.BucketObjectv2("o", bucket="b", source=pulumi.FileAsset("gone.txt"))',
            r"BucketObjectv2::o: .*gone\.txt of an asset or archive is no file",
        ),
        (
            'aws.s3.BucketObjectv2("o", bucket="b", source=pulumi.AssetArchive({"a": pulumi.StringAsset("")}))',
            r"BucketObjectv2::o: .* nothing packed",
        ),
    ],
)
def test_what_the_engine_does_not_take_is_refused_by_name(program: ProgramWriter, main: str, message: str) -> None:
    with pytest.raises(DeploymentError, match=message):
        preview(program(main), config={})


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
