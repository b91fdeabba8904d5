"""One job from its submission to what its owner does with it last, as its plan has it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

import httpx2 as httpx

from operations.job_client import Job, JobApiError, JobClient
from soak.plan import JobPlan, expected_output

_T = TypeVar("_T")
_LONGEST_PAUSE = 4.0  # seconds between two looks at a job, so that looks are not most of the load
_PAUSE = 1.0
_TRIES = 60  # of a request: while the emulator is restarted, there is no answer
# The emulator does not see that a function's process was killed: it answers 502 once the function's time-out is over.
_RESTART_SECONDS = 60.0


class UnexpectedAnswerError(Exception):
    """What the API did is not what it promises; the message says both."""


@dataclass
class SoakJob:
    """What became of one job.

    Attributes:
        owner: name of a user.
        output: what its result must be.
        may_end_as: the status that is right for it, by what it was last asked for.
        has_ended: it was seen in a terminal status since it was last asked for.
        interrupted: it was open when the emulator was restarted, so that it may have failed as internal_error.
        seconds: from the submission to its first end.
        deleted: the job as it was read right before it was deleted.
        deleted_early: so soon that a machine's end, or even its launch, may have come after that.
    """

    owner: str
    id: str
    output: bytes = field(repr=False)
    may_end_as: str
    has_ended: bool = False
    interrupted: bool = False
    seconds: float | None = None
    deleted: Job | None = field(default=None, repr=False)
    deleted_early: bool = False


@dataclass
class Record:
    """What a soak has done so far; written by many threads, since appending to a list is atomic.

    Attributes:
        lost: requests that were answered 5xx or not at all: when, by `time.monotonic`, and how.
        restarts: from when to when processes were restarted.
    """

    jobs: list[SoakJob] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    lost: list[tuple[float, str]] = field(default_factory=list)
    restarts: list[tuple[float, float]] = field(default_factory=list)

    def interrupt(self) -> None:
        """The emulator is restarted, and with it ends whatever runs."""
        for job in list(self.jobs):
            job.interrupted = job.interrupted or not job.has_ended

    @contextmanager
    def restart(self) -> Iterator[None]:
        began = time.monotonic()
        self.restarts.append((began, math.inf))
        yield
        self.restarts[-1] = (began, time.monotonic() + _RESTART_SECONDS)

    def is_restarting(self, at: float) -> bool:
        """Or was, a moment ago."""
        return any(began <= at <= ended for began, ended in self.restarts)

    def unexplained(self) -> list[str]:
        """5xx that no restart explains; no answer in time is a busy computer's."""
        return [what for at, what in self.lost if "Timeout" not in what and not self.is_restarting(at)]


@dataclass(frozen=True)
class Journey:
    """Carries out one plan; `deadline` is of `time.monotonic`."""

    client: JobClient
    plan: JobPlan
    record: Record
    deadline: float

    def run(self) -> None:
        """Every job of the plan goes into the record as soon as it has an id.

        Raises:
            JobApiError, TimeoutError, UnexpectedAnswerError, httpx.TransportError: it went on no further.
        """
        if time.monotonic() > self.deadline:
            raise TimeoutError("not begun in time")
        plan = self.plan
        natural = "failed" if plan.fails else "succeeded"
        job = self._submit(self._upload(), plan.text, natural)
        if plan.submit_twice:
            again = self._answered(lambda: self.client.create(job.id, plan.text))
            self._require(again["id"] == job.id, f"submitted twice, answered as {again['id']}")
            self.record.events.append("submitted twice")
        if plan.delete_early and self._deleted_early(job):
            return
        if plan.cancel_after is not None:
            time.sleep(plan.cancel_after)
            if self._cancelled(job) and plan.delete_after_cancel and self._deleted_early(job):
                return
        status = self._wait(job)
        retries = plan.retries
        while status in {"failed", "cancelled"} and (retries or job.interrupted):
            retries -= not job.interrupted
            self._retry(job, natural)
            status = self._wait(job)
        if plan.copy_text is not None:
            text = plan.copy_text
            copy_id = str(self._answered(lambda: self.client.copy(job.id)))
            self.record.events.append("copied")
            copied = self._submit(copy_id, text, "succeeded")
            while self._wait(copied) == "failed" and copied.interrupted:
                self._retry(copied, "succeeded")
        if plan.delete:
            self._delete(job)

    def _upload(self) -> str:
        """The id of the upload; presigned forms do not survive a restart of the emulator, as temporary keys do not."""
        upload = self._answered(lambda: self.client.request_upload(f"{self.plan.number}.bin", len(self.plan.content)))
        try:
            self._answered(lambda: self.client.upload(upload, self.plan.content))
        except JobApiError as error:
            if error.status != HTTPStatus.FORBIDDEN or not self.record.is_restarting(time.monotonic()):
                raise
            return self._upload()
        return str(upload["job_id"])

    def _submit(self, job_id: str, text: str, may_end_as: str) -> SoakJob:
        job = SoakJob(self.plan.owner, job_id, expected_output(self.plan.content, text), may_end_as)
        self.record.jobs.append(job)
        self._answered(lambda: self.client.create(job_id, text))
        return job

    def _wait(self, job: SoakJob) -> str:
        began = time.monotonic()
        found = self._answered(
            lambda: self.client.wait(job.id, max(0.0, self.deadline - time.monotonic()), longest_pause=_LONGEST_PAUSE)
        )
        job.has_ended = True
        if job.seconds is None:
            job.seconds = time.monotonic() - began
        return str(found["status"])

    def _cancelled(self, job: SoakJob) -> bool:
        try:
            self._answered(lambda: self.client.cancel(job.id))
        except JobApiError as error:
            self._require(error.code == "not_ready", f"cancelling was refused as {error.code!r}")
            self.record.events.append("cancelled too late")
            return False
        job.may_end_as = "cancelled"
        self.record.events.append("cancelled")
        return True

    def _retry(self, job: SoakJob, may_end_as: str) -> None:
        before = self._answered(lambda: self.client.get(job.id))["run"]
        job.has_ended, job.interrupted, job.may_end_as = False, False, may_end_as

        def retry() -> None:
            # An earlier request may have been carried out, and its answer lost.
            if self.client.get(job.id)["run"] == before:
                self.client.retry(job.id)

        self._answered(retry)
        self.record.events.append("retried")

    def _deleted_early(self, job: SoakJob) -> bool:
        """Asks for a deletion that is to be refused, unless the last machine ends in this moment."""
        if not self._is_deleted(job, early=True):
            self.record.events.append("early deletion refused")
            return False
        job.deleted_early = True
        self.record.events.append("early deletion accepted")
        machines = self._answered(self.client.machines)
        alive = [each["id"] for each in machines if each["job_id"] == job.id and each["state"] != "terminated"]
        self._require(not alive, f"job {job.id} was deleted, and its machines live: {alive}")
        return True

    def _delete(self, job: SoakJob) -> None:
        """Once every machine is confirmed terminated; it may still be refused until the slot is free."""
        while not self._is_deleted(job):
            if time.monotonic() > self.deadline:
                raise TimeoutError(f"job {job.id} cannot be deleted: its machines are not confirmed terminated")
            time.sleep(_PAUSE)
        self.record.events.append("deleted")
        self._is_refused(lambda: self.client.get(job.id), {"job_not_found"})
        self._is_refused(lambda: self.client.create(job.id, self.plan.text), {"job_conflict", "upload_missing"})

    def _is_deleted(self, job: SoakJob, *, early: bool = False) -> bool:
        latest = self._answered(lambda: self.client.get(job.id))
        if not early and any(machine["terminated_at"] is None for machine in latest["machines"]):
            return False
        asked = 0

        def delete() -> None:
            nonlocal asked
            asked += 1
            self.client.delete(job.id)

        try:
            self._answered(delete)
        except JobApiError as error:
            # An earlier request may have been carried out, and its answer lost.
            if not (error.code == "job_not_found" and asked > 1):
                self._require(error.code == "not_ready", f"deleting was refused as {error.code!r}")
                return False
        job.deleted = latest
        return True

    def _is_refused(self, ask: Callable[[], object], codes: set[str]) -> None:
        try:
            self._answered(ask)
        except JobApiError as error:
            self._require(error.code in codes, f"after the deletion: {error.status} {error.code}")
        else:
            raise UnexpectedAnswerError("a deleted job's id was accepted")

    def _answered(self, ask: Callable[[], _T]) -> _T:
        """The answer, when the first ones were lost; `ask` knows what an earlier request may have done."""
        for _ in range(_TRIES - 1):
            try:
                return ask()
            except (httpx.TransportError, JobApiError) as error:
                if isinstance(error, JobApiError) and not error.is_server_error:
                    raise
                self.record.lost.append((time.monotonic(), repr(error)))
            time.sleep(_PAUSE)
        return ask()

    @staticmethod
    def _require(holds: bool, otherwise: str) -> None:
        if not holds:
            raise UnexpectedAnswerError(otherwise)
