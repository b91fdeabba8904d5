"""The JSON shapes of what jobs cost. Amounts are decimals in texts: a JSON number would be read as a binary float."""

from __future__ import annotations

from pydantic import BaseModel, Field

from functions.costs.budget import Estimate
from functions.costs.pricing import job_cost, usd
from functions.jobs import clock
from functions.jobs.job import Job


class CostAnswer(BaseModel):
    usd: str = Field(
        description="What the job has cost up to now in US dollars, a decimal: its machines with disk and address, and "
        "requests. A machine is billed for a minute at least. Storage and downloads are not in it. Machines of a "
        "burstable type are reckoned as if their processors had been busy all the time, so it may be less.",
        examples=["0.002096"],
    )
    min_usd: str = Field(
        description="The same without the surplus CPU credits of burstable machines: what it has cost at least.",
        examples=["0.001029"],
    )
    is_final: bool = Field(
        description="Whether nothing comes on top any more, unless the job is tried again.", examples=[True]
    )
    machine_seconds: int = Field(description="For how many seconds machines are billed.", examples=[60])

    @staticmethod
    def of(job: Job) -> CostAnswer | None:
        cost = job_cost(job, clock.utc_now())
        if cost is None:
            return None
        return CostAnswer(
            usd=usd(cost.micro_usd),
            min_usd=usd(cost.least_micro_usd),
            is_final=cost.is_final,
            machine_seconds=cost.machine_seconds,
        )


class PriceAnswer(BaseModel):
    instance_type: str = Field(description="The machine that is asked for first.", examples=["t4g.small"])
    market: str = Field(description="on-demand or spot.", examples=["on-demand"])
    usd_per_hour: str = Field(
        description="What an hour of it costs in US dollars with disk and address, a decimal.", examples=["0.026287"]
    )
    machine_usd_per_hour: str = Field(description="The machine's part of that.", examples=["0.019200"])
    usd_per_minute: str = Field(description="The same as usd_per_hour for a minute.", examples=["0.000439"])
    max_usd_per_minute: str = Field(
        description="The same with the surplus CPU credits of a burstable machine whose processors are busy.",
        examples=["0.001505"],
    )
    max_usd_per_job: str = Field(
        description="What a job may cost at most: as many machines as it may use up, each for as long as it may live.",
        examples=["0.291000"],
    )

    @staticmethod
    def of(estimate: Estimate) -> PriceAnswer:
        return PriceAnswer(
            instance_type=estimate.instance_type,
            market=estimate.market,
            usd_per_hour=usd(estimate.hourly),
            machine_usd_per_hour=usd(estimate.machine_hourly),
            usd_per_minute=usd(-(-estimate.hourly // 60)),
            max_usd_per_minute=usd(-(-estimate.most_hourly // 60)),
            max_usd_per_job=usd(estimate.most),
        )
