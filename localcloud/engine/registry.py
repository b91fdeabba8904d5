"""Every adapter and every data source, by Pulumi token."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from importlib import import_module

from localcloud.engine import adapters
from localcloud.engine.adapters.adapter import ADAPTERS, Adapter
from localcloud.engine.errors import RefusedInputError
from localcloud.engine.invokes import INVOKES, Invoke

for _module in pkgutil.iter_modules(adapters.__path__, f"{adapters.__name__}."):
    import_module(_module.name)  # registers its adapters


def adapter(token: str) -> Adapter:
    if token not in ADAPTERS:
        raise RefusedInputError(f"the local cloud has no adapter for {token}")
    return ADAPTERS[token]


def invoke(token: str) -> Invoke:
    if token not in INVOKES:
        raise RefusedInputError(f"the local cloud cannot answer the data source {token}")
    return INVOKES[token]


def tokens() -> Iterable[str]:
    """Resource types that can be deployed."""
    return sorted(ADAPTERS)
