"""The endpoints.

They, and what they depend on, are `async def` with blocking calls inside: a Lambda function serves one request at a
time, and handing each call to a thread would double its cost.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from functions.api.caller import Caller
from functions.api.deletion_models import DeletionAnswer
from functions.api.examples import EXAMPLE_BATCH, EXAMPLE_ID, EXAMPLE_OWNER, EXAMPLE_POSITION
from functions.api.machine_models import AliveMachine, AliveMachines
from functions.api.manifest_models import DIGEST, MANIFEST_ANSWER
from functions.api.models import DownloadAnswer, Health, JobAnswer, JobList, JobRequest, Limits, LogAnswer
from functions.api.owner_models import RecentOwnerAnswer, RecentOwners
from functions.api.price_models import PriceAnswer
from functions.api.problems import ANYWHERE, documented
from functions.api.upload_models import (
    AbortRequest,
    CopyAnswer,
    PartsAnswer,
    PartsRequest,
    UploadAnswer,
    UploadRequest,
)
from functions.jobs.batch import BATCH_PATTERN
from functions.jobs.job import NO_OVERRIDES, Overrides
from functions.jobs.s3_keys import MAX_FILENAME_BYTES
from functions.submission.submission import MAX_PAGE, MAX_TEXT_CHARS, Download, Submission
from functions.submission.uploads import MULTIPART_FROM_BYTES, CopyTicket


@dataclass(frozen=True)
class JobAccess:
    """The jobs, and whose: what a route works with. No endpoint can get at jobs without asking who is calling."""

    jobs: Submission
    caller: Caller
    owner: str  # whose jobs are meant, mostly the caller's


# One dependency a route: FastAPI takes about as long for each as for the rest of a small route.
async def _mine(request: Request) -> JobAccess:
    caller: Caller = request.app.state.caller_of(request.scope)
    return JobAccess(request.app.state.submission, caller, caller.owner)


async def _named(
    request: Request,
    owner: Annotated[
        # The length is documented alone: without a check of FastAPI's, the caller is found out before anything is said
        # of the owner.
        Annotated[str, Field(json_schema_extra={"maxLength": 64})] | None,
        Query(
            description="Whose, as in a job's `owner`; only admins may name others. Left out: yours.",
            examples=[EXAMPLE_OWNER],
        ),
    ] = None,
) -> JobAccess:
    caller: Caller = request.app.state.caller_of(request.scope)
    return JobAccess(request.app.state.submission, caller, caller.owner_meant(owner))


Mine = Annotated[JobAccess, Depends(_mine)]
Named = Annotated[JobAccess, Depends(_named)]
JobId = Annotated[str, Path(max_length=64, description="The job's id.", examples=[EXAMPLE_ID])]

signed_in = APIRouter()
for_all = APIRouter()


@signed_in.post(
    "/uploads",
    status_code=HTTPStatus.CREATED,
    tags=["submit"],
    responses=documented("invalid_request", "file_too_large", "upload_quota", body=True),
)
async def request_upload(body: UploadRequest, access: Mine) -> UploadAnswer:
    """Ask for an upload straight to S3: answers a form that takes exactly this file, or a URL for each of its parts."""
    ask = access.jobs.uploads.begin if body.multipart else access.jobs.uploads.request_form
    return UploadAnswer.of(ask(access.owner, body.filename, body.size, body.content_type))


@signed_in.post(
    "/uploads/{job_id}/parts",
    tags=["submit"],
    responses=documented("invalid_request", "file_too_large", "upload_not_found", "upload_quota", body=True),
)
async def resume_upload(job_id: JobId, body: PartsRequest, access: Mine) -> PartsAnswer:
    """Go on with an upload in parts: which are stored, and fresh URLs for those that are not."""
    return PartsAnswer.of(access.jobs.uploads.resume(access.owner, job_id, body.upload_id, body.filename, body.size))


@signed_in.post(
    "/uploads/{job_id}/complete",
    status_code=HTTPStatus.NO_CONTENT,
    tags=["submit"],
    responses=documented("invalid_request", "file_too_large", "upload_not_found", "upload_incomplete", body=True),
)
async def complete_upload(job_id: JobId, body: PartsRequest, access: Mine) -> None:
    """Make the stored parts one file, once all are there. Repeating the same request is safe."""
    access.jobs.uploads.complete(access.owner, job_id, body.upload_id, body.filename, body.size)


@signed_in.post(
    "/uploads/{job_id}/abort",
    status_code=HTTPStatus.NO_CONTENT,
    tags=["submit"],
    responses=documented("invalid_request", body=True),
)
async def abort_upload(job_id: JobId, body: AbortRequest, access: Mine) -> None:
    """Give up an upload in parts; what is stored of it is removed. One that is not there is no error."""
    access.jobs.uploads.abort(access.owner, job_id, body.upload_id, body.filename)


@signed_in.post(
    "/jobs",
    status_code=HTTPStatus.CREATED,
    tags=["submit"],
    responses={
        int(HTTPStatus.OK): {"model": JobAnswer, "description": "The job exists with this text; nothing was changed."},
        **documented(
            "invalid_request",
            "override_not_allowed",
            "spending_cap",
            "upload_missing",
            "job_conflict",
            "too_many_open_jobs",
            body=True,
        ),
    },
)
async def submit_job(body: JobRequest, access: Mine, response: Response) -> JobAnswer:
    """Submit the job once its file is uploaded. Repeating the same request is safe: it answers the same job."""
    overrides = Overrides(**dict(body.overrides)) if body.overrides else NO_OVERRIDES
    job, created = access.jobs.submit(access.owner, body.job_id, body.input_text, overrides, body.batch)
    response.status_code = HTTPStatus.CREATED if created else HTTPStatus.OK
    return JobAnswer.of(job)


@signed_in.get("/jobs", tags=["look"], responses=documented("invalid_request", "job_not_found"))
async def list_jobs(
    access: Named,
    limit: Annotated[
        int, Query(ge=1, le=MAX_PAGE, description="Jobs a page; one of very large jobs has fewer.", examples=[20])
    ] = 20,
    cursor: Annotated[
        str | None, Query(max_length=64, description="`next_cursor` of the page before.", examples=[EXAMPLE_ID])
    ] = None,
    batch: Annotated[
        str | None,
        Query(
            description="Only jobs that were submitted with this `batch`. A page may then have fewer jobs than "
            "`limit`, even none; go on until `next_cursor` is null.",
            examples=[EXAMPLE_BATCH],
            json_schema_extra={"pattern": BATCH_PATTERN},
        ),
    ] = None,
) -> JobList:
    """Your jobs, newest first."""
    return JobList.of(access.jobs.page(access.owner, limit, cursor, batch))


@signed_in.get("/jobs/{job_id}", tags=["look"], responses=documented("job_not_found"))
async def get_job(job_id: JobId, access: Named) -> JobAnswer:
    """One job with its timeline."""
    return JobAnswer.of(access.jobs.get(access.owner, job_id))


@signed_in.get(
    "/jobs/{job_id}/output",
    tags=["look"],
    response_model=DownloadAnswer,
    responses=documented("job_not_found", "not_ready"),
)
async def get_output(job_id: JobId, access: Named) -> Download:
    """A link to download the result; it is valid for a quarter of an hour."""
    return access.jobs.output(access.owner, job_id)


@signed_in.get(
    "/jobs/{job_id}/manifest",
    tags=["look"],
    response_class=Response,
    responses={int(HTTPStatus.OK): MANIFEST_ANSWER, **documented("job_not_found", "not_ready")},
)
async def get_manifest(job_id: JobId, access: Named) -> Response:
    """What the result was made of, byte by byte as it was written: these bytes are what `manifest_sha256` is of."""
    found = access.jobs.manifest(access.owner, job_id)
    digest = b64encode(bytes.fromhex(found.sha256)).decode()
    return Response(found.content, media_type="application/json", headers={DIGEST: f"sha-256=:{digest}:"})


@signed_in.get("/jobs/{job_id}/log", tags=["look"], responses=documented("job_not_found", "invalid_request"))
async def get_log(
    job_id: JobId,
    access: Named,
    after: Annotated[
        str | None, Query(max_length=2048, description="`next` of the page before.", examples=[EXAMPLE_POSITION])
    ] = None,
) -> LogAnswer:
    """What the machine printed so far."""
    return LogAnswer.of(access.jobs.log_page(access.owner, job_id, after))


@signed_in.post(
    "/jobs/{job_id}/cancel",
    status_code=HTTPStatus.ACCEPTED,
    tags=["change"],
    responses=documented("job_not_found", "not_ready"),
)
async def cancel_job(job_id: JobId, access: Named) -> JobAnswer:
    """End a job that has not ended; its machine is terminated."""
    return JobAnswer.of(access.jobs.cancel(access.owner, job_id))


@signed_in.post(
    "/jobs/{job_id}/retry",
    status_code=HTTPStatus.ACCEPTED,
    tags=["change"],
    responses=documented(
        "job_not_found", "not_ready", "spending_cap", "too_many_open_jobs", "too_many_runs", "upload_missing"
    ),
)
async def retry_job(job_id: JobId, access: Named) -> JobAnswer:
    """Start a failed or cancelled job again, with the same file and text, on a new machine.

    What that costs is the job's owner's, also when an administrator asks for it.
    """
    return JobAnswer.of(access.jobs.retry(access.owner, job_id))


@signed_in.post(
    "/jobs/{job_id}/copy",
    status_code=HTTPStatus.CREATED,
    tags=["submit"],
    response_model=CopyAnswer,
    responses=documented("job_not_found", "upload_missing", "file_too_large", "upload_quota"),
)
async def copy_job(job_id: JobId, access: Named) -> CopyTicket:
    """Copy a job's file for a new job of yours, which POST /jobs then submits, with the same text or another."""
    return access.jobs.copy(access.owner, job_id, access.caller.owner)


@signed_in.delete(
    "/jobs/{job_id}",
    tags=["change"],
    responses=documented("job_not_found", "not_ready"),
)
async def delete_job(job_id: JobId, access: Named) -> DeletionAnswer:
    """Remove a job that has ended and whose machines are gone: its input, its result, its log and its record."""
    return DeletionAnswer.of(access.jobs.delete(access.owner, job_id))


@signed_in.get("/machines", tags=["look"], responses=documented("job_not_found"))
async def list_machines(access: Named) -> AliveMachines:
    """Your machines that are alive now: a machine counts until EC2 has confirmed its end."""
    return AliveMachines(alive=[AliveMachine.of(slot) for slot in access.jobs.alive_machines(access.owner)])


@signed_in.get("/owners", tags=["look"], responses=documented("job_not_found"))
async def list_owners(
    access: Mine,
    user: Annotated[
        Annotated[str, Field(json_schema_extra={"maxLength": 128})] | None,
        Query(
            description="For admins: this user alone, by id or e-mail address, also without machines.",
            examples=["alice@example.com"],
        ),
    ] = None,
) -> RecentOwners:
    """Whose machines are alive or were launched today or yesterday (UTC): of all users for an admin, else of you."""
    caller = access.caller
    if not caller.is_admin:
        found = access.jobs.own_activity(caller.owner_meant(user))
    else:
        found = [access.jobs.find_owner(user, caller.sees)] if user else access.jobs.recent_owners(caller.sees)
    return RecentOwners(owners=[RecentOwnerAnswer.of(one) for one in found])


@signed_in.get("/limits", tags=["service"], responses=ANYWHERE)
async def get_limits(access: Mine) -> Limits:
    """What this stack accepts."""
    return Limits(
        max_upload_bytes=access.jobs.max_upload_bytes,
        max_text_chars=MAX_TEXT_CHARS,
        max_filename_bytes=MAX_FILENAME_BYTES,
        multipart_from_bytes=MULTIPART_FROM_BYTES,
        allowed_instance_types=list(access.jobs.allowance.instance_types),
        job_timeout_minutes=access.jobs.allowance.timeout_minutes,
        max_job_timeout_minutes=access.jobs.allowance.max_timeout_minutes,
        output_suffix=access.jobs.output_suffix,
        price=PriceAnswer.of(estimate) if (estimate := access.jobs.spending.estimate()) else None,
    )


@for_all.get("/health", tags=["service"], responses=ANYWHERE)
async def get_health() -> Health:
    """Whether the API answers."""
    return Health(status="ok")
