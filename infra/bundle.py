"""Deployment packages of the functions: the core with one folder's handlers, and the packages of their lock file.

A bundle is a zip whose bytes depend on its content alone, so functions of an unchanged one are not deployed again.
botocore's data is cut to the operations that are called. Modules come with their bytecode where a Python is at hand
that compiles for the target; else they come without, and every cold start compiles them itself.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.bundling.archive import write_zip
from infra.bundling.aws_calls import AwsCalls
from infra.bundling.botocore_data import cut_data
from infra.bundling.bytecode import compile_all
from infra.bundling.dependencies import appear, install, unfinished_at
from infra.bundling.target import Target

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
_SOURCES = ROOT / "functions"
_HANDLERS = {"api", "orchestrator"}
_BOTOCORE_DATA = "botocore/data/"
# For type checkers and people; no program reads them.
_LEFT_OUT = {".pyi", ".typed", ".md", ".rst"}


@dataclass(frozen=True)
class Bundle:
    """`handlers` is the folder of `functions/` with handlers and lock file, `files` what they read besides modules."""

    handlers: str
    files: tuple[str, ...] = ()

    @property
    def requirements(self) -> str:
        return f"functions/{self.handlers}/requirements.txt"

    def build(self, target: Target) -> Path:
        """Builds the zip unless it is there already; returns its path.

        Raises:
            BundleError: the requirements cannot be installed, or a module cannot be compiled.
        """
        sources = self._sources()
        archive = BUILD / "bundles" / f"{self.handlers}-{self._digest(sources, target)}.zip"
        if not archive.exists():
            archive.parent.mkdir(parents=True, exist_ok=True)
            unfinished = unfinished_at(archive)
            write_zip(unfinished, self._contents(sources, target))
            unfinished.replace(archive)
        return archive

    def _sources(self) -> dict[str, Path]:
        others = [_SOURCES / each for each in _HANDLERS - {self.handlers}]
        paths = [path for path in sorted(_SOURCES.rglob("*.py")) if not any(map(path.is_relative_to, others))]
        return {path.relative_to(ROOT).as_posix(): path for path in paths}

    def _digest(self, sources: Mapping[str, Path], target: Target) -> str:
        """Of all that the content depends on, the code that builds it included."""
        builders = [Path(__file__), *sorted((Path(__file__).parent / "bundling").glob("*.py"))]
        files = [ROOT / self.requirements, *(ROOT / file for file in self.files), *builders]
        return _hashed(f"{target}\n{self}", [*sources.items(), *((path.name, path) for path in files)])

    def _contents(self, sources: Mapping[str, Path], target: Target) -> dict[str, bytes]:
        dependencies = install(ROOT / self.requirements, target, BUILD / "dependencies")
        ours = _compiled_sources(sources, target)
        files = {name: path for name, path in [*_files(dependencies), *_files(ours)] if path.suffix not in _LEFT_OUT}
        contents = {name: path.read_bytes() for name, path in files.items() if not name.startswith(_BOTOCORE_DATA)}
        contents |= {file: (ROOT / file).read_bytes() for file in self.files}
        data = cut_data(dependencies / _BOTOCORE_DATA, AwsCalls.of(sorted((_SOURCES / "aws").glob("*.py"))))
        return contents | {_BOTOCORE_DATA + name: content for name, content in data.items()}


API = Bundle("api")
ORCHESTRATOR = Bundle("orchestrator", ("ec2_payload/bootstrap.py",))


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


def _hashed(beginning: str, files: Iterable[tuple[str, Path]]) -> str:
    digest = hashlib.sha256(beginning.encode())
    for name, path in files:
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
