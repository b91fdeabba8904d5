"""HTTP APIs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import ID, carries
from localcloud.engine.adapters.noun_adapter import NounAdapter
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired

_DEFAULT_STAGE = "$default"


class _OfHttpApis(NounAdapter):
    service = "apigatewayv2"


@carries("aws:apigatewayv2/api:Api")
class Api(_OfHttpApis):
    replaced_by = ("protocolType",)  # apigatewayv2/api.go
    longest_name = 128  # API reference, CreateApi
    noun, name_as, tags_as = "api", "Name", "Tags"
    named_by: ClassVar = {"ApiId": ID}
    inputs = ("protocolType", "description")

    def outputs(self, aws: Aws, made: Mapping[str, Any]) -> dict[str, Any]:
        identity = made["ApiId"]
        return {
            "apiEndpoint": made.get("ApiEndpoint"),
            "arn": f"arn:{aws.partition}:apigateway:{aws.region}::/apis/{identity}",
            "executionArn": aws.arn("execute-api", identity),
        }


@carries("aws:apigatewayv2/integration:Integration")
class Integration(_OfHttpApis):
    replaced_by = ("apiId", "integrationType")  # apigatewayv2/integration.go
    noun = "integration"
    named_by: ClassVar = {"ApiId": "apiId", "IntegrationId": ID}
    inputs = ("apiId", "integrationType", "integrationUri", "payloadFormatVersion")


@carries("aws:apigatewayv2/route:Route")
class Route(_OfHttpApis):
    replaced_by = ("apiId",)  # apigatewayv2/route.go
    noun = "route"
    named_by: ClassVar = {"ApiId": "apiId", "RouteId": ID}
    inputs = ("apiId", "authorizationType", "authorizerId", "routeKey", "target")


@carries("aws:apigatewayv2/stage:Stage")
class Stage(_OfHttpApis):
    replaced_by = ("apiId", "name")  # apigatewayv2/stage.go
    noun, name_as, tags_as = "stage", "StageName", "Tags"
    named_by: ClassVar = {"ApiId": "apiId", "StageName": ID}
    inputs = ("apiId", "accessLogSettings", "autoDeploy", "defaultRouteSettings")

    def request(self, desired: Desired) -> dict[str, Any]:
        routes = {each["routeKey"]: each for each in desired.inputs.get("routeSettings", [])}
        settings = {key: {**each, "routeKey": None} for key, each in routes.items()}
        return {**super().request(desired), "RouteSettings": settings or None}

    def outputs(self, aws: Aws, made: Mapping[str, Any]) -> dict[str, Any]:
        api, name = made["apiId"], made["StageName"]
        path = "" if name == _DEFAULT_STAGE else name
        return {
            "arn": f"arn:{aws.partition}:apigateway:{aws.region}::/apis/{api}/stages/{name}",
            "executionArn": aws.arn("execute-api", f"{api}/{name}"),
            "invokeUrl": f"https://{api}.execute-api.{aws.region}.amazonaws.com/{path}",
        }

    def live(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        routes = answer.get("RouteSettings", {})
        listed = [{"RouteKey": key, **settings} for key, settings in routes.items()]
        return super().live({**answer, "RouteSettings": listed})


@carries("aws:apigatewayv2/authorizer:Authorizer")
class Authorizer(_OfHttpApis):
    replaced_by = ("apiId",)  # apigatewayv2/authorizer.go
    longest_name = 128  # API reference, CreateAuthorizer
    noun, name_as = "authorizer", "Name"
    named_by: ClassVar = {"ApiId": "apiId", "AuthorizerId": ID}
    inputs = ("apiId", "authorizerType")

    def request(self, desired: Desired) -> dict[str, Any]:
        inputs = desired.inputs
        jwt = inputs.get("jwtConfiguration")
        return {
            **super().request(desired),
            "JwtConfiguration": jwt and {**jwt, "audiences": None, "Audience": jwt.get("audiences")},
            "IdentitySource": inputs.get("identitySources"),
        }

    def live(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        jwt = answer.get("JwtConfiguration", {})
        configuration = {**jwt, "Audiences": jwt.get("Audience")}
        return super().live(
            {**answer, "IdentitySources": answer.get("IdentitySource"), "JwtConfiguration": configuration}
        )
