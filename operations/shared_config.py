"""Values of an AWS profile that boto3 reads whole, and Pulumi's AWS provider does not.

In ~/.aws/config AWS's SDK for Go, in which the provider is written, takes a space and `#` or `;` after a value for a
comment; boto3 does not (findings/aws_config_hash.sh).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError
from botocore.session import Session

from operations.finding import Finding, Verdict

_COMMENT = re.compile(r"\s[#;]")


def profile_settings(profile: str | None) -> Mapping[str, Any]:
    """A profile's settings as boto3 reads them; none of one that cannot be read, which connecting says."""
    try:
        settings: Mapping[str, Any] = Session(profile=profile).get_scoped_config()
    except BotoCoreError:
        return {}
    return settings


def check_profile(settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Names the settings alone: values may be secret."""
    for name, value in settings.items():
        if isinstance(value, str) and _COMMENT.search(value):
            seen = f"Pulumi takes the end of {name} for a comment, boto3 does not: this may be about another account"
            yield Finding("profile", Verdict.WARN, seen, "Leave # and ; out of it; put a comment on a line of its own.")
