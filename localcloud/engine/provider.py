"""Turns registrations into calls: the part that pulumi-aws plays in a real deployment."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.engine import registry, sdk_types
from localcloud.engine.adapters.adapter import Created
from localcloud.engine.aws import Aws
from localcloud.engine.dry_run import dry_run_cloud, dry_running
from localcloud.engine.errors import RefusedInputError, ServiceRuleError
from localcloud.engine.inputs import Desired
from localcloud.engine.records import Resource


@dataclass(frozen=True)
class ProviderSettings:
    """Of the default provider (`aws:region`, `aws:defaultTags`) or of an explicit one."""

    region: str
    default_tags: Mapping[str, str] = field(default_factory=dict)
    allowed_accounts: frozenset[str] = frozenset()
    forbidden_accounts: frozenset[str] = frozenset()

    @classmethod
    def from_inputs(cls, inputs: Mapping[str, Any], region: str) -> ProviderSettings:
        """Of a provider's inputs, or of `aws:` configuration values by their bare names."""
        return cls(
            str(inputs.get("region") or region),
            default_tags(inputs.get("defaultTags")),
            account_ids(inputs.get("allowedAccountIds")),
            account_ids(inputs.get("forbiddenAccountIds")),
        )


class Provider:
    """Creates, invokes and deletes; without a cloud it only rehearses.

    `draws_names`: suffixes of names are drawn, so that a replacement can be there before what it replaces is gone.
    """

    def __init__(self, cloud: Aws | None, region: str, *, draws_names: bool = False) -> None:
        self._cloud = cloud
        self._draws_names = draws_names
        self._dry_run = dry_run_cloud(region)

    @property
    def is_dry_run(self) -> bool:
        return self._cloud is None

    def check_account(self, settings: ProviderSettings) -> None:
        """As terraform-provider-aws does before anything else (internal/conns, ValidateAccountID).

        Raises:
            RefusedInputError: these credentials are of an account that the provider's settings rule out.
        """
        allowed, forbidden = settings.allowed_accounts, settings.forbidden_accounts
        if not (allowed or forbidden):
            return
        account = (self._cloud or self._dry_run).account
        if account in forbidden or (allowed and account not in allowed):
            raise RefusedInputError(
                f"AWS account ID not allowed: {account}; aws:allowedAccountIds is {sorted(allowed)}, and "
                f"aws:forbiddenAccountIds {sorted(forbidden)}: sign in to another account, or set another aws:profile"
            )

    def check(self, resource: Resource, settings: ProviderSettings) -> Created:
        """Check a resource whose inputs are all known, touching no cloud; answers what it may look like.

        Raises:
            RefusedInputError, ServiceRuleError: name the input, and what is wrong with it.
        """
        self.check_account(settings)
        problems = sdk_types.check(resource)
        if problems:
            raise RefusedInputError(f"pulumi_aws does not know these inputs: {'; '.join(problems)}")
        wanted = self._desired(resource, settings)
        with dry_running(resource.urn):
            rehearsed = registry.adapter(resource.type).create(
                self._dry_run.in_region(_region(resource, settings)), wanted
            )
        refused = wanted.refused()
        if refused:
            raise RefusedInputError(f"the local cloud does not carry these inputs over: {', '.join(refused)}")
        return rehearsed

    def create(self, resource: Resource, settings: ProviderSettings) -> Created:
        """Check the resource thoroughly, then create it."""
        created = self.check(resource, settings)
        if self._cloud is not None:
            cloud = self._cloud.in_region(_region(resource, settings))
            created = registry.adapter(resource.type).create(cloud, self._desired(resource, settings))
        return _completed(created, resource, settings)

    def invoke(self, token: str, arguments: Mapping[str, Any], settings: ProviderSettings) -> dict[str, Any]:
        """Answer a data source such as `aws:index/getRegion:getRegion`."""
        self.check_account(settings)
        cloud = self._cloud or self._dry_run
        with dry_running(token):
            return registry.invoke(token)(cloud.in_region(str(arguments.get("region") or settings.region)), arguments)

    def _desired(self, resource: Resource, settings: ProviderSettings) -> Desired:
        suffix = secrets.token_hex(4)[:7] if self._draws_names else ""
        longest = registry.adapter(resource.type).longest_name
        return Desired(resource.urn, resource.name, resource.inputs, settings.default_tags, longest, suffix)


def default_tags(value: Any) -> Mapping[str, str]:
    """`defaultTags` of a provider; nested provider inputs and configuration values are JSON texts."""
    parsed = json.loads(value) if isinstance(value, str) else value
    return dict((parsed or {}).get("tags") or {})


def account_ids(value: Any) -> frozenset[str]:
    """Of a provider's input or a configuration value, a list or its JSON text."""
    parsed = json.loads(value) if isinstance(value, str) else value
    return frozenset(str(one) for one in (parsed if isinstance(parsed, list) else ()))


def delete(cloud: Aws, resource: Resource) -> None:
    """Remove what `create` made."""
    region = str(resource.outputs.get("region") or cloud.region)
    registry.adapter(resource.type).delete(cloud.in_region(region), str(resource.id), resource.outputs)


def reason(error: BaseException) -> str:
    """An error in one readable line."""
    if isinstance(error, ClientError):
        told = error.response.get("Error", {})
        return f"{error.operation_name} was refused: {told.get('Code', '?')}: {told.get('Message', '')}".rstrip(": ")
    if isinstance(error, (BotoCoreError, RefusedInputError, ServiceRuleError)):
        return " ".join(str(error).split())
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _region(resource: Resource, settings: ProviderSettings) -> str:
    return str(resource.inputs.get("region") or settings.region)


def _completed(created: Created, resource: Resource, settings: ProviderSettings) -> Created:
    outputs = {**created.outputs, "region": _region(resource, settings)}
    if sdk_types.takes(resource.type, "tags"):
        outputs["tagsAll"] = {**settings.default_tags, **(resource.inputs.get("tags") or {})}
    return Created(created.id, outputs)
