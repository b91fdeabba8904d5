"""The job table; functions/aws/job_table.py and machine_table.py say what is in it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.config import StackConfig

# As functions/aws/job_items.py calls it.
_OPEN_INDEX = "open"


@dataclass(frozen=True)
class JobsTableArgs:
    config: StackConfig


class JobsTable(pulumi.ComponentResource):
    """`name`, `arn` and `stream_arn` are the table's; `open_index_arn` that of the index over open jobs."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    stream_arn: pulumi.Output[str]
    open_index_arn: pulumi.Output[str]

    def __init__(self, name: str, args: JobsTableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:JobsTable", name, None, opts)
        config = args.config
        table = aws.dynamodb.Table(
            name,
            billing_mode="PAY_PER_REQUEST",
            hash_key="owner",
            range_key="id",
            attributes=[{"name": name, "type": "S"} for name in ("owner", "id", _OPEN_INDEX)],
            # Only jobs that have not ended have the attribute; the index is as small as what is going on.
            global_secondary_indexes=[
                {"name": _OPEN_INDEX, "hash_key": _OPEN_INDEX, "range_key": "id", "projection_type": "KEYS_ONLY"}
            ],
            stream_enabled=True,
            stream_view_type="NEW_IMAGE",
            ttl={"attribute_name": "expires_at", "enabled": True},
            server_side_encryption={"enabled": True},
            point_in_time_recovery={"enabled": config.point_in_time_recovery},
            deletion_protection_enabled=config.protect,
            opts=pulumi.ResourceOptions(parent=self, protect=config.protect),
        )
        self.name = table.name
        self.arn = table.arn
        self.stream_arn = table.stream_arn
        self.open_index_arn = pulumi.Output.concat(table.arn, f"/index/{_OPEN_INDEX}")
        self.register_outputs({"name": self.name, "arn": self.arn})
