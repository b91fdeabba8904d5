"""HTTP (and WebSocket) APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired, Inputs

_DEFAULT_STAGE = "$default"
_INTEGRATION = (
    "connectionId",
    "connectionType",
    "description",
    "integrationMethod",
    "integrationSubtype",
    "integrationType",
    "integrationUri",
    "passthroughBehavior",
    "payloadFormatVersion",
)


@carries("aws:apigatewayv2/api:Api")
class Api(Adapter):
    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        api = aws.client("apigatewayv2").create_api(
            Name=name,
            **inputs.pick("protocolType", "corsConfiguration", "description", "disableExecuteApiEndpoint"),
            **inputs.pick("ipAddressType", "routeSelectionExpression", "version"),
            **({"Tags": desired.tags} if desired.tags else {}),
        )
        identity = api["ApiId"]
        outputs = {
            "name": name,
            "apiEndpoint": api.get("ApiEndpoint"),
            "arn": f"arn:{aws.partition}:apigateway:{aws.region}::/apis/{identity}",
            "executionArn": aws.arn("execute-api", identity),
        }
        return Created(identity, outputs)

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        del state
        aws.client("apigatewayv2").delete_api(ApiId=resource_id)


@carries("aws:apigatewayv2/integration:Integration")
class Integration(Adapter):
    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs = desired.inputs
        parameters = {"RequestParameters": inputs["requestParameters"]} if "requestParameters" in inputs else {}
        timeout = {"TimeoutInMillis": inputs["timeoutMilliseconds"]} if "timeoutMilliseconds" in inputs else {}
        answer = aws.client("apigatewayv2").create_integration(
            **inputs.pick("apiId", "credentialsArn", *_INTEGRATION), **parameters, **timeout
        )
        return Created(answer["IntegrationId"])

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("apigatewayv2").delete_integration(ApiId=state["apiId"], IntegrationId=resource_id)


@carries("aws:apigatewayv2/route:Route")
class Route(Adapter):
    def create(self, aws: Aws, desired: Desired) -> Created:
        keys = ("apiId", "routeKey", "target", "authorizationType", "authorizerId", "authorizationScopes")
        answer = aws.client("apigatewayv2").create_route(
            **desired.inputs.pick(*keys, "apiKeyRequired", "operationName")
        )
        return Created(answer["RouteId"])

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("apigatewayv2").delete_route(ApiId=state["apiId"], RouteId=resource_id)


@carries("aws:apigatewayv2/stage:Stage")
class Stage(Adapter):
    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        routes = {setting["routeKey"]: _settings(setting) for setting in inputs.children("routeSettings")}
        default = inputs.child("defaultRouteSettings")
        aws.client("apigatewayv2").create_stage(
            StageName=name,
            **inputs.pick("apiId", "accessLogSettings", "autoDeploy", "deploymentId", "description"),
            **({"DefaultRouteSettings": _settings(default)} if default is not None else {}),
            **({"RouteSettings": routes} if routes else {}),
            **({"StageVariables": inputs["stageVariables"]} if "stageVariables" in inputs else {}),
            **({"Tags": desired.tags} if desired.tags else {}),
        )
        api = inputs["apiId"]
        path = "" if name == _DEFAULT_STAGE else name
        outputs = {
            "name": name,
            "arn": f"arn:{aws.partition}:apigateway:{aws.region}::/apis/{api}/stages/{name}",
            "executionArn": aws.arn("execute-api", f"{api}/{name}"),
            "invokeUrl": f"https://{api}.execute-api.{aws.region}.amazonaws.com/{path}",
        }
        return Created(name, outputs)

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("apigatewayv2").delete_stage(ApiId=state["apiId"], StageName=resource_id)


@carries("aws:apigatewayv2/authorizer:Authorizer")
class Authorizer(Adapter):
    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        jwt = inputs.child("jwtConfiguration")
        renamed = (
            {"JwtConfiguration": {**jwt.pick("issuer"), "Audience": jwt.get("audiences", [])}}
            if jwt is not None
            else {}
        )
        if "identitySources" in inputs:
            renamed["IdentitySource"] = inputs["identitySources"]
        answer = aws.client("apigatewayv2").create_authorizer(
            Name=name,
            **inputs.pick("apiId", "authorizerType", "authorizerUri", "authorizerCredentialsArn"),
            **inputs.pick("authorizerPayloadFormatVersion", "authorizerResultTtlInSeconds", "enableSimpleResponses"),
            **renamed,
        )
        return Created(answer["AuthorizerId"], {"name": name})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("apigatewayv2").delete_authorizer(ApiId=state["apiId"], AuthorizerId=resource_id)


def _settings(given: Inputs) -> dict[str, Any]:
    return given.pick(
        "dataTraceEnabled", "detailedMetricsEnabled", "loggingLevel", "throttlingBurstLimit", "throttlingRateLimit"
    )
