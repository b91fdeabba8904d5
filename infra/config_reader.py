"""Values of the project's own configuration: each checked, with a message that names the key and the remedy."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field, fields
from difflib import get_close_matches
from typing import Any, Concatenate, ParamSpec, TypeVar

import pulumi
from pulumi.runtime import config as runtime_config

_T = TypeVar("_T")
_P = ParamSpec("_P")
_ReaderT = TypeVar("_ReaderT", bound="ConfigReader")
_READ = "read"


class ConfigError(pulumi.RunError):
    """A configuration value that cannot be; the message names the key and what it may be.

    Pulumi shows the message of a RunError alone, and of everything else the traceback.
    """


def setting(read: Callable[Concatenate[_ReaderT, str, _P], _T], /, *limits: _P.args, **others: _P.kwargs) -> _T:
    """A dataclass's field that is read by this method of a reader, under the field's own name in camelCase."""
    made: _T = field(metadata={_READ: lambda reader, key: read(reader, key, *limits, **others)})
    return made


class ConfigReader:
    """Every method raises ConfigError for a value that cannot be."""

    def __init__(self, config: pulumi.Config) -> None:
        self.config = config
        self._asked: set[str] = set()

    def settings_of(self, kind: type) -> dict[str, Any]:
        """The values of a dataclass's settings, by the names of their fields."""
        found = {}
        for each in fields(kind):
            if _READ in each.metadata:
                first, *words = each.name.split("_")
                found[each.name] = each.metadata[_READ](self, first + "".join(map(str.capitalize, words)))
        return found

    def check_names(self) -> None:
        """Refuses what nothing has asked for: Pulumi passes over keys that Pulumi.yaml does not declare."""
        # Pulumi's Config cannot list its keys; where the SDK is run by Pulumi, they come in its environment.
        given = {*runtime_config.CONFIG.get(), *runtime_config.get_config_env()}
        for key in sorted(given):
            namespace, _, name = key.partition(":")
            if namespace == self.config.name and name not in self._asked:
                close = get_close_matches(name, self._asked, n=1)
                meant = f" Is mayfly:{close[0]} meant?" if close else ""
                raise ConfigError(f"mayfly:{name} is no setting.{meant} Remove it with: pulumi config rm mayfly:{name}")

    def one_of(self, key: str, choices: tuple[str, ...]) -> str:
        return self.checked(
            key, self.config.get(key) or "", lambda value: value in choices, f"one of {', '.join(choices)}"
        )

    def text(self, key: str, pattern: re.Pattern[str], meaning: str) -> str:
        value = self.config.get(key) or ""
        return self.checked(key, value, lambda text: pattern.fullmatch(text) is not None, meaning)

    def optional_text(self, key: str, pattern: re.Pattern[str], meaning: str) -> str | None:
        return self.text(key, pattern, meaning) or None

    def texts(self, key: str, pattern: re.Pattern[str], meaning: str, at_least: int = 1) -> tuple[str, ...]:
        def is_fine(values: Any) -> bool:
            return len(values) >= at_least and all(isinstance(each, str) and pattern.fullmatch(each) for each in values)

        values = self.config.get_object(key) or []
        self.checked(
            key, values, lambda each: isinstance(each, list) and is_fine(each), f"a list, each {meaning}", is_list=True
        )
        return tuple(values)

    def number(self, key: str, low: int, high: int) -> int:
        value = self._of_type(self.config.get_int, key)
        # -1 stands for "not a number", which is out of every range.
        number = -1 if value is None else value
        return self.checked(key, number, lambda number: low <= number <= high, f"a whole number {low} to {high}")

    def number_or_none(self, key: str, least: int, most: int, meaning: str) -> int:
        """0 stands for none."""
        number = self.number(key, 0, most)
        return self.checked(key, number, lambda number: number == 0 or number >= least, f"0, {meaning}")

    def flag(self, key: str) -> bool:
        value = self._of_type(self.config.get_bool, key)
        return bool(self.checked(key, value, lambda value: value is not None, "true or false"))

    def checked(self, key: str, value: _T, is_fine: Callable[[_T], bool], meaning: str, *, is_list: bool = False) -> _T:
        self._asked.add(key)
        if not is_fine(value):
            which = f"--path 'mayfly:{key}[0]'" if is_list else f"mayfly:{key}"
            raise ConfigError(
                f"mayfly:{key} is {value!r}; it must be {meaning}. Set it with: pulumi config set {which} ..."
            )
        return value

    @staticmethod
    def _of_type(read: Callable[[str], _T | None], key: str) -> _T | None:
        """None for a value of another type, as where there is none."""
        try:
            return read(key)
        except pulumi.ConfigTypeError:
            return None
