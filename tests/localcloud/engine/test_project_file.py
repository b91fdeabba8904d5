"""Pulumi's rules for project files and stack configuration."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from localcloud.engine.errors import ProjectFileError
from localcloud.engine.project_file import load_project, load_stack, resolve_config

GOOD = """
name: shop
runtime:
  name: python
  options: {toolchain: pip, virtualenv: .venv}
description: sells things
config:
  aws:region: eu-west-1
  size: {type: integer, default: 2, description: how many}
  shop:open: {type: boolean}
  kinds: {type: array, items: {type: string}, default: [a]}
  colour: blue
"""


def project(folder: Path, text: str, **stacks: str) -> Path:
    (folder / "Pulumi.yaml").write_text(textwrap.dedent(text))
    for name, content in stacks.items():
        (folder / f"Pulumi.{name}.yaml").write_text(textwrap.dedent(content))
    return folder


def resolve(folder: Path, stack: str = "dev", **overrides: str) -> dict[str, str]:
    loaded = load_project(folder)
    return resolve_config(loaded, load_stack(loaded, stack), overrides)


def test_values_come_from_overrides_then_the_stack_then_defaults(tmp_path: Path) -> None:
    folder = project(tmp_path, GOOD, dev="config: {shop:open: true, shop:size: 5, aws:region: us-east-1}")
    assert resolve(folder, size="7") == {
        "aws:region": "us-east-1",
        "shop:open": "true",
        "shop:size": "7",
        "shop:kinds": '["a"]',
        "shop:colour": "blue",
    }


def test_a_stack_without_a_file_lives_on_overrides_and_defaults(tmp_path: Path) -> None:
    assert resolve(project(tmp_path, GOOD), "none", open="false")["shop:open"] == "false"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runtime: python", r"name: required"),
        ("{name: a b, runtime: python}", r"name: .*pattern"),
        ("{name: x, runtime: nodejs}", r"runtime"),
        ("{name: x, runtime: python, configs: {}}", r"configs: Pulumi has no such key"),
        ("{name: x, runtime: python, config: {a: {type: number}}}", r"config\.a\.type: .*'string', 'integer'"),
        ("{name: x, runtime: python, config: {a: {type: array}}}", r"config\.a.*`items`"),
        ("{name: x, runtime: python, config: {a: {type: integer, default: many}}}", r"config\.a\.default: 'many'"),
        ("{name: x, runtime: python, config: {a: {typ: string}}}", r"config\.a\.type: required"),
        ("{name: x, runtime: python, config: {'a b': {type: string}}}", r"config\.a b: a key is"),
        ("{name: x, runtime: python, config: {'aws:region': {type: string}}}", r"config\.aws:region: of another"),
        ("{name: x, runtime: [", r"not valid YAML"),
    ],
)
def test_a_broken_project_file_is_refused_with_file_key_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProjectFileError, match=rf"Pulumi\.yaml: .*{message}|Pulumi\.yaml: {message}"):
        load_project(project(tmp_path, text))


def test_a_folder_without_a_project_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectFileError, match=r"Pulumi\.yaml: no such file"):
        load_project(tmp_path)


@pytest.mark.parametrize(
    ("stack", "message"),
    [
        ("config: {open: true}", r"config\.open: .*write `shop:open`"),
        ("configuration: {}", r"configuration: Pulumi has no such key"),
        ("config: {shop:open: perhaps}", r"shop:open: 'perhaps' is not of the declared type boolean"),
        ("config: {shop:open: true, shop:size: 1.5}", r"shop:size: 1\.5 .* integer"),
        ("config: {shop:open: true, shop:kinds: [1]}", r"shop:kinds: \[1\] .* array<string>"),
        ("config: {shop:open: true, shop:sise: 3}", r"shop:sise: not declared"),
        ("config: {shop:size: 3}", r"open: required, but stack 'dev' gives no value; .*default"),
        ("config: {shop:open: {secure: v1:abc}}", r"shop:open: an encrypted value cannot be read here"),
    ],
)
def test_a_broken_stack_file_is_refused_with_file_key_and_remedy(tmp_path: Path, stack: str, message: str) -> None:
    with pytest.raises(ProjectFileError, match=rf"Pulumi\.dev\.yaml: {message}"):
        resolve(project(tmp_path, GOOD, dev=stack))


def test_an_encrypted_value_may_be_given_in_plain_as_an_override(tmp_path: Path) -> None:
    text = "{name: x, runtime: python, config: {key: {type: string, secret: true}}}"
    encrypted = project(tmp_path, text, dev="config: {x:key: {secure: v1:abc}}")
    assert resolve(encrypted, key="given") == {"x:key": "given"}


def test_an_override_that_is_not_declared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectFileError, match="shop:opn: not declared"):
        resolve(project(tmp_path, GOOD), open="true", opn="true")
