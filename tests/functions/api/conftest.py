from __future__ import annotations

from collections.abc import Iterator

import pytest

from functions.api.caller import Auth
from tests.functions.api.test_api import Api
from tests.functions.api.test_owners import Gateway


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    with made.client:
        yield made


@pytest.fixture
def gateway() -> Gateway:
    return Gateway(Auth.COGNITO)
