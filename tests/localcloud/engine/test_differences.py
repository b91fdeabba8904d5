"""What counts as changed, and what as drift."""

from __future__ import annotations

import pytest

from localcloud.engine.differences import changed, drifted, holds_unknown
from localcloud.engine.errors import RefusedInputError
from localcloud.engine.existing import compare
from localcloud.engine.registry import adapter, tokens
from localcloud.engine.replacement_rules import RULES
from localcloud.engine.sdk_types import args_class, declared
from localcloud.engine.wire import UNKNOWN


def test_documents_are_compared_by_what_they_say() -> None:
    assert changed({"policy": '{"a": 1, "b": 2}'}, {"policy": '{"b":2,"a":1}'}) == []
    assert changed({"policy": '{"a": 1}'}, {"policy": '{"a": 2}'}) == ["policy"]


def test_what_is_not_known_yet_counts_as_changed() -> None:
    assert changed({"rules": [{"id": "a"}]}, {"rules": [{"id": UNKNOWN}]}) == ["rules"]
    assert holds_unknown({"a": [{"b": UNKNOWN}]})
    assert not holds_unknown({"a": [{"b": 1}]})


def test_what_aws_adds_to_an_object_is_no_drift() -> None:
    assert drifted({"cors": {"maxAge": 5}}, {"cors": {"maxAge": 5, "exposed": []}}) == {}
    assert drifted({"cors": {"maxAge": 5}}, {"cors": {"maxAge": 6}}) == {"cors": {"maxAge": 6}}


def test_the_order_of_a_list_and_numbers_as_text_are_no_drift() -> None:
    assert drifted({"types": ["a", "b"], "seconds": 60}, {"types": ["b", "a"], "seconds": "60"}) == {}
    assert drifted({"types": ["a", "b"]}, {"types": ["a"]}) == {"types": ["a"]}


def test_a_whole_number_that_comes_back_as_a_fraction_is_no_drift() -> None:
    assert drifted({"rate": 10}, {"rate": 10.0}) == {}
    assert drifted({"rate": 10}, {"rate": 10.5}) == {"rate": 10.5}


def test_a_user_pool_is_made_anew_for_another_name() -> None:
    assert compare("aws:cognito/userPool:UserPool", {"name": "a"}, {"name": "b"}).replaced == ["name"]


def test_a_table_is_made_anew_for_another_key_and_kept_for_another_protection() -> None:
    table = {"hashKey": "owner", "deletionProtectionEnabled": False}
    assert compare("aws:dynamodb/table:Table", table, {**table, "hashKey": "id"}).replaced == ["hashKey"]
    assert compare("aws:dynamodb/table:Table", table, {**table, "deletionProtectionEnabled": True}).replaced == []


def test_a_type_without_a_rule_of_replacement_is_refused() -> None:
    with pytest.raises(RefusedInputError, match=r"aws:a/b:C is in no row of .*replacement_rules"):
        compare("aws:a/b:C", {}, {})


def test_what_replaces_each_type_has_been_looked_up() -> None:
    assert set(RULES) == set(tokens())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # deprecated modules of the SDK, used or not
def test_what_forces_a_replacement_or_can_be_changed_are_inputs_of_the_type() -> None:
    for token in tokens():
        args = args_class(token)
        assert args is not None
        changeable = set(adapter(token).changeable or ())
        assert {*RULES[token], *changeable} <= set(declared(args)), token
        assert changeable.isdisjoint(RULES[token]), token
