"""Clients that are made when they are first called."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from functions.aws import clients as module
from functions.aws.clients import Clients


class Session:
    """Counts the clients that it makes, and how many at a time."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.at_work = self.most = 0

    def create_client(self, service: str, **_: Any) -> Any:
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        self.made.append(service)
        self.at_work -= 1
        return SimpleNamespace(describe=lambda: service)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    session = Session()
    monkeypatch.setattr(module, "_session", lambda: session)
    return session


def test_a_client_is_made_when_it_is_first_called(session: Session) -> None:
    clients: Any = Clients()
    held = [clients.s3, clients.logs]
    assert session.made == []
    assert held[0].describe() == "s3"
    assert held[0].describe() == "s3"
    assert session.made == ["s3"]


def test_threads_share_the_client_that_the_first_of_them_makes(session: Session) -> None:
    client: Any = Clients().stepfunctions
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: client.describe(), range(100))) == {"stepfunctions"}
    assert session.made == ["stepfunctions"]
    assert session.most == 1
