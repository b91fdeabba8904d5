"""Where jobs are kept: the table and the three buckets."""

from __future__ import annotations

import pulumi

from infra.config import StackConfig
from infra.jobs_table import JobsTable
from infra.storage import BucketArgs, Expiry, PrivateBucket

# A spec is of no use once its attempt is over; lifecycle rules count whole days.
_SPEC_DAYS = 3


class JobData(pulumi.ComponentResource):
    """`table`, and the buckets `uploads`, `outputs` and `artifacts` (payload and specs)."""

    table: JobsTable
    uploads: PrivateBucket
    outputs: PrivateBucket
    artifacts: PrivateBucket

    def __init__(self, config: StackConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:JobData", config.prefix, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        files = BucketArgs(expiries=[Expiry("forget", config.keep_days)])
        self.table = JobsTable(f"{config.prefix}-jobs", opts=child)
        self.uploads = PrivateBucket(f"{config.prefix}-uploads", files, opts=child)
        self.outputs = PrivateBucket(f"{config.prefix}-outputs", files, opts=child)
        self.artifacts = PrivateBucket(
            f"{config.prefix}-artifacts", BucketArgs(expiries=[Expiry("specs", _SPEC_DAYS, "specs/")]), opts=child
        )
        self.register_outputs({})
