"""Who may use a stack: invariants with sign-in, and without."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from functions.api.caller import ADMINS
from localcloud.engine.deployment import Deployment
from localcloud.engine.records import Resource
from tests.infra.configured import config_of
from tests.infra.conftest import OTHER_ORIGIN
from tests.infra.resources import environment, only

pytestmark = pytest.mark.thorough

OPEN = {"ANY /api/health", "ANY /api/docs", "ANY /api/openapi.json"}


def clients(deployment: Deployment) -> tuple[Resource, Resource]:
    """The page's, and the command line's."""
    found = {each.id: each for each in deployment.of_type("aws:cognito/userPoolClient:UserPoolClient")}
    page = found.pop(deployment.outputs["sign_in_client_id"])
    (command_line,) = found.values()
    return page, command_line


def routes(deployment: Deployment) -> dict[str, dict[str, Any]]:
    return {each.inputs["routeKey"]: each.inputs for each in deployment.of_type("aws:apigatewayv2/route:Route")}


def page_settings(deployment: Deployment) -> Resource:
    return only(deployment, "aws:s3/bucketObjectv2:BucketObjectv2", "/config.json")


def connect_sources(deployment: Deployment) -> list[str]:
    """The origins of the content security policy's connect-src."""
    headers = only(deployment, "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
    policy = headers.inputs["securityHeadersConfig"]["contentSecurityPolicy"]["contentSecurityPolicy"]
    (directive,) = (each.split() for each in policy.split(";") if each.split()[0] == "connect-src")
    return list(directive[1:])


def test_every_route_wants_a_token_but_those_that_are_open(signed_in: Deployment) -> None:
    authorizer = only(signed_in, "aws:apigatewayv2/authorizer:Authorizer")
    found = routes(signed_in)
    assert {key for key, route in found.items() if route.get("authorizationType", "NONE") == "NONE"} == OPEN
    behind = {key: route for key, route in found.items() if key not in OPEN}
    assert set(behind) == {"ANY /api/{proxy+}"}
    for route in behind.values():
        assert (route["authorizationType"], route["authorizerId"]) == ("JWT", authorizer.id)


def test_the_authorizer_takes_tokens_of_page_and_command_line_alone(signed_in: Deployment) -> None:
    authorizer = only(signed_in, "aws:apigatewayv2/authorizer:Authorizer").inputs
    pool = only(signed_in, "aws:cognito/userPool:UserPool")
    assert authorizer["authorizerType"] == "JWT"
    assert authorizer["identitySources"] == ["$request.header.Authorization"]
    assert authorizer["jwtConfiguration"] == {
        "issuer": f"https://cognito-idp.{signed_in.region}.amazonaws.com/{pool.id}",
        "audiences": [client.id for client in clients(signed_in)],
    }


def test_no_client_keeps_a_secret_or_a_token_for_long_and_each_knows_one_way_in(signed_in: Deployment) -> None:
    for client in (each.inputs for each in clients(signed_in)):
        assert client["generateSecret"] is False
        assert client["allowedOauthFlows"] == ["code"]
        assert client["allowedOauthScopes"] == ["openid", "email"]
        assert client["explicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]
        assert client["supportedIdentityProviders"] == ["COGNITO"]
        assert client["tokenValidityUnits"]["accessToken"] == "minutes"
        assert client["accessTokenValidity"] <= 15
        assert client["enableTokenRevocation"] is True
        assert client["preventUserExistenceErrors"] == "ENABLED"


def test_people_come_back_to_the_page_or_where_it_is_served_as_well_and_nowhere_else(
    signed_in: Deployment, tailored: Deployment
) -> None:
    for deployment, others in ((signed_in, []), (tailored, [OTHER_ORIGIN])):
        client = clients(deployment)[0].inputs
        assert client["callbackUrls"] == client["logoutUrls"] == [deployment.outputs["site_url"], *others]


def test_the_command_line_listens_on_the_persons_own_computer_alone(signed_in: Deployment) -> None:
    client = clients(signed_in)[1].inputs
    assert len(client["callbackUrls"]) >= 2, "a port may be taken"
    assert all(re.fullmatch(r"http://localhost:\d+/signed-in", url) for url in client["callbackUrls"])
    assert "logoutUrls" not in client


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:8080"])
def test_a_page_on_the_developers_own_computer_needs_no_tls(origin: str) -> None:
    """Cognito's exceptions for testing: botocore's cognito-idp model, CreateUserPoolClient, CallbackURLs."""
    assert config_of(auth="cognito", extraOrigins=[origin]).extra_origins == (origin,)


def test_only_administrators_create_users(signed_in: Deployment) -> None:
    pool = only(signed_in, "aws:cognito/userPool:UserPool").inputs
    assert pool["adminCreateUserConfig"]["allowAdminCreateUserOnly"] is True
    assert pool["accountRecoverySetting"]["recoveryMechanisms"] == [{"name": "verified_email", "priority": 1}]
    password = pool["passwordPolicy"]
    assert password["minimumLength"] >= 12
    assert all(password[f"require{kind}"] for kind in ("Lowercase", "Uppercase", "Numbers", "Symbols"))


def test_the_group_of_admins_is_the_one_that_the_api_knows(signed_in: Deployment) -> None:
    assert only(signed_in, "aws:cognito/userGroup:UserGroup").inputs["name"] == ADMINS


def test_the_sign_in_pages_have_a_style_without_which_they_would_not_show(signed_in: Deployment) -> None:
    styles = signed_in.of_type("aws:cognito/managedLoginBranding:ManagedLoginBranding")
    assert {each.inputs["clientId"] for each in styles} == {client.id for client in clients(signed_in)}
    assert only(signed_in, "aws:cognito/userPoolDomain:UserPoolDomain").inputs["managedLoginVersion"] == 2


def test_each_stack_and_account_has_a_domain_of_its_own(
    signed_in: Deployment, production: Deployment, tailored: Deployment
) -> None:
    """It has no company's name in it: "aws", "amazon" and "cognito" are not allowed there."""
    domains = {
        only(each, "aws:cognito/userPoolDomain:UserPoolDomain").inputs["domain"]
        for each in (signed_in, production, tailored)
    }
    assert len(domains) == 3
    assert all(re.fullmatch("mayfly-[0-9a-f]{16}", domain) for domain in domains)


def test_page_and_command_line_are_told_how_people_sign_in(signed_in: Deployment) -> None:
    (page, command_line), url = clients(signed_in), signed_in.outputs["sign_in_url"]
    told = {
        "auth": "cognito",
        "domain": url,
        "client_id": page.id,
        "scope": "openid email",
        "command_line": {"client_id": command_line.id, "redirect_uris": command_line.inputs["callbackUrls"]},
    }
    assert json.loads(page_settings(signed_in).inputs["content"]) == told
    domain = only(signed_in, "aws:cognito/userPoolDomain:UserPoolDomain").inputs["domain"]
    assert url == f"https://{domain}.auth.{signed_in.region}.amazoncognito.com"


def test_the_pages_settings_are_never_stale(recorded: Deployment) -> None:
    settings = page_settings(recorded).inputs
    assert (settings["contentType"], settings["cacheControl"]) == ("application/json", "no-cache")


def test_the_page_talks_to_itself_to_where_files_are_and_where_people_sign_in(
    signed_in: Deployment, open_to_all: Deployment
) -> None:
    buckets = (signed_in.outputs[f"{name}_bucket"] for name in ("uploads", "outputs"))
    hosts = [f"https://{bucket}.s3.{signed_in.region}.amazonaws.com" for bucket in buckets]
    assert connect_sources(signed_in) == ["'self'", *hosts, signed_in.outputs["sign_in_url"]]
    assert connect_sources(open_to_all) == ["'self'", *hosts]


def test_no_error_is_kept_for_the_next_caller(recorded: Deployment) -> None:
    distribution = only(recorded, "aws:cloudfront/distribution:Distribution").inputs
    kept = {each["errorCode"]: each["errorCachingMinTtl"] for each in distribution["customErrorResponses"]}
    # Those that CloudFront caches whatever the origin says.
    assert kept == dict.fromkeys((404, 414, 500, 501, 502, 503, 504), 0)
    assert all("responsePagePath" not in each for each in distribution["customErrorResponses"])


def test_the_function_is_told_what_to_expect(signed_in: Deployment, open_to_all: Deployment) -> None:
    assert [environment(each, "api")["AUTH"] for each in (signed_in, open_to_all)] == ["cognito", "none"]


def test_without_sign_in_there_is_nothing_of_it(open_to_all: Deployment) -> None:
    assert [each.urn for each in open_to_all.resources if each.type.startswith("aws:cognito/")] == []
    assert open_to_all.of_type("aws:apigatewayv2/authorizer:Authorizer") == []
    assert {route.get("authorizationType", "NONE") for route in routes(open_to_all).values()} == {"NONE"}
    assert json.loads(page_settings(open_to_all).inputs["content"]) == {"auth": "none"}
    assert {"user_pool_id", "sign_in_url", "sign_in_client_id"}.isdisjoint(open_to_all.outputs)
