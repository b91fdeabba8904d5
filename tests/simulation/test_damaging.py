"""What each damage of an item comes to, by the real adapters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from functions.cleanup.deletion import Tombstone
from functions.jobs.errors import JobUnreadable, RecordRefused
from functions.jobs.job import Job, TimelineEvent
from simulation.damage import Damage, Kind
from simulation.damaging import damaged
from simulation.handlers import Ports
from simulation.stack import Stack
from simulation.world import World
from tests.functions.fakes.job_table import JOB_ID, a_job
from tests.simulation.workflow import definition

KEY = ("alice", JOB_ID)


@pytest.fixture
def ports() -> Iterator[Ports]:
    with World(Stack(), definition()) as world:
        world.ports.jobs.add(a_job())
        yield world.ports


def noted(job: Job) -> Job:
    return job.noted(TimelineEvent("noted", "2026-01-31T09:16:00.000Z"))


def test_a_large_record_is_written_once_it_is_condensed(ports: Ports) -> None:
    assert damaged(ports, KEY, Kind.RECORD, Damage.LARGE)
    assert ports.records.damaged == {KEY: Damage.LARGE}
    written = ports.jobs.update(*KEY, noted)
    assert [len(event.detail or "") < 9_999 for event in written.timeline] == [True, True]
    assert ports.records.damaged == {}


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
    assert not damaged(ports, KEY, Kind.RECORD, Damage.LARGE), "there is none"


def test_a_tombstone_that_cannot_be_read_is_listed(ports: Ports) -> None:
    tombstone = Tombstone(*KEY, "2026-01-31T09:20:00.000Z", "2026-01-31T11:20:00.000Z")
    assert not damaged(ports, KEY, Kind.TOMBSTONE, Damage.UNREADABLE), "there is none"
    assert ports.jobs.bury(replace(a_job()), tombstone)
    assert damaged(ports, KEY, Kind.TOMBSTONE, Damage.UNREADABLE)
    assert list(ports.jobs.unpurged()) == [KEY]
    with pytest.raises(KeyError, match="logs"):
        ports.jobs.tombstone(*KEY)
