"""An event whose function fails comes to it again: after a minute, and two minutes after that.

Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation". Upstream MiniStack does so
for `InvocationType=Event` alone, and hands an event of EventBridge over once. environment.py says how long it waits.
"""

from __future__ import annotations

import json
import logging

from ministack.services import eventbridge, lambda_svc

log = logging.getLogger("localcloud.events")


def install() -> None:
    eventbridge._dispatch_to_lambda = dispatch


def dispatch(function_arn: str, payload: str) -> None:
    """Hands an event, as JSON, to a function in another thread."""
    function, config, name = lambda_svc._get_func_record_for_ref(function_arn)
    if not function or not config:
        log.warning("there is no function %s, the event is lost", name)
        return
    lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), json.loads(payload))
