"""What Cognito does and upstream MiniStack does not; and people of the local cloud."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest
from botocore.exceptions import ClientError

from tests import web
from tests.localcloud.emulator.harness import EmulatorHarness

BACK = "https://page.example.org"
PASSWORD = "Correct-Horse-7"
TOKENS = ("access_token", "id_token")
CONFIRMED: dict[str, Any] = {"UserAttributes": [{"Name": "email_verified", "Value": "true"}]}


def user_pool(harness: EmulatorHarness, *, open_to_all: bool = False) -> str:
    """Id of a pool whose domain has managed login pages."""
    cognito, name = harness.client("cognito-idp"), f"pool-{uuid.uuid4().hex[:8]}"
    pool = cognito.create_user_pool(
        PoolName=name,
        UsernameAttributes=["email"],
        AdminCreateUserConfig={"AllowAdminCreateUserOnly": not open_to_all},
    )["UserPool"]["Id"]
    cognito.create_user_pool_domain(Domain=name, UserPoolId=pool, ManagedLoginVersion=2)
    return str(pool)


def app_client(harness: EmulatorHarness, pool: str, **settings: Any) -> str:
    made = harness.client("cognito-idp").create_user_pool_client(
        UserPoolId=pool,
        ClientName="page",
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["code"],
        AllowedOAuthScopes=["openid", "email"],
        SupportedIdentityProviders=["COGNITO"],
        CallbackURLs=[BACK],
        ExplicitAuthFlows=["ALLOW_REFRESH_TOKEN_AUTH"],
        **settings,
    )
    return str(made["UserPoolClient"]["ClientId"])


def style(harness: EmulatorHarness, pool: str, client: str) -> str:
    made = harness.client("cognito-idp").create_managed_login_branding(
        UserPoolId=pool, ClientId=client, UseCognitoProvidedValues=True
    )
    return str(made["ManagedLoginBranding"]["ManagedLoginBrandingId"])


def sign_in_page(harness: EmulatorHarness, client: str) -> httpx.Response:
    query = {"client_id": client, "response_type": "code", "redirect_uri": BACK, "scope": "openid"}
    return web.get(f"{harness.emulator.aws_endpoint}/oauth2/authorize", params=query)


def test_only_a_client_with_a_style_has_sign_in_pages(harness: EmulatorHarness) -> None:
    pool = user_pool(harness)
    styled, plain = app_client(harness, pool), app_client(harness, pool)
    identity = style(harness, pool, styled)
    assert "Sign in" in sign_in_page(harness, styled).text
    assert "Login pages unavailable" in sign_in_page(harness, plain).text
    harness.client("cognito-idp").delete_managed_login_branding(UserPoolId=pool, ManagedLoginBrandingId=identity)
    assert "Login pages unavailable" in sign_in_page(harness, styled).text


def test_the_classic_pages_need_no_style(harness: EmulatorHarness) -> None:
    pool = user_pool(harness)
    domain = harness.client("cognito-idp").describe_user_pool(UserPoolId=pool)["UserPool"]["Domain"]
    harness.client("cognito-idp").update_user_pool_domain(Domain=domain, UserPoolId=pool, ManagedLoginVersion=1)
    assert "Sign in" in sign_in_page(harness, app_client(harness, pool)).text


def test_a_client_has_one_style_and_a_style_one_client(harness: EmulatorHarness) -> None:
    pool = user_pool(harness)
    client = app_client(harness, pool)
    style(harness, pool, client)
    with pytest.raises(ClientError, match="ManagedLoginBrandingExistsException"):
        style(harness, pool, client)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        style(harness, pool, "nobodysclient")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        style(harness, "eu-central-1_nobodys", client)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        harness.client("cognito-idp").delete_managed_login_branding(
            UserPoolId=pool, ManagedLoginBrandingId=str(uuid.uuid4())
        )


def test_sign_up_is_refused_where_only_administrators_create_users(harness: EmulatorHarness) -> None:
    cognito, who = harness.client("cognito-idp"), {"Username": "eve@example.org", "Password": PASSWORD}
    with pytest.raises(ClientError, match=r"NotAuthorizedException.*not permitted"):
        cognito.sign_up(ClientId=app_client(harness, user_pool(harness)), **who)
    assert cognito.sign_up(ClientId=app_client(harness, user_pool(harness, open_to_all=True)), **who)["UserSub"]


def user_of(harness: EmulatorHarness, pool: str) -> str:
    """Name of a new one, who may sign in."""
    cognito, name = harness.client("cognito-idp"), f"{uuid.uuid4().hex[:8]}@example.org"
    cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS", **CONFIRMED)
    cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=PASSWORD, Permanent=True)
    return name


def tokens_of_a_user(harness: EmulatorHarness, group: str | None = None) -> tuple[str, dict[str, Any]]:
    """A client, and what the token endpoint answers a user, perhaps of a group, who has signed in with it."""
    pool = user_pool(harness)
    client, name, cognito = app_client(harness, pool), user_of(harness, pool), harness.client("cognito-idp")
    if group:
        cognito.create_group(UserPoolId=pool, GroupName=group)
        cognito.admin_add_user_to_group(UserPoolId=pool, GroupName=group, Username=name)
    form = {"client_id": client, "redirect_uri": BACK, "scope": "openid", "response_type": "code"}
    who = {"username": name, "password": PASSWORD}
    back = web.post(f"{harness.emulator.aws_endpoint}/login", data={**form, **who}).headers["location"]
    code = parse_qs(urlsplit(back).query)["code"][0]
    answer = oauth2(harness, "token", grant_type="authorization_code", client_id=client, redirect_uri=BACK, code=code)
    return client, answer.json()


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def oauth2(harness: EmulatorHarness, endpoint: str, **form: str) -> httpx.Response:
    return web.post(f"{harness.emulator.aws_endpoint}/oauth2/{endpoint}", data=form)


def test_a_renewed_token_has_the_users_groups(harness: EmulatorHarness) -> None:
    """Cognito developer guide, "Understanding user pool JSON web tokens": access and ID tokens have the groups."""
    client, tokens = tokens_of_a_user(harness, "admin")
    renewal = {"grant_type": "refresh_token", "client_id": client, "refresh_token": tokens["refresh_token"]}
    for each in (tokens, oauth2(harness, "token", **renewal).json()):
        assert [claims_of(each[kind]).get("cognito:groups") for kind in TOKENS] == [["admin"]] * 2


def test_a_refresh_token_that_was_revoked_gives_no_more_tokens(harness: EmulatorHarness) -> None:
    client, tokens = tokens_of_a_user(harness)
    renewal = {"grant_type": "refresh_token", "client_id": client, "refresh_token": tokens["refresh_token"]}
    assert oauth2(harness, "token", **renewal).status_code == 200
    revoked = oauth2(harness, "revoke", client_id=client, token=tokens["refresh_token"])
    assert (revoked.status_code, revoked.content) == (200, b"")
    refused = oauth2(harness, "token", **renewal)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_only_a_refresh_token_of_the_client_can_be_revoked(harness: EmulatorHarness) -> None:
    client, tokens = tokens_of_a_user(harness)
    other, _ = tokens_of_a_user(harness)
    for sent, status, error in (
        ({"client_id": client}, 400, "invalid_request"),
        ({"client_id": client, "token": tokens["access_token"]}, 400, "unsupported_token_type"),
        ({"client_id": other, "token": tokens["refresh_token"]}, 400, "unsupported_token_type"),
        ({"client_id": "nobodysclient", "token": tokens["refresh_token"]}, 401, "invalid_client"),
    ):
        refused = oauth2(harness, "revoke", **sent)
        assert (refused.status_code, refused.json()["error"]) == (status, error)


def test_a_token_is_what_signing_in_gives(harness: EmulatorHarness) -> None:
    pool = user_pool(harness)
    client, name, cognito = app_client(harness, pool), user_of(harness, pool), harness.client("cognito-idp")
    told = {
        "client_id": client,
        "users": {
            "carol": {"username": name, "password": PASSWORD},
            "mallory": {"username": name, "password": "a guess"},
        },
    }
    assert harness.site.put("/_local/users", json=told).status_code == 204
    assert harness.site.get("/_local/users").json() == told["users"]
    token = harness.site.get("/_local/token", params={"user": "carol"}).json()["access_token"]
    claims = claims_of(token)
    assert (claims["client_id"], claims["token_use"]) == (client, "access")
    assert claims["iss"].endswith(f"/{pool}")
    assert set(claims["scope"].split()) == {"openid", "email"}
    assert claims["sub"] == cognito.admin_get_user(UserPoolId=pool, Username=name)["Username"]
    assert harness.site.get("/_local/token", params={"user": "mallory"}).status_code == 500
    missing = harness.site.get("/_local/token", params={"user": "dave"})
    assert (missing.status_code, missing.json()["code"]) == (404, "user_not_found")
    assert "carol, mallory" in missing.json()["detail"]
