"""The JSON shapes of the API, with what the documentation page says of each field; uploads' are in upload_models.py."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from functions.api.examples import (
    EXAMPLE_BATCH,
    EXAMPLE_ID,
    EXAMPLE_PATH,
    EXAMPLE_POSITION,
    EXAMPLE_SHA256,
    EXAMPLE_TIME,
)
from functions.api.machine_models import Receipt
from functions.api.price_models import CostAnswer, PriceAnswer
from functions.api.request_model import RequestModel
from functions.jobs.batch import BATCH_PATTERN
from functions.jobs.failure_catalog import FAILURES
from functions.jobs.job import Job, JobError, JobStatus
from functions.jobs.ports import JobPage, LogPage
from functions.jobs.s3_keys import MAX_FILENAME_BYTES
from functions.submission.submission import MAX_TEXT_CHARS
from functions.submission.uploads import MULTIPART_FROM_BYTES

# Lambda answers 6 MB at most (developer guide, "Lambda quotas"), with headers and the API's fields besides the jobs.
_LIST_BYTES = 6_000_000


class JobOverrides(RequestModel):
    # GET /limits lists what is allowed; the core checks it, and names it in the error.
    instance_type: str | None = Field(
        default=None,
        max_length=64,
        description="EC2's name for the machine's size; null for the stack's own choice.",
        examples=["c7g.large"],
    )
    timeout_minutes: int | None = Field(
        default=None,
        description="How long the script may run, in minutes; null for as long as the stack says.",
        examples=[120],
    )


class JobRequest(RequestModel):
    job_id: str = Field(
        max_length=64, description="The id that POST /uploads or a copy answered.", examples=[EXAMPLE_ID]
    )
    # The lengths are documented here and checked by the core, which says more than "too long".
    input_text: str = Field(
        description=f"The text to append, 1 to {MAX_TEXT_CHARS:,} characters.",
        examples=["Read and approved."],
        json_schema_extra={"minLength": 1, "maxLength": MAX_TEXT_CHARS},
    )
    overrides: JobOverrides | None = Field(
        default=None, description="What this job has otherwise than others, as far as GET /limits says it may."
    )
    batch: str | None = Field(
        default=None,
        description="An id of your choice that jobs submitted together share; GET /jobs?batch= lists them.",
        examples=[EXAMPLE_BATCH],
        json_schema_extra={"pattern": BATCH_PATTERN},
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
        """The failure catalog's row for the code, with what the job stores of the failure."""
        if not isinstance(error, JobError):
            return error
        row = FAILURES.get(error.code, FAILURES["internal_error"])
        return asdict(error) | {"actor": row.actor.value, "retry_helps": row.retry_helps}


class JobAnswer(BaseModel):
    id: str = Field(description="The job's id; ids sort by the time they were given out.", examples=[EXAMPLE_ID])
    owner: str = Field(
        description="Who submitted the job: their token's `sub`, where there is sign-in.", examples=["anonymous"]
    )
    status: JobStatus = Field(
        description="queued, launching and running go on; succeeded, failed and cancelled are ends.",
        examples=[JobStatus.SUCCEEDED],
    )
    filename: str = Field(description="The input's name.", examples=["report.txt"])
    output_filename: str = Field(
        description="The result's name: the input's and `outputSuffix`.", examples=["report.txt"]
    )
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
    manifest_sha256: str | None = Field(
        description="SHA-256 (hex) of the job's manifest, once it has succeeded.",
        examples=[EXAMPLE_SHA256],
    )
    overrides: JobOverrides = Field(description="What the job has otherwise than the stack's other jobs.")
    batch: str | None = Field(
        description="The id that jobs submitted together share, if it was given one.", examples=[EXAMPLE_BATCH]
    )
    machines: list[Receipt] = Field(description="The job's machines, oldest first: its receipt.")
    timeline: list[TimelineEntry] = Field(description="What happened so far, oldest first.")
    error: Failure | None = Field(description="Why the job failed, if it did.")

    cost: CostAnswer | None = Field(
        default=None, description="What the job has cost up to now; null where the price of a machine is not known."
    )

    @staticmethod
    def of(job: Job) -> JobAnswer:
        answer = JobAnswer.model_validate(job, from_attributes=True)
        answer.cost = CostAnswer.of(job)
        return answer


class JobList(BaseModel):
    jobs: list[JobAnswer] = Field(description="One page of jobs, newest first.")
    next_cursor: str | None = Field(
        description="Give it back as `cursor` for the next page; null at the end.", examples=[EXAMPLE_ID]
    )

    @staticmethod
    def of(page: JobPage) -> JobList:
        """The page, or as much of its beginning as Lambda can answer."""
        answers: list[JobAnswer] = []
        room = _LIST_BYTES
        for answer in map(JobAnswer.of, page.jobs):
            # Escaped twice, as it travels: as text within the JSON that the function answers.
            room -= len(json.dumps(answer.model_dump_json()))
            if room < 0:
                return JobList(jobs=answers, next_cursor=answers[-1].id)
            answers.append(answer)
        return JobList(jobs=answers, next_cursor=page.next_before)


class DownloadAnswer(BaseModel):
    url: str = Field(
        description="A presigned URL; GET downloads the result as an attachment, or a range of its bytes.",
        examples=[
            f"https://mayfly-dev-outputs.s3.eu-central-1.amazonaws.com/outputs/{EXAMPLE_ID}?X-Amz-Signature=1f2e"
        ],
    )
    expires_at: str = Field(description="Until when, RFC 3339 UTC.", examples=[EXAMPLE_TIME])


class LogEntry(BaseModel):
    at: str = Field(
        description="When the machine sent it, which it does once a second, RFC 3339 UTC.", examples=[EXAMPLE_TIME]
    )
    stream: str = Field(description="stdout or stderr.", examples=["stdout"])
    text: str = Field(
        description="One line, without its line break; of a line that overwrites itself, its last state.",
        examples=["3 lines read"],
    )


class LogAnswer(BaseModel):
    lines: list[LogEntry] = Field(description="What the script printed, oldest first.")
    next: str | None = Field(
        description="Give it back as `after` to read on; null while nothing was printed.",
        examples=[EXAMPLE_POSITION],
    )

    @staticmethod
    def of(page: LogPage) -> LogAnswer:
        return LogAnswer.model_validate({"lines": page.lines, "next": page.next_token}, from_attributes=True)


class Limits(BaseModel):
    max_upload_bytes: int = Field(description="The largest file, in bytes.", examples=[1073741824])
    max_text_chars: int = Field(description="The longest text, in characters.", examples=[MAX_TEXT_CHARS])
    max_filename_bytes: int = Field(
        description="The longest file name, in bytes of UTF-8.", examples=[MAX_FILENAME_BYTES]
    )
    multipart_from_bytes: int = Field(
        description="From this size on, in bytes, a file is better uploaded in parts.", examples=[MULTIPART_FROM_BYTES]
    )
    allowed_instance_types: list[str] = Field(
        description="What a job may ask for as `overrides.instance_type`.", examples=[["c7g.large", "c7g.xlarge"]]
    )
    job_timeout_minutes: int = Field(
        description="How long a script may run whose job does not ask for anything, in minutes.", examples=[60]
    )
    max_job_timeout_minutes: int = Field(
        description="The longest that a job may ask for as `overrides.timeout_minutes`; the shortest is 1.",
        examples=[240],
    )
    output_suffix: str = Field(description="What results' names have after their inputs'.", examples=[".html"])
    price: PriceAnswer | None = Field(description="What jobs cost; null where the price of the machines is not known.")


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
    errors: list[FieldProblem] = Field(default_factory=list, description="The fields to correct, where that is known.")
