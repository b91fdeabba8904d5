"""The JSON shapes of the API about owners."""

from __future__ import annotations

from pydantic import BaseModel, Field

from functions.api.examples import EXAMPLE_OWNER
from functions.costs.pricing import usd
from functions.submission.recent_owners import RecentOwner


class RecentOwnerAnswer(BaseModel):
    owner: str = Field(description="The user's id, `sub` in the user pool.", examples=[EXAMPLE_OWNER])
    email: str | None = Field(
        description="The user's e-mail address, for admins; null where it is not known.", examples=["alice@example.com"]
    )
    machines_alive: int = Field(description="How many machines are not confirmed terminated.", examples=[1])
    usd: str = Field(
        description="What machines cost in US dollars, a decimal, that were launched today or yesterday (UTC) and have "
        "ended.",
        examples=["0.002096"],
    )

    @staticmethod
    def of(one: RecentOwner) -> RecentOwnerAnswer:
        return RecentOwnerAnswer.model_validate(vars(one) | {"usd": usd(one.micro_usd)})


class RecentOwners(BaseModel):
    owners: list[RecentOwnerAnswer] = Field(
        description="At most 100: those with most machines alive first, then those who spent most."
    )
