"""Small in-memory stand-ins for the core's ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from functions.jobs.errors import JobNotFound
from functions.jobs.job import Job
from functions.jobs.paths import input_prefix
from functions.jobs.ports import (
    AliveMachine,
    Candidate,
    CommandState,
    JobPage,
    LaunchedInstance,
    LogLine,
    LogPage,
    Machine,
    Refusal,
    StoredObject,
    UploadForm,
    Waiter,
)

JOB_ID = "01926b3c-7f3e-7c2a-9d51-3f0a5b8c1e27"
OTHER_ID = "01926b3c-7f3f-7c2a-9d51-3f0a5b8c1e27"


def a_job(**changes: object) -> Job:
    job = Job(
        owner="alice",
        id=JOB_ID,
        filename="a b.txt",
        size=3,
        input_text="appended",
        input_file_path=f"uploads/inputs/alice/{JOB_ID}/a b.txt",
        created_at="2026-01-31T09:15:02.345Z",
        updated_at="2026-01-31T09:15:02.345Z",
    )
    return replace(job, **changes)  # type: ignore[arg-type]


@dataclass
class FakeJobTable:
    jobs: dict[tuple[str, str], Job] = field(default_factory=dict)

    @staticmethod
    def of(*jobs: Job) -> FakeJobTable:
        return FakeJobTable({(job.owner, job.id): job for job in jobs})

    @property
    def only(self) -> Job:
        (job,) = self.jobs.values()
        return job

    def add(self, job: Job) -> Job | None:
        known = self.jobs.get((job.owner, job.id))
        if known is None:
            self.jobs[job.owner, job.id] = job
        return known

    def get(self, owner: str, job_id: str) -> Job | None:
        return self.jobs.get((owner, job_id))

    def page(self, owner: str, limit: int, before: str | None) -> JobPage:
        mine = sorted((job for job in self.jobs.values() if job.owner == owner), key=lambda job: job.id, reverse=True)
        rest = [job for job in mine if before is None or job.id < before]
        return JobPage(tuple(rest[:limit]), rest[limit - 1].id if len(rest) > limit else None)

    def open_jobs(self) -> list[Job]:
        return [job for job in self.jobs.values() if not job.status.is_terminal]

    def update(self, owner: str, job_id: str, change: Callable[[Job], Job]) -> Job:
        before = self.get(owner, job_id)
        if before is None:
            raise JobNotFound(f"no job {job_id}")
        after = change(before)
        if after != before:
            after = replace(after, revision=before.revision + 1)
        self.jobs[owner, job_id] = after
        return after

    def delete(self, owner: str, job_id: str) -> None:
        self.jobs.pop((owner, job_id), None)


@dataclass
class FakeMachineTable:
    machines: dict[str, Machine] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    news: dict[str, str] = field(default_factory=dict)

    def add(self, machine: Machine) -> None:
        self.machines.setdefault(machine.instance_id, machine)

    def park(self, instance_id: str, token: str) -> Waiter:
        self.tokens[instance_id] = token
        return Waiter(self.machines[instance_id], token, self.news.pop(instance_id, None) is not None)

    def report(self, instance_id: str, news: str) -> Waiter | None:
        if instance_id not in self.machines:
            return None
        self.news[instance_id] = news
        return Waiter(self.machines[instance_id], self.tokens.get(instance_id), has_news=True)


@dataclass
class FakeJobFiles:
    inputs: dict[str, bytes] = field(default_factory=dict)  # by key
    outputs: dict[str, bytes] = field(default_factory=dict)  # by path
    specs: dict[str, bytes] = field(default_factory=dict)  # by key
    deleted: list[tuple[str, str]] = field(default_factory=list)

    def upload_form(self, key: str, size: int, content_type: str, expires_in: int) -> UploadForm:
        return UploadForm("https://uploads.test/", {"key": key, "Content-Type": content_type, "size": str(size)})

    def find_input(self, owner: str, job_id: str) -> StoredObject | None:
        for key, body in self.inputs.items():
            if key.startswith(input_prefix(owner, job_id)):
                return StoredObject(f"uploads/{key}", len(body))
        return None

    def input_url(self, path: str, expires_in: int) -> str:
        return f"https://s3.test/{expires_in}?input"

    def output_path(self, key: str) -> str:
        return f"outputs/{key}"

    def output_upload_url(self, key: str, expires_in: int) -> str:
        return f"https://s3.test/{expires_in}?output"

    def output_download_url(self, path: str, filename: str, expires_in: int) -> str:
        return f"https://s3.test/{path}?{expires_in}"

    def output_size(self, path: str) -> int | None:
        return len(self.outputs[path]) if path in self.outputs else None

    def put_spec(self, key: str, body: bytes, expires_in: int) -> str:
        self.specs[key] = body
        return "https://s3.test/spec?signed"

    def payload_url(self, expires_in: int) -> str:
        return "https://s3.test/payload?signed"

    def delete_job(self, owner: str, job_id: str) -> None:
        self.deleted.append((owner, job_id))


@dataclass
class FakeMachineLog:
    lines: dict[tuple[str, str], list[LogLine]] = field(default_factory=dict)
    deleted: list[tuple[str, str]] = field(default_factory=list)

    def read(self, command_id: str, instance_id: str, after: str | None) -> LogPage:
        lines = self.lines.get((command_id, instance_id), [])
        start = int(after or 0)
        return LogPage(tuple(lines[start:]), str(len(lines)))

    def delete(self, command_id: str, instance_id: str) -> None:
        self.deleted.append((command_id, instance_id))


@dataclass
class FakeWorkflow:
    started: list[tuple[str, str]] = field(default_factory=list)
    woken: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)

    def start(self, owner: str, job_id: str) -> None:
        self.started.append((owner, job_id))

    def state(self, job_id: str) -> str | None:
        return self.states.get(job_id)

    def wake(self, token: str) -> None:
        self.woken.append(token)


@dataclass
class FakeMachines:
    """Answers as told: `launches` and `sends` are played in order, states are looked up."""

    launches: list[LaunchedInstance | Refusal] = field(default_factory=list)
    sends: list[str | Exception] = field(default_factory=list)
    commands: dict[str, CommandState] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    tagged: set[str] = field(default_factory=set)
    alive: list[AliveMachine] = field(default_factory=list)
    ends_at_once: bool = True
    asked: list[tuple[Candidate, str, dict[str, str]]] = field(default_factory=list)
    sent: list[tuple[str, str, int]] = field(default_factory=list)
    terminated: list[str] = field(default_factory=list)

    def launch(self, candidate: Candidate, token: str, tags: dict[str, str]) -> LaunchedInstance | Refusal:
        self.asked.append((candidate, token, tags))
        return self.launches.pop(0)

    def send_command(self, instance_id: str, script: str, comment: str, timeout: int) -> str:
        answer = self.sends.pop(0)
        if isinstance(answer, Exception):
            raise answer
        self.sent.append((instance_id, script, timeout))
        return answer

    def command_state(self, command_id: str, instance_id: str) -> CommandState | None:
        return self.commands.get(command_id)

    def instance_state(self, instance_id: str) -> str | None:
        return self.states.get(instance_id)

    def states_of_job(self, job_id: str) -> Mapping[str, str]:
        return {one: self.states[one] for one in self.tagged}

    def alive_of_stack(self, stack: str) -> list[AliveMachine]:
        return [each for each in self.alive if self.states[each.instance_id] != "terminated"]

    def terminate(self, instance_id: str) -> str:
        self.terminated.append(instance_id)
        if instance_id not in self.states:
            return "unknown"
        self.states[instance_id] = "terminated" if self.ends_at_once else "shutting-down"
        return self.states[instance_id]
