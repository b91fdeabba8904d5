"""The command `mayfly`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any

import typer
import typer.core
import typer.main
from typer.models import CommandInfo

from mayfly.context import Context
from mayfly.errors import MayflyError
from mayfly.streams import PIPE_CLOSED, say_error
from mayfly.text import plain
from mayfly.version import installed_version

# The module below mayfly.commands that has the function of the same name; only the one that is asked for is imported.
_MODULES = {
    "submit": "submit",
    "jobs": "read",
    "show": "read",
    "log": "read",
    "download": "download",
    "wait": "read",
    "watch": "watch",
    "verify": "verify",
    "cancel": "change",
    "retry": "change",
    "delete": "change",
    "login": "account",
    "logout": "account",
    "whoami": "account",
}
_EXIT_CODES = """Exit codes: 0 it worked, or every job succeeded; 1 a job failed or was cancelled; 2 the command cannot
be carried out as it was given; 3 the service refused or cannot be reached, or you are not signed in; 4 the time to wait
is over and the job goes on; 5 the files are not verified; 130 interrupted; 141 the reader of the output went away. Of
several jobs that could not be dealt with, the first one's counts."""


class _Commands(typer.core.TyperGroup):
    """Ends with a message and an exit code where something is wrong."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the base class's
        return list(_MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        for name in [cmd_name] if cmd_name in _MODULES else _MODULES:  # all of them, to suggest one of a similar name
            if name not in self.commands:
                self.commands[name] = _command(name)
        return super().get_command(ctx, cmd_name)

    def get_params(self, ctx: Any) -> list[Any]:
        """A flag that was not given is False: for a None, Typer has pydantic imported, half of the time help takes."""
        params = super().get_params(ctx)
        for each in params:
            if each.default is None and getattr(each, "is_flag", False):
                each.default = False
        return params

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        try:
            with _pipe():
                return super().make_context(info_name, args, parent, **extra)
        except (OSError, UnicodeError) as error:
            if getattr(error, "filename", "") is None:  # standard output
                raise
            say_error(f"error: the completion cannot be installed: {plain(str(error))}. See --show-completion.")
            raise typer.Exit(MayflyError.exit_code) from error

    def invoke(self, ctx: Any) -> Any:
        try:
            with _pipe():
                return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            advice = import_module("mayfly.advice")  # brings httpx2 along, which most of what works has loaded by then
            if not isinstance(error, advice.EXPECTED):
                raise
            say_error(f"error: {Context.of(ctx).redact(plain(advice.advice(error)))}")
            raise typer.Exit(getattr(error, "exit_code", MayflyError.exit_code)) from error


def _command(name: str) -> Any:
    callback = getattr(import_module(f"mayfly.commands.{_MODULES[name]}"), name)
    information = CommandInfo(name=name, callback=callback)
    return typer.main.get_command_from_info(information, pretty_exceptions_short=False, rich_markup_mode=None)


@contextmanager
def _pipe() -> Iterator[None]:
    """Typer would end with 1 otherwise, which is that of a failed job."""
    try:
        yield
    except BrokenPipeError as error:  # the reader of the output has read enough
        raise typer.Exit(PIPE_CLOSED) from error


app = typer.Typer(
    cls=_Commands,
    name="mayfly",
    help="Run your script on your files, each on a virtual machine that lives only for it.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(installed_version())
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass
