"""Deployment packages of the functions: a handler's module and what it needs, of ours and from outside.

A bundle is a zip whose bytes depend on its content alone, so an unchanged function is not deployed again. What a module
needs is read from the sources (infra/bundling/modules.py); botocore's data is cut to the operations that are called.
Modules come with their bytecode where a Python is at hand that compiles for the target; else they come without, and
every cold start compiles them itself.
"""

from __future__ import annotations

import configparser
import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.bundling.archive import write_zip
from infra.bundling.aws_calls import AwsCalls
from infra.bundling.botocore_data import cut_data
from infra.bundling.bytecode import compile_all, compiled_name
from infra.bundling.dependencies import appear, install, unfinished_at
from infra.bundling.errors import BundleError
from infra.bundling.import_scanner import ImportCache
from infra.bundling.modules import Modules
from infra.bundling.target import Target

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
_SOURCES = "functions"
_AWS_CALLERS = "functions.aws."
_BOTOCORE_DATA = "botocore/data/"
# For type checkers and people; no program reads them.
_LEFT_OUT = {".pyi", ".typed", ".md", ".rst"}
# Groups of entry points that name programs and test plug-ins; the others are loaded by name at run time.
_NOT_LOADED = {"console_scripts", "gui_scripts", "pytest11"}


@dataclass(frozen=True)
class Bundle:
    """`entry` is the handler's module, `requirements` a lock file, `files` what the program reads besides modules."""

    entry: str
    requirements: str
    files: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.entry.removeprefix(f"{_SOURCES}.").replace(".", "-")

    def build(self, target: Target) -> Path:
        """Builds the zip unless it is there already; returns its path.

        Raises:
            BundleError: the requirements cannot be installed, or what calls AWS calls what is not there.
        """
        sources = _python_files(ROOT / _SOURCES)
        archive = BUILD / "bundles" / f"{self.name}-{self._digest(sources, target)}.zip"
        if not archive.exists():
            archive.parent.mkdir(parents=True, exist_ok=True)
            unfinished = unfinished_at(archive)
            write_zip(unfinished, self._contents(sources, target))
            unfinished.replace(archive)
        return archive

    def _digest(self, sources: Mapping[str, Path], target: Target) -> str:
        """Of all that the content depends on, the code that builds it included."""
        builders = [Path(__file__), *sorted((Path(__file__).parent / "bundling").glob("*.py"))]
        files = [ROOT / self.requirements, *(ROOT / file for file in self.files), *builders]
        return _hashed(f"{target}\n{self}", [*sources.items(), *((path.name, path) for path in files)])

    def _contents(self, sources: Mapping[str, Path], target: Target) -> dict[str, bytes]:
        ours = _compiled_sources(sources, target)
        dependencies = install(ROOT / self.requirements, target, BUILD / "dependencies")
        files = dict(sorted([*_files(dependencies), *_files(ours)]))
        cache = ImportCache.below(BUILD)
        modules = Modules(files, cache)
        reached = modules.reached_from([self.entry])
        if unmet := modules.unmet(one for one in reached if one.startswith(f"{_SOURCES}.")):
            raise BundleError(f"{self.entry} needs {', '.join(sorted(unmet))}, which {self.requirements} lacks")
        reached = modules.reached_from([*reached, *_plug_ins(dependencies, reached)])
        cache.keep()
        names = modules.files_of(reached)
        names |= {compiled for name in names if (compiled := compiled_name(name, target)) in files}
        names |= {name for name in files if _goes_along(name, reached)}
        contents = {name: files[name].read_bytes() for name in names}
        contents |= {file: (ROOT / file).read_bytes() for file in self.files}
        if "botocore" in reached:
            callers = [ours / name for name in modules.files_of(one for one in reached if one.startswith(_AWS_CALLERS))]
            data = cut_data(dependencies / _BOTOCORE_DATA, AwsCalls.of(sorted(callers)))
            contents |= {_BOTOCORE_DATA + name: content for name, content in data.items()}
        return contents


def _python_files(folder: Path) -> dict[str, Path]:
    return {path.relative_to(ROOT).as_posix(): path for path in sorted(folder.rglob("*.py"))}


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    return ((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())


def _compiled_sources(sources: Mapping[str, Path], target: Target) -> Path:
    """A folder with a copy of the sources and their bytecode, once for each content and target."""
    folder = BUILD / "sources" / _hashed(str(target), sources.items())
    if not folder.exists():
        unfinished = unfinished_at(folder)
        for name, path in sources.items():
            (unfinished / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, unfinished / name)
        compile_all(unfinished, target)
        appear(unfinished, folder)
    return folder


def _plug_ins(dependencies: Path, reached: set[str]) -> Iterator[str]:
    """What reached packages offer as entry points, and what they load by these names: opentelemetry its own parts."""
    for path in sorted(dependencies.glob("*.dist-info/entry_points.txt")):
        groups = configparser.ConfigParser(delimiters=("=",))
        groups.read_string(path.read_text(encoding="utf-8"))
        for group in set(groups.sections()) - _NOT_LOADED:
            for _, value in groups.items(group):
                module = value.partition(":")[0].strip()
                if module.partition(".")[0] in {one.partition(".")[0] for one in reached}:
                    yield module


def _goes_along(name: str, reached: set[str]) -> bool:
    """Whether a file that is no module belongs to what was reached, or says whose code it is (name, version, licence).

    botocore's data is chosen apart.
    """
    path = Path(name)
    if path.suffix in {*_LEFT_OUT, ".py", ".pyc", ".so"} or name.startswith(_BOTOCORE_DATA):
        return False
    folder = path.parent.as_posix()
    return folder.endswith((".dist-info", ".dist-info/licenses")) or folder.replace("/", ".") in reached


def _hashed(beginning: str, files: Iterable[tuple[str, Path]]) -> str:
    digest = hashlib.sha256(beginning.encode())
    for name, path in files:
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
