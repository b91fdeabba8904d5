"""DynamoDB in memory, as simulations have it, and MiniStack's: the adapters get the same answers from both."""

from __future__ import annotations

from typing import Any

import pytest

from simulation.dynamodb import TABLE, DynamoDb
from tests.functions.aws.emulated_dynamodb import new_client, new_table


@pytest.fixture(params=["in memory", "emulated"])
def dynamodb(request: pytest.FixtureRequest) -> tuple[Any, str]:
    """A client, and the name of an empty table."""
    if request.param == "in memory":
        return DynamoDb().client, TABLE
    client = new_client()
    return client, new_table(client)
