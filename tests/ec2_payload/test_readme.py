"""What README.md says about the payload is what it does."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ec2_payload.wrapper.report import ExitCode, Report
from ec2_payload.wrapper.spec import Spec
from tests.ec2_payload.machine import PAYLOAD

if TYPE_CHECKING:
    from tests.ec2_payload.machine import Machine

README = (PAYLOAD / "README.md").read_text(encoding="utf-8")


def example(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return str(found)


def test_the_shell_example_works(machine: Machine) -> None:
    command = machine.script(example("sh"), "run.sh")
    assert machine.run(machine.spec(b"b\na\n", "text", command=command)).code == 0
    assert machine.s3.objects["output"] == b"a\nb\ntext"


def test_the_python_example_works(machine: Machine) -> None:
    command = machine.script(example("python"), "script.py", 0o644)
    assert machine.run(machine.spec(b"line\n", "text", command=command)).code == 0
    assert machine.s3.objects["output"] == b"LINE\ntext"


def test_the_example_spec_is_one() -> None:
    document = example("json").replace("https://…", "https://bucket/key")
    spec = Spec.from_json(document.encode())
    assert set(json.loads(document)) == {"version", *Spec._fields} - {
        "input_url",
        "input_size",
        "output_url",
        "output_suffix",
    } | {
        "input",
        "output",
    }
    assert spec.suffix == ".txt"


def test_every_exit_code_and_report_field_is_described() -> None:
    assert {f"| {code.value} |" in README for code in ExitCode} == {True}
    assert {f"`{field}`" in README for field in Report().fields} == {True}
