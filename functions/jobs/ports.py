"""What the core needs of the world. functions/aws holds the adapters, tests use small fakes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from functions.jobs.job import Job


@dataclass(frozen=True)
class JobPage:
    """One page of an owner's jobs, newest first. `next_before` is the id to list on from, None at the end."""

    jobs: tuple[Job, ...]
    next_before: str | None


class JobTable(Protocol):
    """The record that people see. Every write is conditional."""

    def add(self, job: Job) -> Job | None:
        """Stores a new job; returns the one that has its id already, untouched, instead."""

    def get(self, owner: str, job_id: str) -> Job | None: ...

    def page(self, owner: str, limit: int, before: str | None) -> JobPage: ...

    def open_jobs(self) -> Iterable[Job]:
        """Everybody's jobs that have not ended."""

    def update(self, owner: str, job_id: str, change: Callable[[Job], Job]) -> Job:
        """Reads, changes and writes back; starts over when somebody else wrote in between.

        Raises:
            JobNotFound: the job is gone.
            ConcurrentChange: the record kept changing.
        """

    def delete(self, owner: str, job_id: str) -> None: ...


@dataclass(frozen=True)
class Machine:
    """One launched instance and the attempt that it belongs to."""

    instance_id: str
    owner: str
    job_id: str
    attempt: int


@dataclass(frozen=True)
class Waiter:
    """What is known of who waits for a machine: the parked task token, and whether news came before it."""

    machine: Machine
    token: str | None
    has_news: bool


class MachineTable(Protocol):
    """Which job a machine belongs to, and who waits for it.

    `park` and `report` write the same item and read it back whole in one step, so of a token and a piece of news that
    meet there, the later one always sees the earlier.
    """

    def add(self, machine: Machine) -> None: ...

    def park(self, instance_id: str, token: str) -> Waiter: ...

    def report(self, instance_id: str, news: str) -> Waiter | None:
        """Notes that something happened to a machine; None when it is not one of ours."""


@dataclass(frozen=True)
class UploadForm:
    """A presigned POST: the form's fields, all of them before the file."""

    url: str
    fields: dict[str, str]


@dataclass(frozen=True)
class StoredObject:
    path: str  # bucket/key
    size: int  # bytes


class JobFiles(Protocol):
    """The objects of a job, by owner and id; nobody else's can be named."""

    def upload_form(self, key: str, size: int, content_type: str, expires_in: int) -> UploadForm: ...

    def find_input(self, owner: str, job_id: str) -> StoredObject | None: ...

    def input_url(self, path: str, expires_in: int) -> str: ...

    def output_path(self, key: str) -> str: ...

    def output_upload_url(self, key: str, expires_in: int) -> str: ...

    def output_download_url(self, path: str, filename: str, expires_in: int) -> str: ...

    def output_size(self, path: str) -> int | None: ...

    def put_spec(self, key: str, body: bytes, expires_in: int) -> str:
        """Stores an attempt's spec and returns a presigned URL to read it."""

    def payload_url(self, expires_in: int) -> str: ...

    def delete_job(self, owner: str, job_id: str) -> None: ...


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

    def delete(self, command_id: str, instance_id: str) -> None: ...


class Workflow(Protocol):
    """The state machine that carries a job through."""

    def start(self, owner: str, job_id: str) -> None:
        """Starts a job's execution; one that runs already under the job's name is left alone."""

    def state(self, job_id: str) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; None when the job never had an execution."""

    def wake(self, token: str) -> None:
        """Lets the execution that parked this token go on; a token that nobody waits for any more is ignored."""


@dataclass(frozen=True)
class Candidate:
    """One thing to ask EC2 for."""

    instance_type: str
    subnet_id: str
    market: str  # "on-demand" or "spot"

    def __str__(self) -> str:
        return f"{self.instance_type}, {self.market}, {self.subnet_id}"


@dataclass(frozen=True)
class LaunchedInstance:
    instance_id: str
    zone: str
    image_id: str


@dataclass(frozen=True)
class AliveMachine:
    """An instance of the stack that is neither terminated nor on its way there, with what its tags say."""

    instance_id: str
    owner: str
    job_id: str
    launched_at: datetime


@dataclass(frozen=True)
class Refusal:
    """Why EC2 did not launch: its error code, its words, and what the code means for us."""

    code: str
    message: str
    kind: str  # "capacity", "quota", "throttled" or "permanent"


@dataclass(frozen=True)
class CommandState:
    """A command on a machine: SSM's status, the wrapper's exit code, and the report it wrote, if any."""

    status: str  # Pending, InProgress, Delayed, Success, Failed, TimedOut, Cancelled, Cancelling
    exit_code: int
    report: dict[str, Any] | None

    @property
    def is_over(self) -> bool:
        return self.status in {"Success", "Failed", "TimedOut", "Cancelled"}


class Machines(Protocol):
    """EC2 and SSM, as far as a job needs them."""

    def launch(self, candidate: Candidate, token: str, tags: dict[str, str]) -> LaunchedInstance | Refusal: ...

    def send_command(self, instance_id: str, script: str, comment: str, timeout: int) -> str:
        """Sends a shell script; returns the command id.

        Raises:
            AgentNotOnline: the machine cannot take commands yet.
            Throttled: AWS asked to slow down.
        """

    def command_state(self, command_id: str, instance_id: str) -> CommandState | None:
        """None while AWS does not know the command yet."""

    def instance_state(self, instance_id: str) -> str | None:
        """EC2's state name, or None when EC2 does not know the instance."""

    def states_of_job(self, job_id: str) -> Mapping[str, str]:
        """EC2's state of each instance that carries the job's tag, terminated ones included while EC2 shows them."""

    def alive_of_stack(self, stack: str) -> Iterable[AliveMachine]: ...

    def terminate(self, instance_id: str) -> str:
        """Asks for termination; returns the state EC2 answers, "unknown" for an instance it does not know (yet)."""
