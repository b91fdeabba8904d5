"""What parliament knows of IAM: its linter, and the service authorization reference that it carries.

Its copy of the reference is years old; what AWS has added or changed since stands beside the tests that need it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

with warnings.catch_warnings():
    # It opens two files of its own and leaves them to the garbage collector, and finds them by pkg_resources, which
    # setuptools says will go.
    warnings.simplefilter("ignore", ResourceWarning)
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    import parliament
    from parliament.statement import get_arn_format, get_privilege_info


@dataclass(frozen=True)
class Finding:
    issue: str
    detail: str


def lint(document: dict[str, Any]) -> list[Finding]:
    """Parliament's findings about a document, those of its community's auditors too; one for each action concerned."""
    analysed = parliament.analyze_policy_string(json.dumps(document), include_community_auditors=True)
    return [
        Finding(each.issue, json.dumps(part, default=str))
        for each in analysed.findings
        for part in (each.detail if isinstance(each.detail, list) else [each.detail or each.location])
    ]


def is_known(action: str) -> bool:
    return action.lower() in _resource_types()


def takes_resources(action: str) -> bool:
    """Whether a policy can name what the action may be done to.

    Raises:
        KeyError: an action that the reference does not have.
    """
    return any(_resource_types()[action.lower()])


def unnamed_resources(action: str, resources: Iterable[str]) -> list[str]:
    """ARN patterns of the kinds of resources that the action always needs, as far as none of `resources` is of them.

    Raises:
        parliament.UnknownActionException: an action that the reference does not have.
    """
    service, _, name = action.partition(":")
    privilege = get_privilege_info(service, name)
    needed = [each["resource_type"] for each in privilege["resource_types"] if each["resource_type"].endswith("*")]
    formats = {kind: get_arn_format(kind, privilege["service_resources"]) for kind in needed}
    given = list(resources)
    return [
        pattern
        for kind, pattern in formats.items()
        if not any(parliament.is_arn_match(kind, pattern, one) for one in given)
    ]


@cache
def _resource_types() -> dict[str, list[str]]:
    """`service:action` in lower case → the types of its resources; "" is an action on none."""
    return {
        f"{service['prefix']}:{privilege['privilege']}".lower(): [
            each["resource_type"] for each in privilege["resource_types"]
        ]
        for service in parliament.iam_definition
        for privilege in service["privileges"]
    }
