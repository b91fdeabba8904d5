"""The one AWS provider of the program: what `aws:*` of the configuration says, and the tags of the stack.

A provider that a program makes itself takes nothing from the configuration on its own (pulumi-aws issues 1307 and 3259,
by design), so each setting is handed over here (docs/decisions/0017-one-source-of-provider-settings.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.config import ConfigError

_TEXTS = (
    "customCaBundle",
    "ec2MetadataServiceEndpoint",
    "ec2MetadataServiceEndpointMode",
    "httpProxy",
    "httpsProxy",
    "noProxy",
    "profile",
    "region",
    "retryMode",
    "s3UsEast1RegionalEndpoint",
    "stsRegion",
    "tagPolicyCompliance",
)
_SECRETS = ("accessKey", "secretKey", "token")
_FLAGS = (
    "insecure",
    "s3UsePathStyle",
    "skipCredentialsValidation",
    "skipMetadataApiCheck",
    "skipRegionValidation",
    "skipRequestingAccountId",
    "useDualstackEndpoint",
    "useFipsEndpoint",
)
_NUMBERS = ("maxRetries", "tokenBucketRateLimiterCapacity")
_LISTS = (
    "allowedAccountIds",
    "assumeRoles",
    "endpoints",
    "forbiddenAccountIds",
    "sharedConfigFiles",
    "sharedCredentialsFiles",
    "userAgents",
)
_OBJECTS = ("assumeRoleWithWebIdentity", "defaultTags", "ignoreTags")
# What earlier versions of the provider called them; a setting under such a name would be passed over.
_RENAMED = {"assumeRole": "assumeRoles", "sharedCredentialsFile": "sharedCredentialsFiles"}
# In every ARN of the program, and of its policies.
_PARTITION = "aws"
_ACCOUNTS = ("allowedAccountIds", "forbiddenAccountIds")
_ACCOUNT = re.compile(r"\d{12}")
_CAPITAL = re.compile(r"(?<=[a-z0-9])[A-Z]")


def aws_provider(name: str, tags: Mapping[str, str]) -> aws.Provider:
    """`tags` are on every resource; see `stack_tags`.

    Raises:
        ConfigError: a setting is not what it must be.
    """
    return aws.Provider(name, **{**provider_settings(), "default_tags": {"tags": tags}})


def stack_tags(own: Mapping[str, str]) -> dict[str, str]:
    """What everything of the stack is tagged with: `own` tags, and those of `aws:defaultTags`.

    Raises:
        ConfigError: that is no object.
    """
    configured = _read("defaultTags", pulumi.Config("aws").get_object, "an object") or {}
    return {**{key: str(value) for key, value in configured.get("tags", {}).items()}, **own}


def place_of(provider: aws.Provider) -> tuple[str, str]:
    """Region and account id that the provider deploys to.

    Raises:
        pulumi.RunError: AWS does not say, most often for want of credentials.
        ConfigError: it is in another partition than AWS's own.
    """
    asked = pulumi.InvokeOptions(provider=provider)
    try:
        region, caller = aws.get_region(opts=asked).region, aws.get_caller_identity(opts=asked)
    except Exception as error:  # noqa: BLE001 whatever the SDK raises has a traceback that explains nothing
        reason = " ".join(str(error).split())
        raise pulumi.RunError(
            f"AWS does not say whose account this is. Look after the credentials, as `make doctor` does. {reason}"
        ) from None
    _, partition, *_ = caller.arn.split(":", 2)
    if partition != _PARTITION:
        raise ConfigError(
            f"These credentials are of the partition {partition} ({region}). Mayfly is for the regions of {_PARTITION}:"
            " China, GovCloud and sovereign clouds lack services that it needs, CloudFront among them."
        )
    return region, caller.account_id


def provider_settings() -> dict[str, Any]:
    """What is set, by the names of the provider's arguments.

    Raises:
        ConfigError: as above.
    """
    config = pulumi.Config("aws")
    for old, new in _RENAMED.items():
        if config.get(old) is not None:
            raise ConfigError(
                f"aws:{old} is called aws:{new}, and is a list: pulumi config set --path 'aws:{new}[0]' ..."
            )
    readers: tuple[tuple[tuple[str, ...], Callable[[str], Any], str], ...] = (
        (_TEXTS, config.get, "a text"),
        (_SECRETS, config.get_secret, "a text"),
        (_FLAGS, config.get_bool, "true or false"),
        (_NUMBERS, config.get_int, "a whole number"),
        (_LISTS, config.get_object, "a list"),
        (_OBJECTS, config.get_object, "an object"),
    )
    found = {key: _read(key, read, meaning) for keys, read, meaning in readers for key in keys}
    _check(found)
    # `pulumi config set --path` makes numbers of them.
    found |= {key: [str(account) for account in found[key]] for key in _ACCOUNTS if found[key]}
    return {_argument(key): value for key, value in found.items() if value is not None}


def _read(key: str, read: Callable[[str], Any], meaning: str) -> Any:
    try:
        value = read(key)
    except (pulumi.ConfigTypeError, ValueError):
        raise _wrong(key, meaning) from None
    wanted = {"a list": list, "an object": dict}.get(meaning)
    if value is not None and wanted is not None and not isinstance(value, wanted):
        raise _wrong(key, meaning)
    return value


def _check(found: Mapping[str, Any]) -> None:
    for key in _ACCOUNTS:
        if not all(_ACCOUNT.fullmatch(str(account)) for account in found[key] or ()):
            raise _wrong(key, 'a list of account ids, each twelve digits in quotes, such as ["123456789012"]')
    if not all(isinstance(role, dict) and role.get("roleArn") for role in found["assumeRoles"] or ()):
        raise _wrong("assumeRoles", "a list of objects, each with a roleArn")


def _wrong(key: str, meaning: str) -> ConfigError:
    return ConfigError(f"aws:{key} must be {meaning}. Set it with: pulumi config set --path aws:{key} ...")


def _argument(key: str) -> str:
    return _CAPITAL.sub(lambda capital: f"_{capital[0].lower()}", key)
