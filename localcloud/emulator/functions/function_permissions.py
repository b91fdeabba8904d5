"""Who may invoke a function, and where a function may log.

Upstream MiniStack keeps a function's resource policy but lets EventBridge and API Gateway invoke without one, and
writes a function's log lines whatever its role says.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import apigateway, cloudwatch_logs, eventbridge, lambda_svc

from localcloud.emulator.iam.roles import role_allows
from localcloud.emulator.settings import Scope

log = logging.getLogger("localcloud.functions")


def install() -> None:
    eventbridge._invoke_target = _permitted_target(eventbridge._invoke_target)
    apigateway._invoke_lambda_proxy = _permitted_proxy(apigateway._invoke_lambda_proxy)
    lambda_svc._emit_lambda_logs = _permitted_logs(lambda_svc._emit_lambda_logs)


def service_may_invoke(function_ref: str, service: str, source_arn: str) -> bool:
    """Whether the function's resource policy lets an AWS service invoke it on behalf of a rule or an API."""
    function, config, _ = lambda_svc._get_func_record_for_ref(function_ref)
    if not function or not config:
        return True  # the caller finds out by itself that there is no such function
    call = iam_evaluator.EvalContext(
        principal_arn="",
        principal_type="Service",
        principal_account="",
        action="lambda:InvokeFunction",
        resource_arn=config["FunctionArn"],
        region=get_region(),
        secure_transport=True,
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": get_account_id()},
    )
    policy = function.get("policy") or {"Statement": []}
    return bool(iam_evaluator.evaluate_resource_policy(policy, call, service=service).decision == "Allow")


def _permitted_target(upstream: Callable[..., Any]) -> Callable[..., Any]:
    def invoke_target(target: dict[str, Any], event: Any, rule: dict[str, Any], view: Any = None) -> Any:
        arn = target.get("Arn", "")
        if ":lambda:" in arn and not service_may_invoke(arn, "events.amazonaws.com", rule.get("Arn", "")):
            log.warning("rule %s: no permission to invoke %s, the event is lost", rule.get("Name"), arn)
            return None
        return upstream(target, event, rule, view)

    return invoke_target


def _permitted_proxy(upstream: Callable[..., Any]) -> Callable[..., Any]:
    async def invoke_lambda_proxy(
        integration: dict[str, Any], api_id: str, stage: str, *rest: Any, **options: Any
    ) -> Any:
        route_key = rest[5] if len(rest) > 5 else options.get("route_key", "$default")  # noqa: PLR2004
        source = _api_source_arn(api_id, stage, route_key)
        function = integration.get("integrationUri", "").split("/functions/")[-1].removesuffix("/invocations")
        if not service_may_invoke(function, "apigateway.amazonaws.com", source):
            log.warning("API %s: no permission to invoke %s for %s", api_id, function, source)
            return 500, {"Content-Type": "application/json"}, b'{"message":"Internal Server Error"}'
        return await upstream(integration, api_id, stage, *rest, **options)

    return invoke_lambda_proxy


def _api_source_arn(api_id: str, stage: str, route_key: str) -> str:
    method, _, path = route_key.partition(" ")
    return f"arn:aws:execute-api:{get_region()}:{get_account_id()}:{api_id}/{stage}/{method}{path}"


def _permitted_logs(upstream: Callable[..., None]) -> Callable[..., None]:
    def emit_lambda_logs(function: dict[str, Any], *rest: Any, **options: Any) -> None:
        config = function.get("config") or function
        missing = _missing_to_log(config)
        if missing:
            log.warning("%s: its log is lost, its role lacks %s", config.get("FunctionName"), ", ".join(missing))
        else:
            upstream(function, *rest, **options)

    return emit_lambda_logs


def _missing_to_log(config: dict[str, Any]) -> list[str]:
    scope = Scope(get_account_id(), get_region())
    name = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config.get('FunctionName')}"
    group = f"arn:aws:logs:{scope.region}:{scope.account_id}:log-group:{name}"
    needed = {"logs:CreateLogStream": f"{group}:log-stream:", "logs:PutLogEvents": f"{group}:log-stream:"}
    if name not in cloudwatch_logs._log_groups:
        needed["logs:CreateLogGroup"] = group
    return [action for action, arn in needed.items() if not role_allows(scope, config.get("Role", ""), action, arn)]
