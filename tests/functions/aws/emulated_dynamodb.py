"""DynamoDB inside the test's own process: boto3's requests are answered by MiniStack's DynamoDB, without a server."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from ministack.services import dynamodb

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_numbers = count(1)


class _Body(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _answer(request: AWSPreparedRequest, **_: Any) -> Any:
    given: dict[str, Any] = dict(request.headers)
    headers = {name.lower(): _text(value) for name, value in given.items()}
    # A loop of its own: asyncio.run would leave the thread without the one that Mangum keeps there.
    with closing(asyncio.new_event_loop()) as loop:
        handling = dynamodb.handle_request(request.method, "/", headers, request.body, {})
        status, answered, body = loop.run_until_complete(handling)
    return AWSResponse(request.url, status, answered, _Body(body))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def new_client() -> DynamoDBClient:
    client = boto3.client("dynamodb", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    client.meta.events.register("before-send.dynamodb", _answer)
    return client


def new_table(client: DynamoDBClient) -> str:
    """The name of an empty table like that of infra/jobs_table.py."""
    name = f"jobs-{next(_numbers)}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("owner", "id", "open")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "open",
                "KeySchema": [
                    {"AttributeName": "open", "KeyType": "HASH"},
                    {"AttributeName": "id", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    return name
