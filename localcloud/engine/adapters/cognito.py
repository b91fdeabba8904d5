"""Cognito user pools: their domain, app clients, groups and sign-in pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries
from localcloud.engine.errors import ServiceRuleError
from localcloud.engine.inputs import json_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired, Inputs

_POOL = (
    "accountRecoverySetting",
    "adminCreateUserConfig",
    "aliasAttributes",
    "autoVerifiedAttributes",
    "deletionProtection",
    "deviceConfiguration",
    "emailConfiguration",
    "userPoolTier",
    "usernameAttributes",
    "usernameConfiguration",
)
_CLIENT = (
    "accessTokenValidity",
    "authSessionValidity",
    "enablePropagateAdditionalUserContextData",
    "enableTokenRevocation",
    "explicitAuthFlows",
    "generateSecret",
    "idTokenValidity",
    "preventUserExistenceErrors",
    "readAttributes",
    "refreshTokenRotation",
    "refreshTokenValidity",
    "supportedIdentityProviders",
    "tokenValidityUnits",
    "userPoolId",
    "writeAttributes",
)
# Pulumi's name → the API's, where it is not merely the first letter that differs.
_CLIENT_RENAMED = {
    "allowedOauthFlows": "AllowedOAuthFlows",
    "allowedOauthFlowsUserPoolClient": "AllowedOAuthFlowsUserPoolClient",
    "allowedOauthScopes": "AllowedOAuthScopes",
    "callbackUrls": "CallbackURLs",
    "defaultRedirectUri": "DefaultRedirectURI",
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


@carries("aws:cognito/userPool:UserPool")
class UserPool(Adapter):
    """Pools of users with passwords; triggers, second factors, passkeys and attributes of one's own are refused."""

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        password = inputs.pick("passwordPolicy")
        pool = aws.client("cognito-idp").create_user_pool(
            PoolName=name,
            **inputs.pick(*_POOL),
            **({"Policies": password} if password else {}),
            **({"UserPoolTags": desired.tags} if desired.tags else {}),
        )["UserPool"]
        identity = pool["Id"]
        outputs = {
            "name": name,
            "arn": pool["Arn"],
            "endpoint": f"cognito-idp.{aws.region}.amazonaws.com/{identity}",
        }
        return Created(identity, outputs)

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        if state.get("deletionProtection") == "ACTIVE":
            raise ServiceRuleError("deletionProtection: Cognito deletes no pool that is protected; switch it off first")
        aws.client("cognito-idp").delete_user_pool(UserPoolId=resource_id)


@carries("aws:cognito/userPoolDomain:UserPoolDomain")
class UserPoolDomain(Adapter):
    """Domains with a prefix of Cognito's own; certificates of one's own are refused."""

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs = desired.inputs
        prefix = str(inputs["domain"])
        reserved = _RESERVED_IN_PREFIX.search(prefix)
        if reserved:
            raise ServiceRuleError(f"domain: {prefix!r} has {reserved[0]!r} in it, which Cognito keeps for itself")
        aws.client("cognito-idp").create_user_pool_domain(**inputs.pick("domain", "managedLoginVersion", "userPoolId"))
        return Created(prefix, {"awsAccountId": aws.account})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("cognito-idp").delete_user_pool_domain(Domain=resource_id, UserPoolId=state["userPoolId"])


@carries("aws:cognito/userPoolClient:UserPoolClient")
class UserPoolClient(Adapter):
    """App clients; analytics are refused."""

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        _check_return_urls(inputs)
        _check_validity(inputs)
        renamed = {their: inputs[our] for our, their in _CLIENT_RENAMED.items() if our in inputs}
        client = aws.client("cognito-idp").create_user_pool_client(ClientName=name, **inputs.pick(*_CLIENT), **renamed)
        made = client["UserPoolClient"]
        return Created(made["ClientId"], {"name": name, "clientSecret": made.get("ClientSecret", "")})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        aws.client("cognito-idp").delete_user_pool_client(UserPoolId=state["userPoolId"], ClientId=resource_id)


@carries("aws:cognito/userGroup:UserGroup")
class UserGroup(Adapter):
    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        aws.client("cognito-idp").create_group(
            GroupName=name, **inputs.pick("description", "precedence", "roleArn", "userPoolId")
        )
        return Created(f"{inputs['userPoolId']}/{name}", {"name": name})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        del resource_id
        aws.client("cognito-idp").delete_group(UserPoolId=state["userPoolId"], GroupName=state["name"])


@carries("aws:cognito/managedLoginBranding:ManagedLoginBranding")
class ManagedLoginBranding(Adapter):
    """The style of one client's sign-in pages; pictures of one's own are refused."""

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs = desired.inputs
        if bool(inputs.get("useCognitoProvidedValues")) == ("settings" in inputs):
            raise ServiceRuleError("settings: give them or useCognitoProvidedValues, one of the two")
        branding = aws.client("cognito-idp").create_managed_login_branding(
            **inputs.pick("clientId", "useCognitoProvidedValues", "userPoolId"),
            **({"Settings": json_text(inputs["settings"])} if "settings" in inputs else {}),
        )["ManagedLoginBranding"]
        identity = branding["ManagedLoginBrandingId"]
        return Created(f"{inputs['userPoolId']},{identity}", {"managedLoginBrandingId": identity})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        del resource_id
        aws.client("cognito-idp").delete_managed_login_branding(
            UserPoolId=state["userPoolId"], ManagedLoginBrandingId=state["managedLoginBrandingId"]
        )


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
