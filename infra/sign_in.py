"""Sign-in: a Cognito user pool with its own pages, where administrators create the users."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.config import StackConfig
from infra.stack import Stack

# As functions/api/caller.py calls it.
_ADMINS = "admin"
_SCOPES = ("openid", "email")
# API Gateway checks a token's signature and times, not whether it was revoked: it has to be over soon by itself.
_ACCESS_MINUTES = 15
_REFRESH_HOURS = 24
# Redirect URLs of the command line client, which listens there during a sign-in (RFC 8252,
# section 7.3): Cognito compares these addresses to the letter, so the port cannot be any free one, and a port that
# something else has taken makes the client try the next. "localhost" is the one host that Cognito promises to take
# without TLS (API reference, CreateUserPoolClient, CallbackURLs).
_COMMAND_LINE_PORTS = (17650, 21650, 23650)
_COMMAND_LINE_URLS = tuple(f"http://localhost:{port}/signed-in" for port in _COMMAND_LINE_PORTS)


@dataclass(frozen=True)
class SignInArgs:
    stack: Stack
    # Where the page is: people come back there after they signed in or out.
    origins: Sequence[pulumi.Input[str]]


@dataclass(frozen=True)
class AppClients:
    """Page and command line as the user pool knows them: what each needs to sign people in, and the API to know them.

    `command_line_urls` are the addresses on people's own computers that the command line client may listen at.
    """

    page_id: pulumi.Output[str]
    command_line_id: pulumi.Output[str]
    user_pool_id: pulumi.Output[str]
    user_pool_arn: pulumi.Output[str]
    issuer: pulumi.Output[str]
    url: str  # of the sign-in pages, without a slash at the end
    scopes: Sequence[str] = _SCOPES
    command_line_urls: Sequence[str] = _COMMAND_LINE_URLS

    @property
    def audiences(self) -> list[pulumi.Output[str]]:
        """Whose tokens the API takes."""
        return [self.page_id, self.command_line_id]

    @property
    def exports(self) -> dict[str, pulumi.Input[str]]:
        """What a newcomer needs: where to create users, and where and as what a program signs them in."""
        return {"user_pool_id": self.user_pool_id, "sign_in_url": self.url, "sign_in_client_id": self.page_id}


class SignIn(pulumi.ComponentResource):
    """The user pool, its pages, and `clients`, the app clients of the page and of the command line."""

    clients: AppClients

    def __init__(self, name: str, args: SignInArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:SignIn", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        pool = self._pool(name, args.stack.config)
        domain = aws.cognito.UserPoolDomain(
            name,
            domain=_domain_prefix(args),
            user_pool_id=pool.id,
            managed_login_version=2,  # 1 are the classic pages
            opts=child,
        )
        aws.cognito.UserGroup(
            name, name=_ADMINS, user_pool_id=pool.id, description="May deal with everybody's jobs", opts=child
        )
        page = self._client(name, pool, domain, args.origins, args.origins)
        command_line = self._client(f"{name}-command-line", pool, domain, _COMMAND_LINE_URLS)
        self.clients = AppClients(
            page.id,
            command_line.id,
            pool.id,
            pool.arn,
            issuer=pulumi.Output.concat("https://", pool.endpoint),
            # Known before the domain is there: the site's distribution, which takes minutes, need not wait for it.
            url=f"https://{_domain_prefix(args)}.auth.{args.stack.region}.amazoncognito.com",
        )
        self.register_outputs({"user_pool_id": pool.id, "url": self.clients.url})

    def _client(
        self,
        name: str,
        pool: aws.cognito.UserPool,
        domain: aws.cognito.UserPoolDomain,
        callback_urls: Sequence[pulumi.Input[str]],
        logout_urls: Sequence[pulumi.Input[str]] = (),
    ) -> aws.cognito.UserPoolClient:
        client = aws.cognito.UserPoolClient(
            name,
            user_pool_id=pool.id,
            generate_secret=False,  # neither the page nor a program on people's computers can keep one; they use PKCE
            supported_identity_providers=["COGNITO"],
            allowed_oauth_flows_user_pool_client=True,
            allowed_oauth_flows=["code"],
            allowed_oauth_scopes=list(_SCOPES),
            callback_urls=list(callback_urls),
            logout_urls=list(logout_urls) or None,
            # Passwords are typed into Cognito's own pages, so no flow is open that would take one from anywhere else.
            explicit_auth_flows=["ALLOW_REFRESH_TOKEN_AUTH"],
            access_token_validity=_ACCESS_MINUTES,
            id_token_validity=_ACCESS_MINUTES,
            refresh_token_validity=_REFRESH_HOURS,
            token_validity_units={"access_token": "minutes", "id_token": "minutes", "refresh_token": "hours"},
            enable_token_revocation=True,
            prevent_user_existence_errors="ENABLED",
            opts=pulumi.ResourceOptions(parent=self),
        )
        # Without a style of its own, even the default one, a client's pages answer "Login pages unavailable".
        aws.cognito.ManagedLoginBranding(
            name,
            user_pool_id=pool.id,
            client_id=client.id,
            use_cognito_provided_values=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[domain]),
        )
        return client

    def _pool(self, name: str, config: StackConfig) -> aws.cognito.UserPool:
        # "OPTIONAL" would be for those alone who registered by the API, with a scope that these clients do not ask for:
        # the pages never offer it (API reference, SetUserPoolMfaConfig).
        mfa: dict[str, Any] = (
            {"mfa_configuration": "ON", "software_token_mfa_configuration": {"enabled": True}}
            if config.mfa == "required"
            else {}
        )
        return aws.cognito.UserPool(
            name,
            username_attributes=["email"],
            username_configuration={"case_sensitive": False},
            auto_verified_attributes=["email"],
            admin_create_user_config={"allow_admin_create_user_only": True},
            account_recovery_setting={"recovery_mechanisms": [{"name": "verified_email", "priority": 1}]},
            password_policy={
                "minimum_length": 12,
                "require_lowercase": True,
                "require_uppercase": True,
                "require_numbers": True,
                "require_symbols": True,
                "temporary_password_validity_days": 7,
            },
            user_pool_tier="ESSENTIALS",  # the least that has these pages
            deletion_protection="ACTIVE" if config.protect else "INACTIVE",
            **mfa,
            opts=pulumi.ResourceOptions(parent=self, protect=config.protect),
        )


def _domain_prefix(args: SignInArgs) -> str:
    """A prefix that no other stack or account in the region has; theirs are all one name space.

    The stack's name is hashed along, for a prefix must not have "aws", "amazon" or "cognito" in it.
    """
    return "mayfly-" + hashlib.sha256(f"{args.stack.account_id}/{args.stack.config.stack}".encode()).hexdigest()[:16]
