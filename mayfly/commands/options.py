"""What many commands take."""

from __future__ import annotations

from typing import Annotated

import typer

Url = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", envvar="MAYFLY_URL", help="The stack's address, instead of that of `mayfly login`."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, to standard output.")]
MaybeJobId = Annotated[str | None, typer.Argument(metavar="ID", help="The job's ID; without it, name a --batch.")]
JobId = Annotated[str, typer.Argument(metavar="ID", help="The job's ID, or enough of its beginning or end.")]
Batch = Annotated[
    str | None, typer.Option("--batch", metavar="ID", help="The jobs that were submitted together with this ID.")
]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="OUT", help="A file or folder for the result; - for standard output."),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite files.")]
Timeout = Annotated[
    float | None, typer.Option("--timeout", min=0, metavar="SECONDS", help="Wait no longer than this; exit code 4.")
]
