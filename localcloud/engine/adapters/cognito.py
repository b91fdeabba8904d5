"""Cognito user pools: their domain, app clients, groups and sign-in pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.engine.adapters.adapter import ID, Adapter, Created, carries, deletes
from localcloud.engine.adapters.answers import Gone, accepted, camel
from localcloud.engine.errors import ServiceRuleError
from localcloud.engine.inputs import json_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
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


@carries("aws:cognito/userPool:UserPool")
class UserPool(Adapter):
    """Pools of users with passwords and codes of an app; other factors, triggers and own attributes are refused."""

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = self._request(desired)
        pool = aws.client("cognito-idp").create_user_pool(**request)["UserPool"]
        identity = pool["Id"]
        _set_mfa(aws, identity, desired)
        outputs = {
            "name": request["PoolName"],
            "arn": pool["Arn"],
            "endpoint": f"cognito-idp.{aws.region}.amazonaws.com/{identity}",
        }
        return Created(identity, outputs)

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        if state.get("deletionProtection") == "ACTIVE":
            raise ServiceRuleError("deletionProtection: Cognito deletes no pool that is protected; switch it off first")
        aws.client("cognito-idp").delete_user_pool(UserPoolId=resource_id)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        client, request = aws.client("cognito-idp"), self._request(desired)
        client.update_user_pool(UserPoolId=resource_id, **accepted(client, "update_user_pool", request))
        _set_mfa(aws, resource_id, desired)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        client = aws.client("cognito-idp")
        pool = client.describe_user_pool(UserPoolId=resource_id)["UserPool"]
        factors = client.get_user_pool_mfa_config(UserPoolId=resource_id)
        return {
            **camel(pool, "name", *_POOL),
            **camel(pool.get("Policies", {}), "passwordPolicy"),
            **camel(factors, "mfaConfiguration", "softwareTokenMfaConfiguration"),
        }

    def _request(self, desired: Desired) -> dict[str, Any]:
        password = desired.inputs.pick("passwordPolicy")
        return {
            "PoolName": desired.physical_name(),
            **desired.inputs.pick(*_POOL),
            **({"Policies": password} if password else {}),
            **({"UserPoolTags": desired.tags} if desired.tags else {}),
        }


def _set_mfa(aws: Aws, pool_id: str, desired: Desired) -> None:
    """By a call of its own, as the provider does. The emulator keeps it; its pages never ask for a code."""
    request = desired.inputs.pick("mfaConfiguration", "softwareTokenMfaConfiguration")
    if request:
        aws.client("cognito-idp").set_user_pool_mfa_config(UserPoolId=pool_id, **request)


@carries("aws:cognito/userPoolDomain:UserPoolDomain")
class UserPoolDomain(Adapter):
    """Domains with a prefix of Cognito's own; certificates of one's own are refused."""

    found_by = ("domain",)
    delete = deletes("cognito-idp", "delete_user_pool_domain", Domain=ID, UserPoolId="userPoolId")

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs = desired.inputs
        prefix = str(inputs["domain"])
        reserved = _RESERVED_IN_PREFIX.search(prefix)
        if reserved:
            raise ServiceRuleError(f"domain: {prefix!r} has {reserved[0]!r} in it, which Cognito keeps for itself")
        aws.client("cognito-idp").create_user_pool_domain(**inputs.pick("domain", "managedLoginVersion", "userPoolId"))
        return Created(prefix, {"awsAccountId": aws.account})

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        request = desired.inputs.pick("domain", "managedLoginVersion", "userPoolId")
        aws.client("cognito-idp").update_user_pool_domain(**request)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("cognito-idp").describe_user_pool_domain(Domain=resource_id)["DomainDescription"]
        if not found:
            raise Gone(resource_id)
        return camel(found, "managedLoginVersion", "userPoolId")


@carries("aws:cognito/userPoolClient:UserPoolClient")
class UserPoolClient(Adapter):
    """App clients; analytics are refused."""

    delete = deletes("cognito-idp", "delete_user_pool_client", UserPoolId="userPoolId", ClientId=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = self._request(desired)
        made = aws.client("cognito-idp").create_user_pool_client(**request)["UserPoolClient"]
        outputs = {"name": request["ClientName"], "clientSecret": made.get("ClientSecret", "")}
        return Created(made["ClientId"], outputs)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        client, request = aws.client("cognito-idp"), self._request(desired)
        client.update_user_pool_client(ClientId=resource_id, **accepted(client, "update_user_pool_client", request))
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        answer = aws.client("cognito-idp").describe_user_pool_client(
            UserPoolId=state["userPoolId"], ClientId=resource_id
        )
        found = answer["UserPoolClient"]
        renamed = {our: found[their] for our, their in _CLIENT_RENAMED.items() if their in found}
        has_secret = bool(found.get("ClientSecret"))
        return {"name": found["ClientName"], **camel(found, *_CLIENT), **renamed, "generateSecret": has_secret}

    def _request(self, desired: Desired) -> dict[str, Any]:
        inputs = desired.inputs
        _check_return_urls(inputs)
        _check_validity(inputs)
        renamed = {their: inputs[our] for our, their in _CLIENT_RENAMED.items() if our in inputs}
        return {"ClientName": desired.physical_name(), **inputs.pick(*_CLIENT), **renamed}


@carries("aws:cognito/userGroup:UserGroup")
class UserGroup(Adapter):
    found_by = ("name", "userPoolId")
    delete = deletes("cognito-idp", "delete_group", UserPoolId="userPoolId", GroupName="name")

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        aws.client("cognito-idp").create_group(
            GroupName=name, **inputs.pick("description", "precedence", "roleArn", "userPoolId")
        )
        return Created(f"{inputs['userPoolId']}/{name}", {"name": name})

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        request = desired.inputs.pick("description", "precedence", "roleArn", "userPoolId")
        aws.client("cognito-idp").update_group(GroupName=state["name"], **request)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        answer = aws.client("cognito-idp").get_group(UserPoolId=state["userPoolId"], GroupName=state["name"])
        return camel(answer["Group"], "description", "precedence", "roleArn")


@carries("aws:cognito/managedLoginBranding:ManagedLoginBranding")
class ManagedLoginBranding(Adapter):
    """The style of one client's sign-in pages; pictures of one's own are refused."""

    found_by = ("userPoolId",)
    unread: ClassVar = {"clientId": "DescribeManagedLoginBranding does not name the client"}
    delete = deletes(
        "cognito-idp",
        "delete_managed_login_branding",
        UserPoolId="userPoolId",
        ManagedLoginBrandingId="managedLoginBrandingId",
    )

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = self._request(desired.inputs)
        branding = aws.client("cognito-idp").create_managed_login_branding(**request)["ManagedLoginBranding"]
        identity = branding["ManagedLoginBrandingId"]
        return Created(f"{request['UserPoolId']},{identity}", {"managedLoginBrandingId": identity})

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        client, request = aws.client("cognito-idp"), self._request(desired.inputs)
        identity = state["managedLoginBrandingId"]
        request = accepted(client, "update_managed_login_branding", request)
        client.update_managed_login_branding(ManagedLoginBrandingId=identity, **request)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        identity = state["managedLoginBrandingId"]
        answer = aws.client("cognito-idp").describe_managed_login_branding(
            UserPoolId=state["userPoolId"], ManagedLoginBrandingId=identity
        )["ManagedLoginBranding"]
        return {"settings": answer.get("Settings"), **camel(answer, "useCognitoProvidedValues")}

    def _request(self, inputs: Inputs) -> dict[str, Any]:
        if bool(inputs.get("useCognitoProvidedValues")) == ("settings" in inputs):
            raise ServiceRuleError("settings: give them or useCognitoProvidedValues, one of the two")
        settings = {"Settings": json_text(inputs["settings"])} if "settings" in inputs else {}
        return {**inputs.pick("clientId", "useCognitoProvidedValues", "userPoolId"), **settings}


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
