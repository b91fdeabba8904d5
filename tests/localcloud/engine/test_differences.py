"""What counts as changed, and what as drift."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.engine.differences import changed, drifted
from localcloud.engine.existing import Difference, compare
from localcloud.engine.registry import adapter, tokens
from localcloud.engine.sdk_types import args_class, declared
from localcloud.engine.wire import UNKNOWN


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        pytest.param('{"a": 1, "b": 2}', '{"b":2,"a":1}', [], id="a document that says the same"),
        pytest.param('{"a": 1}', '{"a": 2}', ["input"], id="a document that says something else"),
        pytest.param([{"id": "a"}], [{"id": UNKNOWN}], ["input"], id="what is not known yet"),
    ],
)
def test_what_counts_as_changed(old: Any, new: Any, names: list[str]) -> None:
    assert changed({"input": old}, {"input": new}) == names


@pytest.mark.parametrize(
    ("given", "live", "is_drift"),
    [
        pytest.param({"maxAge": 5}, {"maxAge": 5, "exposed": []}, False, id="what AWS adds to an object"),
        pytest.param({"maxAge": 5}, {"maxAge": 6}, True, id="another value in an object"),
        pytest.param(["a", "b"], ["b", "a"], False, id="another order of a list"),
        pytest.param(["a", "b"], ["a"], True, id="a shorter list"),
        pytest.param(60, "60", False, id="a number as text"),
        pytest.param(10, 10.0, False, id="a whole number that comes back as a fraction"),
        pytest.param(10, 10.5, True, id="another number"),
    ],
)
def test_what_counts_as_drift(given: Any, live: Any, is_drift: bool) -> None:
    assert drifted({"input": given}, {"input": live}) == ({"input": live} if is_drift else {})


@pytest.mark.parametrize(
    ("token", "change", "replaced"),
    [
        ("aws:cognito/userPool:UserPool", {"name": "b"}, ["name"]),
        ("aws:dynamodb/table:Table", {"hashKey": "id"}, ["hashKey"]),
        ("aws:dynamodb/table:Table", {"deletionProtectionEnabled": True}, []),
        ("aws:dynamodb/table:Table", {"region": "eu-west-1"}, ["region"]),
    ],
)
def test_what_replaces_a_resource_and_what_does_not(token: str, change: dict[str, Any], replaced: list[str]) -> None:
    assert compare(token, {}, change) == Difference([*change], replaced)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # deprecated modules of the SDK, used or not
def test_what_forces_a_replacement_or_can_be_changed_are_inputs_of_the_type() -> None:
    for token in tokens():
        args, found = args_class(token), adapter(token)
        assert args is not None
        changeable = set(found.changeable or ())
        assert {*found.replaced_by, *changeable} <= set(declared(args)), token
        assert changeable.isdisjoint(found.replaced_by), token
