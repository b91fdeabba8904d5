"""A resource's inputs as an adapter reads them; whatever it leaves unread is refused."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from localcloud.engine.errors import ServiceRuleError

_SUFFIX_DIGITS = 7  # as many as Pulumi's own auto-naming adds


class Inputs:
    """camelCase inputs that know which of them were read.

    What is nested in one is read with it: names that AWS does not know are refused with the call they are passed to.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._read: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def __getitem__(self, key: str) -> Any:
        self._read.add(key)
        return self._values[key]

    def get(self, key: str, default: Any = None) -> Any:
        self._read.add(key)
        value = self._values.get(key)
        return default if value is None else value

    def take(self, *keys: str) -> dict[str, Any]:
        """The given keys, where set."""
        return {key: self.get(key) for key in keys if key in self}

    def unread(self) -> list[str]:
        """Set values that no adapter asked for."""
        return [key for key in self._values if key not in self._read and key in self]


class Desired:
    """What the program asks for: one resource, its inputs, and all its tags (the provider's default ones too).

    `longest_name` is the adapter's.
    """

    def __init__(
        self,
        urn: str,
        name: str,
        inputs: Mapping[str, Any],
        default_tags: Mapping[str, str],
        longest_name: int | None,
        suffix: str = "",
    ) -> None:
        self.urn = urn
        self.name = name
        self._longest_name = longest_name
        self.inputs = Inputs({key: value for key, value in inputs.items() if key not in ("tags", "region")})
        self._suffix = suffix
        self._tags = {**default_tags, **(inputs.get("tags") or {})}
        self._given_tags = bool(inputs.get("tags"))
        self._tags_read = False

    @property
    def tags(self) -> dict[str, str] | None:
        self._tags_read = True
        return self._tags or None

    def physical_name(self, key: str = "name", rule: str = "") -> str:
        """The given name, or the logical one with a suffix.

        `rule` is the service's pattern for names, where its model has none.
        """
        given = self.inputs.get(key)
        name = str(given) if given else f"{self.name}-{self.suffix}"
        self._check_length(key, name, is_given=bool(given))
        if rule and not re.fullmatch(rule, name):
            raise ServiceRuleError(f"{key}: {name!r} does not match {rule}, the service's rule for names")
        return name

    def _check_length(self, key: str, name: str, *, is_given: bool) -> None:
        longest = self._longest_name
        if longest is not None and len(name) > longest:
            token = self.urn.split("::")[2].rpartition("$")[2]
            made_of = "" if is_given else f", {len(self.name)} of the resource and {_SUFFIX_DIGITS + 1} of auto-naming"
            raise ServiceRuleError(f"{key}: {name!r} has {len(name)} characters{made_of}; {token} takes {longest}")

    @property
    def suffix(self) -> str:
        """Pulumi's real engine draws one at random; here it comes from the URN, so that two runs can be compared."""
        return self._suffix or hashlib.sha256(self.urn.encode()).hexdigest()[:_SUFFIX_DIGITS]

    def refused(self) -> list[str]:
        """Properties that the adapter did not carry over."""
        tags = ["tags"] if self._given_tags and not self._tags_read else []
        return self.inputs.unread() + tags


def json_text(document: Any) -> str:
    """A policy or definition as the text that AWS takes; programs may give it as an object."""
    return document if isinstance(document, str) else json.dumps(document)
