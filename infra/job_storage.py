"""Where jobs are kept: the table and the three buckets."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from infra.config import StackConfig
from infra.jobs_table import JobsTable
from infra.storage import BucketArgs, Expiry, PrivateBucket

# A spec is of no use once its attempt is over; lifecycle rules count whole days.
_SPEC_DAYS = 3


class JobStorage(pulumi.ComponentResource):
    """`table`, and the buckets `uploads`, `outputs` and `artifacts` (payload and specs)."""

    table: JobsTable
    uploads: PrivateBucket
    outputs: PrivateBucket
    artifacts: PrivateBucket

    def __init__(self, config: StackConfig, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:JobStorage", config.prefix, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        files = BucketArgs(
            expiries=[Expiry("forget", config.keep_days)],
            protect=config.protect,
            versioning=config.versioning,
            noncurrent_days=config.noncurrent_days,
        )
        self.table = JobsTable(f"{config.prefix}-jobs", config, opts=child)
        self.uploads = PrivateBucket(f"{config.prefix}-uploads", files, opts=child)
        self.outputs = PrivateBucket(f"{config.prefix}-outputs", files, opts=child)
        self.artifacts = PrivateBucket(
            f"{config.prefix}-artifacts", BucketArgs(expiries=[Expiry("specs", _SPEC_DAYS, "specs/")]), opts=child
        )
        self.register_outputs({})

    @property
    def hosts(self) -> list[pulumi.Output[str]]:
        """Where people's files are sent to and read from."""
        return [self.uploads.regional_domain_name, self.outputs.regional_domain_name]

    def open_to(self, origins: Sequence[pulumi.Input[str]]) -> None:
        """Lets pages of these origins send files, as forms or in parts, and read results, whole or a range of bytes."""
        self.uploads.allow_origins(origins, ["POST", "PUT"], ["content-type"])
        self.outputs.allow_origins(origins, ["GET"], ["range"])
