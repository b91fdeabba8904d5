"""HTTP APIs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import ID, Created, carries
from localcloud.engine.adapters.answers import camel
from localcloud.engine.adapters.noun_adapter import NounAdapter
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired, Inputs, camel_keys

_DEFAULT_STAGE = "$default"
_API = ("protocolType", "description")
_ROUTE = ("apiId", "authorizationType", "authorizerId", "routeKey", "target")
_INTEGRATION = ("integrationType", "integrationUri", "payloadFormatVersion")


class _OfHttpApis(NounAdapter):
    service = "apigatewayv2"
    found_by: ClassVar[tuple[str, ...]] = ("apiId",)


@carries("aws:apigatewayv2/api:Api")
class Api(_OfHttpApis):
    noun = "api"
    named_by: ClassVar = {"ApiId": ID}
    found_by = ()

    def request(self, desired: Desired) -> dict[str, Any]:
        tags = {"Tags": desired.tags} if desired.tags else {}
        return {"Name": desired.physical_name(), **desired.inputs.pick(*_API), **tags}

    def created(self, aws: Aws, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Created:
        identity = answer["ApiId"]
        outputs = {
            "name": request["Name"],
            "apiEndpoint": answer.get("ApiEndpoint"),
            "arn": f"arn:{aws.partition}:apigateway:{aws.region}::/apis/{identity}",
            "executionArn": aws.arn("execute-api", identity),
        }
        return Created(identity, outputs)

    def live(self, answer: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        return camel(answer, "name", *_API)


@carries("aws:apigatewayv2/integration:Integration")
class Integration(_OfHttpApis):
    noun = "integration"
    named_by: ClassVar = {"ApiId": "apiId", "IntegrationId": ID}

    def request(self, desired: Desired) -> dict[str, Any]:
        return desired.inputs.pick("apiId", *_INTEGRATION)

    def created(self, aws: Aws, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Created:
        return Created(answer["IntegrationId"])

    def live(self, answer: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        return camel(answer, *_INTEGRATION)


@carries("aws:apigatewayv2/route:Route")
class Route(_OfHttpApis):
    noun = "route"
    named_by: ClassVar = {"ApiId": "apiId", "RouteId": ID}

    def request(self, desired: Desired) -> dict[str, Any]:
        return desired.inputs.pick(*_ROUTE)

    def created(self, aws: Aws, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Created:
        return Created(answer["RouteId"])

    def live(self, answer: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        return camel(answer, *_ROUTE)


@carries("aws:apigatewayv2/stage:Stage")
class Stage(_OfHttpApis):
    noun = "stage"
    named_by: ClassVar = {"ApiId": "apiId", "StageName": ID}
    found_by = ("apiId", "name")

    def request(self, desired: Desired) -> dict[str, Any]:
        inputs = desired.inputs
        routes = {setting["routeKey"]: _throttling(setting) for setting in inputs.children("routeSettings")}
        default = inputs.child("defaultRouteSettings")
        return {
            "StageName": desired.physical_name(),
            **inputs.pick("apiId", "accessLogSettings", "autoDeploy"),
            **({"DefaultRouteSettings": _throttling(default)} if default is not None else {}),
            **({"RouteSettings": routes} if routes else {}),
            **({"Tags": desired.tags} if desired.tags else {}),
        }

    def created(self, aws: Aws, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Created:
        api, name = request["ApiId"], request["StageName"]
        path = "" if name == _DEFAULT_STAGE else name
        outputs = {
            "name": name,
            "arn": f"arn:{aws.partition}:apigateway:{aws.region}::/apis/{api}/stages/{name}",
            "executionArn": aws.arn("execute-api", f"{api}/{name}"),
            "invokeUrl": f"https://{api}.execute-api.{aws.region}.amazonaws.com/{path}",
        }
        return Created(name, outputs)

    def live(self, answer: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        routes = answer.get("RouteSettings", {})
        return {
            **camel(answer, "accessLogSettings", "autoDeploy", "defaultRouteSettings"),
            "routeSettings": [{"routeKey": key, **camel_keys(settings)} for key, settings in routes.items()],
        }


@carries("aws:apigatewayv2/authorizer:Authorizer")
class Authorizer(_OfHttpApis):
    noun = "authorizer"
    named_by: ClassVar = {"ApiId": "apiId", "AuthorizerId": ID}

    def request(self, desired: Desired) -> dict[str, Any]:
        inputs = desired.inputs
        request = {"Name": desired.physical_name(), **inputs.pick("apiId", "authorizerType")}
        jwt = inputs.child("jwtConfiguration")
        if jwt is not None:
            request["JwtConfiguration"] = {**jwt.pick("issuer"), "Audience": jwt.get("audiences", [])}
        if "identitySources" in inputs:
            request["IdentitySource"] = inputs["identitySources"]
        return request

    def created(self, aws: Aws, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Created:
        return Created(answer["AuthorizerId"], {"name": request["Name"]})

    def live(self, answer: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        jwt = answer.get("JwtConfiguration", {})
        return {
            **camel(answer, "name", "authorizerType"),
            "identitySources": answer.get("IdentitySource"),
            "jwtConfiguration": {"issuer": jwt.get("Issuer"), "audiences": jwt.get("Audience")},
        }


def _throttling(given: Inputs) -> dict[str, Any]:
    return given.pick("throttlingBurstLimit", "throttlingRateLimit")
