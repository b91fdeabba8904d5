"""One job, from its upload to the end of its machine, with all that it leaves."""

from __future__ import annotations

import hashlib
import json
import uuid

from operations.job_client import Job, JobClient
from operations.trials.trial import Check, Timeouts, Trial, cleaned_up, once, receipt, succeeded, unconfirmed

TEXT = "Checked by the smoke test."
# What has to be in a timeline in this order; waiting and lost machines may come in between.
MILESTONES = (
    "queued",
    "launched",
    "running",
    "input_downloaded",
    "script_started",
    "script_finished",
    "output_uploaded",
    "succeeded",
    "machine_terminated",
)


def whole_job(client: JobClient, timeouts: Timeouts, *, own_script: bool = False) -> Trial:
    """Yields each check as it is made; after one that is not fine nothing further is looked at.

    Args:
        client: of the stack, signed in.
        timeouts: how long to wait.
        own_script: the stack does not run ec2_payload/script.py as it comes, so its right output is not known.

    Raises:
        JobApiError: the API or the storage refused a request.
        TimeoutError: the job did not end in time.
    """
    content = _content()
    job = client.submit(content, "smoke.bin", TEXT)
    yield Check("submit", True, f"job {job['id']}, {len(content)} bytes uploaded")
    job = client.wait(job["id"], timeouts.job)
    yield succeeded(job)
    output = client.output(job["id"])
    yield _right_output(output, None if own_script else _expected(content))
    yield _manifest(job, client.manifest(job["id"]), content, output)
    job = once(client, job["id"], timeouts.machine, lambda each: not (_missing(each) or unconfirmed(each)))
    yield _whole_timeline(job)
    yield receipt(job)
    yield cleaned_up(client, job)


def _content() -> bytes:
    """Bytes that are no text, end without a newline, and are another run's by no chance."""
    return b"\xff\x00 smoke \xc3\x28\r\n" + uuid.uuid4().hex.encode()


def _expected(content: bytes) -> bytes:
    """ec2_payload/script.py: the input, a newline since it has none at its end, the text."""
    return content + b"\n" + TEXT.encode()


def _right_output(content: bytes, expected: bytes | None) -> Check:
    if expected is None:
        return Check("output", True, f"{len(content)} bytes, not compared, that begin with {content[:200]!r}")
    if content == expected:
        return Check("output", True, f"{len(content)} bytes, each as it should be")
    return Check("output", False, f"{len(content)} bytes {content[:200]!r} instead of {len(expected)}: {expected!r}")


def _manifest(job: Job, manifest: bytes, content: bytes, output: bytes) -> Check:
    """Whether it is the one of the job's record, and tells of what went in and came out."""
    if _sha256(manifest) != job["manifest_sha256"]:
        return Check("manifest", False, f"it has not the hash of the job's record: {manifest[:200]!r}")
    told = json.loads(manifest)
    contents = {"input": content, "text": TEXT.encode(), "output": output}
    wrong = [name for name, each in contents.items() if told[name]["sha256"] != _sha256(each)]
    if wrong:
        return Check("manifest", False, f"another hash, or none, of the {', '.join(wrong)}: {told}")
    return Check("manifest", True, f"{job['manifest_sha256']}, the hashes in it are right")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _missing(job: Job) -> list[str]:
    """Milestones that do not come, or come too early."""
    events = iter(entry["event"] for entry in job["timeline"])
    return [milestone for milestone in MILESTONES if milestone not in events]


def _whole_timeline(job: Job) -> Check:
    missing, times = _missing(job), [entry["at"] for entry in job["timeline"]]
    if missing:
        story = ", ".join(entry["event"] for entry in job["timeline"])
        return Check("timeline", False, f"no {missing[0]} in its place: {story}")
    return Check("timeline", times == sorted(times), f"{len(times)} events from {times[0]} to {times[-1]}")
