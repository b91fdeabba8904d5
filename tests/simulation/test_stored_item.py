from __future__ import annotations

from typing import Any

import pytest

from simulation.dynamodb import TABLE, DynamoDb
from simulation.stored_item import once

KEY: dict[str, Any] = {"owner": {"S": "alice"}, "id": {"S": "1"}}


def answered(db: DynamoDb) -> dict[str, Any]:
    item: dict[str, Any] = db.client.get_item(TableName=TABLE, Key=KEY)["Item"]
    return item


def test_an_item_is_read_once_until_it_is_written_again() -> None:
    db, read = DynamoDb(), []
    parse = once(lambda item: read.append(item["n"]["N"]))
    for number in ("1", "1", "2"):
        if [number] != read:
            db.client.put_item(TableName=TABLE, Item={**KEY, "n": {"N": number}})
        parse(answered(db))
        parse(answered(db))
    assert read == ["1", "2"]


def test_an_item_that_cannot_be_read_fails_each_time() -> None:
    db, parse = DynamoDb(), once(lambda item: int(item["n"]["S"]))
    db.client.put_item(TableName=TABLE, Item={**KEY, "n": {"S": "none"}})
    for _ in range(2):
        with pytest.raises(ValueError, match="none"):
            parse(answered(db))


def test_an_answered_item_is_not_to_be_changed() -> None:
    db = DynamoDb()
    db.client.put_item(TableName=TABLE, Item=KEY)
    item = answered(db)
    with pytest.raises(TypeError, match="shared"):
        item["n"] = {"N": "1"}
    with pytest.raises(TypeError, match="shared"):
        item.update(n={"N": "1"})
    assert {**item, "n": {"N": "1"}} != item == KEY


def test_what_is_put_is_not_what_the_caller_has() -> None:
    db, mine = DynamoDb(), dict(KEY)
    db.client.put_item(TableName=TABLE, Item=mine)
    mine["n"] = {"N": "1"}
    assert answered(db) == KEY
