"""The real adapters get the same answers from the DynamoDB in memory and from the emulated one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.aws.machine_table import DynamoMachineTable
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.costs.ports import Charge
from functions.execution.ports import MachineAssignment, MachineTable
from functions.jobs.errors import LeaseLost
from functions.jobs.job import Run
from functions.scheduling.ports import Batch, BatchResult, Candidate, Lease, SchedulingTable, Slot
from simulation.clock import VirtualClock
from simulation.dynamodb import TABLE, DynamoDb
from tests.functions.aws.emulated_dynamodb import new_client, new_table
from tests.functions.fakes.job_table import JOB_ID, OTHER_ID
from tests.functions.fakes.machines import a_machine

RUNS = [Run("alice", JOB_ID), Run("alice", JOB_ID, 2), Run("bob", OTHER_ID), Run("bo", OTHER_ID, 2)]
DAYS = ["2026-01-31", "2026-02-01"]
BATCH = Batch("token", Candidate("t4g.small", "subnet-1", "spot"), ((RUNS[0], 1), (RUNS[2], 3)))

_FEW = settings(
    max_examples=40, derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def both() -> tuple[tuple[Any, str], tuple[Any, str]]:
    """Clients and tables: in memory, and emulated."""
    client = new_client()
    return (DynamoDb().client, TABLE), (client, new_table(client))


@dataclass
class LineSession:
    """A scheduling table and the leases that were taken there."""

    table: SchedulingTable
    leases: list[Lease]

    def do(self, step: tuple[Any, ...]) -> Any:
        """What a step of a test answers; a lease without its holder, which is made up anew each time."""
        name, *arguments = step
        if name == "acquire_lease":
            lease = self.table.acquire_lease(*arguments)
            self.leases += [lease] if lease else []
            return replace(lease, holder="") if lease else None
        if name not in {"save_batch", "release_lease"}:
            return getattr(self.table, name)(*arguments)
        number, given = arguments
        if not self.leases:
            return None
        try:
            return getattr(self.table, name)(self.leases[number % len(self.leases)], given)
        except LeaseLost:
            return "lost"


_runs = st.sampled_from(RUNS)
_attempts = st.integers(1, 2)
_instances = st.sampled_from(["i-1", "i-2"])
_slots = st.builds(Slot, _runs, _instances.map(a_machine))
_line_steps = st.one_of(
    st.tuples(
        st.just("enqueue"),
        _runs,
        _attempts,
        st.sampled_from(["token-1", "token-2"]),
        st.none(),
        st.none(),
        st.sampled_from(["1", "2"]),
    ),
    st.tuples(st.just("oldest"), st.integers(1, 3)),
    st.tuples(st.just("entry"), _runs),
    st.tuples(st.just("remove"), _runs, st.none() | _attempts),
    st.tuples(st.just("slot"), _runs),
    st.tuples(st.sampled_from(["slots", "slot_count"])),
    st.tuples(st.just("grant_slots"), st.lists(_slots, max_size=30, unique_by=lambda slot: slot.run)),
    st.tuples(st.just("release_slot"), _runs, _instances),
    st.tuples(st.just("acquire_lease"), st.sampled_from(["one", "other"])),
    st.tuples(st.just("save_batch"), st.integers(0, 5), st.just(BATCH)),
    st.tuples(
        st.just("release_lease"),
        st.integers(0, 5),
        st.builds(BatchResult, st.integers(1, 9), unfinished=st.none() | st.just(BATCH)),
    ),
    st.tuples(
        st.just("charge"),
        st.builds(Charge, st.sampled_from(DAYS), st.sampled_from(["alice", "bob"]), _instances, st.integers(1, 9)),
    ),
    st.tuples(st.just("batch_under_way")),
    st.tuples(st.just("ledger"), st.sampled_from(DAYS), st.sampled_from([None, "alice"])),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 59.0, 61.0])),
)


@_FEW
@given(st.lists(_line_steps, min_size=5, max_size=40))
def test_the_queue_answers_as_dynamodb_does(steps: list[tuple[Any, ...]]) -> None:
    clock = VirtualClock()
    in_memory, emulated = (LineSession(DynamoSchedulingTable(*each), []) for each in both())
    with clock.installed():
        for step in steps:
            if step[0] == "wait":
                clock.run(clock.seconds + step[1])
            else:
                assert in_memory.do(step) == emulated.do(step), step
                if step[0] == "oldest":
                    assert in_memory.do(("slots",)) == emulated.do(("slots",))


_machine_steps = st.one_of(
    st.tuples(st.just("add"), st.builds(MachineAssignment, _instances, st.just("alice"), st.just(JOB_ID), _attempts)),
    st.tuples(st.just("store_token"), _instances, st.sampled_from(["token-1", "token-2"])),
    st.tuples(st.just("store_end_token"), _instances, st.sampled_from(["token-3", "token-4"])),
    st.tuples(st.sampled_from(["report", "report_end"]), _instances, st.just("terminated")),
    st.tuples(st.sampled_from(["has_event", "has_ended", "waiter"]), _instances),
    st.tuples(st.sampled_from(["queue_ends", "unqueue_ends"]), st.lists(_instances, unique=True)),
    st.tuples(st.just("queued_ends")),
)


@_FEW
@given(st.lists(_machine_steps, min_size=3, max_size=25))
def test_the_machines_answer_as_in_dynamodb(steps: list[tuple[Any, ...]]) -> None:
    tables = [DynamoMachineTable(*each) for each in both()]
    for name, *arguments in steps:
        in_memory, emulated = (_answer(_method(table, name), *arguments) for table in tables)
        assert in_memory == emulated, (name, arguments)


def _method(table: MachineTable, name: str) -> Callable[..., Any]:
    return partial(table.report, is_end=True) if name == "report_end" else getattr(table, name)


def _answer(method: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return method(*arguments)
    except LookupError:
        return "no such machine"
