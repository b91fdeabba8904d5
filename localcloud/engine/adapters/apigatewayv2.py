"""HTTP APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.engine.adapters.adapter import ID, Adapter, Created, carries, deletes
from localcloud.engine.adapters.answers import accepted, camel
from localcloud.engine.inputs import camel_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired, Inputs

_DEFAULT_STAGE = "$default"
_API = ("protocolType", "description")
_ROUTE = ("apiId", "authorizationType", "authorizerId", "routeKey", "target")
_INTEGRATION = ("integrationType", "integrationUri", "payloadFormatVersion")


@carries("aws:apigatewayv2/api:Api")
class Api(Adapter):
    delete = deletes("apigatewayv2", "delete_api", ApiId=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = self._request(desired)
        api = aws.client("apigatewayv2").create_api(**request)
        identity = api["ApiId"]
        outputs = {
            "name": request["Name"],
            "apiEndpoint": api.get("ApiEndpoint"),
            "arn": f"arn:{aws.partition}:apigateway:{aws.region}::/apis/{identity}",
            "executionArn": aws.arn("execute-api", identity),
        }
        return Created(identity, outputs)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        client = aws.client("apigatewayv2")
        client.update_api(ApiId=resource_id, **accepted(client, "update_api", self._request(desired)))
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        return camel(aws.client("apigatewayv2").get_api(ApiId=resource_id), "name", *_API)

    def _request(self, desired: Desired) -> dict[str, Any]:
        tags = {"Tags": desired.tags} if desired.tags else {}
        return {"Name": desired.physical_name(), **desired.inputs.pick(*_API), **tags}


@carries("aws:apigatewayv2/integration:Integration")
class Integration(Adapter):
    found_by = ("apiId",)
    delete = deletes("apigatewayv2", "delete_integration", ApiId="apiId", IntegrationId=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        answer = aws.client("apigatewayv2").create_integration(**self._request(desired.inputs))
        return Created(answer["IntegrationId"])

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        client, request = aws.client("apigatewayv2"), self._request(desired.inputs)
        client.update_integration(IntegrationId=resource_id, **accepted(client, "update_integration", request))
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        answer = aws.client("apigatewayv2").get_integration(ApiId=state["apiId"], IntegrationId=resource_id)
        return camel(answer, *_INTEGRATION)

    def _request(self, inputs: Inputs) -> dict[str, Any]:
        return inputs.pick("apiId", *_INTEGRATION)


@carries("aws:apigatewayv2/route:Route")
class Route(Adapter):
    found_by = ("apiId",)
    delete = deletes("apigatewayv2", "delete_route", ApiId="apiId", RouteId=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        answer = aws.client("apigatewayv2").create_route(**desired.inputs.pick(*_ROUTE))
        return Created(answer["RouteId"])

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        aws.client("apigatewayv2").update_route(RouteId=resource_id, **desired.inputs.pick(*_ROUTE))
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        return camel(aws.client("apigatewayv2").get_route(ApiId=state["apiId"], RouteId=resource_id), *_ROUTE)


@carries("aws:apigatewayv2/stage:Stage")
class Stage(Adapter):
    found_by = ("apiId", "name")
    delete = deletes("apigatewayv2", "delete_stage", ApiId="apiId", StageName=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = self._request(desired)
        aws.client("apigatewayv2").create_stage(**request)
        api, name = request["ApiId"], request["StageName"]
        path = "" if name == _DEFAULT_STAGE else name
        outputs = {
            "name": name,
            "arn": f"arn:{aws.partition}:apigateway:{aws.region}::/apis/{api}/stages/{name}",
            "executionArn": aws.arn("execute-api", f"{api}/{name}"),
            "invokeUrl": f"https://{api}.execute-api.{aws.region}.amazonaws.com/{path}",
        }
        return Created(name, outputs)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        client, request = aws.client("apigatewayv2"), self._request(desired)
        client.update_stage(**accepted(client, "update_stage", request))
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        answer = aws.client("apigatewayv2").get_stage(ApiId=state["apiId"], StageName=resource_id)
        found = camel(answer, "accessLogSettings", "autoDeploy", "deploymentId", "description", "defaultRouteSettings")
        routes = answer.get("RouteSettings", {})
        return {
            **found,
            "routeSettings": [{"routeKey": key, **camel_keys(settings)} for key, settings in routes.items()],
        }

    def _request(self, desired: Desired) -> dict[str, Any]:
        inputs = desired.inputs
        routes = {setting["routeKey"]: _settings(setting) for setting in inputs.children("routeSettings")}
        default = inputs.child("defaultRouteSettings")
        return {
            "StageName": desired.physical_name(),
            **inputs.pick("apiId", "accessLogSettings", "autoDeploy", "deploymentId", "description"),
            **({"DefaultRouteSettings": _settings(default)} if default is not None else {}),
            **({"RouteSettings": routes} if routes else {}),
            **({"Tags": desired.tags} if desired.tags else {}),
        }


@carries("aws:apigatewayv2/authorizer:Authorizer")
class Authorizer(Adapter):
    found_by = ("apiId",)
    delete = deletes("apigatewayv2", "delete_authorizer", ApiId="apiId", AuthorizerId=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = self._request(desired)
        answer = aws.client("apigatewayv2").create_authorizer(**request)
        return Created(answer["AuthorizerId"], {"name": request["Name"]})

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        aws.client("apigatewayv2").update_authorizer(AuthorizerId=resource_id, **self._request(desired))
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        answer = aws.client("apigatewayv2").get_authorizer(ApiId=state["apiId"], AuthorizerId=resource_id)
        jwt = answer.get("JwtConfiguration", {})
        return {
            **camel(answer, "name", "authorizerType"),
            "identitySources": answer.get("IdentitySource"),
            "jwtConfiguration": {"issuer": jwt.get("Issuer"), "audiences": jwt.get("Audience")},
        }

    def _request(self, desired: Desired) -> dict[str, Any]:
        inputs = desired.inputs
        jwt = inputs.child("jwtConfiguration")
        renamed = (
            {"JwtConfiguration": {**jwt.pick("issuer"), "Audience": jwt.get("audiences", [])}}
            if jwt is not None
            else {}
        )
        if "identitySources" in inputs:
            renamed["IdentitySource"] = inputs["identitySources"]
        return {
            "Name": desired.physical_name(),
            **inputs.pick("apiId", "authorizerType"),
            **renamed,
        }


def _settings(given: Inputs) -> dict[str, Any]:
    return given.pick(
        "dataTraceEnabled", "detailedMetricsEnabled", "loggingLevel", "throttlingBurstLimit", "throttlingRateLimit"
    )
