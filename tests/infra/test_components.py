"""Components as users of Pulumi write them: made whole by their constructors, all in one way."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from localcloud.engine.deployment import DeploymentError, preview

_ROOT = Path(__file__).parents[2]
_COMPONENT = "pulumi.ComponentResource"
_COMPONENTS = {
    node.name: node
    for path in sorted((_ROOT / "infra").rglob("*.py"))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.ClassDef) and _COMPONENT in map(ast.unparse, node.bases)
}


def methods(name: str) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in _COMPONENTS[name].body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", _COMPONENTS)
def test_a_component_takes_a_name_typed_arguments_and_options(name: str) -> None:
    parameters = methods(name)["__init__"].args.args
    kinds = {each.arg: ast.unparse(each.annotation) if each.annotation else "" for each in parameters}
    typed = {key: kind for key, kind in kinds.items() if key == "args"}
    assert [*kinds] == ["self", "name", *typed, "opts"]
    assert all(kind.endswith("Args") for kind in typed.values())


@pytest.mark.parametrize("name", _COMPONENTS)
def test_a_component_is_whole_when_it_has_registered_its_outputs(name: str) -> None:
    """No method adds to it afterwards: all but properties are private, and the constructor's."""
    assert ast.unparse(methods(name)["__init__"].body[-1]).startswith("self.register_outputs(")
    public = [each for each in methods(name).values() if not each.name.startswith("_")]
    assert all([ast.unparse(one) for one in each.decorator_list] == ["property"] for each in public)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("resolved", ["", "resolve(pulumi.Output.from_input('n'))"], ids=["before", "after"])
def test_a_program_that_fails_around_a_deferred_output_says_why(tmp_path: Path, resolved: str) -> None:
    """The SDK waits for what needs the output, and would for ever if it never got its value."""
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(
        "import pulumi, pulumi_aws as aws\n"
        "from infra.deferred import deferred\n"
        "with deferred() as (output, resolve):\n"
        "    aws.sqs.Queue('q', name=output)\n"
        f"    {resolved}\n"
        "    raise pulumi.RunError('a setting is wrong')\n"
    )
    with pytest.raises(DeploymentError, match="a setting is wrong") as failure:
        preview(tmp_path, config={})
    assert failure.value.partial
    made = [each for each in failure.value.partial.resources if each.type.startswith("aws:")]
    assert bool(made) == bool(resolved)
