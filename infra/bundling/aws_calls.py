"""What a program calls of AWS, read from its sources."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class AwsCalls:
    """`words` are all names and texts of the sources: the operations that are called or presigned are among them."""

    services: frozenset[str]
    words: frozenset[str]

    @staticmethod
    def of(sources: Iterable[Path]) -> AwsCalls:
        nodes = [node for path in sources for node in ast.walk(ast.parse(path.read_bytes()))]
        return AwsCalls(
            services=frozenset(service for node in nodes for service in _services(node)),
            words=frozenset(word for node in nodes for word in _words(node)),
        )

    def operations(self, known: Collection[str]) -> set[str]:
        """Those of a service's operations, given as AWS writes them, that the sources name."""
        said = {_plain(word) for word in self.words}
        return {operation for operation in known if _plain(operation) in said}


def _plain(operation: str) -> str:
    """The same for ListObjectsV2 and list_objects_v2."""
    return operation.replace("_", "").lower()


def _services(node: ast.AST) -> Iterator[str]:
    """The service that a client is made for: `create_client("ec2", ...)`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "create_client":
        yield from _words(node.args[0])


def _words(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
