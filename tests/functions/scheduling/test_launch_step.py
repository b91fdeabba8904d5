from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count

import pytest

from functions.aws.run_reader import DynamoRunReader
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.jobs.errors import JobEnded, QueueTimeout
from functions.jobs.job import JobStatus, Overrides, Run
from functions.scheduling.ports import Batch, BatchResult, Lease, LeaseState, Refusal, Slot
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.crash_injector import CrashInjector
from tests.functions.fakes.machines import FakeMachines, a_machine
from tests.functions.fakes.workflow import FakeWorkflow
from tests.functions.scheduling.waiting_queue import (
    DENIED,
    FULL,
    ONE,
    QUEUE_TIMEOUT,
    QUOTA,
    SPOT,
    THROTTLED,
    TWO,
    WaitingQueue,
    dies_while_launching,
)

# Those who begin to wait at one moment come by their jobs' ids.
pytestmark = pytest.mark.usefixtures("stopped_clock")

WAIT = QUEUE_TIMEOUT.total_seconds()


def test_a_run_that_finds_the_lease_free_launches_for_the_whole_queue() -> None:
    queue = WaitingQueue.of(4)
    queue.enqueue(*queue.runs[1:])
    queue.launch(queue.runs[0])
    assert queue.counts == [4]
    assert [queue.notified(run) for run in queue.runs] == [["i-1"], ["i-2"], ["i-3"], ["i-4"]]
    assert queue.table.oldest(9) == []


def test_a_run_that_enters_during_the_holders_last_read_is_served() -> None:
    queue = WaitingQueue.of(2)
    queue.machines.before = [lambda: queue.launch(queue.runs[1])]
    queue.launch(queue.runs[0])
    queue.settle()
    assert [queue.notified(run)[-1] for run in queue.runs] == ["i-1", "i-2"]


def test_the_holder_is_notified_last_and_finds_the_lease_free() -> None:
    queue = WaitingQueue.of(3)
    free_when_told: dict[str, bool] = {}

    class Watching(FakeWorkflow):
        def wake(self, token: str, output: Mapping[str, str] | None = None) -> bool:
            free_when_told[token] = not queue.table.is_leased()
            return super().wake(token, output)

    queue.flow = Watching()
    queue.enqueue(*queue.runs[1:])
    queue.launch(queue.runs[0])
    assert list(free_when_told.values()) == [False, False, True]
    assert list(free_when_told)[-1].startswith(f"{queue.runs[0].name}/")


def test_a_holder_that_is_served_first_hands_the_lease_to_the_oldest_of_the_others() -> None:
    queue = WaitingQueue.of(3)
    queue.machines.answers = [1]
    queue.enqueue(*queue.runs[1:])
    queue.launch(queue.runs[0])
    assert [queue.notified(run) for run in queue.runs] == [["i-1"], ["CapacityAvailable"], []], (
        "and does not tell itself"
    )
    queue.settle()
    assert [queue.notified(run)[-1] for run in queue.runs] == ["i-1", "i-2", "i-3"]


def test_a_run_that_has_its_machine_does_not_wait_for_those_that_have_none() -> None:
    queue = WaitingQueue.of(2)
    queue.machines.answers = [1, FULL, FULL, FULL]
    queue.enqueue(queue.runs[1])
    queue.launch(queue.runs[0])
    queue.launch(queue.runs[1])
    assert [queue.notified(run)[-1] for run in queue.runs] == ["i-1", "CapacityUnavailable"]


def test_a_run_that_got_its_machine_between_two_tries_takes_it_though_others_get_none() -> None:
    queue = WaitingQueue.of(2)
    first, second = queue.runs
    queue.table.grant_slots([Slot(first, a_machine("i-7"))])
    queue.machines.answers = [FULL]
    queue.enqueue(second)
    queue.launch(first)
    assert [queue.notified(run) for run in queue.runs] == [["i-7"], ["CapacityUnavailable"]]


def test_a_leader_that_is_cancelled_while_it_launches_leaves_no_machine_behind() -> None:
    queue = WaitingQueue.of(1)
    (run,) = queue.runs

    def cancel() -> None:
        queue.jobs.update(run.owner, run.job_id, lambda job: job.moved(JobStatus.CANCELLED))
        queue.queue.dequeue(run, "JobEnded", "cancelled on request")

    queue.machines.before = [cancel]
    queue.launch(run)
    assert queue.machines.terminated == ["i-1"], "its workflow may have been through Terminate by now"


def test_a_freed_slot_serves_who_waited_for_it() -> None:
    queue = WaitingQueue.of(3, max_concurrent=2)
    queue.enqueue(*queue.runs[1:])
    queue.launch(queue.runs[0])
    assert queue.counts == [2]
    queue.queue.release_slot(queue.runs[0], {"i-1": None})
    queue.settle()
    assert queue.notified(queue.runs[2]) == ["CapacityAvailable", "i-3"]


def test_a_cancelled_run_gets_no_queue_entry_and_no_machine() -> None:
    queue = WaitingQueue.of(1)
    (run,) = queue.runs
    queue.jobs.update(run.owner, run.job_id, lambda job: job.moved(JobStatus.CANCELLED))
    with pytest.raises(JobEnded):
        queue.launch(run)
    assert (queue.table.oldest(9), queue.machines.asked) == ([], [])


def test_a_run_that_another_one_followed_gets_no_machine() -> None:
    queue = WaitingQueue.of(1)
    (run,) = queue.runs
    queue.jobs.update(run.owner, run.job_id, lambda job: job.moved(JobStatus.CANCELLED).retried("t"))
    with pytest.raises(JobEnded, match="run 1"):
        queue.launch(run)
    queue.runs = [Run(run.owner, run.job_id, 2)]
    queue.launch(queue.runs[0])
    assert queue.notified(queue.runs[0]) == ["i-1"]


@pytest.mark.parametrize("waited", [0, WAIT])
def test_a_step_whose_answer_was_lost_gets_the_machine_it_has(stopped_clock: StoppedClock, waited: float) -> None:
    queue = WaitingQueue.of(1)
    (run,) = queue.runs
    queue.enqueue(run)
    queue.table.grant_slots([Slot(run, a_machine("i-7"))])
    stopped_clock.go_on(waited)
    queue.launch(run)
    assert queue.notified(run) == ["i-7"]
    assert (queue.machines.asked, queue.table.oldest(9)) == ([], [])


def test_the_next_attempt_does_not_get_the_machine_of_the_one_before() -> None:
    queue = WaitingQueue.of(1)
    (run,) = queue.runs
    queue.table.grant_slots([Slot(run, a_machine("i-7", attempt=1))])
    queue.launch(run, attempt=2)
    assert queue.notified(run) == ["i-1"]


def test_a_job_that_all_machines_are_busy_for_says_so_once() -> None:
    queue = WaitingQueue.of(2, max_concurrent=1)
    first, second = queue.runs
    queue.launch(first)
    for _ in range(2):
        queue.launch(second)
    assert queue.notified(second) == []
    (event,) = queue.job(second).timeline
    assert event.event == "waiting"
    assert "All 1 machines" in event.detail
    assert queue.job(first).timeline == (), "it got the last one"


@pytest.mark.parametrize(("counted_ago", "is_told"), [(0, True), (11, False)])
def test_a_job_that_waits_takes_the_count_of_the_leases_holder_while_it_is_new(
    counted_ago: int, is_told: bool, stopped_clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = WaitingQueue.of(1, max_concurrent=2)
    counts = iter([0])
    monkeypatch.setattr(queue.table, "slot_count", lambda: next(counts))
    lease = queue.lease("another")
    lease.slots = 2
    queue.table.save_batch(lease, Batch("token", ONE, ()))
    stopped_clock.go_on(counted_ago)
    queue.launch(queue.runs[0])
    assert [event.event for event in queue.jobs.only.timeline] == ["waiting"] * is_told
    assert list(counts) == [0] * is_told


def test_the_holder_of_the_lease_counts_the_slots_that_it_sees_and_grants() -> None:
    queue = WaitingQueue.of(3, max_concurrent=2)
    queue.enqueue(*queue.runs[1:])
    queue.launch(queue.runs[0])
    *_, lease = queue.jobs.beside(DynamoRunReader).before_launch(queue.runs[2])
    assert lease == LeaseState(is_held=False, slots=2)


def test_a_job_that_waits_for_another_reason_does_not_blame_busy_machines() -> None:
    queue = WaitingQueue.of(2)
    queue.machines.answers = [FULL]
    queue.launch(queue.runs[0])
    assert queue.table.acquire_lease("another")
    queue.launch(queue.runs[1])
    assert [event.event for run in queue.runs for event in queue.job(run).timeline] == ["launch_refused"]


def test_a_job_that_lost_its_machine_is_not_new_to_the_queue() -> None:
    queue = WaitingQueue.of(2, max_concurrent=1)
    first, second = queue.runs
    queue.launch(first)
    queue.jobs.update(second.owner, second.job_id, lambda job: job.moved(JobStatus.LAUNCHING))
    queue.launch(second, attempt=2)
    assert queue.job(second).timeline == ()


def test_the_machine_of_the_attempt_before_is_not_given_while_another_holds_the_lease() -> None:
    queue = WaitingQueue.of(1)
    (run,) = queue.runs
    queue.table.grant_slots([Slot(run, a_machine("i-7", attempt=1))])
    assert queue.table.acquire_lease("another")
    queue.launch(run, attempt=2)
    assert queue.notified(run) == []


def test_a_call_that_its_workflow_gave_up_does_not_take_the_slot_of_the_next_attempt() -> None:
    queue = WaitingQueue.of(1)
    (run,) = queue.runs
    queue.table.grant_slots([Slot(run, a_machine("i-7", attempt=2))])
    with pytest.raises(JobEnded):
        queue.launch(run, attempt=1)
    assert [slot.machine.instance_id for slot in queue.table.slots()] == ["i-7"]
    assert (queue.table.oldest(9), queue.alive) == ([], [])


@pytest.mark.parametrize(
    ("refusal", "error"), [(FULL, "CapacityUnavailable"), (QUOTA, "QuotaExceeded"), (THROTTLED, "Throttled")]
)
def test_a_refusal_notifies_the_oldest_entry_whichever_run_held_the_lease(refusal: Refusal, error: str) -> None:
    queue = WaitingQueue.of(3)
    queue.machines.answers = [refusal] * 3
    queue.enqueue(*queue.runs[:2])
    queue.launch(queue.runs[2])
    assert [queue.notified(run) for run in queue.runs] == [[error], [], []]
    assert queue.flow.answers[0].cause == str(refusal)
    assert not queue.table.is_leased()


def test_a_refusal_notifies_the_next_if_the_oldest_is_about_to_come_again_anyway() -> None:
    queue = WaitingQueue.of(3)
    queue.machines.answers = [FULL]
    queue.enqueue(*queue.runs[:2])
    queue.flow.dead.add(queue.entry(queue.runs[0]).token)
    queue.launch(queue.runs[2])
    assert [queue.notified(run) for run in queue.runs] == [[], ["CapacityUnavailable"], []]


def test_coming_again_does_not_begin_the_wait_anew(stopped_clock: StoppedClock) -> None:
    queue = WaitingQueue.of(1)
    queue.machines.answers = [FULL] * 3
    queue.launch(queue.runs[0])
    stopped_clock.go_on(WAIT / 2)
    queue.launch(queue.runs[0])
    stopped_clock.go_on(WAIT / 2)
    with pytest.raises(QueueTimeout, match="60 minutes"):
        queue.launch(queue.runs[0])
    assert (queue.table.oldest(9), len(queue.machines.asked)) == ([], 2)


def test_the_oldest_is_notified_of_the_last_answer_when_it_has_waited_too_long(stopped_clock: StoppedClock) -> None:
    queue = WaitingQueue.of(3)
    queue.machines.answers = [QUOTA]
    queue.enqueue(queue.runs[0])
    stopped_clock.go_on(WAIT)
    queue.enqueue(queue.runs[1])
    queue.launch(queue.runs[2])
    assert [queue.notified(run) for run in queue.runs] == [["QueueTimeout"], ["QuotaExceeded"], []]
    cause = queue.flow.answers[0].cause
    assert "60 minutes" in cause
    assert str(QUOTA) in cause
    assert [entry.run for entry in queue.table.oldest(9)] == list(queue.runs[1:])


def test_a_wait_that_is_over_does_not_begin_anew_for_a_run_that_did_not_hear_of_it(
    stopped_clock: StoppedClock,
) -> None:
    queue = WaitingQueue.of(2)
    queue.machines.answers = [FULL, FULL]
    queue.launch(queue.runs[0])
    stopped_clock.go_on(WAIT)
    queue.launch(queue.runs[1])  # while the oldest sleeps between two tries
    with pytest.raises(QueueTimeout):
        queue.launch(queue.runs[0])


def test_a_holder_whose_time_is_over_hands_the_lease_over(stopped_clock: StoppedClock) -> None:
    queue = WaitingQueue.of(3)
    queue.machines.before = [lambda: stopped_clock.go_on(20)] * 3
    queue.machines.answers = [1, 1, 1]
    queue.enqueue(*queue.runs[:2])
    queue.launch(queue.runs[2])
    assert queue.counts == [3, 2]
    assert queue.notified(queue.runs[2]) == ["CapacityAvailable"]
    queue.settle()
    assert queue.notified(queue.runs[2])[-1] == "i-3"


def test_a_leader_that_was_held_up_goes_quietly_and_its_successor_serves_it(stopped_clock: StoppedClock) -> None:
    queue = WaitingQueue.of(2)

    def is_held_up() -> None:
        stopped_clock.go_on(61)
        queue.launch(queue.runs[1])

    queue.machines.after = [is_held_up]
    queue.launch(queue.runs[0])
    assert [queue.notified(run) for run in queue.runs] == [["i-1"], ["i-2"]]
    assert len(queue.alive) == 2


@pytest.mark.parametrize(
    ("attempt", "redrives", "asks"), [(1, 0, 3), (2, 0, 0), (1, 1, 0)], ids=["asks again", "next attempt", "redriven"]
)
def test_a_call_that_its_workflow_gave_up_does_not_take_its_next_trys_place(
    attempt: int, redrives: int, asks: int
) -> None:
    queue = WaitingQueue.of(1)
    (run,) = queue.runs
    queue.machines.answers = [FULL] * 20
    queue.launch(run, attempt, asks=asks, redrives=redrives)
    place = queue.entry(run)
    queue.launch(run, asks=2)
    assert queue.entry(run) == place


def test_a_leader_whose_answer_comes_too_late_hands_nothing_out(stopped_clock: StoppedClock) -> None:
    queue = WaitingQueue.of(2)

    def is_late() -> None:
        stopped_clock.go_on(61)
        queue.machines.answers = [FULL]  # to the same call, that its successor makes
        queue.launch(queue.runs[1])

    queue.machines.before = [is_late]
    queue.enqueue(queue.runs[1])
    queue.launch(queue.runs[0])
    queue.settle()
    assert [queue.notified(run) for run in queue.runs] == [["i-1"], ["i-2"]]
    assert [slot.machine.instance_id for slot in queue.table.slots()] == ["i-1", "i-2"]


def test_a_holder_that_loses_the_lease_with_its_machine_granted_keeps_that(stopped_clock: StoppedClock) -> None:
    queue = WaitingQueue.of(2)

    class TakenOver(FakeMachines):
        def tag(self, instance_id: str, tags: Mapping[str, str]) -> bool:
            stopped_clock.go_on(61)
            assert queue.table.acquire_lease("one that dies at once")
            return True

    queue.machines = TakenOver()
    queue.enqueue(queue.runs[1])
    queue.launch(queue.runs[0])
    assert queue.notified(queue.runs[0]) == ["i-1"]


def test_a_run_notified_while_it_holds_the_lease_takes_its_own_lease_over() -> None:
    queue = WaitingQueue.of(3)
    first, *others = queue.runs

    def is_notified() -> None:
        queue.queue.notify_next()  # a slot is freed: the first in the queue is the leader itself
        queue.launch(first)

    queue.machines.after = [is_notified]
    queue.enqueue(*others)
    queue.launch(first)
    queue.settle()
    assert [queue.notified(run)[-1] for run in queue.runs] == ["i-1", "i-2", "i-3"]
    assert len({call.token for call in queue.machines.asked}) == 1
    assert len(queue.alive) == len(queue.table.slots()) == 3


def requested_type(queue: WaitingQueue, run: Run, instance_type: str) -> None:
    queue.jobs.update(run.owner, run.job_id, lambda job: replace(job, overrides=Overrides(instance_type)))


def test_a_queue_entry_names_the_requested_type_from_the_beginning() -> None:
    queue = WaitingQueue.of(1)
    (run,) = queue.runs
    requested_type(queue, run, "c7g.large")
    queue.launch(run)
    assert queue.machines.asked[0].candidate == replace(ONE, instance_type="c7g.large")


def test_the_oldest_hears_of_its_own_requested_type_and_comes_again_for_all() -> None:
    queue = WaitingQueue.of(3)
    first, second, third = queue.runs
    requested_type(queue, first, "g5g.xlarge")
    requested_type(queue, second, "c7g.large")
    queue.machines.answers = [FULL, QUOTA, 1]
    queue.enqueue(first, requested_type="g5g.xlarge")
    queue.enqueue(second, requested_type="c7g.large")
    queue.launch(third)
    assert [queue.notified(run) for run in queue.runs] == [["CapacityAvailable"], [], ["i-1"]]
    queue.machines.answers = [FULL, QUOTA]
    queue.launch(first)
    assert queue.notified(first) == ["CapacityAvailable", "CapacityUnavailable"]
    queue.settle()
    assert [queue.notified(run)[-1] for run in queue.runs] == ["i-2", "i-3", "i-1"]


@pytest.mark.parametrize(
    ("lost", "markets"),
    [
        ({"market": "spot"}, ["on-demand", "spot"]),
        ({"market": "on-demand"}, ["spot", "on-demand"]),
        ({"market": "spot", "run": 2}, ["spot", "on-demand"]),
        ({"market": "spot", "attempt": 2}, ["spot", "on-demand"]),
    ],
    ids=["a spot machine", "an on-demand machine", "a machine of another run", "none, in a step that is tried again"],
)
def test_a_run_that_has_lost_a_spot_machine_asks_for_on_demand_capacity_first(
    lost: dict[str, object], markets: list[str]
) -> None:
    queue = WaitingQueue.of(1, candidates=(SPOT, ONE))
    (run,) = queue.runs
    queue.jobs.update(run.owner, run.job_id, lambda job: job.with_machine(a_machine("i-0", **lost)))
    queue.machines.answers = [FULL]
    queue.launch(run, attempt=2)
    assert [call.candidate.market for call in queue.machines.asked] == markets
    assert queue.slot(run).machine.market == markets[-1]


def test_a_run_that_has_lost_a_spot_machine_changes_nothing_for_the_others() -> None:
    queue = WaitingQueue.of(3, candidates=(SPOT, ONE))
    lost, *others = queue.runs
    queue.jobs.update(lost.owner, lost.job_id, lambda job: job.with_machine(a_machine("i-0", market="spot")))
    queue.enqueue(*others)
    queue.launch(lost, attempt=2)
    queue.settle()
    assert [(call.candidate.market, call.count) for call in queue.machines.asked] == [("on-demand", 1), ("spot", 2)]


def enters_after_the_last_look(queue: WaitingQueue, run: Run) -> None:
    """Lets a run take its queue entry just before the leader gives the lease back for the first time."""

    class Entering(DynamoSchedulingTable):
        def release_lease(self, lease: Lease, result: BatchResult) -> None:
            if not queue.notified(run):
                queue.enqueue(run)
            super().release_lease(lease, result)

    queue.table = queue.jobs.beside(Entering)


def test_who_enters_while_others_are_refused_is_not_left_to_their_next_try() -> None:
    queue = WaitingQueue.of(2)
    first, late = queue.runs
    requested_type(queue, first, "g5g.xlarge")
    queue.machines.answers = [FULL, FULL]
    enters_after_the_last_look(queue, late)
    queue.launch(first)
    assert [queue.notified(run) for run in queue.runs] == [["CapacityUnavailable"], ["i-1"]]


def test_what_was_refused_for_good_fails_no_run_that_requested_another_type() -> None:
    queue = WaitingQueue.of(3)
    older, refused, leader = queue.runs
    enters_after_the_last_look(queue, older)
    queue.enqueue(refused, requested_type="p9.huge")
    queue.flow.dead.add(queue.entry(refused).token)
    queue.machines.answers = [DENIED, 1, DENIED]
    requested_type(queue, leader, "p9.huge")
    queue.launch(leader)
    queue.settle()
    assert queue.notified(older) == ["CapacityAvailable", "i-1"]
    assert queue.notified(leader) == ["LaunchRefused"]


def after_a_death(queue: WaitingQueue, injector: CrashInjector, leader: Run) -> None:
    """The state of things that a dead leader left, after its own workflow tried the step again."""
    queue.launch(leader)
    queue.settle()
    for run in queue.runs:
        machines = [one for one in queue.notified(run) if one and one.startswith("i-")]
        assert machines, f"{run.name} is forgotten, {injector.last} was the last call"
        assert len(set(machines)) == 1, f"{run.name} was told of {machines}, {injector.last} was the last call"
        slot = queue.table.slot(run)
        assert slot, injector.last
        assert slot.machine.instance_id == machines[0], injector.last
    assert len(queue.alive) == len(queue.runs), f"a machine too many; {injector.last} was the last call"
    assert queue.table.oldest(9) == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("holder", [0, 2], ids=["the oldest holds the lease", "the youngest holds the lease"])
@pytest.mark.parametrize("answers", [[], [FULL], [1], [THROTTLED]], ids=["all", "full", "partial", "throttled"])
def test_wherever_a_leader_dies_its_next_try_sees_to_all(
    stopped_clock: StoppedClock, answers: list[Refusal | int | Exception], holder: int, after: bool
) -> None:
    for call in count(1):
        queue = WaitingQueue.of(3, candidates=(ONE, TWO))
        queue.machines.answers = list(answers)
        leader = queue.runs[holder]
        queue.enqueue(*(run for run in queue.runs if run != leader))
        injector = CrashInjector(call, after)
        if not dies_while_launching(queue, leader, injector):
            assert call > 10, "the injector was nowhere in the way"
            return
        stopped_clock.go_on(2)
        after_a_death(queue, injector, leader)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_wherever_a_leader_dies_another_one_may_come_before_its_next_try(
    stopped_clock: StoppedClock, after: bool
) -> None:
    for call in count(1):
        queue = WaitingQueue.of(3)
        leader, other, _ = queue.runs
        queue.enqueue(*queue.runs[1:])
        injector = CrashInjector(call, after)
        if not dies_while_launching(queue, leader, injector):
            return
        stopped_clock.go_on(61)
        if queue.table.entry(other):
            queue.launch(other)
        after_a_death(queue, injector, leader)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_two_leaders_in_a_row_may_die(stopped_clock: StoppedClock, after: bool) -> None:
    for first in range(1, 30):
        for second in count(1):
            queue = WaitingQueue.of(2)
            leader = queue.runs[0]
            queue.enqueue(queue.runs[1])
            injectors = CrashInjector(first, after), CrashInjector(second, after)
            if not dies_while_launching(queue, leader, injectors[0]):
                return
            stopped_clock.go_on(2)
            if not dies_while_launching(queue, leader, injectors[1]):
                break
            stopped_clock.go_on(2)
            after_a_death(queue, injectors[1], leader)
