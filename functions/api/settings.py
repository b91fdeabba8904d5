"""The API function's settings, from its environment; infra/api.py sets exactly these names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from functions.api.caller import Auth
from functions.costs.budget import Spending
from functions.submission.overrides import Allowance
from functions.submission.quotas import Quotas


@dataclass(frozen=True)
class ApiSettings:
    auth: Auth
    stack: str
    jobs_table: str
    uploads_bucket: str
    outputs_bucket: str
    artifacts_bucket: str
    machine_log_group: str
    max_upload_bytes: int
    keep_days: int
    allowance: Allowance
    output_suffix: str
    spending: Spending
    quotas: Quotas

    @staticmethod
    def from_env(env: Mapping[str, str]) -> ApiSettings:
        """Raises KeyError naming the missing variable, ValueError for one that cannot be."""
        return ApiSettings(
            auth=Auth(env["AUTH"]),
            stack=env["STACK"],
            jobs_table=env["JOBS_TABLE"],
            uploads_bucket=env["UPLOADS_BUCKET"],
            outputs_bucket=env["OUTPUTS_BUCKET"],
            artifacts_bucket=env["ARTIFACTS_BUCKET"],
            machine_log_group=env["MACHINE_LOG_GROUP"],
            max_upload_bytes=int(env["MAX_UPLOAD_BYTES"]),
            keep_days=int(env["KEEP_DAYS"]),
            allowance=Allowance.read(env["ALLOWANCE"]),
            output_suffix=env["OUTPUT_SUFFIX"],
            spending=Spending.from_json(env["SPENDING"]),
            quotas=Quotas.from_json(env["QUOTAS"]),
        )
