"""Which operations of AWS a program calls, read from its sources."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.bundling.errors import BundleError

# Names that hold a client, besides attributes named like their service.
_CLIENTS = {"client", "_client"}
# Attributes of a client besides its operations (botocore.client.BaseClient).
_OWN_METHODS = {"close", "generate_presigned_post", "generate_presigned_url", "get_paginator"}


@dataclass(frozen=True)
class Call:
    """A method called on a client, as `operation` is in Python: run_instances."""

    method: str
    client: str  # what the client is called there; a service's name, or just "client"
    place: str  # file and line


@dataclass(frozen=True)
class AwsCalls:
    """`words` are all names and texts of the sources: the operations that are called or presigned are among them."""

    services: frozenset[str]
    words: frozenset[str]
    calls: tuple[Call, ...]

    @staticmethod
    def of(sources: Iterable[Path]) -> AwsCalls:
        nodes = [(node, path) for path in sources for node in ast.walk(ast.parse(path.read_bytes()))]
        return AwsCalls(
            services=frozenset(service for node, _ in nodes for service in _services(node)),
            words=frozenset(word for node, _ in nodes for word in _words(node)),
            calls=tuple(call for node, path in nodes for call in _calls(node, path)),
        )

    def operations(self, known: Collection[str]) -> set[str]:
        """Those of a service's operations, given as AWS writes them, that the sources name."""
        said = {_plain(word) for word in self.words}
        return {operation for operation in known if _plain(operation) in said}

    def check(self, known: Mapping[str, Collection[str]]) -> None:
        """Holds every call on a client against the operations of the services.

        Raises:
            BundleError: one is no operation, or none of the client's service.
        """
        for call in self.calls:
            services = [call.client] if call.client in known else sorted(known)
            if _plain(call.method) not in {_plain(operation) for service in services for operation in known[service]}:
                raise BundleError(f"{call.place}: {call.method} is no operation of {', '.join(services)}")


def _plain(operation: str) -> str:
    """The same for ListObjectsV2 and list_objects_v2."""
    return operation.replace("_", "").lower()


def _services(node: ast.AST) -> Iterator[str]:
    """The service that a client is made for: `create_client("ec2", ...)`."""
    if isinstance(node, ast.Call) and node.args and _name(node.func).endswith("client"):
        yield from _words(node.args[0])


def _words(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def _calls(node: ast.AST, path: Path) -> Iterator[Call]:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return
    holder, method = node.func.value, node.func.attr
    is_client = _name(holder) in _CLIENTS or (isinstance(holder, ast.Attribute) and _name(holder.value) == "clients")
    if is_client and method not in _OWN_METHODS:
        yield Call(method, _name(holder), f"{path.name}:{node.lineno}")


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
