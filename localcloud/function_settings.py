"""Another setting for one of the deployed functions, for a while: what a test or a measurement wants otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from localcloud.cloud import LocalCloud


@contextmanager
def setting(cloud: LocalCloud, function: str, name: str, value: str) -> Iterator[None]:
    """Gives a function another value in its environment for a while."""
    functions = cloud.client("lambda")

    def put(value: str) -> str:
        variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        before: str = variables[name]
        changed = {**variables, name: value}
        functions.update_function_configuration(FunctionName=function, Environment={"Variables": changed})
        return before

    before = put(value)
    try:
        yield
    finally:
        put(before)
