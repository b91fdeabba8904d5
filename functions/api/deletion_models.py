"""What the API says of a job that was deleted."""

from __future__ import annotations

from pydantic import BaseModel, Field

from functions.api.examples import EXAMPLE_ID
from functions.cleanup.deletion import DeletionReceipt


class DeletionAnswer(BaseModel):
    """The receipt of a deletion."""

    id: str = Field(description="The deleted job's; it cannot be submitted again.", examples=[EXAMPLE_ID])
    deleted_at: str = Field(description="When the record was removed.", examples=["2026-01-31T09:15:02.345Z"])
    objects: int = Field(description="Files that were removed: input, results, manifests and specs.", examples=[4])
    log_streams: int = Field(description="Logs that were removed, two a command at most.", examples=[2])
    final_at: str = Field(
        description="When all addresses that were handed out for the job have expired, and what may have come by them "
        "since is removed as well.",
        examples=["2026-01-31T12:15:02.345Z"],
    )

    @staticmethod
    def of(receipt: DeletionReceipt) -> DeletionAnswer:
        return DeletionAnswer.model_validate(vars(receipt) | {"id": receipt.job_id})
