"""A stack with a pool, step by step; whatever else happens to it is for test_property.py."""

from __future__ import annotations

from datetime import datetime

from functions.jobs.job import JobStatus
from simulation.faults import Faults, MachineFault, MachineFaultKind
from simulation.payload import Script
from tests.simulation.schedule import PlannedJob, Schedule, SimulationRun

# A machine of the pool is launched, seen online, stopped and made ready, at one of the reconciler's visits each.
READY_WITHIN = 300.0
SHORT = PlannedJob(at=1.0, script=Script(seconds=5.0))


def run_simulation(jobs: int = 1, faults: Faults | None = None, **facts: object) -> SimulationRun:
    schedule = Schedule(
        jobs=(SHORT,) * jobs,
        faults=faults or Faults(),
        pool_size=1,
        pool_head_start=READY_WITHIN,
        **facts,  # type: ignore[arg-type]
    )
    return SimulationRun(schedule).run()


def test_a_job_gets_the_machine_that_waits_and_the_pool_is_filled_again() -> None:
    played = run_simulation()
    (machine,) = played.job(0).machines
    assert played.problems == []
    assert machine.prepared_at is not None
    assert len(played.world.waiting) == 1
    assert machine.instance_id not in played.world.waiting


def test_a_job_that_finds_the_pool_empty_gets_a_new_machine() -> None:
    played = run_simulation(jobs=2)
    assert played.problems == []
    assert sorted(bool(machine.prepared_at) for job in (0, 1) for machine in played.job(job).machines) == [False, True]


def test_a_machine_that_was_ended_while_it_waited_is_replaced() -> None:
    played = run_simulation(faults=Faults(machines={0: MachineFault(MachineFaultKind.DIES, after=250.0)}))
    assert played.problems == []
    assert played.job(0).status is JobStatus.SUCCEEDED
    assert len(played.job(0).machines) == 1


def test_a_machine_that_ec2_has_no_room_for_stays_in_the_pool() -> None:
    played = run_simulation(faults=Faults(starts=("InsufficientInstanceCapacity",)))
    (machine,) = played.job(0).machines
    assert played.problems == []
    assert machine.prepared_at is None
    (waits,) = played.world.waiting
    assert played.world.ports.ec2.instances[waits].boots == 1, "it is the one that could not be started"


def test_a_job_is_at_work_sooner_with_a_pool() -> None:
    def seconds(head_start: float) -> float:
        played = SimulationRun(Schedule(jobs=(SHORT,), pool_size=1, pool_head_start=head_start)).run()
        at = {event.event: event.at for event in played.job(0).timeline}
        commands = played.world.ports.ssm.commands.values()
        (begun,) = [command.begun for command in commands if command.begun]
        return _seconds(at["queued"], begun)

    assert seconds(READY_WITHIN) < seconds(0.0)


def _seconds(first: str, then: str) -> float:
    return (datetime.fromisoformat(then) - datetime.fromisoformat(first)).total_seconds()
