"""`python -m operations.smoke URL` runs one real job against a deployed stack and checks everything it leaves.

It uses the public API alone, so it works the same against AWS and against the local cloud.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlsplit

import httpx2 as httpx

from localcloud.job_client import Job, JobApiError, JobClient

TOKEN = "MAYFLY_TOKEN"  # noqa: S105 - the name of a variable
LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
LOCAL_USER = "alice"
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
_POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: whether it is as it should be, and what was seen."""

    name: str
    is_fine: bool
    seen: str


@dataclass(frozen=True)
class Patience:
    """Seconds to wait for the job's end, and for its machine's afterwards; EC2 may take minutes to report that."""

    job: float = 900.0
    machine: float = 600.0


class Client(Protocol):
    """What is needed of JobClient."""

    def submit(self, source: bytes, filename: str, text: str) -> Job: ...
    def wait(self, job_id: str, timeout: float) -> Job: ...
    def get(self, job_id: str) -> Job: ...
    def output(self, job_id: str) -> bytes: ...
    def manifest(self, job_id: str) -> bytes: ...
    def delete(self, job_id: str) -> None: ...


def run_smoke(client: Client, patience: Patience, *, own_script: bool = False) -> Iterator[Check]:
    """Runs one job and yields each check as it is made; after one that is not fine nothing further is looked at.

    Args:
        client: of the stack, signed in.
        patience: how long to wait.
        own_script: the stack does not run ec2_payload/script.py as it comes, so nobody here knows the right output.

    Raises:
        JobApiError: the API or the storage refused a request.
        TimeoutError: the job did not end in time.
    """
    content = _content()
    job = client.submit(content, "smoke.bin", TEXT)
    yield Check("submit", True, f"job {job['id']}, {len(content)} bytes uploaded")
    job = client.wait(job["id"], patience.job)
    yield _succeeded(job)
    output = client.output(job["id"])
    yield _right_output(output, None if own_script else _expected(content))
    yield _manifest(job, client.manifest(job["id"]), content, output)
    job = _when_settled(client, job["id"], patience.machine)
    yield _whole_timeline(job)
    yield _receipt(job)
    client.delete(job["id"])
    yield Check("clean-up", True, "the job's files and record are deleted")


def _content() -> bytes:
    """Bytes that are no text, end without a newline, and are another run's by no chance."""
    return b"\xff\x00 smoke \xc3\x28\r\n" + uuid.uuid4().hex.encode()


def _expected(content: bytes) -> bytes:
    """ec2_payload/script.py: the input, a newline since it has none at its end, the text."""
    return content + b"\n" + TEXT.encode()


def _succeeded(job: Job) -> Check:
    error = job.get("error") or {}
    reason = ". ".join(str(error[key]) for key in ("code", "message", "advice") if error.get(key))
    return Check("status", job["status"] == "succeeded", job["status"] + (f": {reason}" if reason else ""))


def _right_output(content: bytes, expected: bytes | None) -> Check:
    if expected is None:
        return Check("output", True, f"{len(content)} bytes, not compared")
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


def _when_settled(client: Client, job_id: str, timeout: float) -> Job:
    """The job once its receipt is complete, or as it is when the time is over."""
    deadline = time.monotonic() + timeout
    while True:
        job = client.get(job_id)
        if not (_missing(job) or _unconfirmed(job)) or time.monotonic() > deadline:
            return job
        time.sleep(_POLL_SECONDS)


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


def _unconfirmed(job: Job) -> list[str]:
    return [each["instance_id"] for each in job["machines"] if not (each["terminated_at"] and each["verified"])]


def _receipt(job: Job) -> Check:
    machines = job["machines"]
    if not machines:
        return Check("receipt", False, "it has no machine")
    unconfirmed = _unconfirmed(job)
    if unconfirmed:
        return Check("receipt", False, f"not confirmed terminated: {', '.join(unconfirmed)}; look at it in EC2")
    seen = (f"{each['instance_id']} terminated {each['terminated_at']}, {each['verified']}" for each in machines)
    return Check("receipt", True, "; ".join(seen))


def sign_in(url: str, environment: Mapping[str, str]) -> JobClient:
    """A client with the token of the environment, or one of the local cloud's user, or without any.

    Raises:
        JobApiError: the local cloud refused its own user.
    """
    token = environment.get(TOKEN, "").strip()
    if token:
        return JobClient(url, token=lambda: token)
    if urlsplit(url).hostname not in LOCAL_HOSTS:
        return JobClient(url)
    try:
        return JobClient(url, user=LOCAL_USER)
    except JobApiError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return JobClient(url)  # a local stack without sign-in has no tokens


def main(
    argv: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    connect: Callable[[str, Mapping[str, str]], JobClient] = sign_in,
) -> int:
    """Exit code 0 when every check is fine, 1 when one is not or the job could not be run."""
    options = _parser().parse_args(argv)
    started = time.monotonic()
    try:
        with connect(options.url, environment) as client:
            patience = Patience(options.job_seconds, options.machine_seconds)
            for check in run_smoke(client, patience, own_script=options.own_script):
                _tell("ok  " if check.is_fine else "FAIL", check.name, check.seen)
                if not check.is_fine:
                    _tell("", "", "The job stays as it is, for a look; docs/operations.md says where.")
                    return 1
    except JobApiError as error:
        _tell("FAIL", "request", f"{error}{_remedy(error)}")
        return 1
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
        _tell("FAIL", "request", f"{type(error).__name__}: {error}")
        return 1
    _tell("ok  ", "smoke", f"all of it in {time.monotonic() - started:.0f} s")
    return 0


def _remedy(error: JobApiError) -> str:
    if error.status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return ""
    return f"\n      {TOKEN} has to be an access token of this stack's user pool, at most 15 minutes old."


def _tell(verdict: str, name: str, seen: str) -> None:
    sys.stdout.write(f"{verdict:4}  {name:9}  {seen}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m operations.smoke",
        description=f"Runs one job against a stack and checks it. {TOKEN} in the environment signs in.",
    )
    parser.add_argument("url", metavar="URL", help="of the site: pulumi stack output site_url")
    parser.add_argument("--own-script", action="store_true", help="the stack runs another script: compare no output")
    parser.add_argument("--job-seconds", type=float, default=Patience.job, help="patience with the job (%(default)g)")
    parser.add_argument(
        "--machine-seconds", type=float, default=Patience.machine, help="patience with its machine's end (%(default)g)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
