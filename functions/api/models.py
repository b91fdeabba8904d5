"""The JSON shapes of the API, with what the documentation page says of each field."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from functions.jobs.advice import FAILURES
from functions.jobs.job import Job, JobError, JobStatus
from functions.jobs.paths import MAX_FILENAME_CHARS
from functions.jobs.ports import JobPage, LogPage, Slot
from functions.jobs.submission import MAX_TEXT_CHARS, Download, UploadTicket

EXAMPLE_ID = "01926b3c-7f3e-7c2a-9d51-3f0a5b8c1e27"
EXAMPLE_TIME = "2026-01-31T09:15:02.345Z"
EXAMPLE_PATH = f"inputs/anonymous/{EXAMPLE_ID}/report.txt"

# token/subtype, RFC 9110; nothing that could end a header line.
_MEDIA_TYPE = r"^[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}$"


def _whole(value: Any) -> Any:
    """JSON knows one kind of number: 3.0 is as whole as 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class UploadRequest(_Request):
    filename: Annotated[
        str,
        Field(
            max_length=1024,
            description=f"The file's name, at most {MAX_FILENAME_CHARS} characters, no folders.",
            json_schema_extra={"minLength": 1},
        ),
    ]
    size: Annotated[
        int,
        Field(ge=0, description="The file's size in bytes; exactly this many can be uploaded."),
        BeforeValidator(_whole),
    ]
    content_type: Annotated[str, StringConstraints(pattern=_MEDIA_TYPE)] = Field(
        "application/octet-stream", description="The file's media type."
    )
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"filename": "report.txt", "size": 12345, "content_type": "text/plain"}]}
    )


class UploadForm(BaseModel):
    url: str = Field(description="Where to POST the form, as multipart/form-data.")
    fields: dict[str, str] = Field(description="The form's fields; send all of them before the part named `file`.")


class UploadAnswer(BaseModel):
    job_id: str = Field(description="The id that the job will have.", examples=[EXAMPLE_ID])
    upload: UploadForm
    expires_at: str = Field(description="Until when the upload can begin, RFC 3339 UTC.", examples=[EXAMPLE_TIME])

    @staticmethod
    def of(ticket: UploadTicket) -> UploadAnswer:
        form = UploadForm(url=ticket.form.url, fields=ticket.form.fields)
        return UploadAnswer(job_id=ticket.job_id, upload=form, expires_at=ticket.expires_at)


class JobRequest(_Request):
    job_id: str = Field(max_length=64, description="The id that POST /uploads answered.")
    # The lengths are told here and checked by the core, which says more than "too long".
    input_text: str = Field(
        description=f"The text to append, 1 to {MAX_TEXT_CHARS:,} characters.",
        json_schema_extra={"minLength": 1, "maxLength": MAX_TEXT_CHARS},
    )
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"job_id": EXAMPLE_ID, "input_text": "Read and approved."}]}
    )


class TimelineEntry(BaseModel):
    event: str = Field(description="What happened, a stable word.", examples=["launched"])
    at: str = Field(description="When, RFC 3339 UTC.", examples=[EXAMPLE_TIME])
    detail: str = Field(description="The same as a plain sentence.", examples=["i-0abc: t4g.small, in eu-central-1a."])


class Failure(BaseModel):
    code: str = Field(
        description="The kind of failure, a stable word; docs/failures.md lists all.", examples=["script_failed"]
    )
    message: str = Field(description="What went wrong; for a failed script its exit code and the end of its stderr.")
    advice: str = Field(description="Who can do what about it, and whether trying again helps.")
    actor: str = Field(description="Who has to act, in a few words.", examples=["the script's author"])
    retry_helps: bool = Field(description="Whether trying again unchanged can help.")

    @model_validator(mode="before")
    @classmethod
    def _with_advice(cls, error: Any) -> Any:
        """What the advisor's table says of the failure's code, beside what the job keeps of it."""
        if not isinstance(error, JobError):
            return error
        row = FAILURES.get(error.code, FAILURES["internal_error"])
        return asdict(error) | {"actor": row.actor.value, "retry_helps": row.retry_helps}


class Receipt(BaseModel):
    """One machine of a job: what it was, from when to when it lived, and how its end was seen."""

    instance_id: str = Field(examples=["i-0123456789abcdef0"])
    run: int = Field(description="Which run of the job it was for; a retry begins a new one.", examples=[1])
    attempt: int = Field(description="Which attempt, counted over all runs.", examples=[1])
    instance_type: str = Field(examples=["t4g.small"])
    market: str = Field(description="on-demand or spot.", examples=["on-demand"])
    zone: str = Field(examples=["eu-central-1a"])
    image_id: str = Field(examples=["ami-0123456789abcdef0"])
    launched_at: str = Field(description="RFC 3339 UTC.", examples=[EXAMPLE_TIME])
    terminated_at: str | None = Field(description="When EC2 was seen to have terminated it; null until then.")
    verified: str | None = Field(description="How that was seen, and by whom; null until then.")


class JobAnswer(BaseModel):
    id: str = Field(examples=[EXAMPLE_ID])
    owner: str = Field(
        description="Who submitted the job: their token's `sub`, where there is sign-in.", examples=["anonymous"]
    )
    status: JobStatus
    filename: str = Field(examples=["report.txt"])
    size: int = Field(description="The input's size in bytes.", examples=[12345])
    input_text: str = Field(examples=["Read and approved."])
    input_file_path: str = Field(description="bucket/key of the input.", examples=[f"uploads/{EXAMPLE_PATH}"])
    output_file_path: str | None = Field(description="bucket/key of the result, once there is one.")
    output_size: int | None = Field(description="The result's size in bytes, once there is one.")
    created_at: str = Field(description="RFC 3339 UTC.", examples=[EXAMPLE_TIME])
    updated_at: str = Field(description="RFC 3339 UTC.", examples=[EXAMPLE_TIME])
    run: int = Field(description="How often the job was started: 1, and one more with each retry.", examples=[1])
    attempts: int = Field(description="How many machines the job had so far, over all runs.", examples=[1])
    machines: list[Receipt] = Field(description="The job's machines, oldest first: its receipt.")
    timeline: list[TimelineEntry] = Field(description="What happened so far, oldest first.")
    error: Failure | None = Field(description="Why the job failed, if it did.")

    @staticmethod
    def of(job: Job) -> JobAnswer:
        return JobAnswer.model_validate(job, from_attributes=True)


class AliveMachine(BaseModel):
    job_id: str = Field(examples=[EXAMPLE_ID])
    instance_id: str = Field(examples=["i-0123456789abcdef0"])
    instance_type: str = Field(examples=["t4g.small"])
    zone: str = Field(examples=["eu-central-1a"])
    launched_at: str = Field(description="RFC 3339 UTC.", examples=[EXAMPLE_TIME])

    @staticmethod
    def of(slot: Slot) -> AliveMachine:
        return AliveMachine.model_validate(asdict(slot.machine) | {"job_id": slot.run.job_id})


class AliveMachines(BaseModel):
    alive: list[AliveMachine] = Field(description="Your machines that are not confirmed terminated.")


class JobList(BaseModel):
    jobs: list[JobAnswer] = Field(description="Newest first.")
    next_cursor: str | None = Field(description="Give it back as `cursor` for the next page; null at the end.")

    @staticmethod
    def of(page: JobPage) -> JobList:
        return JobList(jobs=[JobAnswer.of(job) for job in page.jobs], next_cursor=page.next_before)


class DownloadAnswer(BaseModel):
    url: str = Field(description="A presigned URL; it downloads the result as an attachment.")
    expires_at: str = Field(description="Until when, RFC 3339 UTC.", examples=[EXAMPLE_TIME])

    @staticmethod
    def of(download: Download) -> DownloadAnswer:
        return DownloadAnswer(url=download.url, expires_at=download.expires_at)


class LogEntry(BaseModel):
    at: str = Field(description="RFC 3339 UTC.", examples=[EXAMPLE_TIME])
    stream: str = Field(examples=["stdout"])
    text: str = Field(description="One line, without its line break.")


class LogAnswer(BaseModel):
    lines: list[LogEntry] = Field(description="What the script printed, oldest first.")
    next: str | None = Field(description="Give it back as `after` to read on; null while nothing was printed.")

    @staticmethod
    def of(page: LogPage) -> LogAnswer:
        lines = [LogEntry.model_validate(line, from_attributes=True) for line in page.lines]
        return LogAnswer(lines=lines, next=page.next_token)


class Limits(BaseModel):
    max_upload_bytes: int = Field(examples=[1073741824])
    max_text_chars: int = Field(examples=[MAX_TEXT_CHARS])
    max_filename_chars: int = Field(examples=[MAX_FILENAME_CHARS])


class Health(BaseModel):
    status: str = Field(examples=["ok"])


class FieldProblem(BaseModel):
    field: str = Field(description="Which field, dotted.", examples=["size"])
    message: str = Field(description="What is wrong with it.", examples=["Input should be greater than or equal to 0"])


class Problem(BaseModel):
    """RFC 9457 problem details, served as application/problem+json."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(description="The HTTP status in words.", examples=["Conflict"])
    status: int = Field(examples=[409])
    detail: str = Field(description="What is wrong and what to do.", examples=["Job … exists with another text."])
    code: str = Field(description="A stable word for programs.", examples=["job_conflict"])
    errors: list[FieldProblem] = Field(default_factory=list, description="The fields to mend, where that is known.")
