from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, BinaryIO, cast

import typer

from mayfly.commands.options import AsJson, JobId, Url
from mayfly.context import Context
from mayfly.display import emit, entries
from mayfly.download import fetch
from mayfly.errors import NotVerified, UsageProblem
from mayfly.job import state
from mayfly.job_id import resolve_job_id
from mayfly.progress import transfer
from mayfly.verification import Digests, checks, doubts, read_manifest

_Input = Annotated[
    Path | None, typer.Option("--input", metavar="FILE", help="The file that was submitted; else it is not checked.")
]
_Result = Annotated[Path | None, typer.Option("--output", metavar="FILE", help="The result, instead of fetching it.")]


def verify(
    context: typer.Context,
    job_id: JobId,
    file: _Input = None,
    output: _Result = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Check a job's result, text and input against its manifest. JSON: {"id", "verified", "checks", "manifest"}."""
    given = Digests.of(file) if file else None
    with Context.of(context).client(url) as client:
        job = client.get(resolve_job_id(client, job_id))
        if not job["manifest_sha256"]:
            raise UsageProblem(f"Job {job['id']} has no manifest: it {state(job)}.")
        content = client.manifest(job["id"])
        manifest = read_manifest(content, client.url)
        result = Digests.of(output) if output else Digests()
        if output is None:
            with transfer(job["filename"], job["output_size"]) as on_bytes:
                fetch(client, job, cast("BinaryIO", result), on_bytes)
    made = list(checks(job, content, manifest, result, given))
    against = doubts(made)
    if as_json:
        seen = [asdict(check) for check in made]
        emit({"id": job["id"], "verified": not against, "checks": seen, "manifest": manifest})
    else:
        rows = [[check.what, check.verdict, check.recorded or "", check.found or ""] for check in made]
        entries(["What", "Verdict", "Recorded", "Found"], rows, flexible=(), first=2)
    if against:
        raise NotVerified(f"Not verified: {', '.join(against)}.")
