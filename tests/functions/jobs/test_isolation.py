"""One job's items at their worst: every other job goes on, every machine ends, every slot comes free.

The adapters are the real ones, over MiniStack's DynamoDB, which refuses items above 400 KB as DynamoDB does (developer
guide, "Quotas", "Item size").
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.aws.attribute_values import serialize_item
from functions.aws.job_items import to_item
from functions.aws.job_table import DynamoJobTable
from functions.aws.machine_table import DynamoMachineTable
from functions.aws.run_reader import DynamoRunReader
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.aws.sweep_position import DynamoSweepPosition
from functions.cleanup.release_step import ReleaseStep
from functions.cleanup.run_machines import RunMachines
from functions.cleanup.sweeper import Sweeper, SweepReport
from functions.execution.ports import MachineAssignment
from functions.jobs.job import Job, JobStatus, Run
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.launch_step import LaunchStep
from functions.scheduling.ports import InstanceView, Slot
from functions.scheduling.scheduler import Scheduler
from tests.functions.aws.emulated_dynamodb import new_client, new_table
from tests.functions.fakes.job_table import JOB_ID, OTHER_ID, a_job
from tests.functions.fakes.machines import FakeMachines, a_machine
from tests.functions.fakes.sweeper import a_sweeper
from tests.functions.fakes.workflow import FakeWorkflow
from tests.functions.scheduling.waiting_queue import FULL, ONE, TWO, _one_by_one

LONG_AGO = datetime(2026, 1, 31, 9, 15, tzinfo=UTC)
CLIENT = new_client()
WORST, GOOD = Run("mallory", JOB_ID), Run("alice", OTHER_ID)
MAX_ITEM = 400 * 1024


@dataclass
class World:
    """Mallory's job, which has the worst items there can be, and alice's, whose workflow has died as well."""

    table: str = field(default_factory=lambda: new_table(CLIENT))
    flow: FakeWorkflow = field(default_factory=FakeWorkflow)
    machines: FakeMachines = field(default_factory=FakeMachines)

    def __post_init__(self) -> None:
        self.jobs = DynamoJobTable(CLIENT, self.table)
        self.scheduling = DynamoSchedulingTable(CLIENT, self.table)
        self.machine_table = DynamoMachineTable(CLIENT, self.table)
        self.reader = DynamoRunReader(CLIENT, self.table)
        self.queue = LaunchQueue(self.scheduling, self.flow)

    def add(self, run: Run, machine: str | None = None) -> None:
        """A job that waits, or one that runs on a machine."""
        running = {"status": JobStatus.RUNNING, "attempts": 1, "instance_id": machine} if machine else {}
        self.jobs.add(a_job(owner=run.owner, id=run.job_id, **running))
        if machine:
            self.launch(machine)
            self.scheduling.grant_slots([Slot(run, a_machine(machine, hourly_micro_usd=24_000))])
            self.machine_table.add(MachineAssignment(machine, run.owner, run.job_id, 1))

    def launch(self, instance_id: str) -> None:
        self.machines.states[instance_id] = "running"
        self.machines.alive.append(InstanceView(instance_id, LONG_AGO))

    def put(self, partition: str, name: str, **attributes: Any) -> None:
        CLIENT.put_item(TableName=self.table, Item={"owner": {"S": partition}, "id": {"S": name}, **attributes})

    def change(self, partition: str, name: str, **attributes: Any) -> None:
        key: Any = {"owner": {"S": partition}, "id": {"S": name}}
        item = CLIENT.get_item(TableName=self.table, Key=key).get("Item", {})
        CLIENT.put_item(TableName=self.table, Item={**item, **key, **attributes})

    def remove(self, partition: str, name: str, *attributes: str) -> None:
        key: Any = {"owner": {"S": partition}, "id": {"S": name}}
        item = CLIENT.get_item(TableName=self.table, Key=key).get("Item", {})
        kept = {each: value for each, value in item.items() if each not in attributes}
        CLIENT.put_item(TableName=self.table, Item={**kept, **key})

    @property
    def sweeper(self) -> Sweeper:
        return a_sweeper(self.jobs, self.queue, self.machines, position=DynamoSweepPosition(CLIENT, self.table))

    def swept(self) -> SweepReport:
        """Until nothing changes any more, in two sweeps at most."""
        self.sweeper.sweep()
        return self.sweeper.sweep()

    def job(self, run: Run) -> Job:
        found = self.jobs.get(run.owner, run.job_id)
        assert found
        return found

    @property
    def alive(self) -> list[str]:
        return [one for one, state in self.machines.states.items() if state != "terminated"]

    def partition(self, owner: str) -> list[Any]:
        return CLIENT.query(
            TableName=self.table,
            KeyConditionExpression="#owner = :owner",
            ExpressionAttributeNames={"#owner": "owner"},
            ExpressionAttributeValues={":owner": {"S": owner}},
        )["Items"]


def _too_large(world: World) -> None:
    """As many bytes as DynamoDB just takes."""
    item = serialize_item(to_item(world.job(WORST)))
    for size in range(MAX_ITEM, 0, -20):
        with suppress(CLIENT.exceptions.ClientError):
            CLIENT.put_item(TableName=world.table, Item=item | {"input_text": {"S": "x" * size}})
            return


_KEY = (WORST.owner, WORST.job_id)
WORST_ITEMS: Mapping[str, Callable[[World], object]] = {
    "a job too large": _too_large,
    "a job of a newer version": lambda world: world.change(*_KEY, status={"S": "paused"}),
    "a job half deleted": lambda world: world.remove(*_KEY, "input_text", "run", "filename"),
    "a job with a number for a time": lambda world: world.change(*_KEY, updated_at={"N": "7"}),
    "a job with no time in its place": lambda world: world.change(*_KEY, updated_at={"S": "soon"}),
    "a job that is gone": lambda world: CLIENT.delete_item(
        TableName=world.table, Key={"owner": {"S": WORST.owner}, "id": {"S": WORST.job_id}}
    ),
    "a slot without a machine": lambda world: world.remove("#slot", WORST.name, "machine"),
    "a slot launched at no time": lambda world: world.change(
        "#slot", WORST.name, machine={"M": {"instance_id": {"S": "i-worst"}, "launched_at": {"S": "never"}}}
    ),
    "a slot without anything": lambda world: world.put("#slot", WORST.name),
    "a queue entry without anything": lambda world: world.put("#queue", f"mallory/{WORST.name}"),
    "a queue entry since no time": lambda world: world.put(
        "#queue",
        f"mallory/{WORST.name}",
        run={"M": {"owner": {"S": "mallory"}, "job_id": {"S": JOB_ID}, "number": {"N": "1"}}},
        attempt={"N": "1"},
        token={"S": "t"},
        since={"S": "long ago"},
    ),
    "a machine's item without its job": lambda world: world.remove("#machine", "i-worst", "job_id", "job_owner"),
}


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="mayfly")


@pytest.mark.parametrize("worst", WORST_ITEMS)
def test_whatever_one_jobs_items_are_a_sweep_ends_the_other_jobs_and_every_machine_and_frees_every_slot(
    worst: str,
) -> None:
    world = World()
    world.add(WORST, "i-worst")
    world.add(GOOD, "i-good")
    world.launch("i-orphan")
    WORST_ITEMS[worst](world)
    report = world.swept()
    assert world.alive == []
    assert world.scheduling.slots() == []
    assert (world.partition("#slot"), world.partition("#queue")) == ([], [])
    assert world.job(GOOD).status is JobStatus.FAILED
    assert world.scheduling.ledger("2026-01-31").machines >= {"i-good"}
    assert set(report.failed) <= {f"{WORST.owner}/{WORST.job_id}", WORST.name}


def _released(world: World) -> None:
    ends = RunMachines(world.jobs, world.queue, world.machines, world.reader)
    ReleaseStep(ends, world.machine_table).release(WORST, "i-worst")


@pytest.mark.parametrize("worst", [each for each in WORST_ITEMS if each.startswith("a job")])
@pytest.mark.parametrize(
    "ends",
    [_released, lambda world: world.sweeper.run_ended(WORST, "FAILED")],
    ids=["its release", "its workflow's end"],
)
def test_whatever_a_jobs_record_is_its_end_charges_and_frees_the_slot_at_once(
    worst: str, ends: Callable[[World], object]
) -> None:
    world = World()
    world.add(WORST, "i-worst")
    WORST_ITEMS[worst](world)
    world.machines.states["i-worst"] = "terminated"
    ends(world)
    assert world.scheduling.slots() == []
    assert world.scheduling.ledger("2026-01-31").machines == {"i-worst"}


@pytest.mark.parametrize("worst", WORST_ITEMS)
def test_whatever_one_jobs_items_are_the_others_get_their_machines(worst: str) -> None:
    world = World()
    world.add(WORST)
    world.add(GOOD)
    world.scheduling.enqueue(WORST, 1, "worst-token")
    WORST_ITEMS[worst](world)
    world.machines.answers = [FULL]  # which is noted in the record of everyone who waits
    scheduler = Scheduler(
        jobs=world.jobs,
        queue=world.queue,
        machines=world.machines,
        candidates=(ONE, TWO),
        stack="dev",
        max_concurrent=10,
        queue_timeout=timedelta(days=3_650),
        throttle_waits=(),
        sleep=lambda _: None,
        for_each=_one_by_one,
    )
    LaunchStep(world.jobs, world.queue, scheduler, world.reader).run(GOOD, 1, "good-token")
    assert "good-token" in world.flow.woken
    assert world.scheduling.slot(GOOD)


def test_a_token_that_step_functions_cannot_read_does_not_keep_the_next_in_the_queue_from_being_notified() -> None:
    world = World()
    world.scheduling.enqueue(WORST, 1, "garbage")
    world.scheduling.enqueue(GOOD, 1, "good-token")
    fail = world.flow.fail

    def invalid_token(token: str, error: str, cause: str) -> bool:
        if token == "garbage":
            raise RuntimeError("InvalidToken")
        return fail(token, error, cause)

    world.flow.fail = invalid_token  # type: ignore[method-assign]  # as SendTaskFailure answers such a token
    world.queue.notify_next()
    assert [token for token, _ in world.flow.failed] == ["good-token"]


def test_a_sweep_without_time_goes_on_where_it_stopped_with_the_next_one() -> None:
    world = World()
    for number in range(6):
        world.launch(f"i-{number}")
    left = iter([100.0, 100.0, 100.0, 40.0, *([0.0] * 100)])
    report = world.sweeper.sweep(lambda: next(left))
    assert (report.terminated, "machines" in report.unfinished) == (["i-0", "i-1"], True)
    world.machines.alive.reverse()
    assert world.sweeper.sweep().terminated == ["i-2", "i-3", "i-4", "i-5"]
    assert world.sweeper.sweep().unfinished == []
