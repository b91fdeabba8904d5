from __future__ import annotations

from simulation.capacity import Capacity, Units
from simulation.lambdas import ignored
from simulation.payload import Script
from simulation.stack import Stack
from simulation.world import OWNER, World
from tests.simulation.workflow import definition

LEDGER = "#ledger/2026-01-31"


def played(jobs: int) -> Capacity:
    world = World(Stack(max_concurrent=10), definition())
    capacity = Capacity(world)
    with world:
        for number in range(jobs):
            world.submit(number, b"a", "text", Script(), ignored)
        world.run(2.0)
        assert world.run_to_rest(3600)
    return capacity


def test_a_collections_busiest_second_is_known() -> None:
    units = Units()
    for second in (0.1, 0.9, 1.2):
        units.take("#slot", 5, second)
    assert (units.used["#slot"], units.most) == (15, {"#slot": 10})


def test_every_kind_of_item_is_counted_and_twice_the_jobs_cost_about_twice_as_much() -> None:
    one, two = played(4), played(8)
    assert set(one.written.used) == {OWNER, "#queue", "#slot", "#lease", "#machine", LEDGER, "open"}
    assert set(one.read.used) - {"open"} == {OWNER, "#queue", "#slot", "#lease", "#machine"}, "a sweep reads the index"
    assert one.written.used["open"] == 8, "a job enters and leaves the index of open jobs once"
    for a, b in ((one.read, two.read), (one.written, two.written)):
        assert 1.5 < sum(b.used.values()) / sum(a.used.values()) < 2.5
