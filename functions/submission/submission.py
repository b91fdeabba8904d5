"""What people do with jobs: submit, look, cancel, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from functions.cleanup.deletion import DeletedJobs, Deletion, DeletionReceipt
from functions.costs.budget import Spending
from functions.execution.ports import MachineTable
from functions.jobs import clock
from functions.jobs.batch import check_batch
from functions.jobs.clock import now
from functions.jobs.errors import (
    IllegalTransition,
    InvalidRequest,
    JobConflict,
    JobEnded,
    JobNotFound,
    NotReady,
    UploadMissing,
)
from functions.jobs.ids import is_job_id, new_job_id
from functions.jobs.job import NO_OVERRIDES, Job, JobStatus, Overrides, TimelineEvent
from functions.jobs.ports import JobFiles, JobPage, LogPage, MachineLog
from functions.jobs.s3_keys import download_filename, input_prefix, object_key
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.ports import Slot
from functions.submission.overrides import NO_ALLOWANCE, Allowance
from functions.submission.quotas import Quotas, UsageTable
from functions.submission.recent_owners import RecentOwner, recent_owners
from functions.submission.uploads import UPLOAD_SECONDS, CopyTicket, Uploads
from functions.submission.users import NoUsers, Users

MAX_TEXT_CHARS = 10_000
# functions/api/models.py ends a page of large jobs earlier.
MAX_PAGE = 50
DOWNLOAD_SECONDS = 900


@dataclass(frozen=True)
class Download:
    url: str
    expires_at: str


@dataclass(frozen=True)
class Document:
    """A file's content, and the SHA-256 (hex) that it had when it was written."""

    content: bytes
    sha256: str


@dataclass(frozen=True)
class Submission:
    """The use cases behind the API, for one owner at a time.

    `max_upload_bytes` caps one file; `keep_days` is how long a job's record stays after its run began; `allowance` is
    what a job may have otherwise than the stack's other jobs, `output_suffix` what a result's name has more than its
    input's.
    """

    jobs: DeletedJobs
    machines: MachineTable
    files: JobFiles
    log: MachineLog
    queue: LaunchQueue
    usage: UsageTable
    max_upload_bytes: int
    keep_days: int
    new_id: Callable[[], str] = new_job_id
    allowance: Allowance = NO_ALLOWANCE
    output_suffix: str = ""
    spending: Spending = field(default_factory=Spending)
    quotas: Quotas = field(default_factory=Quotas)
    users: Users = field(default_factory=NoUsers)

    @property
    def uploads(self) -> Uploads:
        return Uploads(self.files, self.usage, self.max_upload_bytes, self.keep_days, self.new_id, self.quotas)

    def submit(
        self, owner: str, job_id: str, text: str, overrides: Overrides = NO_OVERRIDES, batch: str | None = None
    ) -> tuple[Job, bool]:
        """The job, and whether this call created it. Repeating a submit returns the job that is there.

        Raises:
            InvalidRequest, OverrideNotAllowed, SpendingCap, TooManyOpenJobs, UploadMissing
            JobConflict: the job exists with another text, or with other overrides, or in another batch.
        """
        self._check_text(text)
        check_batch(batch)
        known = self._find(owner, job_id)
        if known is None:
            self.allowance.check(overrides)
            job = replace(self._new_job(owner, job_id, text, overrides), batch=batch)
            self.spending.check_day(self.queue.table, owner, overrides.instance_type)
            self.quotas.check_open_jobs(owner, self.jobs.open_keys)
            known = self.jobs.add(job)
            if known is None:
                return job, True
        if known.input_text != text:
            raise JobConflict(f"Job {job_id} exists with another text; ask for a new upload.", field="input_text")
        if known.overrides != overrides:
            raise JobConflict(f"Job {job_id} exists with other overrides; ask for a new upload.", field="overrides")
        if known.batch != batch:
            raise JobConflict(f"Job {job_id} exists in another batch; ask for a new upload.", field="batch")
        return known, False

    def get(self, owner: str, job_id: str) -> Job:
        """Raises JobNotFound; an id that cannot be one is simply not found."""
        job = self._find(owner, job_id)
        if job is None:
            raise JobNotFound(f"There is no job {job_id[:64]!r}.", field="job_id")
        return job

    def page(self, owner: str, limit: int, cursor: str | None, batch: str | None = None) -> JobPage:
        """Raises InvalidRequest."""
        check_batch(batch)
        if cursor is not None and not is_job_id(cursor):
            raise InvalidRequest(
                "The cursor is not one that a list returned; leave it out to start from the newest job.", field="cursor"
            )
        page = self.jobs.page(owner, limit, cursor, batch)
        return replace(page, jobs=tuple(job for job in page.jobs if not job.is_expired(clock.utc_now())))

    def output(self, owner: str, job_id: str) -> Download:
        job = self.get(owner, job_id)
        if job.status is not JobStatus.SUCCEEDED or job.output_file_path is None:
            raise NotReady(f"Job {job_id} has no output: it is {job.status}.", field="job_id")
        name = download_filename(job.output_filename)
        url = self.files.output_download_url(job.output_file_path, name, DOWNLOAD_SECONDS)
        return Download(url, clock.after(timedelta(seconds=DOWNLOAD_SECONDS)))

    def manifest(self, owner: str, job_id: str) -> Document:
        """Raises NotReady: the job has no manifest (yet), or it is not kept any more."""
        job = self.get(owner, job_id)
        if job.manifest is None:
            raise NotReady(f"Job {job_id} has no manifest: it is {job.status}.", field="job_id")
        content = self.files.manifest(job.manifest.path)
        if content is None:
            raise NotReady(f"The manifest of job {job_id} is not kept any more.", field="job_id")
        return Document(content, job.manifest.sha256)

    def log_page(self, owner: str, job_id: str, after: str | None) -> LogPage:
        job = self.get(owner, job_id)
        machine = job.machine(job.instance_id)
        if machine is None or not machine.commands:
            return LogPage((), None)
        return self.log.read(machine.commands[0], machine.instance_id, after)

    def cancel(self, owner: str, job_id: str) -> Job:
        """Ends a job; its workflow is woken to terminate its machine. A cancelled job stays as it is.

        Raises:
            NotReady: the job has ended otherwise.
        """

        def change(job: Job) -> Job:
            if job.status.is_terminal and job.status is not JobStatus.CANCELLED:
                raise NotReady(f"Job {job_id} cannot be cancelled: it has {job.status}.", field="job_id")
            return job.moved(JobStatus.CANCELLED, TimelineEvent("cancelled", now(), "Cancelled on request."))

        self.get(owner, job_id)
        job = self.jobs.update(owner, job_id, change)
        self.queue.dequeue(job.this_run, JobEnded.__name__, "cancelled on request")
        waiter = self.machines.report(job.instance_id, "cancelled") if job.instance_id else None
        if waiter and waiter.token:
            self.queue.workflow.wake(waiter.token)
        return job

    def retry(self, owner: str, job_id: str) -> Job:
        """Lets a failed or cancelled job wait for a machine again, with the same file and text.

        Raises:
            NotReady: the job has not ended, or it has succeeded.
            SpendingCap, TooManyOpenJobs
            TooManyRuns: it was run as often as a job may be.
            UploadMissing: its file is not kept any more.
        """
        requested_type = self.get(owner, job_id).overrides.instance_type
        if self.files.find_input(owner, job_id) is None:
            raise UploadMissing(
                f"The file of job {job_id} is not kept any more; upload it as a new job.", field="job_id"
            )

        def change(job: Job) -> Job:
            try:
                return job.retried(now(), self._kept_until())
            except IllegalTransition as error:
                raise NotReady(
                    f"Job {job_id} cannot be retried: it is {job.status}; only a failed or cancelled job can.",
                    field="job_id",
                ) from error

        self.spending.check_day(self.queue.table, owner, requested_type)
        self.quotas.check_open_jobs(owner, self.jobs.open_keys)
        return self.jobs.update(owner, job_id, change)

    def copy(self, owner: str, job_id: str, new_owner: str) -> CopyTicket:
        """A copy of a job's file, from which `new_owner` can submit a job of their own, whatever became of this one.

        Raises:
            JobNotFound
            UploadMissing: its file is not kept any more.
            FileTooLarge: to be copied.
            UploadQuota
        """
        return self.uploads.copy(self.get(owner, job_id), new_owner)

    def alive_machines(self, owner: str) -> list[Slot]:
        """The owner's machines that are not confirmed terminated, oldest job first."""
        return [slot for slot in self.queue.table.slots() if slot.run.owner == owner]

    def own_activity(self, owner: str) -> list[RecentOwner]:
        """The owner's machines of lately; empty where there were none."""
        return recent_owners(self.queue.table, lambda _: True, owner)

    def recent_owners(self, sees: Callable[[str], bool]) -> list[RecentOwner]:
        """Those of all whom the caller `sees`, by name."""
        return [self._named(one) for one in recent_owners(self.queue.table, sees)]

    def find_owner(self, name: str, sees: Callable[[str], bool]) -> RecentOwner:
        """The one with this id or e-mail address, whatever machines there were.

        Raises:
            JobNotFound: there is none whom the caller `sees`.
        """
        found = self.users.find(name)
        owner = found.id if found else name
        if not sees(owner):
            raise JobNotFound("No user has this ID or e-mail address.", field="user")
        (activity,) = self.own_activity(owner) or [RecentOwner(owner, 0, 0)]
        return replace(activity, email=found.email if found else None)

    def _named(self, one: RecentOwner) -> RecentOwner:
        found = self.users.find(one.owner)
        return replace(one, email=found.email) if found else one

    def delete(self, owner: str, job_id: str) -> DeletionReceipt:
        """Removes a terminal job: its record, input, output, manifest and log.

        Raises:
            NotReady: the job has not ended, or a machine of it is launching or not confirmed terminated.
        """
        job = self.get(owner, job_id)
        url_life = timedelta(seconds=UPLOAD_SECONDS) + self.spending.machine_deadline
        return Deletion(self.jobs, self.files, self.log, self.queue.table, url_life).delete(job)

    def _find(self, owner: str, job_id: str) -> Job | None:
        job = self.jobs.get(owner, job_id) if is_job_id(job_id) else None
        return None if job is None or job.is_expired(clock.utc_now()) else job

    def _kept_until(self) -> int:
        """Until when a job's record is kept whose run begins now, in seconds since 1970."""
        return int((clock.utc_now() + timedelta(days=self.keep_days)).timestamp())

    def _check_text(self, text: str) -> None:
        problem = None
        if not text:
            problem = "is empty; write the text to append"
        elif len(text) > MAX_TEXT_CHARS:
            problem = f"has {len(text):,} characters; at most {MAX_TEXT_CHARS:,} are allowed"
        elif any("\ud800" <= character <= "\udfff" for character in text):
            problem = "has half a surrogate pair, which UTF-8 cannot write; remove that character"
        if problem:
            raise InvalidRequest(f"The text {problem}.", field="input_text")

    def _new_job(self, owner: str, job_id: str, text: str, overrides: Overrides) -> Job:
        stored = self.files.find_input(owner, job_id) if is_job_id(job_id) else None
        if stored is None:
            raise UploadMissing(
                f"No file was uploaded for job {job_id[:64]!r}; POST /uploads, send the file, then submit.",
                field="job_id",
            )
        moment = now()
        job = Job(
            owner=owner,
            id=job_id,
            filename=object_key(stored.path).removeprefix(input_prefix(owner, job_id)),
            size=stored.size,
            input_text=text,
            input_file_path=stored.path,
            created_at=moment,
            updated_at=moment,
            expires_at=self._kept_until(),
            overrides=overrides,
            output_suffix=self.output_suffix,
        )
        return replace(job, timeline=(TimelineEvent("queued", moment, "Waiting for a machine."),))
