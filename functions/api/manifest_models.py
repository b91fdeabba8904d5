"""The manifest as the documentation page shows it; it is answered as functions/jobs/provenance.py wrote it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from functions.api.examples import EXAMPLE_ID, EXAMPLE_SHA256, EXAMPLE_TIME
from functions.api.machine_models import ManifestMachine

DIGEST = "Repr-Digest"  # RFC 9530
_MD5 = "0123456789abcdef" * 2


class TextHash(BaseModel):
    size: int = Field(description="Its size in bytes, in UTF-8.", examples=[18])
    sha256: str = Field(description="Its SHA-256 in hex, in UTF-8.", examples=[EXAMPLE_SHA256])


class FileHash(BaseModel):
    size: int = Field(description="Its size in bytes, by S3.", examples=[12345])
    sha256: str | None = Field(
        description="SHA-256 (hex) of what the machine read or stored; null where it did not say so in due form.",
        examples=[EXAMPLE_SHA256],
    )


class ResultHashes(FileHash):
    md5: str | None = Field(
        description="MD5 (hex) that S3 itself computed of the result; null where it does not say.", examples=[_MD5]
    )


class ManifestAnswer(BaseModel):
    version: int = Field(description="Of this form.", examples=[1])
    job_id: str = Field(description="The job's id.", examples=[EXAMPLE_ID])
    owner: str = Field(description="Whose job it is.", examples=["anonymous"])
    filename: str = Field(description="The input's name.", examples=["report.txt"])
    run: int = Field(description="Which run of the job made the result.", examples=[1])
    attempt: int = Field(description="Which attempt, counted over all runs.", examples=[1])
    input: FileHash = Field(description="The file that was uploaded.")
    text: TextHash = Field(description="The job's text.")
    output: ResultHashes = Field(description="The result.")
    payload_sha256: str | None = Field(
        description="SHA-256 (hex) of all code that the machine was given, which is its key among the artifacts.",
        examples=[EXAMPLE_SHA256],
    )
    command: list[str] | None = Field(description="The script's command in it.", examples=[["./script.py"]])
    machine: ManifestMachine | None = Field(description="The machine that made the result.")
    python: str | None = Field(description="Version of the Python that ran the wrapper there.", examples=["3.9.25"])
    script_started_at: str | None = Field(
        description="When the script began, RFC 3339 UTC, by the machine's clock.", examples=[EXAMPLE_TIME]
    )
    script_finished_at: str | None = Field(
        description="When the script ended, RFC 3339 UTC, by the machine's clock.", examples=[EXAMPLE_TIME]
    )
    mayfly: str = Field(description="The version of this service that wrote the manifest.", examples=["0.1.0"])


# The `responses` entry of the route, which answers stored bytes and so has no response model.
MANIFEST_ANSWER: dict[str, Any] = {
    "model": ManifestAnswer,
    "description": "The manifest, as canonical JSON (RFC 8785).",
    "headers": {
        DIGEST: {
            "description": "The SHA-256 that the manifest had when it was written (RFC 9530).",
            "schema": {"type": "string", "examples": ["sha-256=:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=:"]},
        }
    },
}
