"""The JSON shapes of the API, with what the documentation page says of each field."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from functions.jobs.advice import FAILURES
from functions.jobs.job import Job, JobError, JobStatus
from functions.jobs.paths import MAX_FILENAME_CHARS
from functions.jobs.ports import JobPage, LogPage, Slot
from functions.jobs.submission import MAX_TEXT_CHARS, Download
from functions.jobs.uploads import (
    MULTIPART_FROM_BYTES,
    PART_BYTES,
    CopyTicket,
    MultipartTicket,
    UploadTicket,
)

EXAMPLE_ID = "01926b3c-7f3e-7c2a-9d51-3f0a5b8c1e27"
EXAMPLE_OWNER = "7304c852-9051-7088-2f6b-d1e4a90c35b6"
EXAMPLE_POSITION = "f/37294859201748592017485920174859201748592017485920174859"
EXAMPLE_TIME = "2026-01-31T09:15:02.345Z"
EXAMPLE_PATH = f"inputs/anonymous/{EXAMPLE_ID}/report.txt"
EXAMPLE_SIZE = 700 * 1024 * 1024
EXAMPLE_UPLOAD_ID = "VXBsb2FkIElE.6J5vHlRtbXAz_9a--"
EXAMPLE_HOST = "https://mayfly-dev-uploads.s3.eu-central-1.amazonaws.com"
EXAMPLE_PART_URL = f"{EXAMPLE_HOST}/{EXAMPLE_PATH}?partNumber=1&uploadId={EXAMPLE_UPLOAD_ID}&X-Amz-Signature=1f2e"

# token/subtype, RFC 9110; nothing that could end a header line.
_MEDIA_TYPE = r"^[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}$"


def _whole(value: Any) -> Any:
    """JSON knows one kind of number: 3.0 is as whole as 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


Filename = Annotated[
    str,
    Field(
        max_length=1024,
        description=f"The file's name, at most {MAX_FILENAME_CHARS} characters, no folders.",
        examples=["report.txt"],
        json_schema_extra={"minLength": 1},
    ),
]
# An opaque word of S3's; what could not be part of a URL is none.
UploadId = Annotated[
    str,
    Field(
        max_length=1024,
        pattern=r"^[!-~]+$",
        description="The `upload_id` that POST /uploads answered.",
        examples=[EXAMPLE_UPLOAD_ID],
    ),
]


class UploadRequest(_Request):
    filename: Filename
    size: Annotated[
        int,
        Field(
            ge=0,
            description="The file's size in bytes; exactly this many can be uploaded. In parts, at least 1.",
            examples=[12345],
        ),
        BeforeValidator(_whole),
    ]
    content_type: Annotated[str, StringConstraints(pattern=_MEDIA_TYPE)] = Field(
        "application/octet-stream", description="The file's media type.", examples=["text/plain"]
    )
    multipart: bool = Field(
        default=False,
        description="Whether to upload in parts, each by a PUT of its own, which can be resumed. "
        "Worth it from `multipart_from_bytes` of GET /limits on.",
        examples=[False],
    )
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"filename": "report.txt", "size": 12345, "content_type": "text/plain", "multipart": False},
                {"filename": "video.mp4", "size": EXAMPLE_SIZE, "content_type": "video/mp4", "multipart": True},
            ],
            "not": {
                "properties": {"multipart": {"const": True}, "size": {"const": 0}},
                "required": ["multipart", "size"],
            },
        }
    )

    @model_validator(mode="after")
    def _has_parts(self) -> UploadRequest:
        if self.multipart and not self.size:
            problem = PydanticCustomError("no_parts", "An empty file has no parts; leave multipart out")
            fault = InitErrorDetails(type=problem, loc=("size",), input=self.size)
            raise ValidationError.from_exception_data(type(self).__name__, [fault])
        return self


class UploadForm(BaseModel):
    """A presigned POST."""

    url: str = Field(description="Where to POST the form, as multipart/form-data.", examples=[f"{EXAMPLE_HOST}/"])
    fields: dict[str, str] = Field(
        description="The form's fields; send all of them before the part named `file`.",
        examples=[{"key": EXAMPLE_PATH, "Content-Type": "text/plain", "policy": "eyJleHBpcmF0aW9u..."}],
    )


class PartToSend(BaseModel):
    """A presigned PUT of one part."""

    number: int = Field(description="Which part of the file, from 1 on.", examples=[1])
    size: int = Field(description="How many bytes the part has; no other number is taken.", examples=[PART_BYTES])
    url: str = Field(description="Where to PUT the part's bytes, nothing around them.", examples=[EXAMPLE_PART_URL])


class MultipartUpload(BaseModel):
    """An upload in parts, which may be sent in any order and several at once."""

    upload_id: str = Field(description="What the upload goes by, beside the job's id.", examples=[EXAMPLE_UPLOAD_ID])
    part_size: int = Field(description="Bytes of each part but the last, which has the rest.", examples=[PART_BYTES])
    parts: list[PartToSend] = Field(description="The file's parts, in order.")


class UploadAnswer(BaseModel):
    job_id: str = Field(description="The id that the job will have.", examples=[EXAMPLE_ID])
    upload: UploadForm | None = Field(description="The form to send the file with; null with `multipart`.")
    multipart: MultipartUpload | None = Field(description="Where to send the parts; null without `multipart`.")
    expires_at: str = Field(
        description="Until when the form or the parts can be sent, RFC 3339 UTC.", examples=[EXAMPLE_TIME]
    )

    @staticmethod
    def of(ticket: UploadTicket | MultipartTicket) -> UploadAnswer:
        form, parts = None, None
        if isinstance(ticket, UploadTicket):
            form = UploadForm(url=ticket.form.url, fields=ticket.form.fields)
        else:
            parts = MultipartUpload(
                upload_id=ticket.upload_id,
                part_size=PART_BYTES,
                parts=[PartToSend.model_validate(part, from_attributes=True) for part in ticket.parts],
            )
        return UploadAnswer(job_id=ticket.job_id, upload=form, multipart=parts, expires_at=ticket.expires_at)


class AbortRequest(_Request):
    upload_id: UploadId
    filename: Filename
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"upload_id": EXAMPLE_UPLOAD_ID, "filename": "video.mp4"}]}
    )


class PartsRequest(_Request):
    upload_id: UploadId
    filename: Filename
    size: Annotated[
        int,
        Field(
            ge=1,
            description="The whole file's size in bytes, as it was given to POST /uploads.",
            examples=[EXAMPLE_SIZE],
        ),
        BeforeValidator(_whole),
    ]
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"upload_id": EXAMPLE_UPLOAD_ID, "filename": "video.mp4", "size": EXAMPLE_SIZE}],
        }
    )


class PartState(BaseModel):
    """A part, and whether it has to be sent."""

    number: int = Field(description="Which part of the file, from 1 on.", examples=[1])
    size: int = Field(description="How many bytes the part has.", examples=[PART_BYTES])
    url: str | None = Field(
        description="Where to PUT the part's bytes; null for one that is stored.", examples=[EXAMPLE_PART_URL]
    )
    stored: bool = Field(description="Whether S3 has the part already.", examples=[False])


class PartsAnswer(BaseModel):
    upload_id: str = Field(description="The upload's id, as it was asked for.", examples=[EXAMPLE_UPLOAD_ID])
    part_size: int = Field(description="Bytes of each part but the last, which has the rest.", examples=[PART_BYTES])
    parts: list[PartState] = Field(description="The file's parts, in order.")
    expires_at: str = Field(description="Until when the parts can be sent, RFC 3339 UTC.", examples=[EXAMPLE_TIME])

    @staticmethod
    def of(ticket: MultipartTicket) -> PartsAnswer:
        return PartsAnswer(
            upload_id=ticket.upload_id,
            part_size=PART_BYTES,
            parts=[PartState.model_validate(part, from_attributes=True) for part in ticket.parts],
            expires_at=ticket.expires_at,
        )


class CopyAnswer(BaseModel):
    job_id: str = Field(description="The id that the new job will have; POST /jobs submits it.", examples=[EXAMPLE_ID])
    expires_at: str = Field(description="Until when the copy is kept, RFC 3339 UTC.", examples=[EXAMPLE_TIME])

    @staticmethod
    def of(ticket: CopyTicket) -> CopyAnswer:
        return CopyAnswer(job_id=ticket.job_id, expires_at=ticket.expires_at)


class JobRequest(_Request):
    job_id: str = Field(
        max_length=64, description="The id that POST /uploads or a copy answered.", examples=[EXAMPLE_ID]
    )
    # The lengths are told here and checked by the core, which says more than "too long".
    input_text: str = Field(
        description=f"The text to append, 1 to {MAX_TEXT_CHARS:,} characters.",
        examples=["Read and approved."],
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
    message: str = Field(
        description="What went wrong; for a failed script its exit code and the end of its stderr.",
        examples=["The script ended with exit code 3: cannot read line 7"],
    )
    advice: str = Field(
        description="Who can do what about it, and whether trying again helps.",
        examples=[FAILURES["script_failed"].remedy],
    )
    actor: str = Field(description="Who has to act, in a few words.", examples=["the script's author"])
    retry_helps: bool = Field(description="Whether trying again unchanged can help.", examples=[False])

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

    instance_id: str = Field(description="EC2's id of the machine.", examples=["i-0123456789abcdef0"])
    run: int = Field(description="Which run of the job it was for; a retry begins a new one.", examples=[1])
    attempt: int = Field(description="Which attempt, counted over all runs.", examples=[1])
    instance_type: str = Field(description="EC2's name for its size.", examples=["t4g.small"])
    market: str = Field(description="on-demand or spot.", examples=["on-demand"])
    zone: str = Field(description="The availability zone that it ran in.", examples=["eu-central-1a"])
    image_id: str = Field(description="The machine image that it started from.", examples=["ami-0123456789abcdef0"])
    launched_at: str = Field(description="When EC2 launched it, RFC 3339 UTC.", examples=[EXAMPLE_TIME])
    terminated_at: str | None = Field(
        description="When EC2 was seen to have terminated it, RFC 3339 UTC; null until then.", examples=[EXAMPLE_TIME]
    )
    verified: str | None = Field(
        description="How that was seen, and by whom; null until then.", examples=["EC2 reported it to the workflow"]
    )


class JobAnswer(BaseModel):
    id: str = Field(description="The job's id; ids sort by the time they were given out.", examples=[EXAMPLE_ID])
    owner: str = Field(
        description="Who submitted the job: their token's `sub`, where there is sign-in.", examples=["anonymous"]
    )
    status: JobStatus = Field(
        description="queued, launching and running go on; succeeded, failed and cancelled are ends.",
        examples=[JobStatus.SUCCEEDED],
    )
    filename: str = Field(description="The input's name, and the result's.", examples=["report.txt"])
    size: int = Field(description="The input's size in bytes.", examples=[12345])
    input_text: str = Field(description="The text that is appended.", examples=["Read and approved."])
    input_file_path: str = Field(description="bucket/key of the input.", examples=[f"uploads/{EXAMPLE_PATH}"])
    output_file_path: str | None = Field(
        description="bucket/key of the result, once there is one.",
        examples=[f"outputs/outputs/anonymous/{EXAMPLE_ID}/1/report.txt"],
    )
    output_size: int | None = Field(description="The result's size in bytes, once there is one.", examples=[12364])
    created_at: str = Field(description="When the job was submitted, RFC 3339 UTC.", examples=[EXAMPLE_TIME])
    updated_at: str = Field(description="When it changed last, RFC 3339 UTC.", examples=[EXAMPLE_TIME])
    run: int = Field(description="How often the job was started: 1, and one more with each retry.", examples=[1])
    attempts: int = Field(description="How many machines the job had so far, over all runs.", examples=[1])
    machines: list[Receipt] = Field(description="The job's machines, oldest first: its receipt.")
    timeline: list[TimelineEntry] = Field(description="What happened so far, oldest first.")
    error: Failure | None = Field(description="Why the job failed, if it did.")

    @staticmethod
    def of(job: Job) -> JobAnswer:
        return JobAnswer.model_validate(job, from_attributes=True)


class AliveMachine(BaseModel):
    job_id: str = Field(description="The job that it is for.", examples=[EXAMPLE_ID])
    instance_id: str = Field(description="EC2's id of the machine.", examples=["i-0123456789abcdef0"])
    instance_type: str = Field(description="EC2's name for its size.", examples=["t4g.small"])
    zone: str = Field(description="The availability zone that it runs in.", examples=["eu-central-1a"])
    launched_at: str = Field(description="When EC2 launched it, RFC 3339 UTC.", examples=[EXAMPLE_TIME])

    @staticmethod
    def of(slot: Slot) -> AliveMachine:
        return AliveMachine.model_validate(asdict(slot.machine) | {"job_id": slot.run.job_id})


class AliveMachines(BaseModel):
    alive: list[AliveMachine] = Field(description="Your machines that are not confirmed terminated.")


class JobList(BaseModel):
    jobs: list[JobAnswer] = Field(description="One page of jobs, newest first.")
    next_cursor: str | None = Field(
        description="Give it back as `cursor` for the next page; null at the end.", examples=[EXAMPLE_ID]
    )

    @staticmethod
    def of(page: JobPage) -> JobList:
        return JobList(jobs=[JobAnswer.of(job) for job in page.jobs], next_cursor=page.next_before)


class DownloadAnswer(BaseModel):
    url: str = Field(
        description="A presigned URL; GET downloads the result as an attachment, or a range of its bytes.",
        examples=[
            f"https://mayfly-dev-outputs.s3.eu-central-1.amazonaws.com/outputs/{EXAMPLE_ID}?X-Amz-Signature=1f2e"
        ],
    )
    expires_at: str = Field(description="Until when, RFC 3339 UTC.", examples=[EXAMPLE_TIME])

    @staticmethod
    def of(download: Download) -> DownloadAnswer:
        return DownloadAnswer(url=download.url, expires_at=download.expires_at)


class LogEntry(BaseModel):
    at: str = Field(description="When it was printed, RFC 3339 UTC.", examples=[EXAMPLE_TIME])
    stream: str = Field(description="stdout or stderr.", examples=["stdout"])
    text: str = Field(description="One line, without its line break.", examples=["3 lines read"])


class LogAnswer(BaseModel):
    lines: list[LogEntry] = Field(description="What the script printed, oldest first.")
    next: str | None = Field(
        description="Give it back as `after` to read on; null while nothing was printed.",
        examples=[EXAMPLE_POSITION],
    )

    @staticmethod
    def of(page: LogPage) -> LogAnswer:
        lines = [LogEntry.model_validate(line, from_attributes=True) for line in page.lines]
        return LogAnswer(lines=lines, next=page.next_token)


class Limits(BaseModel):
    max_upload_bytes: int = Field(description="The largest file, in bytes.", examples=[1073741824])
    max_text_chars: int = Field(description="The longest text, in characters.", examples=[MAX_TEXT_CHARS])
    max_filename_chars: int = Field(description="The longest file name, in characters.", examples=[MAX_FILENAME_CHARS])
    multipart_from_bytes: int = Field(
        description="From this size on, in bytes, a file is better uploaded in parts.", examples=[MULTIPART_FROM_BYTES]
    )


class Health(BaseModel):
    status: str = Field(description="ok, or there is no answer.", examples=["ok"])


class FieldProblem(BaseModel):
    field: str = Field(description="Which field, dotted.", examples=["size"])
    message: str = Field(description="What is wrong with it.", examples=["Input should be greater than or equal to 0"])


class Problem(BaseModel):
    """RFC 9457 problem details, served as application/problem+json."""

    type: str = Field(description="Always about:blank; `code` says which problem it is.", examples=["about:blank"])
    title: str = Field(description="The HTTP status in words.", examples=["Conflict"])
    status: int = Field(description="The HTTP status.", examples=[409])
    detail: str = Field(description="What is wrong and what to do.", examples=["Job … exists with another text."])
    code: str = Field(description="A stable word for programs.", examples=["job_conflict"])
    errors: list[FieldProblem] = Field(default_factory=list, description="The fields to mend, where that is known.")
