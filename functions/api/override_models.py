"""The JSON shapes of what a job has otherwise than its stack's other jobs."""

from __future__ import annotations

from pydantic import BaseModel, Field

from functions.api.request_model import RequestModel
from functions.jobs.job import Overrides

_TYPE = "EC2's name for the machine's size; null for the stack's own choice."
_MINUTES = "How long the script may run, in minutes; null for as long as the stack says."


class OverridesRequest(RequestModel):
    # GET /limits lists what is allowed; the core checks it, and names it in the error.
    instance_type: str | None = Field(default=None, max_length=64, description=_TYPE, examples=["c7g.large"])
    timeout_minutes: int | None = Field(default=None, description=_MINUTES, examples=[120])

    def asked(self) -> Overrides:
        return Overrides(self.instance_type, self.timeout_minutes)


class OverridesAnswer(BaseModel):
    instance_type: str | None = Field(description=_TYPE, examples=["c7g.large"])
    timeout_minutes: int | None = Field(description=_MINUTES, examples=[120])
