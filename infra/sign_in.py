"""Sign-in: a Cognito user pool with its own pages, where administrators create the users."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.config import StackConfig

# As functions/api/caller.py calls it.
_ADMINS = "admin"
_SCOPES = ("openid", "email")
# "ACTIVE" keeps `pulumi destroy`, and everybody else, from deleting the users.
_DELETION_PROTECTION = "INACTIVE"
# API Gateway checks a token's signature and times, not whether it was revoked: it has to be over soon by itself.
_ACCESS_MINUTES = 15
_REFRESH_HOURS = 24


@dataclass(frozen=True)
class SignInArgs:
    config: StackConfig
    account_id: str
    region: str


@dataclass(frozen=True)
class AppClient:
    """The page as the user pool knows it: what it needs to sign people in, and the API to know their tokens."""

    id: pulumi.Output[str]
    user_pool_id: pulumi.Output[str]
    issuer: pulumi.Output[str]
    url: pulumi.Output[str]  # of the sign-in pages, without a slash at the end
    scopes: Sequence[str] = _SCOPES

    @property
    def exports(self) -> dict[str, pulumi.Output[str]]:
        """What a newcomer needs: where to create users, and where and as what a program signs them in."""
        return {"user_pool_id": self.user_pool_id, "sign_in_url": self.url, "sign_in_client_id": self.id}


class SignIn(pulumi.ComponentResource):
    """`user_pool_id` is where users are created, `url` where they sign in, `issuer` what their tokens name."""

    user_pool_id: pulumi.Output[str]
    issuer: pulumi.Output[str]
    url: pulumi.Output[str]

    def __init__(self, name: str, args: SignInArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:SignIn", name, None, opts)
        self._logical_name = name
        child = pulumi.ResourceOptions(parent=self)
        pool = self._pool(name)
        self._domain = aws.cognito.UserPoolDomain(
            name,
            domain=_domain_prefix(args),
            user_pool_id=pool.id,
            managed_login_version=2,  # 1 are the classic pages
            opts=child,
        )
        aws.cognito.UserGroup(
            name, name=_ADMINS, user_pool_id=pool.id, description="May deal with everybody's jobs", opts=child
        )
        self.user_pool_id = pool.id
        self.issuer = pulumi.Output.concat("https://", pool.endpoint)
        self.url = pulumi.Output.concat("https://", self._domain.domain, f".auth.{args.region}.amazoncognito.com")
        self.register_outputs({"user_pool_id": self.user_pool_id, "url": self.url})

    def client(self, origins: Sequence[pulumi.Input[str]]) -> AppClient:
        """The app client of a page at these origins, where people come back to after they signed in or out.

        It has no secret, since a page cannot keep one; PKCE takes its place.
        """
        client = aws.cognito.UserPoolClient(
            self._logical_name,
            user_pool_id=self.user_pool_id,
            generate_secret=False,
            supported_identity_providers=["COGNITO"],
            allowed_oauth_flows_user_pool_client=True,
            allowed_oauth_flows=["code"],
            allowed_oauth_scopes=list(_SCOPES),
            callback_urls=list(origins),
            logout_urls=list(origins),
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
            self._logical_name,
            user_pool_id=self.user_pool_id,
            client_id=client.id,
            use_cognito_provided_values=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._domain]),
        )
        return AppClient(client.id, self.user_pool_id, self.issuer, self.url)

    def _pool(self, name: str) -> aws.cognito.UserPool:
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
            deletion_protection=_DELETION_PROTECTION,
            opts=pulumi.ResourceOptions(parent=self),
        )


def _domain_prefix(args: SignInArgs) -> str:
    """A prefix that no other stack or account in the region has; theirs are all one name space.

    The stack's name is hashed along, for a prefix must not have "aws", "amazon" or "cognito" in it.
    """
    return "mayfly-" + hashlib.sha256(f"{args.account_id}/{args.config.stack}".encode()).hexdigest()[:16]
