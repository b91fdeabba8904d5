"""The description that the documentation page shows is complete: every field, every parameter, every problem's code."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from functions.api.app import create_app
from functions.api.caller import Auth
from functions.api.problems import MEANINGS
from functions.jobs.errors import RequestError
from functions.submission.submission import Submission
from tests.functions.api.test_api import Api

SOURCES = sorted((Path(__file__).parents[3] / "functions" / "api").glob("*.py"))
# What the router itself answers, without a word of ours.
OF_THE_ROUTER = {"not_found", "method_not_allowed"}


@pytest.fixture(scope="module", params=list(Auth))
def description(request: pytest.FixtureRequest) -> dict[str, Any]:
    submission: Submission = Api().submission
    schema: dict[str, Any] = json.loads(json.dumps(create_app(submission, request.param).openapi()))
    return schema


def operations(description: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def fields(schema: dict[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of a schema, those of objects written inside of it included."""
    for field, facts in schema.get("properties", {}).items():
        yield f"{name}.{field}", facts
        yield from fields(facts, f"{name}.{field}")


def is_of_models(facts: dict[str, Any]) -> bool:
    """Whether a field is made of models, whose own fields have the examples."""
    inner = [facts, facts.get("items", {}), *facts.get("anyOf", [])]
    return any("$ref" in each for each in inner)


def lacking(facts: dict[str, Any]) -> list[str]:
    examples = facts.get("examples") or facts.get("schema", {}).get("examples")
    return [
        what
        for what, is_there in (
            ("a description", facts.get("description")),
            ("an example", examples or is_of_models(facts)),
        )
        if not is_there
    ]


def coded(operation: dict[str, Any]) -> dict[str, set[str]]:
    """By status, the problem codes that an operation is said to answer."""
    return {
        status: set(answer["content"]["application/problem+json"]["examples"])
        for status, answer in operation["responses"].items()
        if "application/problem+json" in answer.get("content", {})
    }


def raised() -> set[str]:
    """The code of every problem that is made anywhere: of an error, a refusal of ours or one of the framework's."""
    codes = {error.code for error in RequestError.__subclasses__()}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id == "problem" and isinstance(node.args[0], ast.Constant):
                codes.add(str(node.args[0].value))
            elif node.func.id == "HTTPException" and isinstance(node.args[0], ast.Attribute):
                codes.add(HTTPStatus[node.args[0].attr].name.lower())
    return codes | OF_THE_ROUTER


def test_every_field_has_a_description_and_an_example(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    found = {field: lacking(facts) for name in schemas for field, facts in fields(schemas[name], name)}
    assert len(found) > 80
    assert {field: what for field, what in found.items() if what} == {}


def test_every_parameter_has_a_description_and_an_example(description: dict[str, Any]) -> None:
    found = {
        f"{key}?{parameter['name']}": lacking(parameter)
        for key, operation in operations(description)
        for parameter in operation.get("parameters", [])
    }
    assert len(found) > 10
    assert {parameter: what for parameter, what in found.items() if what} == {}


def test_every_operation_says_what_it_does(description: dict[str, Any]) -> None:
    assert [key for key, operation in operations(description) if not operation["description"]] == []


def test_every_code_that_is_raised_is_documented_with_its_meaning_and_no_other(description: dict[str, Any]) -> None:
    documented = {
        code for _, operation in operations(description) for codes in coded(operation).values() for code in codes
    }
    documented |= set(re.findall(r"^- `(\w+)`: ", description["info"]["description"], re.MULTILINE))
    expected = raised()
    if not any("401" in operation["responses"] for _, operation in operations(description)):
        expected -= {"unauthorized"}
    assert documented == expected
    assert raised() == set(MEANINGS)


def test_a_code_is_told_with_its_meaning_wherever_an_operation_can_answer_it(description: dict[str, Any]) -> None:
    for key, operation in operations(description):
        for status, codes in coded(operation).items():
            answer = operation["responses"][status]
            assert codes, (key, status)
            for code in codes:
                shown = answer["content"]["application/problem+json"]["examples"][code]["value"]
                assert (str(shown["status"]), shown["code"]) == (status, code)
                assert f"- `{code}`: {MEANINGS[code]}" in answer["description"].splitlines()
