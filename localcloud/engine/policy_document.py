"""`aws.iam.get_policy_document`: the provider renders statements to IAM's JSON without any call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.engine.errors import RefusedInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LISTS = {
    "actions": "Action",
    "notActions": "NotAction",
    "resources": "Resource",
    "notResources": "NotResource",
}
_PRINCIPALS = {"principals": "Principal", "notPrincipals": "NotPrincipal"}


def policy_document(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The document that the arguments of `getPolicyDocument` describe."""
    refused = set(arguments) - {"version", "policyId", "statements"}
    if refused:
        raise RefusedInputError(f"getPolicyDocument: {', '.join(sorted(refused))} cannot be rendered here")
    document: dict[str, Any] = {"Version": arguments.get("version", "2012-10-17")}
    if arguments.get("policyId"):
        document["Id"] = arguments["policyId"]
    document["Statement"] = [_statement(statement) for statement in arguments.get("statements", [])]
    return document


def _statement(given: Mapping[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {}
    if given.get("sid"):
        statement["Sid"] = given["sid"]
    statement["Effect"] = given.get("effect", "Allow")
    for source, name in _LISTS.items():
        if given.get(source):
            statement[name] = _one_or_many(given[source])
    for source, name in _PRINCIPALS.items():
        if given.get(source):
            statement[name] = _principals(given[source])
    conditions: dict[str, dict[str, Any]] = {}
    for condition in given.get("conditions", []):
        conditions.setdefault(condition["test"], {})[condition["variable"]] = _one_or_many(condition["values"])
    if conditions:
        statement["Condition"] = conditions
    return statement


def _principals(given: Sequence[Mapping[str, Any]]) -> str | dict[str, Any]:
    if any(principal["type"] == "*" for principal in given):
        return "*"
    return {principal["type"]: _one_or_many(principal["identifiers"]) for principal in given}


def _one_or_many(values: Sequence[str]) -> str | Sequence[str]:
    return values[0] if len(values) == 1 else values
