from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from localcloud.cloud import LocalCloud
from tests.cloud.steps import SWEEPER

Scripted = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def impatient(cloud: LocalCloud) -> Iterator[None]:
    """Lets the sweeper look at what is only seconds old."""
    functions = cloud.client("lambda")
    variables = functions.get_function_configuration(FunctionName=SWEEPER)["Environment"]["Variables"]
    changed = {**variables, "GRACE_SECONDS": "0"}
    functions.update_function_configuration(FunctionName=SWEEPER, Environment={"Variables": changed})
    yield
    functions.update_function_configuration(FunctionName=SWEEPER, Environment={"Variables": variables})


@pytest.fixture
def scripted(cloud: LocalCloud) -> Scripted:
    """`with scripted("sh", "-c", ...):` has machines run another command, as setting mayfly:script would."""
    functions = cloud.client("lambda")
    name = "mayfly-local-dispatch"

    def set_script(script: str) -> str:
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        before: str = variables["SCRIPT"]
        changed = {**variables, "SCRIPT": script}
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": changed})
        return before

    @contextmanager
    def scripted(*words: str) -> Iterator[None]:
        before = set_script(json.dumps(words))
        try:
            yield
        finally:
            set_script(before)

    return scripted
