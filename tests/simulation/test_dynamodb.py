"""The DynamoDB in memory refuses what it does not know, and what DynamoDB refuses; the rest is in test_tables.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulation.dynamodb import MOST_BYTES, TABLE, DynamoDb
from simulation.dynamodb_expressions import UnknownExpression, condition, key_condition, update
from simulation.stored_item import size_of

KEY: dict[str, Any] = {"owner": {"S": "alice"}, "id": {"S": "1"}}


@pytest.fixture
def db() -> DynamoDb:
    return DynamoDb()


def put(db: DynamoDb, number: int, **attributes: Any) -> None:
    db.client.put_item(TableName=TABLE, Item={**KEY, "id": {"S": f"{number:03}"}, **attributes})


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["id"]["S"] for item in answer["Items"]]


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((condition, text) for text in ("size(a) > :b", "a BETWEEN :b AND :c", "a IN (:b)", "a = ", "a.b = :c")),
        *((condition, text) for text in ("a[0] = :c", "x", "a = :b, c = :d")),
        *((update, text) for text in ("SET a = b + :c", "DELETE a :b", "SET a.b = :c", "SET a", "ADD a b")),
        (update, "SET a = :b, REMOVE c"),
        *((key_condition, text) for text in ("a > :b", "a = :b OR c = :d", "a = :b AND c BETWEEN :d AND :e")),
    ],
)
def test_an_expression_that_is_not_known_is_refused(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(UnknownExpression):
        read(text)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("attribute_exists(a)", True),
        ("attribute_not_exists(z) AND n < :big", True),
        ("NOT attribute_exists(a) OR a = :a", True),
        ("NOT (attribute_exists(a) OR a = :a)", False),
        ("n > :a", False),  # of two types
        ("z <= :big", False),  # not there
        ("contains(s, :a)", True),
    ],
)
def test_conditions(text: str, holds: bool) -> None:  # a table
    item = {"a": {"S": "a"}, "n": {"N": "9"}, "s": {"SS": ["a", "b"]}}
    values = {":a": {"S": "a"}, ":big": {"N": "10"}}
    assert condition(text).does(item, {}, values) is holds


def test_sizes_are_those_of_the_developer_guide() -> None:
    values: dict[str, tuple[Any, int]] = {
        "text": ({"S": "Zoë"}, 4),
        "number": ({"N": "1234"}, 3),
        "map": ({"M": {"a": {"BOOL": True}}}, 3 + 1 + 1 + 1),
        "list": ({"L": [{"S": "ab"}, {"S": "c"}]}, 3 + 3 + 2),
        "set": ({"SS": ["ab", "c"]}, 3),
    }
    for name, (value, size) in values.items():
        assert size_of({name: value}) == len(name) + size


def test_an_item_above_400_kb_is_not_written(db: DynamoDb) -> None:
    put(db, 1, text={"S": "x" * (MOST_BYTES - 50)})
    with pytest.raises(ClientError, match="ValidationException"):
        put(db, 1, text={"S": "x" * MOST_BYTES})
    assert len(db.items["alice", "001"]["text"]["S"]) == MOST_BYTES - 50


def test_a_request_with_a_placeholder_too_many_is_refused(db: DynamoDb) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        db.client.put_item(TableName=TABLE, Item=KEY, ExpressionAttributeNames={"#a": "a"})


def test_more_than_25_writes_or_two_of_one_item_are_refused(db: DynamoDb) -> None:
    many = [{"PutRequest": {"Item": {**KEY, "id": {"S": str(number)}}}} for number in range(26)]
    for requests in (many, [many[0], many[0]]):
        with pytest.raises(ClientError, match="ValidationException"):
            db.client.batch_write_item(RequestItems={TABLE: requests})


def test_a_page_of_a_query_is_limited_by_number_and_size(db: DynamoDb) -> None:
    for number in range(9):
        put(db, number, text={"S": "x" * 300_000})
    query: dict[str, Any] = {
        "TableName": TABLE,
        "KeyConditionExpression": "#owner = :owner",
        "ExpressionAttributeNames": {"#owner": "owner"},
        "ExpressionAttributeValues": {":owner": {"S": "alice"}},
    }
    first = db.client.query(**query)
    assert ids(first) == ["000", "001", "002"]
    assert ids(db.client.query(**query, ExclusiveStartKey=first["LastEvaluatedKey"])) == ["003", "004", "005"]
    assert ids(db.client.query(**query, Limit=2, ScanIndexForward=False)) == ["008", "007"]
    assert [len(page["Items"]) for page in db.client.get_paginator("query").paginate(**query)] == [3, 3, 3]


def test_units_are_by_size_and_a_failed_condition_is_billed(db: DynamoDb) -> None:
    units: list[tuple[str, float, int]] = []
    db.on_units.append(lambda *each: units.append(each))
    put(db, 1, text={"S": "x" * 5_000})
    db.client.get_item(TableName=TABLE, Key={**KEY, "id": {"S": "001"}}, ConsistentRead=True)
    db.client.get_item(TableName=TABLE, Key={**KEY, "id": {"S": "001"}})
    with pytest.raises(ClientError):
        db.client.put_item(
            TableName=TABLE, Item={**KEY, "id": {"S": "001"}}, ConditionExpression="attribute_not_exists(id)"
        )
    put(db, 2, open={"S": "open"})
    assert units == [
        ("alice", 0, 5),
        ("alice", 2, 0),
        ("alice", 1, 0),
        ("alice", 0, 5),
        ("alice", 0, 1),
        ("open", 0, 1),
    ]


# "Supported data types and naming rules in Amazon DynamoDB", Number: 38 digits, from 1E-130 to below 1E+126; zeros in
# front and at the end are trimmed. Seen of DynamoDB: 00042, -0, 1.0 and 1.5E2 come back as 42, 0, 1 and 150 (ExtendDB
# pull request 7), and a number of 39 digits with zeros at its end as it is (powertools-lambda-python issue 4845).
@pytest.mark.parametrize(
    ("written", "answered"),
    [
        ("1", "1"),
        ("00042", "42"),
        ("-007", "-7"),
        ("1.0", "1"),
        ("1.50", "1.5"),
        (".5", "0.5"),
        ("+5", "5"),
        ("-0", "0"),
        ("0.00", "0"),
        ("1.5E2", "150"),
        ("25e-1", "2.5"),
        ("100", "100"),
        ("110111111111111110000000000000000000000", "110111111111111110000000000000000000000"),
        ("1" * 38, "1" * 38),
        ("-0." + "1" * 38, "-0." + "1" * 38),
        ("1E125", "1" + "0" * 125),
        ("1E-130", "0." + "0" * 129 + "1"),
    ],
)
def test_a_number_comes_back_without_zeros_and_exponent(db: DynamoDb, written: str, answered: str) -> None:
    given: dict[str, Any] = {"a": {"N": written}, "m": {"M": {"l": {"L": [{"N": written}]}}}, "s": {"NS": [written]}}
    put(db, 1, **given)
    names, values = {"#u": "u"}, {":u": {"N": written}}
    db.client.update_item(
        TableName=TABLE,
        Key={**KEY, "id": {"S": "001"}},
        UpdateExpression="SET #u = :u",
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
    )
    (item,) = db.of_owner("alice")
    number = {"N": answered}
    assert item["a"] == item["u"] == item["m"]["M"]["l"]["L"][0] == number
    assert item["s"] == {"NS": [answered]}


@pytest.mark.parametrize(
    ("before", "added", "after"),
    [("1.5", "1.5", "3"), ("1E3", "-1E3", "0"), ("1" * 38, "1", "1" * 37 + "2"), ("0.1", "0.20", "0.3")],
)
def test_a_sum_is_exact_and_comes_back_as_other_numbers_do(db: DynamoDb, before: str, added: str, after: str) -> None:
    put(db, 1, a={"N": before})
    answer = db.client.update_item(
        TableName=TABLE,
        Key={**KEY, "id": {"S": "001"}},
        UpdateExpression="ADD a :b",
        ExpressionAttributeValues={":b": {"N": added}},
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"]["a"] == {"N": after}


def test_a_number_equals_another_writing_of_it(db: DynamoDb) -> None:
    put(db, 1, a={"L": [{"N": "1.0"}]}, s={"NS": ["2.50"]})
    db.client.delete_item(
        TableName=TABLE,
        Key={**KEY, "id": {"S": "001"}},
        ConditionExpression="a = :a AND contains(s, :s)",
        ExpressionAttributeValues={":a": {"L": [{"N": "1"}]}, ":s": {"N": "25e-1"}},
    )
    assert not db.items


BAD_VALUES: list[dict[str, Any]] = [
    {"SS": []},
    {"SS": ["b", "b"]},
    {"NS": []},
    {"NS": ["x"]},
    {"N": "nan"},
    {"N": "inf"},
    {"N": "x"},
    {"N": ""},
    {"N": "1_0"},
    {"N": "1" * 39},
    {"N": "0." + "1" * 39},
    {"N": "1E126"},
    {"N": "-1E126"},
    {"N": "9E-131"},
    {"NS": ["1", "1.0"]},
    {"M": {"b": {"L": [{"N": "x"}]}}},
]


# API reference: PutItem (empty keys and sets), BatchGetItem (100 keys, no duplicates), AttributeValue (numbers), Query.
# Developer guide: "Reserved words in DynamoDB", "Supported data types and naming rules in Amazon DynamoDB".
@pytest.mark.parametrize(
    ("operation", "given"),
    [
        ("put_item", {"Item": {**KEY, "id": {"S": ""}}}),
        ("put_item", {"Item": {**KEY, "open": {"S": ""}}}),
        ("get_item", {"Key": {**KEY, "owner": {"S": ""}}}),
        ("delete_item", {"Key": {**KEY, "id": {"S": ""}}}),
        ("update_item", {"Key": {**KEY, "id": {"S": ""}}, "UpdateExpression": "REMOVE a"}),
        *(
            ("batch_get_item", {"RequestItems": {TABLE: each}})
            for each in (
                {"Keys": [{**KEY, "id": {"S": ""}}]},
                {"Keys": [KEY, KEY]},
                {"Keys": [{**KEY, "id": {"S": str(number)}} for number in range(101)]},
                {"Keys": [KEY], "Limit": 1},
            )
        ),
        *(
            ("batch_write_item", {"RequestItems": {TABLE: [each]}})
            for each in (
                {"DeleteRequest": {"Key": {**KEY, "id": {"S": ""}}}},
                {"PutRequest": {"Item": {**KEY, "id": {"S": ""}}}},
                {"PutRequest": {"Item": {**KEY, "a": {"SS": []}}}},
            )
        ),
        *(("put_item", {"Item": {**KEY, "a": each}}) for each in BAD_VALUES),
        *(
            ("update_item", {"Key": KEY, "UpdateExpression": text, "ExpressionAttributeValues": values})
            for text, values in (
                ("SET a = :a", {":a": {"N": "nan"}}),
                ("ADD a :a", {":a": {"SS": []}}),
                ("REMOVE a", {}),
                ("SET status = :a", {":a": {"S": "a"}}),
            )
        ),
        (
            "update_item",
            {
                "Key": KEY,
                "UpdateExpression": "SET #open = :a",
                "ExpressionAttributeNames": {"#open": "open"},
                "ExpressionAttributeValues": {":a": {"S": ""}},
            },
        ),
        ("update_item", {"Key": KEY, "UpdateExpression": "REMOVE Token"}),
        ("put_item", {"Item": KEY, "ExpressionAttributeNames": {}}),
        ("put_item", {"Item": KEY, "ConditionExpression": "attribute_not_exists(owner)"}),
        ("query", {"KeyConditionExpression": "owner = :a", "ExpressionAttributeValues": {":a": {"S": "a"}}}),
        *(
            (
                "query",
                {
                    "KeyConditionExpression": "#owner = :owner AND id > :id",
                    "ExpressionAttributeNames": {"#owner": "owner"},
                    "ExpressionAttributeValues": {":owner": {"S": owner}, ":id": {"S": name}},
                },
            )
            for owner, name in (("", "1"), ("alice", ""))
        ),
    ],
)
def test_a_request_that_dynamodb_refuses_is_refused(db: DynamoDb, operation: str, given: dict[str, Any]) -> None:
    table = {} if "RequestItems" in given else {"TableName": TABLE}
    with pytest.raises(ClientError, match="ValidationException"):
        getattr(db.client, operation)(**table, **given)
    assert not db.items
