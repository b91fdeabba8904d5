"""What a stack is configured to be, read as `pulumi up` would."""

from __future__ import annotations

import contextvars
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import yaml

from infra import workflow
from infra.config import ConfigError, StackConfig
from infra.provider import provider_settings

# What Pulumi takes for a date or a number without quotes (gopkg.in/yaml.v3, resolve.go), once the underscores are gone.
_NUMBER = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}|[+-]?(0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][+-]?[0-9]+)?)"
)


@dataclass(frozen=True)
class StackSettings:
    """`region` and `profile` are those of the stack's file, None where it leaves them to the environment.

    `assumed_roles` and the accounts are what its `aws:assumeRoles`, `aws:allowedAccountIds` and
    `aws:forbiddenAccountIds` say, in the words of Pulumi's configuration.
    """

    config: StackConfig
    region: str | None
    profile: str | None
    assumed_roles: tuple[dict[str, str], ...] = ()
    allowed_accounts: tuple[str, ...] = ()
    forbidden_accounts: tuple[str, ...] = ()

    def refusal(self, account_id: str) -> str | None:
        """Why nothing is to be deployed to an account, if it is not."""
        if account_id in self.forbidden_accounts:
            return f"aws:forbiddenAccountIds has {account_id}"
        if self.allowed_accounts and account_id not in self.allowed_accounts:
            return f"aws:allowedAccountIds has {', '.join(self.allowed_accounts)}, and not {account_id}"
        return None


def read_settings(folder: Path, stack: str) -> StackSettings:
    """Reads Pulumi.yaml and Pulumi.<stack>.yaml of a folder.

    Raises:
        ConfigError: one of them is missing, cannot be read, or has a value that the program does not take.
    """
    # The SDK keeps its settings in context variables; a context of its own leaves the caller's alone.
    return contextvars.Context().run(_read, folder, stack)


def _read(folder: Path, stack: str) -> StackSettings:
    project, path = _content(folder / "Pulumi.yaml"), folder / f"Pulumi.{stack}.yaml"
    if not isinstance(project.get("name"), str) or not all(
        isinstance(each, dict) for each in _config(project).values()
    ):
        raise ConfigError("Pulumi.yaml needs a `name`, and a mapping for each setting in `config`.")
    values = {key: declared["default"] for key, declared in _config(project).items() if "default" in declared}
    if not path.is_file():
        raise ConfigError(f"There is no {path.name}: pulumi stack init {stack}, then set values.")
    values.update(_config(_content(path)))
    pulumi.runtime.configure(pulumi.runtime.Settings(project=project["name"], stack=stack))
    pulumi.runtime.set_all_config({key: _text(path, key, value) for key, value in values.items()})
    config, aws = StackConfig.from_pulumi(), provider_settings()
    workflow.check(config)
    return StackSettings(
        config,
        aws.get("region"),
        aws.get("profile"),
        tuple(aws.get("assume_roles", ())),
        tuple(aws.get("allowed_account_ids", ())),
        tuple(aws.get("forbidden_account_ids", ())),
    )


def _content(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        for scalar in _scalars(yaml.compose(text, yaml.SafeLoader)):
            if _differs(scalar):
                raise ConfigError(f"{path.name}: put {scalar.value} in quotes; without, Pulumi reads another value.")
        content = yaml.safe_load(text) or {}
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ConfigError(f"{path.name} cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict) or not isinstance(content.get("config") or {}, dict):
        raise ConfigError(f"{path.name} has to be a mapping with a mapping `config`.")
    return content


def _scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.CollectionNode):
        for each in node.value:
            for one in each if isinstance(each, tuple) else (each,):
                yield from _scalars(one)


def _differs(scalar: yaml.ScalarNode) -> bool:
    """Whether Pulumi reads a value without quotes otherwise than PyYAML, as `yes`, `1:20`, `=` or `098765432109`."""
    value = scalar.value
    if scalar.style is not None:
        return False
    match scalar.tag.rpartition(":")[2]:
        case "bool":
            return value.lower() not in {"true", "false"}
        case "int" | "float":
            return ":" in value
        case "timestamp" | "value":
            return True
        case "str":
            return _NUMBER.fullmatch(value.replace("_", "")) is not None
        case _:
            return False


def _config(content: dict[str, Any]) -> dict[str, Any]:
    return content.get("config") or {}


def _is_encrypted(value: Any) -> bool:
    if isinstance(value, dict):
        return set(value) == {"secure"} or any(_is_encrypted(each) for each in value.values())
    return isinstance(value, list) and any(_is_encrypted(each) for each in value)


def _text(path: Path, key: Any, value: Any) -> str:
    """As the program sees a value: texts as they are, all else as JSON."""
    if not isinstance(key, str) or ":" not in key:
        raise ConfigError(f"{key} in {path.name} needs its namespace, such as mayfly:{key}.")
    if _is_encrypted(value):
        raise ConfigError(f"{key} in {path.name} is encrypted, and only Pulumi can read it. Set it without --secret.")
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value)
    except TypeError as error:
        raise ConfigError(f"{key} in {path.name} has a value that has to be put in quotes.") from error
