"""The rights to remove every object of a job, which who deletes one has, and the sweeper, which looks once more."""

from __future__ import annotations

from infra.job_storage import JobStorage
from infra.policies import Statement
from infra.storage import objects


def purge_files(data: JobStorage) -> list[Statement]:
    return [
        Statement(
            "FindJobFiles",
            ["s3:ListBucket"],
            [data.uploads.arn, data.outputs.arn, data.artifacts.arn],
            {"StringLike": {"s3:prefix": ["inputs/*", "manifests/*", "outputs/*", "specs/*"]}},
        ),
        Statement(
            "DeleteJobFiles",
            ["s3:DeleteObject"],
            [
                objects(data.uploads, "inputs/*"),
                objects(data.outputs, "outputs/*"),
                objects(data.outputs, "manifests/*"),
                objects(data.artifacts, "specs/*"),
            ],
        ),
    ]
