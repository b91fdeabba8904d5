"""Jobs that wait for machines: the Launch step over fakes, and workflows that do what they are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar

from functions.aws.run_reader import DynamoRunReader
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.costs.budget import Spending
from functions.jobs.errors import FinalStep
from functions.jobs.job import Job, Run
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.launch_step import LaunchStep
from functions.scheduling.ports import MAX_BATCH, Batch, BatchResult, Candidate, Lease, QueueEntry, Refusal, Slot
from functions.scheduling.scheduler import Scheduler
from tests.functions.fakes.crash_injector import CrashInjector, ProcessDied
from tests.functions.fakes.job_table import MemoryJobTable, a_job
from tests.functions.fakes.machines import FakeMachines
from tests.functions.fakes.workflow import Answer, FakeWorkflow

QUEUE_TIMEOUT = timedelta(minutes=60)
ONE = Candidate("t4g.small", "subnet-a", "on-demand")
TWO = Candidate("t4g.small", "subnet-b", "on-demand")
SPOT = Candidate("t4g.small", "subnet-a", "spot")
FULL = Refusal("InsufficientInstanceCapacity", "no room", "capacity")
QUOTA = Refusal("VcpuLimitExceeded", "16 vCPUs are all you have", "quota")
THROTTLED = Refusal("RequestLimitExceeded", "slow down", "throttled")
DENIED = Refusal("UnauthorizedOperation", "you may not", "permanent")


T = TypeVar("T")


@dataclass
class WaitingQueue:
    """`runs` are the first runs of as many jobs, oldest first; each try of a Launch step has a token of its own."""

    runs: Sequence[Run]
    candidates: Sequence[Candidate] = (ONE,)
    max_concurrent: int = 100
    jobs: MemoryJobTable = field(default_factory=MemoryJobTable)
    flow: FakeWorkflow = field(default_factory=FakeWorkflow)
    machines: FakeMachines = field(default_factory=FakeMachines)
    tries: count[int] = field(default_factory=lambda: count(1))
    launch_tokens: count[int] = field(default_factory=lambda: count(1))
    throttle_waits: Sequence[float] = ()
    slept: list[float] = field(default_factory=list)
    spending: Spending = field(default_factory=Spending)

    def __post_init__(self) -> None:
        self.table = self.jobs.beside(DynamoSchedulingTable)

    @staticmethod
    def of(jobs: int, **facts: Any) -> WaitingQueue:
        made = [a_job(id=f"01926b3c-7f3e-7c2a-9d51-{number:012d}") for number in range(jobs)]
        return WaitingQueue([job.this_run for job in made], jobs=MemoryJobTable(*made), **facts)

    @property
    def queue(self) -> LaunchQueue:
        return LaunchQueue(self.table, self.flow)

    def scheduler(self, injector: CrashInjector | None = None) -> Scheduler:
        before = injector.before if injector else _bare
        return Scheduler(
            jobs=before(self.jobs),
            queue=LaunchQueue(before(self.table), before(self.flow)),
            machines=before(self.machines),
            candidates=self.candidates,
            stack="dev",
            max_concurrent=self.max_concurrent,
            queue_timeout=QUEUE_TIMEOUT,
            throttle_waits=self.throttle_waits,
            sleep=self.slept.append,
            for_each=_one_by_one,
            spending=self.spending,
            new_token=lambda: f"batch-{next(self.launch_tokens)}",
        )

    def launch_step(self, injector: CrashInjector | None = None) -> LaunchStep:
        scheduler = self.scheduler(injector)
        reader = self.jobs.beside(DynamoRunReader)
        return LaunchStep(scheduler.jobs, scheduler.queue, scheduler, injector.before(reader) if injector else reader)

    def new_token(self, run: Run) -> str:
        return f"{run.name}/{next(self.tries)}"

    def enqueue(self, *runs: Run, attempt: int = 1, requested_type: str | None = None) -> None:
        """Lets runs wait that found the lease held by another."""
        for run in runs:
            self.table.enqueue(run, attempt, self.new_token(run), requested_type)

    def launch(
        self, run: Run, attempt: int = 1, injector: CrashInjector | None = None, asks: int = 0, redrives: int = 0
    ) -> None:
        """The workflow's Launch step; one that raises ends the wait of its token, as Step Functions does it."""
        token = self.new_token(run)
        try:
            self.launch_step(injector).run(run, attempt, token, asks, redrives)
        except Exception:
            self.flow.dead.add(token)
            raise

    def settle(self) -> None:
        """Every workflow that was told to come again comes again, until no more is said."""
        for position in range(1000):
            if position == len(self.flow.answers):
                return
            answer = self.flow.answers[position]
            if answer.error is not None and answer.error not in _FINAL:
                self.launch(self.run_of(answer))
        raise AssertionError("the queue never comes to rest")

    def run_of(self, answer: Answer) -> Run:
        return next(run for run in self.runs if answer.token.startswith(f"{run.name}/"))

    def notified(self, run: Run) -> list[str | None]:
        """What a run's workflow was told, in order: an instance's id or an error's name."""
        return [
            answer.output["instance_id"] if answer.output else answer.error
            for answer in self.flow.answers
            if self.run_of(answer) == run
        ]

    def job(self, run: Run) -> Job:
        job = self.jobs.get(run.owner, run.job_id)
        assert job
        return job

    def entry(self, run: Run) -> QueueEntry:
        entry = self.table.entry(run)
        assert entry
        return entry

    def slot(self, run: Run) -> Slot:
        slot = self.table.slot(run)
        assert slot
        return slot

    def lease(self, name: str) -> Lease:
        lease = self.table.acquire_lease(name)
        assert lease
        return lease

    def die_while_launching(self, *runs: Run) -> Batch:
        """Leaves a batch that a leader wrote down before it died."""
        lease = self.lease("one that died")
        batch = Batch("batch-of-the-dead", ONE, tuple((run, 1) for run in runs))
        self.table.save_batch(lease, batch)
        self.table.release_lease(lease, BatchResult(MAX_BATCH, unfinished=batch))
        return batch

    def refusals(self, run: Run) -> list[str]:
        return [event.detail for event in self.job(run).timeline if event.event == "launch_refused"]

    @property
    def counts(self) -> list[int]:
        """How many machines were asked for, call by call."""
        return [call.count for call in self.machines.asked]

    @property
    def alive(self) -> list[str]:
        return [one for one, state in self.machines.states.items() if state != "terminated"]


_FINAL = {kind.__name__ for kind in FinalStep.__subclasses__()}


def _one_by_one(work: Callable[[T], object], things: Sequence[T]) -> None:
    for thing in things:
        work(thing)


def _bare(port: Any) -> Any:
    return port


def dies_while_launching(queue: WaitingQueue, run: Run, injector: CrashInjector) -> bool:
    """Whether the function died before it had come to its end."""
    try:
        queue.launch(run, injector=injector)
    except ProcessDied:
        return True
    return False
