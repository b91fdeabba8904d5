"""Cognito user pools: their domain, app clients, groups and sign-in pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import ID, Created, carries
from localcloud.engine.adapters.answers import Gone, camel
from localcloud.engine.adapters.noun_adapter import NounAdapter
from localcloud.engine.aws import Aws
from localcloud.engine.errors import ServiceRuleError
from localcloud.engine.inputs import Desired, Inputs

_POOL = (
    "accountRecoverySetting",
    "adminCreateUserConfig",
    "autoVerifiedAttributes",
    "deletionProtection",
    "userPoolTier",
    "usernameAttributes",
    "usernameConfiguration",
)
_CLIENT = (
    "accessTokenValidity",
    "enableTokenRevocation",
    "explicitAuthFlows",
    "generateSecret",
    "idTokenValidity",
    "preventUserExistenceErrors",
    "refreshTokenValidity",
    "supportedIdentityProviders",
    "tokenValidityUnits",
    "userPoolId",
)
# Pulumi's name → the API's, where it is not merely the first letter that differs.
_CLIENT_RENAMED = {
    "allowedOauthFlows": "AllowedOAuthFlows",
    "allowedOauthFlowsUserPoolClient": "AllowedOAuthFlowsUserPoolClient",
    "allowedOauthScopes": "AllowedOAuthScopes",
    "callbackUrls": "CallbackURLs",
    "logoutUrls": "LogoutURLs",
}
# cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html
_RESERVED_IN_PREFIX = re.compile("aws|amazon|cognito")
# API_CreateUserPoolClient.html: https, except for testing
_RETURN_URL = re.compile(r"https://[^#]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/[^#]*)?")
# AWS::Cognito::UserPoolClient TokenValidityUnits, in seconds
_TOKEN_SECONDS = {"accessToken": (300, 86_400), "idToken": (300, 86_400), "refreshToken": (3_600, 315_360_000)}
_UNIT_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}
_DEFAULT_UNITS = {"accessToken": "hours", "idToken": "hours", "refreshToken": "days"}


class _OfUserPools(NounAdapter):
    service = "cognito-idp"
    getting = "describe"


@carries("aws:cognito/userPool:UserPool")
class UserPool(_OfUserPools):
    """Pools of users with passwords and codes of an app; other factors, triggers and own attributes are refused."""

    noun = "user_pool"
    named_by: ClassVar = {"UserPoolId": ID}

    def request(self, desired: Desired) -> dict[str, Any]:
        password = desired.inputs.pick("passwordPolicy")
        return {
            "PoolName": desired.physical_name(),
            **desired.inputs.pick(*_POOL),
            **({"Policies": password} if password else {}),
            **({"UserPoolTags": desired.tags} if desired.tags else {}),
        }

    def create(self, aws: Aws, desired: Desired) -> Created:
        created = super().create(aws, desired)
        _set_mfa(aws, created.id, desired)
        return created

    def created(self, aws: Aws, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Created:
        pool = answer["UserPool"]
        endpoint = f"cognito-idp.{aws.region}.amazonaws.com/{pool['Id']}"
        return Created(pool["Id"], {"name": request["PoolName"], "arn": pool["Arn"], "endpoint": endpoint})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        if state.get("deletionProtection") == "ACTIVE":
            raise ServiceRuleError("deletionProtection: Cognito deletes no pool that is protected; switch it off first")
        super().delete(aws, resource_id, state)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        super().update(aws, resource_id, desired, state)
        _set_mfa(aws, resource_id, desired)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        factors = aws.client("cognito-idp").get_user_pool_mfa_config(UserPoolId=resource_id)
        mfa = camel(factors, "mfaConfiguration", "softwareTokenMfaConfiguration")
        return {**super().read(aws, resource_id, state), **mfa}

    def live(self, answer: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        pool = answer["UserPool"]
        return {**camel(pool, "name", *_POOL), **camel(pool.get("Policies", {}), "passwordPolicy")}


def _set_mfa(aws: Aws, pool_id: str, desired: Desired) -> None:
    """By a call of its own, as the provider does. The emulator keeps it; its pages never ask for a code."""
    request = desired.inputs.pick("mfaConfiguration", "softwareTokenMfaConfiguration")
    if request:
        aws.client("cognito-idp").set_user_pool_mfa_config(UserPoolId=pool_id, **request)


@carries("aws:cognito/userPoolDomain:UserPoolDomain")
class UserPoolDomain(_OfUserPools):
    """Domains with a prefix of Cognito's own; certificates of one's own are refused."""

    noun = "user_pool_domain"
    named_by: ClassVar = {"Domain": ID, "UserPoolId": "userPoolId"}
    found_by = ("domain",)

    def request(self, desired: Desired) -> dict[str, Any]:
        prefix = str(desired.inputs["domain"])
        reserved = _RESERVED_IN_PREFIX.search(prefix)
        if reserved:
            raise ServiceRuleError(f"domain: {prefix!r} has {reserved[0]!r} in it, which Cognito keeps for itself")
        return desired.inputs.pick("domain", "managedLoginVersion", "userPoolId")

    def created(self, aws: Aws, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Created:
        return Created(request["Domain"], {"awsAccountId": aws.account})

    def live(self, answer: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        found = answer["DomainDescription"]
        if not found:
            raise Gone(state["domain"])
        return camel(found, "managedLoginVersion", "userPoolId")


@carries("aws:cognito/userPoolClient:UserPoolClient")
class UserPoolClient(_OfUserPools):
    """App clients; analytics are refused."""

    noun = "user_pool_client"
    named_by: ClassVar = {"ClientId": ID, "UserPoolId": "userPoolId"}

    def request(self, desired: Desired) -> dict[str, Any]:
        inputs = desired.inputs
        _check_return_urls(inputs)
        _check_validity(inputs)
        renamed = {their: inputs[our] for our, their in _CLIENT_RENAMED.items() if our in inputs}
        return {"ClientName": desired.physical_name(), **inputs.pick(*_CLIENT), **renamed}

    def created(self, aws: Aws, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Created:
        made = answer["UserPoolClient"]
        outputs = {"name": request["ClientName"], "clientSecret": made.get("ClientSecret", "")}
        return Created(made["ClientId"], outputs)

    def live(self, answer: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        found = answer["UserPoolClient"]
        renamed = {our: found[their] for our, their in _CLIENT_RENAMED.items() if their in found}
        has_secret = bool(found.get("ClientSecret"))
        return {"name": found["ClientName"], **camel(found, *_CLIENT), **renamed, "generateSecret": has_secret}


@carries("aws:cognito/userGroup:UserGroup")
class UserGroup(_OfUserPools):
    noun, getting = "group", "get"
    named_by: ClassVar = {"GroupName": "name", "UserPoolId": "userPoolId"}
    found_by = ("name", "userPoolId")

    def request(self, desired: Desired) -> dict[str, Any]:
        return {"GroupName": desired.physical_name(), **desired.inputs.pick("description", "userPoolId")}

    def created(self, aws: Aws, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Created:
        name = request["GroupName"]
        return Created(f"{request['UserPoolId']}/{name}", {"name": name})

    def live(self, answer: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        return camel(answer["Group"], "description")


@carries("aws:cognito/managedLoginBranding:ManagedLoginBranding")
class ManagedLoginBranding(_OfUserPools):
    """The style of one client's sign-in pages; settings and pictures of one's own are refused."""

    noun = "managed_login_branding"
    named_by: ClassVar = {"ManagedLoginBrandingId": "managedLoginBrandingId", "UserPoolId": "userPoolId"}
    found_by = ("userPoolId",)
    unread: ClassVar = {"clientId": "DescribeManagedLoginBranding does not name the client"}

    def request(self, desired: Desired) -> dict[str, Any]:
        return desired.inputs.pick("clientId", "useCognitoProvidedValues", "userPoolId")

    def created(self, aws: Aws, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Created:
        identity = answer["ManagedLoginBranding"]["ManagedLoginBrandingId"]
        return Created(f"{request['UserPoolId']},{identity}", {"managedLoginBrandingId": identity})

    def live(self, answer: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        return camel(answer["ManagedLoginBranding"], "useCognitoProvidedValues")


def _check_return_urls(inputs: Inputs) -> None:
    if inputs.get("allowedOauthFlowsUserPoolClient") and not inputs.get("callbackUrls"):
        raise ServiceRuleError("callbackUrls: a client with OAuth flows needs one at least")
    for key in ("callbackUrls", "logoutUrls"):
        for url in inputs.get(key, []):
            if not _RETURN_URL.fullmatch(url):
                raise ServiceRuleError(f"{key}: {url!r} is neither https nor this computer, or has a fragment")


def _check_validity(inputs: Inputs) -> None:
    units = inputs.get("tokenValidityUnits", {})
    for token, (least, most) in _TOKEN_SECONDS.items():
        validity = inputs.get(f"{token}Validity")
        if not validity:  # 0, and nothing, is Cognito's own default
            continue
        seconds = validity * _UNIT_SECONDS[units.get(token, _DEFAULT_UNITS[token])]
        if not least <= seconds <= most:
            raise ServiceRuleError(f"{token}Validity: {seconds} seconds is not from {least} to {most}")
