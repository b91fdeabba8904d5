"""DynamoDB's expressions, those that functions/aws writes; any other is refused.

"Expressions in DynamoDB" (developer guide) has their grammar. It is Python's, but for a few words and signs:
comparisons bind most, then NOT, then AND, then OR. So Python parses them, with each name and placeholder as a text in
parentheses: ADD's `#name :value` reads as a call. Each expression is compiled once.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast

from botocore.exceptions import ClientError
from ministack.services._dynamodb_keywords import AWS_KEYWORDS

from simulation.client import refused
from simulation.dynamodb_numbers import total

Value = Mapping[str, Any]
Item = dict[str, Any]
_Names = Mapping[str, str]
_Values = Mapping[str, Value]
_Operand = Callable[[Mapping[str, Any], _Names, _Values], Value | None]
Test = Callable[[Mapping[str, Any], _Names, _Values], bool]
# Changes the item in place.
Change = Callable[[Item, _Names, _Values], None]

# A name, a placeholder, or an operator; a function is followed by its parenthesis.
_WORD = re.compile(r"[#:]?\b[A-Za-z_]\w*\b(?!\()|(?<![<>])=")
_PLACEHOLDER = re.compile(r"[#:]\w+")
_CLAUSE = re.compile(r"(?<![#:\w])(SET|REMOVE|ADD) ")
# The last ones are not known here, and so they are none of Python's.
_OPERATORS = {"AND": "and", "OR": "or", "NOT": "not", "=": "==", "BETWEEN": "BETWEEN", "IN": "IN", "DELETE": "DELETE"}
_COMPARATORS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class UnknownExpression(Exception):
    """An expression that this evaluator does not know. No handler should mistake it for an answer of DynamoDB."""


def invalid(operation: str, message: str) -> ClientError:
    """DynamoDB's error for a request that breaks one of its rules."""
    return refused(f"dynamodb:{operation}", "ValidationException", message)


@dataclass(frozen=True)
class KeyCondition:
    """The conditions on the hash key and on the range key, each a comparator and a placeholder of its value."""

    hash_name: str
    hash_value: str
    range_name: str | None = None
    comparator: str = ""
    range_value: str = ""


@dataclass(frozen=True)
class Expression:
    """What was compiled, and the placeholders in it: DynamoDB refuses a request that gives fewer or more."""

    does: Any
    placeholders: frozenset[str]


@lru_cache(maxsize=4096)
def condition(text: str) -> Expression:
    """`does` is a Test."""
    return _compiled(text, lambda: _test(_only(text)))


@lru_cache(maxsize=4096)
def key_condition(text: str) -> Expression:
    """`does` is a KeyCondition."""
    return _compiled(text, lambda: _key_condition(_only(text)))


@lru_cache(maxsize=4096)
def update(text: str) -> Expression:
    """`does` is a Change."""
    return _compiled(text, lambda: _change(text))


def _compiled(text: str, make: Callable[[], object]) -> Expression:
    try:
        return Expression(make(), frozenset(_PLACEHOLDER.findall(text)))
    except SyntaxError:
        raise UnknownExpression(f"simulation/dynamodb_expressions.py does not know {text!r}") from None


def _parsed(text: str) -> Sequence[ast.expr]:
    """What there is between commas."""
    tree = ast.parse(f"[{_WORD.sub(_in_python, text.strip())},]", mode="eval").body
    return cast("ast.List", tree).elts


def _only(text: str) -> ast.expr:
    match _parsed(text):
        case [only]:
            return only
    raise SyntaxError


def _in_python(found: re.Match[str]) -> str:
    word = found[0]
    if word in _OPERATORS:
        return _OPERATORS[word]
    if word.upper() in AWS_KEYWORDS:
        raise invalid("Expression", f"Attribute name is a reserved keyword; reserved keyword: {word}")
    return f"({word!r})"


def _name(node: ast.expr) -> str:
    """An attribute's name, or its placeholder."""
    match node:
        case ast.Constant(str(name)) if name[0] != ":":
            return name
    raise SyntaxError


def _value(node: ast.expr) -> str:
    """The placeholder of a value."""
    match node:
        case ast.Constant(str(value)) if value[0] == ":":
            return value
    raise SyntaxError


def _operand(node: ast.expr) -> _Operand:
    match node:
        case ast.Constant(str(value)) if value[0] == ":":
            return lambda _item, _names, values: values[value]
        case ast.Call(ast.Name("if_not_exists"), [path, other], []):
            known, otherwise = _operand(path), _operand(other)
            return lambda *given: known(*given) or otherwise(*given)
    name = _name(node)
    return lambda item, names, _values: item.get(names.get(name, name))


def _test(node: ast.expr) -> Test:
    match node:
        case ast.BoolOp(sign, parts):
            tests, together = list(map(_test, parts)), all if isinstance(sign, ast.And) else any
            return lambda *given: together(test(*given) for test in tests)
        case ast.UnaryOp(ast.Not(), part):
            test = _test(part)
            return lambda *given: not test(*given)
        case ast.Compare(left, [sign], [right]) if type(sign) in _COMPARATORS:
            one, other, compare = _operand(left), _operand(right), _COMPARATORS[type(sign)]
            return lambda *given: _compare(one(*given), compare, other(*given))
        case ast.Call(ast.Name("attribute_exists" | "attribute_not_exists" as function), [path], []):
            known, is_there = _operand(path), function == "attribute_exists"
            return lambda *given: (known(*given) is not None) is is_there
        case ast.Call(ast.Name("contains"), [path, part], []):
            whole, sought = _operand(path), _operand(part)
            return lambda *given: _contains(whole(*given), sought(*given))
    raise SyntaxError


def _key_condition(node: ast.expr) -> KeyCondition:
    match node:
        case ast.BoolOp(ast.And(), [ast.Compare(name, [ast.Eq()], [value]), of_range]):
            return KeyCondition(_name(name), _value(value), *_range_condition(of_range))
        case ast.Compare(name, [ast.Eq()], [value]):
            return KeyCondition(_name(name), _value(value))
    raise SyntaxError


def _range_condition(node: ast.expr) -> tuple[str, str, str]:
    match node:
        case ast.Compare(name, [sign], [value]) if type(sign) in _COMPARATORS:
            return _name(name), _COMPARATORS[type(sign)].__name__, _value(value)
        case ast.Call(ast.Name("begins_with" as function), [name, value], []):
            return _name(name), function, _value(value)
    raise SyntaxError


def _change(text: str) -> Change:
    before, *clauses = _CLAUSE.split(text)
    if before:
        raise SyntaxError
    parts = [
        (clause, *_part(clause, node))
        for clause, part in zip(clauses[::2], clauses[1::2], strict=True)
        for node in _parsed(part)
    ]

    def change(item: Item, names: _Names, values: _Values) -> None:
        """What is read is read before anything is written."""
        read = [(clause, names.get(name, name), operand(item, names, values)) for clause, name, operand in parts]
        for clause, name, value in read:
            if clause == "REMOVE":
                item.pop(name, None)
            elif value is None:
                raise UnknownExpression(f"{name} is set to an attribute that is not there")
            else:
                item[name] = value if clause == "SET" else _sum(item.get(name), value, name)

    return change


def _part(clause: str, node: ast.expr) -> tuple[str, _Operand]:
    match clause, node:
        case "SET", ast.Compare(name, [ast.Eq()], [value]):
            return _name(name), _operand(value)
        case "REMOVE", name:
            return _name(name), _operand(name)
        case "ADD", ast.Call(name, [value], []) if _value(value):
            return _name(name), _operand(value)
    raise SyntaxError


def _plain(value: Value) -> tuple[str, Any]:
    """The type and what can be compared of a value."""
    ((kind, plain),) = value.items()
    return kind, Decimal(plain) if kind == "N" else plain


def _compare(left: Value | None, compare: Callable[[Any, Any], bool], right: Value | None) -> bool:
    """False for an attribute that is not there, and for values of two types."""
    if left is None or right is None:
        return False
    (kind, one), (other_kind, other) = _plain(left), _plain(right)
    return kind == other_kind and compare(one, other)


def _contains(value: Value | None, part: Value | None) -> bool:
    if value is None or part is None:
        return False
    ((kind, whole),), ((part_kind, sought),) = value.items(), part.items()
    return kind in {part_kind, part_kind + "S"} and sought in whole


def _sum(known: Value | None, value: Value, name: str) -> Value:
    ((kind, more),) = value.items()
    if known is None:
        return value
    if kind != "N":
        return {kind: sorted({*known[kind], *more})}
    try:
        return {"N": total(known["N"], more)}
    except ValueError as error:
        raise invalid("UpdateItem", f"The sum of {name} cannot be stored: {error}") from None
