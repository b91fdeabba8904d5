"""The condition key `dynamodb:LeadingKeys`: the partition keys that a request names.

Source: DynamoDB developer guide, "Using IAM policy conditions for fine-grained access control". A request that names
none, such as a scan, does not have it; here no batch and no transaction has it either, since no role that is limited by
it may make one. Upstream MiniStack knows `dynamodb:Attributes` and `dynamodb:Select` alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ministack.core import iam_actions
from ministack.services import dynamodb

# `name = :value`, one of which is the partition key's in every query.
_EQUALITY = re.compile(r"([#\w.-]+)\s*=\s*(:\w+)")


def install() -> None:
    iam_actions.dynamodb_service_context = _with_leading_keys(iam_actions.dynamodb_service_context)


def _with_leading_keys(upstream: Callable[[bytes], dict[str, Any]]) -> Callable[[bytes], dict[str, Any]]:
    def service_context(body: bytes) -> dict[str, Any]:
        context = upstream(body)
        if context:  # upstream has read the body, then, and it is an object
            keys = list(_leading_keys(json.loads(body or b"{}")))
            context |= {"dynamodb:LeadingKeys": keys} if keys else {}
        return context

    return service_context


def _leading_keys(request: Mapping[str, Any]) -> Iterator[str]:
    table = request.get("TableName", "")
    hash_key = _hash_key(table, request.get("IndexName"))
    for member in ("Key", "Item"):
        yield from _value(request.get(member, {}).get(hash_key))
    yield from _queried(request, hash_key)


def _queried(request: Mapping[str, Any], hash_key: str) -> Iterator[str]:
    names = request.get("ExpressionAttributeNames", {})
    values = request.get("ExpressionAttributeValues", {})
    for name, value in _EQUALITY.findall(request.get("KeyConditionExpression", "")):
        if names.get(name, name) == hash_key:
            yield from _value(values.get(value))


def _value(attribute: Mapping[str, str] | None) -> Iterator[str]:
    yield from (attribute or {}).values()


def _hash_key(table: str, index: str | None = None) -> str:
    """Name of the partition key; empty for a table or an index that is not there."""
    found = dynamodb._tables.get(table.rpartition("/")[2]) or {}
    schema = found.get("KeySchema", [])
    if index is not None:
        indexes = [*found.get("GlobalSecondaryIndexes", []), *found.get("LocalSecondaryIndexes", [])]
        schema = next((each["KeySchema"] for each in indexes if each["IndexName"] == index), [])
    return next((key["AttributeName"] for key in schema if key["KeyType"] == "HASH"), "")
