from __future__ import annotations

from typing import Any

from functions.aws.usage_table import DynamoUsageTable


def test_a_days_sum_is_each_owners_own_and_never_above_the_limit(dynamodb: tuple[Any, str]) -> None:
    usage = DynamoUsageTable(*dynamodb)
    assert usage.add("alice", "2026-01-31", 6, 10)
    assert not usage.add("alice", "2026-01-31", 5, 10)
    assert usage.add("alice", "2026-01-31", 4, 10), "what was refused is not counted"
    assert not usage.add("alice", "2026-01-31", 1, 10)
    assert usage.add("bob", "2026-01-31", 10, 10)
    assert usage.add("alice", "2026-02-01", 10, 10)
    assert not usage.add("carol", "2026-01-31", 11, 10)
    assert usage.add("carol", "2026-01-31", 0, 10), "an empty file"
