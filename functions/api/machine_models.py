"""What the API says of machines: of those that live, in a job's receipt, and in a result's manifest."""

from __future__ import annotations

from pydantic import BaseModel, Field

from functions.api.examples import EXAMPLE_ID, EXAMPLE_TIME
from functions.scheduling.ports import Slot


class Machine(BaseModel):
    instance_id: str = Field(description="EC2's id of the machine.", examples=["i-0123456789abcdef0"])
    instance_type: str = Field(description="EC2's name for its size.", examples=["t4g.small"])
    zone: str = Field(description="The availability zone that it runs in.", examples=["eu-central-1a"])
    launched_at: str = Field(
        description="When EC2 launched it, or started it out of the pool, RFC 3339 UTC.", examples=[EXAMPLE_TIME]
    )


class AliveMachine(Machine):
    job_id: str = Field(description="The job that it is for.", examples=[EXAMPLE_ID])

    @staticmethod
    def of(slot: Slot) -> AliveMachine:
        return AliveMachine.model_validate(vars(slot.machine) | {"job_id": slot.run.job_id})


class AliveMachines(BaseModel):
    alive: list[AliveMachine] = Field(description="Your machines that are not confirmed terminated.")


class ManifestMachine(Machine):
    market: str = Field(description="on-demand or spot.", examples=["on-demand"])
    image_id: str = Field(description="The machine image that it started from.", examples=["ami-0123456789abcdef0"])


class Receipt(ManifestMachine):
    """One machine of a job: what it was, from when to when it lived, and how its end was seen."""

    run: int = Field(description="Which run of the job it was for; a retry begins a new one.", examples=[1])
    attempt: int = Field(description="Which attempt, counted over all runs.", examples=[1])
    terminated_at: str | None = Field(
        description="When EC2 was seen to have terminated it, RFC 3339 UTC; null until then.", examples=[EXAMPLE_TIME]
    )
    verified: str | None = Field(
        description="How that was confirmed; null until then.", examples=["EC2 reported it to the workflow"]
    )
    prepared_at: str | None = Field(
        default=None,
        description="When it was launched ahead for the pool, RFC 3339 UTC, where it waited there; null for others.",
        examples=[EXAMPLE_TIME],
    )
