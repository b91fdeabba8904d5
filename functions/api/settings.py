"""The API function's settings, from its environment; infra/api.py sets exactly these names."""

from __future__ import annotations

from dataclasses import dataclass, field

from functions.api.caller import Auth
from functions.costs.budget import Spending
from functions.environment import Settings
from functions.submission.overrides import Allowance
from functions.submission.quotas import Quotas


@dataclass(frozen=True)
class ApiSettings(Settings):
    stack: str
    jobs_table: str
    uploads_bucket: str
    outputs_bucket: str
    artifacts_bucket: str
    machine_log_group: str
    max_upload_bytes: int
    keep_days: int
    output_suffix: str
    user_pool_id: str  # empty without sign-in
    auth: Auth = field(metadata={"parse": Auth})
    allowance: Allowance = field(metadata={"parse": Allowance.read})
    spending: Spending = field(metadata={"parse": Spending.from_json})
    quotas: Quotas = field(metadata={"parse": Quotas.from_json})
