"""What the core needs of the world. functions/aws holds the adapters, tests use small fakes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from functions.jobs.job import Job, MachineRecord, Run


@dataclass(frozen=True)
class JobPage:
    """One page of an owner's jobs, newest first. `next_before` is the id to list on from, None at the end."""

    jobs: tuple[Job, ...]
    next_before: str | None


class JobTable(Protocol):
    """The record that people see. Every write is conditional."""

    def add(self, job: Job) -> Job | None:
        """Stores a new job; returns the one that has its id already, untouched, instead.

        Raises:
            JobConflict: a job of this id was deleted.
        """

    def get(self, owner: str, job_id: str) -> Job | None:
        """Raises JobUnreadable: this version cannot read its record."""

    def page(self, owner: str, limit: int, before: str | None, batch: str | None = None) -> JobPage:
        """An owner's jobs, newest first; of one batch, where it is named, a page may have fewer than there are."""

    def open_keys(self) -> Iterable[tuple[str, str]]:
        """Owner and id of every job that has not ended; a job may have ended since."""

    def update(self, owner: str, job_id: str, change: Callable[[Job], Job]) -> Job:
        """Reads, changes and writes back; starts over when somebody else wrote in between.

        Raises:
            JobNotFound: the job is gone.
            JobUnreadable: this version cannot read its record.
            RecordRefused: the table takes the record in no form, not even condensed.
            ConcurrentChange: the record kept changing.
        """


@dataclass(frozen=True)
class Machine:
    """One launched instance and the attempt that it belongs to."""

    instance_id: str
    owner: str
    job_id: str
    attempt: int


@dataclass(frozen=True)
class Waiter:
    """What is known of who waits for a machine: the parked task tokens, and whether news came before.

    `token` waits for news of any kind, `end_token` for the machine's end.
    """

    machine: Machine
    token: str | None
    has_news: bool
    end_token: str | None = None


class MachineTable(Protocol):
    """Which job a machine belongs to, and who waits for it.

    `park` and `report` write the same item and read it back whole in one step, so of a token and a piece of news that
    meet there, the later one always sees the earlier.
    """

    def add(self, machine: Machine) -> None: ...

    def park(self, instance_id: str, token: str) -> Waiter: ...

    def park_until_end(self, instance_id: str, token: str) -> bool:
        """From now on only the machine's end is of interest; whether it was reported already.

        Raises:
            LookupError: the machine was never added.
        """

    def report(self, instance_id: str, news: str, *, is_end: bool = False) -> Waiter | None:
        """Notes that something happened to a machine, its end perhaps; None when it is not one of ours."""

    def has_ended(self, instance_id: str) -> bool:
        """Whether the machine's end was reported."""

    def has_news(self, instance_id: str) -> bool:
        """Whether something was reported that nobody has taken notice of yet."""

    def queue_ends(self, instance_ids: Sequence[str]) -> None:
        """Writes down machines that shall end."""

    def queued_ends(self) -> Sequence[str]:
        """As many as one call to EC2 may be for; what was written down long ago is forgotten."""

    def unqueue_ends(self, instance_ids: Sequence[str]) -> None: ...


@dataclass(frozen=True)
class Ticket:
    """A run's place in the line: who waits for a machine since when (RFC 3339 UTC), and how to tell them.

    `wish` is the one instance type that will do; None is any of the stack's. A run that has asked for a machine often
    is `quiet_until` then (RFC 3339 UTC): it is told of a machine, and not asked to come again.
    """

    run: Run
    attempt: int
    token: str
    since: str
    wish: str | None = None
    quiet_until: str | None = None


@dataclass(frozen=True)
class Slot:
    """One machine's place among `max_concurrent_jobs`, held until that machine is confirmed terminated."""

    run: Run
    machine: MachineRecord


@dataclass(frozen=True)
class Candidate:
    """One thing to ask EC2 for."""

    instance_type: str
    subnet_id: str
    market: str  # "on-demand" or "spot"

    def __str__(self) -> str:
        return f"{self.instance_type}, {self.market}, {self.subnet_id}"


@dataclass(frozen=True)
class Batch:
    """A launch that is under way: its client token, what is asked for, and whose attempts it is for, in order.

    `pooled` are the machines of the pool that are meant for these attempts, one each; none, and EC2 launches new ones.
    """

    token: str
    candidate: Candidate
    attempts: tuple[tuple[Run, int], ...]
    pooled: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lead:
    """The right to launch for everybody in line, held by one at a time.

    `limit` is how many machines to ask for at once; `batch` is what an earlier holder may not have finished. `served`
    is when owners got a machine last (RFC 3339 UTC), which the holder keeps up to date.
    """

    holder: str
    limit: int
    batch: Batch | None
    served: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """Why EC2 did not launch: its error code, words for whoever owns the job, and what the code means for us."""

    code: str
    message: str
    kind: str  # "capacity", "quota", "throttled" or "permanent"

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True)
class Turn:
    """How a leader's turn ended, for the next one.

    `limit` follows from what EC2 answered; `refusals` is what it refused to those who are left, by wish and in the
    order in which it did. `own` is the slot of the leader's own ticket, `unfinished` a batch that has to be tried again
    as it is.
    """

    limit: int
    refusals: Mapping[str | None, Refusal] = field(default_factory=dict)
    own: Slot | None = None
    unfinished: Batch | None = None

    @property
    def refusal(self) -> Refusal | None:
        """EC2's last no."""
        return list(self.refusals.values())[-1] if self.refusals else None


@dataclass(frozen=True)
class Charge:
    """What a machine has cost, whole micro-USD, for the UTC day of its launch (`2026-01-31`)."""

    day: str
    owner: str
    instance_id: str
    micro_usd: int


@dataclass(frozen=True)
class DayLedger:
    """What the machines that were launched on one day and are gone have cost, by owner, and which those are."""

    day: str
    spent: Mapping[str, int] = field(default_factory=dict)
    machines: frozenset[str] = frozenset()


class LineTable(Protocol):
    """Who waits for a machine, who holds a slot, who leads, and what machines have cost.

    Reads see every earlier write.
    """

    def enter(
        self,
        run: Run,
        attempt: int,
        token: str,
        wish: str | None = None,
        quiet_until: str | None = None,
        order: str = "",
    ) -> Ticket:
        """Takes a place in line, or gives the run's place a new token; the ticket tells since when it waits.

        `order` sorts the tries of a run's Launch step. A place that a later try has taken (this call was held up, say)
        stays as it is, and is answered.
        """

    def oldest(self, limit: int) -> Sequence[Ticket]:
        """Up to `limit` entries of each owner that has some, by when they began to wait.

        Of an owner who has more they are those of the oldest job ids.
        """

    def ticket(self, run: Run) -> Ticket | None: ...

    def leave(self, run: Run, attempt: int | None = None) -> Ticket | None:
        """Gives up the run's place in line (only the attempt's, if one is named); the ticket as it was last."""

    def slot(self, run: Run) -> Slot | None: ...

    def slots(self) -> Sequence[Slot]: ...

    def drop_unreadable(self) -> Sequence[str]:
        """Removes queue entries and slots that cannot be read, which every other method leaves out; their names."""

    def grant(self, slots: Sequence[Slot]) -> None:
        """Gives each slot's run its slot; doing so twice is harmless."""

    def give_back(self, run: Run, instance_id: str) -> None:
        """Frees the run's slot if it is this machine's; doing so twice is harmless."""

    def charge(self, charge: Charge) -> None:
        """Enters what a machine has cost; doing so twice is harmless, the first amount stays."""

    def ledger(self, day: str, owner: str | None = None) -> DayLedger:
        """A day's, of one owner if one is named."""

    def lead(self, name: str) -> Lead | None:
        """Takes the lead, unless somebody else has it; `name` had it before and takes it over at once."""

    def is_led(self) -> bool:
        """Whether somebody has the lead at this moment."""

    def last_served(self) -> Mapping[str, str]:
        """The `served` that a leader wrote down last."""

    def remember(self, lead: Lead, batch: Batch) -> None:
        """Writes down what is about to be launched, in the place of the batch before, and the lead's `served`.

        Raises:
            LeadLost: somebody else leads by now.
        """

    def rest(self, lead: Lead, turn: Turn) -> None:
        """Gives the lead back; the next one sees the turn's `limit` and `unfinished`."""


class SweepPosition(Protocol):
    """Where the last sweep stopped, for the next one: the last id that it got to, by part of the sweep."""

    def load(self) -> Mapping[str, str]: ...

    def save(self, position: Mapping[str, str]) -> None: ...


@dataclass(frozen=True)
class UploadForm:
    """A presigned POST: the form's fields, all of them before the file."""

    url: str
    fields: dict[str, str]


@dataclass(frozen=True)
class StoredObject:
    path: str  # bucket/key
    size: int  # bytes


@dataclass(frozen=True)
class StoredOutput:
    """A result as S3 has it; `md5` (hex) is what S3 itself computed, None where it does not say."""

    size: int  # bytes
    md5: str | None


@dataclass(frozen=True)
class StoredPart:
    """A part of a multipart upload that S3 has; `etag` is what it goes by when the parts are joined."""

    number: int
    size: int  # bytes
    etag: str


class JobFiles(Protocol):
    """The objects of a job, by owner and id; nobody else's can be named."""

    def upload_form(self, key: str, size: int, content_type: str, expires_in: int) -> UploadForm: ...

    def begin_parts(self, key: str, content_type: str) -> str:
        """Begins a multipart upload; returns its id."""

    def part_url(self, key: str, upload_id: str, number: int, size: int, expires_in: int) -> str:
        """A presigned PUT of one part of exactly `size` bytes."""

    def stored_parts(self, key: str, upload_id: str) -> Sequence[StoredPart] | None:
        """None when the key has no such upload (any more)."""

    def join_parts(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> bool:
        """Makes these parts the object; False when the upload or one of them is not there any more."""

    def abort_parts(self, key: str, upload_id: str) -> None:
        """Frees the parts of an upload; one that is not there is no error."""

    def copy_input(self, path: str, key: str) -> bool:
        """Copies an input to another key; False when it is not there any more."""

    def find_input(self, owner: str, job_id: str) -> StoredObject | None: ...

    def input_url(self, path: str, expires_in: int) -> str: ...

    def output_path(self, key: str) -> str: ...

    def output_upload_url(self, key: str, expires_in: int) -> str: ...

    def output_download_url(self, path: str, filename: str, expires_in: int) -> str: ...

    def find_output(self, path: str) -> StoredOutput | None: ...

    def put_manifest(self, key: str, body: bytes) -> str:
        """Stores a job's manifest and returns its path."""

    def manifest(self, path: str) -> bytes | None:
        """None when it is not kept any more."""

    def put_spec(self, key: str, body: bytes, expires_in: int) -> str:
        """Stores an attempt's spec and returns a presigned URL to read it."""

    def payload_url(self, expires_in: int) -> str: ...

    def delete_job(self, owner: str, job_id: str) -> int:
        """Removes every object of a job; how many there were."""


@dataclass(frozen=True)
class LogLine:
    at: str  # RFC 3339 UTC
    stream: str  # stdout or stderr
    text: str


@dataclass(frozen=True)
class LogPage:
    lines: tuple[LogLine, ...]
    next_token: str | None


class MachineLog(Protocol):
    def read(self, command_id: str, instance_id: str, after: str | None) -> LogPage: ...

    def delete(self, command_id: str, instance_id: str) -> int:
        """Removes what a command printed; how many streams of it there were."""


class Workflow(Protocol):
    """The state machine that carries a job through."""

    def start(self, run: Run, attempt: int) -> None:
        """Starts a run's execution with its first attempt's number; one of the run's name is left alone."""

    def state(self, run: Run) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; None when the run never had an execution."""

    def wake(self, token: str, output: Mapping[str, str] | None = None) -> bool:
        """Lets the execution that parked this token go on with `output`; False when nobody waits for it any more."""

    def fail(self, token: str, error: str, cause: str) -> bool:
        """Lets the task that parked this token fail with an error's name; False when nobody waits any more."""


@dataclass(frozen=True)
class LaunchedInstance:
    """Times RFC 3339 UTC; `prepared_at` is when the pool launched a machine that is now started for a job."""

    instance_id: str
    zone: str
    image_id: str
    launched_at: str
    prepared_at: str | None = None


@dataclass(frozen=True)
class AliveMachine:
    """An instance of the stack that is neither terminated nor on its way there.

    `launched_at` is when it was started last (EC2's LaunchTime).
    """

    instance_id: str
    launched_at: datetime
    state: str = "running"  # EC2's name of it

    @property
    def is_down(self) -> bool:
        """Stopped, or about to be; that is not terminated."""
        return self.state in {"stopping", "stopped"}


@dataclass(frozen=True)
class CommandState:
    """A command on a machine: SSM's status, the wrapper's exit code, the report it wrote, if any, and its times.

    `has_begun` is False for one that its machine never took.
    """

    status: str  # Pending, InProgress, Delayed, Success, Failed, TimedOut, Cancelled, Cancelling
    exit_code: int
    report: dict[str, Any] | None
    ended_at: str | None = None  # RFC 3339; None where SSM does not say
    has_begun: bool = True
    began_at: str | None = None  # as above

    @property
    def is_over(self) -> bool:
        return self.status in {"Success", "Failed", "TimedOut", "Cancelled"}


class Machines(Protocol):
    """EC2 and SSM, as far as a job needs them."""

    def launch(
        self, candidate: Candidate, count: int, token: str, tags: Mapping[str, str]
    ) -> Sequence[LaunchedInstance] | Refusal:
        """Launches up to `count` machines, at least one; the same call again answers the same machines.

        An answer that leaves open whether anything was launched (a time-out, say) is raised, not answered.
        """

    def tag(self, instance_id: str, tags: Mapping[str, str]) -> bool:
        """Tags a machine for people who look at EC2. Nothing depends on it: a refusal is answered, not raised."""

    def send_command(
        self, instance_id: str, script: str, comment: str, timeout: int, patience: int | None = None
    ) -> str:
        """Sends a shell script; returns the command id.

        `timeout` is how long it may run, `patience` how long it may take to be delivered, in seconds; None is SSM's
        minimum, which is for machines that are online.

        Raises:
            AgentNotOnline: the machine cannot take commands yet.
            Throttled: AWS asked to slow down.
        """

    def command_state(self, command_id: str, instance_id: str) -> CommandState | None:
        """None while AWS does not know the command yet."""

    def instance_state(self, instance_id: str) -> str | None:
        """EC2's state name, or None when EC2 does not know the instance."""

    def alive_of_stack(self, stack: str) -> Iterable[AliveMachine]: ...

    def terminate(self, instance_id: str) -> str | None:
        """Asks for termination; returns the state EC2 answers, None for an instance that it does not know.

        Raises:
            Throttled
        """

    def terminate_all(self, instance_ids: Sequence[str]) -> Mapping[str, str]:
        """The same for up to a thousand, in one call if EC2 knows them all; the state of each that it knows.

        Raises:
            Throttled
        """
