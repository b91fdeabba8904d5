"""What each damage of an item comes to, by the real adapters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from functions.cleanup.deletion import Tombstone
from functions.execution.ports import MachineAssignment
from functions.jobs.errors import JobUnreadable, RecordRefused
from functions.jobs.job import Job, TimelineEvent
from functions.scheduling.ports import Slot
from simulation.damage import POSSIBLE, damaged
from simulation.faults import Damage, Kind
from simulation.handlers import Ports
from simulation.records import SLOTS
from simulation.stack import Stack
from simulation.world import World
from tests.functions.fakes.job_table import JOB_ID, RUN, a_job
from tests.functions.fakes.machines import a_machine
from tests.simulation.workflow import definition

KEY = ("alice", JOB_ID)


@pytest.fixture
def ports() -> Iterator[Ports]:
    with World(Stack(), definition()) as world:
        world.ports.jobs.add(a_job())
        yield world.ports


def noted(job: Job) -> Job:
    return job.noted(TimelineEvent("noted", "2026-01-31T09:16:00.000Z"))


def test_a_record_that_is_too_large_can_be_read_and_not_written(ports: Ports) -> None:
    assert damaged(ports, KEY, Kind.RECORD, Damage.TOO_LARGE)
    assert ports.jobs.get(*KEY)
    with pytest.raises(RecordRefused):
        ports.jobs.update(*KEY, noted)


@pytest.mark.parametrize(("damage", "listed"), [(Damage.UNREADABLE, [KEY]), (Damage.HALF_DELETED, [])])
def test_a_record_that_cannot_be_read_is_not_written_either(
    ports: Ports, damage: Damage, listed: list[tuple[str, str]]
) -> None:
    assert damaged(ports, KEY, Kind.RECORD, damage)
    assert list(ports.jobs.open_keys()) == listed
    with pytest.raises(JobUnreadable):
        ports.jobs.update(*KEY, noted)
    assert ports.records.jobs == {KEY: a_job()}


def test_a_record_that_is_gone_is_nowhere(ports: Ports) -> None:
    assert damaged(ports, KEY, Kind.RECORD, Damage.GONE)
    assert (ports.jobs.get(*KEY), list(ports.jobs.open_keys()), ports.records.jobs) == (None, [], {})
    assert not damaged(ports, KEY, Kind.RECORD, Damage.TOO_LARGE), "there is none"


def test_a_tombstone_that_cannot_be_read_is_listed(ports: Ports) -> None:
    tombstone = Tombstone(*KEY, "2026-01-31T09:20:00.000Z", "2026-01-31T11:20:00.000Z")
    assert not damaged(ports, KEY, Kind.TOMBSTONE, Damage.UNREADABLE), "there is none"
    assert ports.jobs.bury(replace(a_job()), tombstone)
    assert damaged(ports, KEY, Kind.TOMBSTONE, Damage.UNREADABLE)
    assert list(ports.jobs.unpurged()) == [KEY]
    with pytest.raises(KeyError, match="logs"):
        ports.jobs.tombstone(*KEY)


def test_a_damaged_queue_entry(ports: Ports) -> None:
    queue = ports.scheduling

    def written_again(damage: Damage) -> object:
        queue.enqueue(RUN, 1, "t", order="1")
        assert damaged(ports, KEY, Kind.ENTRY, damage)
        try:
            return queue.enqueue(RUN, 1, "t", order="2").attempt
        except (ClientError, ValueError) as error:
            return type(error)
        finally:
            assert queue.drop_unreadable() == ([f"alice/{RUN.name}"] if damage is Damage.UNREADABLE else [])
            queue.remove(RUN)

    outcomes = {damage: written_again(damage) for damage in POSSIBLE[Kind.ENTRY]}
    assert outcomes == {
        Damage.TOO_LARGE: ClientError,
        Damage.UNREADABLE: ValueError,
        Damage.HALF_DELETED: 1,
        Damage.GONE: 1,
    }


@pytest.mark.parametrize(("damage", "is_released"), [(Damage.UNREADABLE, True), (Damage.HALF_DELETED, False)])
def test_a_damaged_slot(ports: Ports, damage: Damage, is_released: bool) -> None:  # a table
    ports.scheduling.enqueue(RUN, 1, "t")
    ports.scheduling.grant_slots([Slot(RUN, a_machine("i-1"))])
    assert damaged(ports, KEY, Kind.SLOT, damage)
    assert (ports.scheduling.slots(), ports.records.slots) == ([], {})
    ports.scheduling.release_slot(RUN, "i-1")
    assert (ports.db.count(SLOTS) == 0) is is_released


def test_a_damaged_machines_item(ports: Ports) -> None:
    ports.jobs.update(*KEY, lambda job: replace(job, instance_id="i-1"))
    ports.machine_table.add(MachineAssignment("i-1", *KEY, 1))
    assert damaged(ports, KEY, Kind.MACHINE, Damage.TOO_LARGE)
    with pytest.raises(ClientError, match="ValidationException"):
        ports.machine_table.store_token("i-1", "token")
    assert damaged(ports, KEY, Kind.MACHINE, Damage.HALF_DELETED)
    assert damaged(ports, KEY, Kind.MACHINE, Damage.GONE)
    assert ports.machine_table.report("i-1", "terminated") is None
