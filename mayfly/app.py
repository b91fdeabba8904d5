"""The command `mayfly`."""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import httpx2 as httpx
import typer
import typer.core

from mayfly.advice import advice
from mayfly.commands import account, change, look
from mayfly.commands.submit import submit
from mayfly.commands.verify import verify
from mayfly.display import note
from mayfly.errors import MayflyError

_EXIT_CODES = """Exit codes: 0 it worked, or the job succeeded; 1 the job failed or was cancelled; 2 the command cannot
be carried out as it was given; 3 the service refused, could not be reached, or nobody is signed in; 4 the time to wait
is over and the job goes on; 5 the files are not verified; 130 interrupted."""
_OWN_FAULT = 70  # sysexits.h, EX_SOFTWARE


class _Commands(typer.core.TyperGroup):
    """Ends with a message and an exit code where something is wrong."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # whoever read the output has read enough
        except (MayflyError, httpx.HTTPError, OSError) as error:
            note(f"error: {advice(error)}")
            raise typer.Exit(getattr(error, "exit_code", MayflyError.exit_code)) from error


app = typer.Typer(
    cls=_Commands,
    name="mayfly",
    help="Run your script on your files, each on a virtual machine that lives only for it.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(submit)
app.command()(look.jobs)
app.command()(look.show)
app.command()(look.log)
app.command()(look.download)
app.command()(look.wait)
app.command()(verify)
app.command()(change.cancel)
app.command()(change.retry)
app.command()(change.delete)
app.command()(account.login)
app.command()(account.logout)
app.command()(account.whoami)


def _tell_version(wanted: bool) -> None:
    if wanted:
        try:
            typer.echo(version("mayfly"))
        except PackageNotFoundError:
            typer.echo("not installed")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Never ends in a traceback, unless MAYFLY_DEBUG asks for one."""
    try:
        app()
    except Exception as error:
        if os.environ.get("MAYFLY_DEBUG"):
            raise
        note(f"error: mayfly itself is at fault: {error!r}. Where: set MAYFLY_DEBUG=1. Please report it.")
        sys.exit(_OWN_FAULT)
