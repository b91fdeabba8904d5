"""The command `mayfly`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import httpx2 as httpx
import typer
import typer.core

from mayfly.advice import advice
from mayfly.commands import account, change, read
from mayfly.commands.download import download
from mayfly.commands.submit import submit
from mayfly.commands.verify import verify
from mayfly.commands.watch import watch
from mayfly.context import Context
from mayfly.display import plain
from mayfly.entry_point import PIPE_CLOSED, installed_version
from mayfly.errors import MayflyError
from mayfly.streams import say_error

_EXIT_CODES = """Exit codes: 0 it worked, or every job succeeded; 1 a job failed or was cancelled; 2 the command cannot
be carried out as it was given; 3 the service refused or cannot be reached, or you are not signed in; 4 the time to wait
is over and the job goes on; 5 the files are not verified; 130 interrupted; 141 the reader of the output went away. Of
several jobs that could not be dealt with, the first one's counts."""


class _Commands(typer.core.TyperGroup):
    """Ends with a message and an exit code where something is wrong."""

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
        except (MayflyError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            say_error(f"error: {Context.of(ctx).redact(plain(advice(error)))}")
            raise typer.Exit(getattr(error, "exit_code", MayflyError.exit_code)) from error


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
app.command()(submit)
app.command()(read.jobs)
app.command()(read.show)
app.command()(read.log)
app.command()(download)
app.command()(read.wait)
app.command()(watch)
app.command()(verify)
app.command()(change.cancel)
app.command()(change.retry)
app.command()(change.delete)
app.command()(account.login)
app.command()(account.logout)
app.command()(account.whoami)


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
