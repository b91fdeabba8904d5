"""JSONata in the workflow's definition: `{% … %}` strings, compiled once.

Bare references, which most are, are followed directly; everything else is given to the jsonata package.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from jsonata import Jsonata

# The variables of an execution by name; "states" is $states.
Variables = Mapping[str, Any]
Template = Callable[[Variables], Any]

_WHOLE = re.compile(r"\{%\s*(.*?)\s*%\}", re.DOTALL)
_REFERENCE = re.compile(r"\$\w+(\.\w+)*")
# A name that is called is a function of the language's own.
_VARIABLE = re.compile(r"\$(\w+)\b(?!\()")


class QueryError(Exception):
    """An expression that Step Functions would fail with States.QueryEvaluationError: a definition is wrong."""


def template(value: Any) -> Template:
    """What a value of the definition becomes once the variables are known.

    Raises:
        QueryError: a string has an expression in it but is not one.
    """
    if isinstance(value, dict):
        parts = {name: template(part) for name, part in value.items()}
        return lambda variables: {name: part(variables) for name, part in parts.items()}
    if isinstance(value, list):
        members = [template(member) for member in value]
        return lambda variables: [member(variables) for member in members]
    if isinstance(value, str) and "{%" in value:
        whole = _WHOLE.fullmatch(value)
        if whole is None:
            raise QueryError(f"{value!r} is not one expression")
        return _expression(whole[1])
    return lambda _: value


@cache
def _expression(source: str) -> Template:
    if _REFERENCE.fullmatch(source):
        first, *path = source.removeprefix("$").split(".")
        return lambda variables: _follow(source, variables, first, path)
    compiled = Jsonata(source)
    names = sorted(set(_VARIABLE.findall(source)))

    def evaluate(variables: Variables) -> Any:
        frame = compiled.create_frame()
        for name in names:
            frame.bind(name, _variable(source, variables, name))
        result = compiled.evaluate(None, frame)
        if result is None:
            raise QueryError(f"{source!r} is undefined")
        return result

    return evaluate


def _follow(source: str, variables: Variables, first: str, path: list[str]) -> Any:
    value = _variable(source, variables, first)
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            raise QueryError(f"{source!r} is undefined: there is no {name!r}")
        value = value[name]
    return value


def _variable(source: str, variables: Variables, name: str) -> Any:
    if name not in variables:
        raise QueryError(f"{source!r}: the variable {name!r} has no value")
    return variables[name]
