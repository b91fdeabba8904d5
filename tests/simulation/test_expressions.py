from __future__ import annotations

from typing import Any

import pytest

from simulation.expressions import QueryError, template

VARIABLES = {"attempt": 2, "last": 3, "outcome": {"verdict": "lost", "code": None}, "states": {"input": {"run": 1}}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("plain", "plain"),
        (0, 0),
        ("{% $attempt %}", 2),
        ("{% $states.input.run %}", 1),
        ("{% $outcome %}", {"verdict": "lost", "code": None}),
        ("{% $outcome.code %}", None),
        ("{% $attempt + 1 %}", 3),
        ("{% $attempt < $last and $outcome.verdict = 'lost' %}", True),
        ({"a": ["{% $attempt %}", {"b": "c"}]}, {"a": [2, {"b": "c"}]}),
    ],
)
def test_a_value_of_the_definition_becomes_what_its_expressions_say(given: Any, expected: Any) -> None:
    assert template(given)(VARIABLES) == expected


@pytest.mark.parametrize("source", ["$unset", "$outcome.nothing", "$states.input.run.deeper", "$unset + 1"])
def test_what_is_undefined_is_an_error_as_it_is_in_step_functions(source: str) -> None:
    with pytest.raises(QueryError):
        template(f"{{% {source} %}}")(VARIABLES)


def test_a_string_with_an_expression_in_its_middle_is_refused() -> None:
    with pytest.raises(QueryError):
        template("job {% $attempt %}")
