"""What a module's source mentions that may be other modules, read without running it, and kept once it is read."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from infra.bundling.dependencies import unfinished_at

_DOTTED = re.compile(r"(\.*[A-Za-z_]\w*)(\.[A-Za-z_]\w*)*")
_LOADERS = {"import_module", "__import__"}


@dataclass(frozen=True)
class ModuleImports:
    """What may be modules: whole names, and beginnings that the program completes when it runs."""

    imported: frozenset[str]  # by statements; relative ones left out
    names: frozenset[str]
    beginnings: frozenset[str]


@dataclass
class ImportCache:
    """What was read of sources so far, in a file, by their content: reading a whole library takes seconds.

    Two processes at once lose what one of them read, which is then read again.
    """

    path: Path
    _known: dict[str, list[list[str]]] = field(init=False)
    _grew: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._known = json.loads(self.path.read_bytes()) if self.path.exists() else {}

    @staticmethod
    def below(folder: Path) -> ImportCache:
        """Those of this very code: another may find something else."""
        code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
        return ImportCache(folder / f"mentions-{code}.json")

    def of(self, path: Path, module: str, *, is_package: bool) -> ModuleImports:
        source = path.read_bytes()
        key = hashlib.sha256(f"{module}\n{is_package}\n".encode() + source).hexdigest()
        if key not in self._known:
            found = imports_of(source, module, is_package=is_package)
            self._known[key] = [sorted(each) for each in (found.imported, found.names, found.beginnings)]
            self._grew = True
        imported, names, beginnings = map(frozenset, self._known[key])
        return ModuleImports(imported, names, beginnings)

    def keep(self) -> None:
        if self._grew:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = unfinished_at(self.path)
            unfinished.write_text(json.dumps(self._known))
            unfinished.replace(self.path)
            self._grew = False


def imports_of(source: bytes, module: str, *, is_package: bool) -> ModuleImports:
    """What a module's source mentions, by the module's own name."""
    package = module if is_package else module.rpartition(".")[0]
    imported: set[str] = set()
    names: set[str] = set()
    beginnings: set[str] = set()
    for node in _run_time_nodes(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute("." * node.level + (node.module or ""), package)
            names.update(f"{base}.{alias.name}" for alias in node.names)
            if not node.level:
                imported.add(base)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if "." in node.value and _DOTTED.fullmatch(node.value):
                names.add(_absolute(node.value, package))
        elif isinstance(node, ast.Call) and _called(node) in _LOADERS and isinstance(node.args[0], ast.JoinedStr):
            beginnings.add(_absolute(_beginning(node.args[0], module), package))
    return ModuleImports(frozenset(imported), frozenset(names | imported), frozenset(beginnings))


def _run_time_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """As ast.walk, which a bundle's hundreds of modules are too many for, and without what is for type checkers."""
    left = [tree]
    while left:
        node = left.pop()
        yield node
        guarded = isinstance(node, ast.If) and _name(node.test) == "TYPE_CHECKING"
        for part in ("orelse",) if guarded else node._fields:
            value = getattr(node, part, None)
            if isinstance(value, list):
                left += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
                left.append(value)


def _called(call: ast.Call) -> str:
    return _name(call.func)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _beginning(text: ast.JoinedStr, module: str) -> str:
    """What an f-string begins with, as far as that is known before it runs; `__name__` is."""
    known = ""
    for value in text.values:
        if isinstance(value, ast.Constant):
            known += str(value.value)
        elif isinstance(value, ast.FormattedValue) and _name(value.value) == "__name__":
            known += module
        else:
            break
    return known


def _absolute(name: str, package: str) -> str:
    """A name as an import statement has it, leading dots and all, as the module's own."""
    relative = name.lstrip(".")
    up = len(name) - len(relative)
    if not up:
        return name
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - up + 1], relative])
