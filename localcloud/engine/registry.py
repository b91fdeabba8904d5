"""Every adapter and every data source, by Pulumi token."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.engine.adapters import (  # noqa: F401 importing a module registers its adapters
    apigatewayv2,
    budgets,
    cloudfront,
    cloudfront_policies,
    cloudwatch,
    cognito,
    dynamodb,
    events,
    iam,
    lambda_,
    lambda_triggers,
    launch_template,
    logs,
    network,
    s3,
    s3_bucket_settings,
    s3_lifecycle,
    security_groups,
    sfn,
    sns,
    sqs,
)
from localcloud.engine.adapters.adapter import ADAPTERS, Adapter
from localcloud.engine.errors import RefusedInputError
from localcloud.engine.invokes import INVOKES, Invoke


def adapter(token: str) -> Adapter:
    if token not in ADAPTERS:
        raise RefusedInputError(f"the local cloud has no adapter for {token}")
    return ADAPTERS[token]


def invoke(token: str) -> Invoke:
    if token not in INVOKES:
        raise RefusedInputError(f"the local cloud cannot answer the data source {token}")
    return INVOKES[token]


def tokens() -> Iterable[str]:
    """Resource types that can be deployed."""
    return sorted(ADAPTERS)
