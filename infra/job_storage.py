"""Where jobs are kept: the table and the three buckets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pulumi

from infra.config import StackConfig
from infra.jobs_table import JobsTable, JobsTableArgs
from infra.storage import BucketArgs, Cors, Expiry, PrivateBucket

# A spec is of no use once its attempt is over; lifecycle rules count whole days.
_SPEC_DAYS = 3


@dataclass(frozen=True)
class JobStorageArgs:
    config: StackConfig
    # Whose pages may send files, as forms or in parts, and read results, whole or a range of bytes.
    origins: Sequence[pulumi.Input[str]]


class JobStorage(pulumi.ComponentResource):
    """`table`, and the buckets `uploads`, `outputs` and `artifacts` (payload and specs)."""

    table: JobsTable
    uploads: PrivateBucket
    outputs: PrivateBucket
    artifacts: PrivateBucket

    def __init__(self, name: str, args: JobStorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:JobStorage", name, None, opts)
        config = args.config
        child = pulumi.ResourceOptions(parent=self)
        files = BucketArgs(
            expiries=[Expiry("forget", config.keep_days)],
            protect=config.protect,
            versioning=config.versioning,
            noncurrent_days=config.noncurrent_days,
        )
        sending = Cors(args.origins, ["POST", "PUT"], ["content-type"])
        reading = Cors(args.origins, ["GET"], ["range"])
        self.table = JobsTable(f"{name}-jobs", JobsTableArgs(config), opts=child)
        self.uploads = PrivateBucket(f"{name}-uploads", replace(files, cors=sending), opts=child)
        self.outputs = PrivateBucket(f"{name}-outputs", replace(files, cors=reading), opts=child)
        self.artifacts = PrivateBucket(
            f"{name}-artifacts", BucketArgs(expiries=[Expiry("specs", _SPEC_DAYS, "specs/")]), opts=child
        )
        self.register_outputs({})

    @property
    def exports(self) -> dict[str, pulumi.Output[str]]:
        return {"uploads_bucket": self.uploads.name, "outputs_bucket": self.outputs.name, "table": self.table.name}

    @property
    def hosts(self) -> list[pulumi.Output[str]]:
        """Where people's files are sent to and read from."""
        return [self.uploads.regional_domain_name, self.outputs.regional_domain_name]
