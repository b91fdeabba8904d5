"""The manifest of a succeeded job: what its result was made of, written once and never changed.

The machine ran a user's script, so its report is not trusted: its hashes are kept only in their exact form and only
with the size that S3 has. The MD5 is S3's own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

from functions.jobs.job import Job, MachineReceipt, TimelineEvent
from functions.jobs.ports import StoredOutput

VERSION = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")
# What JSON carries whole everywhere, Step Functions included (RFC 8259, 6); no object of S3 is as large.
_MAX_SIZE = 2**53 - 1
_PYTHON = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")


@dataclass(frozen=True)
class Content:
    """Some bytes: how many, and their SHA-256 in hex."""

    size: int
    sha256: str

    @staticmethod
    def of(data: bytes) -> Content:
        return Content(len(data), hashlib.sha256(data).hexdigest())

    @staticmethod
    def read(found: object) -> Content | None:
        """None for everything that is not exactly `{"size", "sha256"}`."""
        if not isinstance(found, Mapping):
            return None
        size, sha256 = found.get("size"), found.get("sha256")
        if (
            type(size) is not int
            or not 0 <= size <= _MAX_SIZE
            or not isinstance(sha256, str)
            or not _SHA256.fullmatch(sha256)
        ):
            return None
        return Content(size, sha256)


@dataclass(frozen=True)
class Reported:
    """What a machine says of its attempt; None for what it does not say, or not in the right form."""

    input: Content | None = None
    output: Content | None = None
    python: str | None = None

    @staticmethod
    def read(report: object) -> Reported:
        """Out of the wrapper's report (ec2_payload/README.md), or of an instance of this as JSON."""
        if not isinstance(report, Mapping):
            return Reported()
        python = report.get("python")
        return Reported(
            Content.read(report.get("input")),
            Content.read(report.get("output")),
            python if isinstance(python, str) and _PYTHON.fullmatch(python) else None,
        )


@dataclass(frozen=True)
class StoredFile:
    """Its size is S3's word, its SHA-256 (hex) the machine's; None where that is not known."""

    size: int
    sha256: str | None


@dataclass(frozen=True)
class StoredResult(StoredFile):
    """`md5` (hex) is S3's word, too."""

    md5: str | None


@dataclass(frozen=True)
class MachineFacts:
    """What the manifest takes over of a machine's receipt."""

    instance_id: str
    image_id: str
    instance_type: str
    market: str
    zone: str
    launched_at: str  # RFC 3339 UTC


@dataclass(frozen=True)
class Manifest:
    """Times are RFC 3339 UTC, by the machine's clock; None is for what is not known."""

    job_id: str
    owner: str
    filename: str
    run: int
    attempt: int
    input: StoredFile
    text: Content  # in UTF-8
    output: StoredResult
    payload_sha256: str | None  # also the payload's key among the artifacts
    command: tuple[str, ...] | None
    machine: MachineFacts | None
    python: str | None  # the wrapper's
    script_started_at: str | None
    script_finished_at: str | None
    mayfly: str  # the version that wrote this

    def encode(self) -> bytes:
        """Canonical JSON (RFC 8785, which for whole numbers and text is this): the same facts are the same bytes."""
        fields = {"version": VERSION, **asdict(self)}
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def manifest_of(
    job: Job, attempt: int, stored: StoredOutput, reported: Reported, events: Iterable[TimelineEvent], mayfly: str
) -> Manifest:
    """Of a job whose attempt has succeeded; follows from what does not change any more, so that it can be repeated.

    Args:
        job: with the attempt's machine and program.
        attempt: the one that made the result.
        stored: the result, as S3 has it.
        reported: what the machine said.
        events: what the machine said of when.
        mayfly: the version that is at work.
    """
    times = {event.event: event.at for event in events}
    # A machine that came too late for a cancelled run may have the same attempt.
    of_run = (each for each in reversed(job.machines) if each.run == job.run)
    machine = next((each for each in of_run if each.attempt == attempt), None)
    return Manifest(
        job_id=job.id,
        owner=job.owner,
        filename=job.filename,
        run=job.run,
        attempt=attempt,
        input=StoredFile(job.size, _hash_that_fits(reported.input, job.size)),
        text=Content.of(job.input_text.encode()),
        output=StoredResult(stored.size, _hash_that_fits(reported.output, stored.size), stored.md5),
        payload_sha256=job.program.payload_sha256 if job.program else None,
        command=job.program.command if job.program else None,
        machine=_facts(machine) if machine else None,
        python=reported.python,
        script_started_at=times.get("script_started"),
        script_finished_at=times.get("script_finished"),
        mayfly=mayfly,
    )


def _hash_that_fits(content: Content | None, size: int) -> str | None:
    return content.sha256 if content is not None and content.size == size else None


def _facts(machine: MachineReceipt) -> MachineFacts:
    return MachineFacts(**{each.name: getattr(machine, each.name) for each in fields(MachineFacts)})
