"""The JSON shapes of uploading: the request, the form or the parts to send the file with, and what became of them."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from functions.api.examples import (
    EXAMPLE_HOST,
    EXAMPLE_ID,
    EXAMPLE_PART_URL,
    EXAMPLE_PATH,
    EXAMPLE_SIZE,
    EXAMPLE_TIME,
    EXAMPLE_UPLOAD_ID,
)
from functions.api.request_model import RequestModel
from functions.jobs.s3_keys import MAX_FILENAME_BYTES
from functions.submission.uploads import PART_BYTES, MultipartTicket, UploadTicket

# token/subtype, RFC 9110; nothing that could end a header line.
_MEDIA_TYPE = r"^[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}$"


def _whole(value: Any) -> Any:
    """JSON knows one kind of number: 3.0 is as whole as 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Filename = Annotated[
    str,
    Field(
        max_length=1024,
        description=f"The file's name, at most {MAX_FILENAME_BYTES} bytes of UTF-8, no folders.",
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


class UploadRequest(RequestModel):
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


class Part(BaseModel):
    """A part of the file, to send by a presigned PUT unless it is stored."""

    number: int = Field(description="Which part of the file, from 1 on.", examples=[1])
    size: int = Field(description="How many bytes the part has; no other number is taken.", examples=[PART_BYTES])
    url: str | None = Field(
        description="Where to PUT the part's bytes, nothing around them; null for one that is stored.",
        examples=[EXAMPLE_PART_URL],
    )
    stored: bool = Field(description="Whether S3 has the part already.", examples=[False])


class MultipartUpload(BaseModel):
    """An upload in parts, which may be sent in any order and several at once."""

    upload_id: str = Field(description="The upload's id, needed together with the job's.", examples=[EXAMPLE_UPLOAD_ID])
    part_size: int = Field(
        description="Bytes of each part but the last, which has the remainder.", examples=[PART_BYTES]
    )
    parts: list[Part] = Field(description="The file's parts, in order.")

    @classmethod
    def of(cls, upload: MultipartTicket) -> Self:
        return cls.model_validate(vars(upload) | {"part_size": PART_BYTES}, from_attributes=True)


class UploadAnswer(BaseModel):
    job_id: str = Field(description="The id that the job will have.", examples=[EXAMPLE_ID])
    upload: UploadForm | None = Field(description="The form to send the file with; null with `multipart`.")
    multipart: MultipartUpload | None = Field(description="Where to send the parts; null without `multipart`.")
    expires_at: str = Field(
        description="Until when the form or the parts can be sent, RFC 3339 UTC.", examples=[EXAMPLE_TIME]
    )

    @staticmethod
    def of(upload: UploadTicket | MultipartTicket) -> UploadAnswer:
        answer = {
            "job_id": upload.job_id,
            "upload": upload.form if isinstance(upload, UploadTicket) else None,
            "multipart": MultipartUpload.of(upload) if isinstance(upload, MultipartTicket) else None,
            "expires_at": upload.expires_at,
        }
        return UploadAnswer.model_validate(answer, from_attributes=True)


class AbortRequest(RequestModel):
    upload_id: UploadId
    filename: Filename
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"upload_id": EXAMPLE_UPLOAD_ID, "filename": "video.mp4"}]}
    )


class PartsRequest(RequestModel):
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


class PartsAnswer(MultipartUpload):
    expires_at: str = Field(description="Until when the parts can be sent, RFC 3339 UTC.", examples=[EXAMPLE_TIME])


class CopyAnswer(BaseModel):
    job_id: str = Field(description="The id that the new job will have; POST /jobs submits it.", examples=[EXAMPLE_ID])
    expires_at: str = Field(description="Until when the copy is kept, RFC 3339 UTC.", examples=[EXAMPLE_TIME])
