"""Rules of the services' models that botocore does not enforce."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore.model import OperationModel

from localcloud.engine import service_model
from localcloud.engine.dry_run import dry_run_cloud
from localcloud.engine.errors import ServiceRuleError
from localcloud.engine.service_model import violations


@pytest.fixture(scope="module")
def operation() -> Callable[[str, str], OperationModel]:
    session = botocore.session.Session()
    return lambda service, name: session.get_service_model(service).operation_model(name)


@pytest.mark.parametrize(
    ("service", "name", "params", "expected"),
    [
        ("lambda", "CreateFunction", {"Runtime": "python3.99"}, "Runtime: 'python3.99' is not one of "),
        ("lambda", "CreateFunction", {"FunctionName": "no spaces"}, "FunctionName: 'no spaces' does not match"),
        ("lambda", "CreateFunction", {"Timeout": 0}, "Timeout: 0 is below the minimum of 1"),
        ("iam", "CreateRole", {"RoleName": "r" * 65}, "RoleName: 65 characters is above the maximum of 64"),
        ("iam", "CreateRole", {"Tags": [{"Key": "k", "Value": "<>"}]}, "Tags[0].Value: '<>' does not match"),
        ("dynamodb", "CreateTable", {"KeySchema": []}, "KeySchema: 0 items is below the minimum of 1"),
        ("logs", "CreateLogGroup", {"tags": {"": "v"}}, "tags key: 0 characters is below the minimum of 1"),
    ],
)
def test_a_broken_rule_is_told_with_path_value_and_rule(
    operation: Callable[[str, str], OperationModel], service: str, name: str, params: dict[str, Any], expected: str
) -> None:
    assert any(found.startswith(expected) for found in violations(operation(service, name), params))


@pytest.mark.parametrize(
    ("service", "name", "params"),
    [
        ("lambda", "CreateFunction", {"FunctionName": "fine-name_1", "Runtime": "python3.13", "Timeout": 900}),
        ("iam", "CreateRole", {"RoleName": "r", "Tags": [{"Key": "mayfly:stack", "Value": "Grüße +=@/"}]}),
        ("dynamodb", "CreateTable", {"TableName": "a.b-c_d"}),
        ("dynamodb", "CreateTable", {"NoSuchParameter": 1}),  # botocore's own to refuse
        ("lambda", "CreateFunction", {"Timeout": "ten"}),  # so is a wrong type
    ],
)
def test_what_the_service_takes_is_let_through(
    operation: Callable[[str, str], OperationModel], service: str, name: str, params: dict[str, Any]
) -> None:
    assert violations(operation(service, name), params) == []


def test_a_client_raises_before_it_sends_anything() -> None:
    with pytest.raises(ServiceRuleError, match=r"^logs\.CreateLogGroup breaks .*logGroupName: 'a b' does not match"):
        dry_run_cloud("eu-central-1").client("logs").create_log_group(logGroupName="a b")


@pytest.mark.parametrize("pattern", ["[a-z&&[^b]]", "[[a-z]]", r"[\p{Sc}]", "(unclosed"])
def test_a_pattern_of_another_dialect_is_not_applied(pattern: str) -> None:
    assert service_model._compile(pattern) is None


def test_unicode_letters_of_a_java_pattern_are_understood() -> None:
    compiled = service_model._compile(r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$")
    assert compiled is not None
    assert compiled.fullmatch("Grüße aus Köln 42")
    assert not compiled.fullmatch("a<b")
