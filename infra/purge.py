"""The rights to remove every object of a job, which who deletes one has, and the sweeper, which looks once more."""

from __future__ import annotations

import pulumi

from infra.job_storage import JobStorage
from infra.policies import Statement


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
                pulumi.Output.concat(data.uploads.arn, "/inputs/*"),
                pulumi.Output.concat(data.outputs.arn, "/outputs/*"),
                pulumi.Output.concat(data.outputs.arn, "/manifests/*"),
                pulumi.Output.concat(data.artifacts.arn, "/specs/*"),
            ],
        ),
    ]
