"""Cognito user pools: their domain, app clients, groups and sign-in pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import ID, Created, Gone, carries
from localcloud.engine.adapters.noun_adapter import NounAdapter
from localcloud.engine.aws import Aws
from localcloud.engine.errors import ServiceRuleError
from localcloud.engine.inputs import Desired, Inputs

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

    # `name` made a new pool up to version 6.4 at least (issue 43544, pull request 42639): taken as it was, to be safe.
    replaced_by = ("name", "usernameAttributes", "usernameConfiguration")  # cognitoidp/user_pool.go
    longest_name = 128  # API reference, CreateUserPool
    noun, name_as, tags_as = "user_pool", "PoolName", "UserPoolTags"
    named_by: ClassVar = {"UserPoolId": ID}
    inputs = (
        "accountRecoverySetting",
        "adminCreateUserConfig",
        "autoVerifiedAttributes",
        "deletionProtection",
        "userPoolTier",
        "usernameAttributes",
        "usernameConfiguration",
    )

    def request(self, desired: Desired) -> dict[str, Any]:
        password = desired.inputs.take("passwordPolicy")
        return {**super().request(desired), "Policies": password or None}

    def create(self, aws: Aws, desired: Desired) -> Created:
        created = super().create(aws, desired)
        _set_mfa(aws, created.id, desired)
        return created

    def identity(self, made: Mapping[str, Any]) -> str:
        return str(made["Id"])

    def outputs(self, aws: Aws, made: Mapping[str, Any]) -> dict[str, Any]:
        return {"arn": made["Arn"], "endpoint": f"cognito-idp.{aws.region}.amazonaws.com/{made['Id']}"}

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
        return {**super().read(aws, resource_id, state), **self.live(factors)}

    def live(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        return super().live({**answer, **answer.get("Policies", {})})


def _set_mfa(aws: Aws, pool_id: str, desired: Desired) -> None:
    """By a call of its own, as the provider does. The emulator keeps it; its pages never ask for a code."""
    request = desired.inputs.take("mfaConfiguration", "softwareTokenMfaConfiguration")
    if request:
        aws.client("cognito-idp").set_user_pool_mfa_config(UserPoolId=pool_id, **request)


@carries("aws:cognito/userPoolDomain:UserPoolDomain")
class UserPoolDomain(_OfUserPools):
    """Domains with a prefix of Cognito's own; certificates of one's own are refused."""

    replaced_by = ("domain", "userPoolId")  # cognitoidp/user_pool_domain.go
    noun = "user_pool_domain"
    named_by: ClassVar = {"Domain": ID, "UserPoolId": "userPoolId"}
    inputs = ("managedLoginVersion", "userPoolId")

    def request(self, desired: Desired) -> dict[str, Any]:
        prefix = str(desired.inputs["domain"])
        reserved = _RESERVED_IN_PREFIX.search(prefix)
        if reserved:
            raise ServiceRuleError(f"domain: {prefix!r} has {reserved[0]!r} in it, which Cognito keeps for itself")
        return {"Domain": prefix, **super().request(desired)}

    def outputs(self, aws: Aws, made: Mapping[str, Any]) -> dict[str, Any]:
        return {"awsAccountId": aws.account}

    def live(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        found = answer["DomainDescription"]
        if not found:
            raise Gone("no such domain")
        return super().live(found)


@carries("aws:cognito/userPoolClient:UserPoolClient")
class UserPoolClient(_OfUserPools):
    """App clients; analytics are refused."""

    replaced_by = ("generateSecret", "userPoolId")  # cognitoidp/user_pool_client.go
    longest_name = 128  # API reference, CreateUserPoolClient
    noun, name_as = "user_pool_client", "ClientName"
    named_by: ClassVar = {"ClientId": ID, "UserPoolId": "userPoolId"}
    inputs = (
        "accessTokenValidity",
        "allowedOauthFlows",
        "allowedOauthFlowsUserPoolClient",
        "allowedOauthScopes",
        "callbackUrls",
        "enableTokenRevocation",
        "explicitAuthFlows",
        "generateSecret",
        "idTokenValidity",
        "logoutUrls",
        "preventUserExistenceErrors",
        "refreshTokenValidity",
        "supportedIdentityProviders",
        "tokenValidityUnits",
        "userPoolId",
    )

    def request(self, desired: Desired) -> dict[str, Any]:
        _check_return_urls(desired.inputs)
        _check_validity(desired.inputs)
        return super().request(desired)

    def outputs(self, aws: Aws, made: Mapping[str, Any]) -> dict[str, Any]:
        return {"clientSecret": made.get("ClientSecret", "")}

    def live(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        has_secret = bool(answer.get("ClientSecret"))
        return super().live({**answer, "Name": answer["ClientName"], "GenerateSecret": has_secret})


@carries("aws:cognito/userGroup:UserGroup")
class UserGroup(_OfUserPools):
    replaced_by = ("name", "userPoolId")  # cognitoidp/user_group.go
    longest_name = 128  # API reference, CreateGroup
    noun, getting, name_as = "group", "get", "GroupName"
    named_by: ClassVar = {"GroupName": "name", "UserPoolId": "userPoolId"}
    inputs = ("description", "userPoolId")

    def identity(self, made: Mapping[str, Any]) -> str:
        return f"{made['userPoolId']}/{made['GroupName']}"


@carries("aws:cognito/managedLoginBranding:ManagedLoginBranding")
class ManagedLoginBranding(_OfUserPools):
    """The style of one client's sign-in pages; settings and pictures of one's own are refused."""

    replaced_by = ("clientId", "userPoolId")  # cognitoidp/managed_login_branding.go, in the state of 2026 (0509e60e8e)
    noun = "managed_login_branding"
    named_by: ClassVar = {"ManagedLoginBrandingId": "managedLoginBrandingId", "UserPoolId": "userPoolId"}
    inputs = ("clientId", "useCognitoProvidedValues", "userPoolId")

    def identity(self, made: Mapping[str, Any]) -> str:
        return f"{made['userPoolId']},{made['ManagedLoginBrandingId']}"

    def outputs(self, aws: Aws, made: Mapping[str, Any]) -> dict[str, Any]:
        return {"managedLoginBrandingId": made["ManagedLoginBrandingId"]}


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
