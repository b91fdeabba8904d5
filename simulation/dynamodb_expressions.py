"""DynamoDB's expressions, those that functions/aws writes; any other is refused.

Each text is compiled once. "Expressions in DynamoDB" (developer guide) has the grammar.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

from botocore.exceptions import ClientError
from ministack.services._dynamodb_keywords import AWS_KEYWORDS

from simulation.calls import refused
from simulation.dynamodb_numbers import total

Value = Mapping[str, Any]
Item = dict[str, Any]
_Names = Mapping[str, str]
_Values = Mapping[str, Value]
_Operand = Callable[[Mapping[str, Any], _Names, _Values], Value | None]
Test = Callable[[Mapping[str, Any], _Names, _Values], bool]
# Changes the item in place.
Change = Callable[[Item, _Names, _Values], None]

_TOKEN = re.compile(r"\s*(?:([#:]?[A-Za-z_][A-Za-z0-9_]*)|(<>|<=|>=|[=<>(),]))")
_COMPARATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CLAUSES = {"SET", "REMOVE", "ADD"}
_WORDS = _CLAUSES | {"AND", "OR", "NOT"}


class UnknownExpression(Exception):
    """An expression that this evaluator does not know. No handler should mistake it for an answer of DynamoDB."""


def invalid(operation: str, message: str) -> ClientError:
    """DynamoDB's error for a request that breaks one of its rules."""
    error = refused(f"dynamodb:{operation}", "ValidationException")
    error.response["Error"]["Message"] = message
    return error


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


@dataclass
class _Parser:
    text: str
    placeholders: set[str] = field(default_factory=set)
    _tokens: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        at = 0
        while at < len(self.text.rstrip()):
            found = _TOKEN.match(self.text, at)
            if found is None:
                raise self.unknown()
            self._tokens.append(found.group(found.lastindex or 0))
            at = found.end()
        self._tokens.reverse()

    def unknown(self) -> UnknownExpression:
        return UnknownExpression(f"simulation/dynamodb_expressions.py does not know {self.text!r}")

    @property
    def next(self) -> str:
        return self._tokens[-1] if self._tokens else ""

    def take(self, *expected: str) -> str:
        if not self._tokens or (expected and self.next not in expected):
            raise self.unknown()
        return self._tokens.pop()

    def took(self, *tokens: str) -> bool:
        if self.next not in tokens:
            return False
        self._tokens.pop()
        return True

    def end(self) -> None:
        if self._tokens:
            raise self.unknown()

    def name(self) -> str:
        """An attribute's name, or its placeholder."""
        token = self.take()
        if not re.match("[#A-Za-z_]", token) or token in _WORDS:
            raise self.unknown()
        if token.upper() in AWS_KEYWORDS and self.next != "(":
            raise invalid("Expression", f"Attribute name is a reserved keyword; reserved keyword: {token}")
        self._note(token)
        return token

    def value(self) -> str:
        token = self.take()
        if token[0] != ":":
            raise self.unknown()
        self._note(token)
        return token

    def _note(self, token: str) -> None:
        if token[0] in "#:":
            self.placeholders.add(token)

    def operand(self) -> _Operand:
        if self.next.startswith(":"):
            value = self.value()
            return lambda _item, _names, values: values[value]
        name = self.name()
        if name == "if_not_exists":
            self.take("(")
            path = self.name()
            self.take(",")
            otherwise = self.operand()
            self.take(")")
            return lambda item, names, values: (
                found if (found := item.get(names.get(path, path))) is not None else otherwise(item, names, values)
            )
        return lambda item, names, _values: item.get(names.get(name, name))

    # Conditions: OR binds least, NOT most.

    def condition(self) -> Test:
        left = self._all_of()
        while self.took("OR"):
            left = _either(left, self._all_of())
        return left

    def _all_of(self) -> Test:
        left = self._negated()
        while self.took("AND"):
            left = _both(left, self._negated())
        return left

    def _negated(self) -> Test:
        if self.took("NOT"):
            test = self._negated()
            return lambda item, names, values: not test(item, names, values)
        if self.took("("):
            test = self.condition()
            self.take(")")
            return test
        if self.next in _FUNCTIONS:
            return self._function(self.take())
        return self._comparison()

    def _function(self, function: str) -> Test:
        self.take("(")
        name = self.name()
        holds = _FUNCTIONS[function]
        operand: _Operand = lambda _item, _names, _values: None  # noqa: E731  # there is none
        if function in _BINARY:
            self.take(",")
            operand = self.operand()
        self.take(")")
        return lambda item, names, values: holds(item.get(names.get(name, name)), operand(item, names, values))

    def _comparison(self) -> Test:
        left, comparator = self.operand(), _COMPARATORS[self.take(*_COMPARATORS)]
        right = self.operand()
        return lambda item, names, values: _compare(left(item, names, values), comparator, right(item, names, values))

    def key_condition(self) -> KeyCondition:
        hash_name = self.name()
        self.take("=")
        hash_value = self.value()
        if not self.took("AND"):
            return KeyCondition(hash_name, hash_value)
        if self.took("begins_with"):
            self.take("(")
            range_name = self.name()
            self.take(",")
            value = self.value()
            self.take(")")
            return KeyCondition(hash_name, hash_value, range_name, "begins_with", value)
        range_name, comparator = self.name(), self.take(*_COMPARATORS)
        return KeyCondition(hash_name, hash_value, range_name, comparator, self.value())

    # Updates: what is read is read before anything is written.

    def update(self) -> Change:
        sets: list[tuple[str, _Operand]] = []
        removed: list[str] = []
        added: list[tuple[str, str]] = []
        while self._tokens:
            clause = self.take(*_CLAUSES)
            while True:
                name = self.name()
                if clause == "SET":
                    self.take("=")
                    sets.append((name, self.operand()))
                elif clause == "REMOVE":
                    removed.append(name)
                else:
                    added.append((name, self.value()))
                if not self.took(","):
                    break
        return lambda item, names, values: _apply(item, names, values, sets, removed, added)


def _both(left: Test, right: Test) -> Test:
    return lambda item, names, values: left(item, names, values) and right(item, names, values)


def _either(left: Test, right: Test) -> Test:
    return lambda item, names, values: left(item, names, values) or right(item, names, values)


def _plain(value: Value) -> tuple[str, Any]:
    """The type and what can be compared of a value."""
    ((kind, plain),) = value.items()
    return kind, Decimal(plain) if kind == "N" else plain


def _compare(left: Value | None, comparator: Callable[[Any, Any], bool], right: Value | None) -> bool:
    """False for an attribute that is not there, and for values of two types."""
    if left is None or right is None:
        return False
    (kind, one), (other_kind, other) = _plain(left), _plain(right)
    return kind == other_kind and comparator(one, other)


def _contains(value: Value | None, part: Value | None) -> bool:
    if value is None or part is None:
        return False
    ((kind, whole),), ((part_kind, sought),) = value.items(), part.items()
    return kind in {part_kind, part_kind + "S"} and sought in whole


_FUNCTIONS: Mapping[str, Callable[[Value | None, Value | None], bool]] = {
    "attribute_exists": lambda value, _: value is not None,
    "attribute_not_exists": lambda value, _: value is None,
    "contains": _contains,
    "begins_with": lambda value, part: bool(value and part and str(value["S"]).startswith(part["S"])),
}
_BINARY = {"contains", "begins_with"}


def _apply(
    item: Item,
    names: _Names,
    values: _Values,
    sets: list[tuple[str, _Operand]],
    removed: list[str],
    added: list[tuple[str, str]],
) -> None:
    read = [(names.get(name, name), operand(item, names, values)) for name, operand in sets]
    for name, value in read:
        if value is None:
            raise UnknownExpression(f"{name} is set to an attribute that is not there")
        item[name] = value
    for name in removed:
        item.pop(names.get(name, name), None)
    for name, more in added:
        _add(item, names.get(name, name), values[more])


def _add(item: Item, name: str, value: Value) -> None:
    known = item.get(name)
    ((kind, more),) = value.items()
    if known is None:
        item[name] = value
    elif kind == "N":
        try:
            item[name] = {"N": total(known["N"], more)}
        except ValueError as error:
            raise invalid("UpdateItem", f"The sum of {name} cannot be stored: {error}") from None
    else:
        item[name] = {kind: sorted({*known[kind], *more})}


@lru_cache(maxsize=4096)
def condition(text: str) -> Expression:
    """`does` is a Test."""
    return _compiled(text, _Parser.condition)


@lru_cache(maxsize=4096)
def key_condition(text: str) -> Expression:
    """`does` is a KeyCondition."""
    return _compiled(text, _Parser.key_condition)


@lru_cache(maxsize=4096)
def update(text: str) -> Expression:
    """`does` is a Change."""
    return _compiled(text, _Parser.update)


def _compiled(text: str, what: Callable[[_Parser], object]) -> Expression:
    parser = _Parser(text)
    does = what(parser)
    parser.end()
    return Expression(does, frozenset(parser.placeholders))
