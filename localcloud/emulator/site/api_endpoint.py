"""The address of an HTTP API as AWS gives it: `https://{id}.execute-api.{region}.amazonaws.com`.

Upstream MiniStack answers with an address on the emulator's own port, which no AWS distribution could have as origin.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_region
from ministack.services import apigateway

CREATED = 201


def install() -> None:
    apigateway._create_api = _with_aws_endpoint(apigateway._create_api)


def _with_aws_endpoint(upstream: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def create_api(data: dict[str, Any]) -> Any:
        status, headers, body = upstream(data)
        if status != CREATED:
            return status, headers, body
        api = json.loads(body)
        endpoint = f"https://{api['apiId']}.execute-api.{get_region()}.amazonaws.com"
        apigateway._apis[api["apiId"]]["apiEndpoint"] = endpoint
        return status, headers, json.dumps({**api, "apiEndpoint": endpoint}).encode()

    return create_api
