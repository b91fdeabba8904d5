"""Reads and checks Pulumi.yaml and Pulumi.<stack>.yaml, and resolves the configuration that a program sees.

Every error names the file, the key and the remedy. The rules are Pulumi's own (sdk/go/common/workspace/config.go),
except where Pulumi keeps silent about what can only be a mistake: unknown keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from localcloud.engine.errors import ProjectFileError
from localcloud.engine.project_schema import ConfigDeclaration, ConfigItems, ProjectFile, StackFile

_KEY = re.compile(r"[^:\s]+(:[^:\s]+)?")
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True)
class Declaration:
    """A key of the project's own; without a type (`key: default`) Pulumi takes any value."""

    type: ConfigItems | None
    default: Any


@dataclass(frozen=True)
class Project:
    """A valid Pulumi.yaml: the project's own keys by bare name, values of other namespaces by full key."""

    path: Path
    name: str
    declarations: Mapping[str, Declaration]
    values: Mapping[str, Any]
    stack_folder: Path


@dataclass(frozen=True)
class Stack:
    """A valid Pulumi.<stack>.yaml, values by full key (`namespace:name`); empty when there is no such file."""

    name: str
    path: Path
    values: Mapping[str, Any]


def load_project(folder: Path) -> Project:
    """Read and check Pulumi.yaml in `folder`.

    Raises:
        ProjectFileError: the file is missing or breaks a rule.
    """
    path = folder / "Pulumi.yaml"
    if not path.is_file():
        raise ProjectFileError(f"{path}: no such file; every Pulumi program needs one")
    file = _parse(path, ProjectFile)
    declarations: dict[str, Declaration] = {}
    values: dict[str, Any] = {}
    for key, raw in (file.config or {}).items():
        namespace, name = _split(path, key, file.name)
        if namespace == file.name:
            declarations[name] = _declaration(path, key, raw)
        else:
            values[f"{namespace}:{name}"] = _foreign_value(path, key, raw)
    return Project(path, file.name, declarations, values, folder / file.stackConfigDir)


def load_stack(project: Project, name: str) -> Stack:
    """Read and check Pulumi.<name>.yaml.

    Raises:
        ProjectFileError: the file breaks a rule.
    """
    path = project.stack_folder / f"Pulumi.{name}.yaml"
    if not path.is_file():
        return Stack(name, path, {})
    values = _parse(path, StackFile).config or {}
    for key in values:
        if ":" not in key:
            _fail(path, f"config.{key}", f"keys carry their namespace here; write `{project.name}:{key}`")
        _split(path, key, project.name)
    return Stack(name, path, values)


def resolve_config(project: Project, stack: Stack, overrides: Mapping[str, str]) -> dict[str, str]:
    """The texts that a program sees: overrides, else the stack's values, else the project's values and defaults.

    Keys of `overrides` without a namespace are the project's own; a secret is given in plain text.

    Raises:
        ProjectFileError: a value is not of its declared type, a key is unknown, or a required one has no value.
    """
    given = {key if ":" in key else f"{project.name}:{key}": value for key, value in overrides.items()}
    values = {**project.values, **stack.values, **given}
    own = {key.partition(":")[2]: key for key in values if key.startswith(f"{project.name}:")}
    for name, key in own.items():
        _check_value(stack.path, project, name, values[key], from_file=key not in given)
    missing = [n for n, declared in project.declarations.items() if n not in own and declared.default is None]
    if missing:
        remedy = f"set it in {stack.path.name} (`pulumi config set {missing[0]} …`) or declare a default"
        _fail(stack.path, ", ".join(missing), f"required, but stack {stack.name!r} gives no value; {remedy}")
    defaults = {f"{project.name}:{n}": declared.default for n, declared in project.declarations.items() if n not in own}
    return {key: _text(value) for key, value in {**values, **defaults}.items()}


def _parse(path: Path, model: type[ModelT]) -> ModelT:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ProjectFileError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    try:
        return model.model_validate({} if content is None else content)
    except ValidationError as error:
        _fail_on(path, "", error)


def _fail_on(path: Path, prefix: str, error: ValidationError) -> NoReturn:
    first = error.errors(include_url=False)[0]
    key = prefix + ".".join(str(part) for part in first["loc"])
    remedies = {
        "extra_forbidden": "Pulumi has no such key; remove it or correct its spelling",
        "missing": "required; add it",
    }
    _fail(
        path,
        key or "the file",
        remedies.get(first["type"], f"{first['msg'].removeprefix('Value error, ')}; got {first['input']!r}"),
    )


def _fail(path: Path, key: str, remedy: str) -> NoReturn:
    raise ProjectFileError(f"{path}: {key}: {remedy}")


def _split(path: Path, key: str, project: str) -> tuple[str, str]:
    if not _KEY.fullmatch(key):
        _fail(path, f"config.{key}", "a key is `name` or `namespace:name`, without spaces")
    namespace, colon, name = key.partition(":")
    return (namespace, name) if colon else (project, key)


def _declaration(path: Path, key: str, raw: Any) -> Declaration:
    if isinstance(raw, (str, int, bool)):
        return Declaration(None, raw)
    try:
        declared = ConfigDeclaration.model_validate(raw)
    except ValidationError as error:
        _fail_on(path, f"config.{key}.", error)
    if declared.default is not None and not declared.fits(declared.default):
        _fail(path, f"config.{key}.default", f"{declared.default!r} is not of type {declared}")
    return Declaration(declared, declared.default)


def _foreign_value(path: Path, key: str, raw: Any) -> Any:
    if isinstance(raw, dict) and set(raw) != {"value"}:
        _fail(path, f"config.{key}", "of another namespace: give it a plain value, or an object with `value` alone")
    return raw["value"] if isinstance(raw, dict) else raw


def _check_value(path: Path, project: Project, name: str, value: Any, *, from_file: bool) -> None:
    if not project.declarations:
        return
    key = f"{project.name}:{name}"
    if name not in project.declarations:
        _fail(path, key, f"not declared; declare it under `config` in {project.path.name} or remove it")
    declared = project.declarations[name]
    if from_file and isinstance(value, dict) and set(value) == {"secure"}:
        _fail(path, key, "an encrypted value cannot be read here; give the plain one as an override")
    if declared.type is not None and not declared.type.fits(value):
        _fail(path, key, f"{value!r} is not of the declared type {declared.type}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
