"""Runs a Pulumi program's `__main__.py`, unmodified, as Pulumi's Python language host does."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import os
import runpy
import sys
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
from pulumi.runtime.proto import engine_pb2
from pulumi.runtime.stack import run_in_stack

from localcloud.engine.monitor import Monitor

_PARALLEL = 16  # resources under way at once; Pulumi's own default is four per core
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Engine:
    """What a program talks to: objects of this process, or addresses of a running engine."""

    monitor: Monitor | str
    log: Any
    is_preview: bool = False
    secret_keys: tuple[str, ...] = ()
    organization: str = "organization"


def run(folder: Path, *, names: tuple[str, str], config: Mapping[str, str], engine: Engine) -> None:
    """Run the program in `folder` once; `names` are those of the stack and the project.

    Whatever the program raises comes out unchanged. Not for use by two threads at once: the working directory and
    `sys.path` belong to the process.
    """
    with _inside(folder), _fresh_modules(folder), warnings.catch_warnings():
        # Its deprecated classes warn as soon as a module of the SDK is imported, used or not.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"pulumi_aws\b")
        # The SDK keeps its settings in context variables; a context of its own leaves the caller's alone.
        context = contextvars.Context()
        if _in_an_event_loop():
            with ThreadPoolExecutor(1, thread_name_prefix="program") as elsewhere:
                elsewhere.submit(context.run, _run_in_context, folder, names, config, engine).result()
        else:
            context.run(_run_in_context, folder, names, config, engine)


def _in_an_event_loop() -> bool:
    """Whether this thread has one already, as in a notebook or beside Playwright; it can have one at a time."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _run_in_context(folder: Path, names: tuple[str, str], config: Mapping[str, str], engine: Engine) -> None:
    stack, project = names
    settings = pulumi.runtime.Settings(
        project=project,
        stack=stack,
        monitor=engine.monitor,
        engine=engine.log,
        dry_run=engine.is_preview,
        organization=engine.organization,
        root_directory=str(folder),
    )
    pulumi.runtime.configure(settings)
    pulumi.runtime.set_all_config(dict(config), list(engine.secret_keys))
    asyncio.run(_run_to_end(folder / "__main__.py"))


async def _run_to_end(main: Path) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_PARALLEL, thread_name_prefix="pulumi"))
    # One failed resource fails every task that waits for its outputs; the monitor has the cause already.
    loop.set_exception_handler(lambda _loop, context: _LOG.debug("after the first failure: %s", context.get("message")))
    await run_in_stack(lambda: _execute(main))


def _execute(main: Path) -> None:
    runpy.run_path(str(main), run_name="__main__")


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    path = list(sys.path)
    with contextlib.chdir(folder):
        sys.path.insert(0, str(folder))
        try:
            yield
        finally:
            sys.path[:] = path


@contextlib.contextmanager
def _fresh_modules(folder: Path) -> Iterator[None]:
    """Let the program import its own modules again, and give the caller's back afterwards."""
    stashed = _take_modules(folder)
    try:
        yield
    finally:
        _take_modules(folder)
        sys.modules.update(stashed)


def _take_modules(folder: Path) -> dict[str, ModuleType]:
    engine = __name__.partition(".")[0]  # never the one that is running
    own = {entry.name.removesuffix(".py") for entry in os.scandir(folder) if _is_importable(entry)} - {
        engine,
        "__main__",
    }
    names = [name for name in sys.modules if name.partition(".")[0] in own]
    return {name: sys.modules.pop(name) for name in names}


def _is_importable(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(".py") or (entry.is_dir() and entry.name.isidentifier())


class ProgramLog:
    """Receives what the program logs."""

    _LEVELS: Mapping[int, int] = {
        engine_pb2.INFO: logging.INFO,
        engine_pb2.WARNING: logging.WARNING,
        engine_pb2.ERROR: logging.ERROR,
    }

    def RequirePulumiVersion(self, _request: Any) -> engine_pb2.RequirePulumiVersionResponse:  # noqa: N802
        """There is no CLI here that could be too old."""
        return engine_pb2.RequirePulumiVersionResponse()

    def Log(self, request: Any) -> None:  # noqa: N802 the protocol's name
        level = self._LEVELS.get(request.severity)
        if level is not None:
            _LOG.log(level, "%s", request.message)
