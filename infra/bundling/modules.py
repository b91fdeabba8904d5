"""Which modules a module needs, read from the sources without running them.

It takes rather one too many: imports inside functions and conditions count (but for `if TYPE_CHECKING`), and so does a
text that is a module's dotted name, since that is how packages load their own parts late.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from infra.bundling.import_scanner import ImportCache, ModuleImports

_CODE = re.compile(r"(?P<module>[\w/]+?)(?P<package>/__init__)?(\.py|(\.[\w-]+)?\.so)")


class Modules:
    """The modules among some files, which are given by their names in the bundle."""

    def __init__(self, files: Mapping[str, Path], cache: ImportCache) -> None:
        self._findings = cache
        self._mentions: dict[str, ModuleImports] = {}
        self._files: dict[str, list[str]] = {}
        self._paths = files
        for name in files:
            if found := _CODE.fullmatch(name):
                self._files.setdefault(found["module"].replace("/", "."), []).append(name)

    def __contains__(self, module: str) -> bool:
        return module in self._files

    def reached_from(self, roots: Iterable[str]) -> set[str]:
        """The names of the roots and of every module that they need, one through another."""
        reached: set[str] = set()
        left = [part for root in roots for part in self._with_parents(root)]
        while left:
            module = left.pop()
            if module not in reached:
                reached.add(module)
                left += self._needed_by(module)
        return reached

    def files_of(self, modules: Iterable[str]) -> set[str]:
        return {name for module in modules for name in self._files[module]}

    def unmet(self, modules: Iterable[str]) -> set[str]:
        """What these modules import that is neither among the files nor of the standard library."""
        found = (self._mentioned(name, module) for module in modules for name in self._files[module])
        tops = {name.partition(".")[0] for one in found for name in one.imported}
        return {top for top in tops if top not in self._files and top not in sys.stdlib_module_names}

    def _needed_by(self, module: str) -> Iterator[str]:
        for name in self._files[module]:
            if not name.endswith(".py"):
                continue
            found = self._mentioned(name, module)
            for mentioned in found.names:
                yield from self._with_parents(mentioned)
            for beginning in found.beginnings:
                for other in self._files:
                    if other.startswith(beginning):
                        yield from self._with_parents(other)

    def _with_parents(self, name: str) -> Iterator[str]:
        """Those of `a`, `a.b` and `a.b.c` that are modules: the last may be what a module defines."""
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            if (module := ".".join(parts[:end])) in self._files:
                yield module

    def _mentioned(self, name: str, module: str) -> ModuleImports:
        if name not in self._mentions:
            is_package = name.endswith("/__init__.py")
            self._mentions[name] = self._findings.of(self._paths[name], module, is_package=is_package)
        return self._mentions[name]
