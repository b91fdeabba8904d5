"""The `throttle` fault: EC2 and SSM refuse the next calls of roles, as they do when a rate is exceeded."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core.responses import error_response_json
from ministack.services import ec2

from localcloud.emulator.faults import Faults
from localcloud.emulator.settings import ROOT_ACCESS_KEY_ID

_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/]+)/\d{8}/[a-z0-9-]+/(?P<service>[a-z0-9-]+)/aws4_request")


def install(faults: Faults) -> None:
    app._dispatch_service_request = _throttled(app._dispatch_service_request, faults)


def _throttled(dispatch: Callable[..., Any], faults: Faults) -> Callable[..., Any]:
    async def dispatch_service_request(method: str, path: str, headers: dict[str, str], *rest: Any) -> Any:
        signed = _CREDENTIAL.search(headers.get("authorization", ""))
        service = signed["service"] if signed else ""
        by_role = signed is not None and signed["key"] != ROOT_ACCESS_KEY_ID
        if by_role and service in {"ec2", "ssm"} and faults.take("throttle"):
            if service == "ec2":
                return ec2._error("RequestLimitExceeded", "Request limit exceeded.", 503)
            return error_response_json("ThrottlingException", "Rate exceeded", 400)
        return await dispatch(method, path, headers, *rest)

    return dispatch_service_request
