"""What boto3's clients look like to the handlers: calls by keyword, paginators, and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any, Protocol, TypeVar

from botocore import xform_name
from botocore.exceptions import ClientError

T = TypeVar("T")

# Those that the handlers catch by their class, of all services.
EXCEPTIONS: Any = SimpleNamespace(
    **{
        code: type(code, (ClientError,), {})
        for code in (
            "ConditionalCheckFailedException",
            "ExecutionAlreadyExists",
            "ExecutionDoesNotExist",
            "InvocationDoesNotExist",
            "TaskDoesNotExist",
            "TaskTimedOut",
        )
    }
)
# What an answer that has more pages says, and what asks for the next one.
_NEXT = {"LastEvaluatedKey": "ExclusiveStartKey", "NextContinuationToken": "ContinuationToken"}


class Maker(Protocol):
    def make(self, action: str, effect: Callable[[], T], /) -> T:
        """One call of `action` ("ec2:RunInstances"), which does what `effect` does."""


def refused(action: str, code: str, message: str | None = None) -> ClientError:
    """The error that boto3 raises for an AWS error code; of a class of its own where boto3 has one."""
    kind: type[ClientError] = getattr(EXCEPTIONS, code, ClientError)
    return kind({"Error": {"Code": code, "Message": message or code}}, action.partition(":")[2])


def client(service: str, calls: Maker | None, operations: Mapping[str, Callable[..., Any]], **more: Any) -> Any:
    """Has a method for each operation ("RunInstances"), which goes through `calls` where there are some, and `more`."""

    def call(operation: str, effect: Callable[..., Any], /, **given: Any) -> Any:
        return calls.make(f"{service}:{operation}", partial(effect, **given)) if calls else effect(**given)

    methods = {xform_name(name): partial(call, name, effect) for name, effect in operations.items()}

    def paginator(name: str) -> Any:
        return SimpleNamespace(paginate=partial(_pages, methods[name]))

    return SimpleNamespace(**methods, **more, get_paginator=paginator, exceptions=EXCEPTIONS)


def _pages(method: Callable[..., Any], **given: Any) -> Iterator[Any]:
    while True:
        answer = method(**given)
        yield answer
        more = {asked: answer[told] for told, asked in _NEXT.items() if told in answer}
        if not more:
            return
        given |= more
