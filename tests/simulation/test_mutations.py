"""The property can fail: each of these mistakes, made on purpose, is found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import fields, replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from functions.aws.job_table import DynamoJobTable
from functions.aws.measured_job_table import MeasuredJobTable
from functions.aws.warm_pool_table import DynamoWarmPoolTable
from functions.aws.workflow import StepFunctionsWorkflow
from functions.cleanup import release_step, run_machines, sweeper
from functions.cleanup.release_step import Released, ReleaseStep
from functions.cleanup.sweeper import Sweeper
from functions.costs.budget import AdmissionDecision, Budget
from functions.execution import record_step
from functions.execution.ports import Machines
from functions.jobs.job import Job, JobStatus, MachineReceipt, Run
from functions.jobs.provenance import Manifest, manifest_of
from functions.monitoring.metrics import JOBS_ENDED
from functions.orchestrator import sweep
from functions.scheduling import fair_order, launch_step, scheduler
from functions.scheduling.fair_order import by_age
from functions.scheduling.launch_queue import LaunchQueue
from functions.scheduling.ports import Batch, Candidate, QueueEntry
from functions.scheduling.warm_pool_ports import PooledMachine
from simulation.calls import caller
from simulation.faults import CallFault, Faults, FunctionFault
from tests.simulation import schedule
from tests.simulation.schedule import PlannedJob, Schedule, SimulationRun
from tests.simulation.strategies import BUSY_FUNCTIONS, OWNER_CAPS, schedules
from tests.simulation.workflow import definition

pytestmark = pytest.mark.simulation

# One is found: what the smallest one is does not matter here.
_FIND = settings(
    max_examples=300,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def first_problems(words: str, among: SearchStrategy[Schedule] | None = None) -> list[str]:
    """What is wrong in the first schedule in which something is wrong that has to do with `words`.

    Raises:
        hypothesis.errors.NoSuchExample: the property holds.
    """

    def fails(schedule: Schedule) -> bool:
        problems = [problem for problem in SimulationRun(schedule).run().problems if words in problem]
        found.extend(problems)
        return bool(problems)

    found: list[str] = []
    find(among if among is not None else schedules(), fails, settings=_FIND)
    return found


def test_a_sweeper_that_ends_machines_whatever_works_on_them_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(**ports: Any) -> Sweeper:
        return Sweeper(**{**ports, "machine_deadline": timedelta(0)})

    assert {field.name for field in fields(Sweeper)} >= {"machine_deadline"}
    monkeypatch.setattr(sweep, "Sweeper", careless)
    assert first_problems("the sweeper ends")


def test_a_client_token_that_two_attempts_share_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def same_token(
        token: str, candidate: Candidate, attempts: tuple[tuple[Run, int], ...], pooled: tuple[str, ...] = ()
    ) -> Batch:
        return Batch(f"token-of-{attempts[0][0].name}", candidate, attempts, pooled)

    monkeypatch.setattr(scheduler, "Batch", same_token)
    assert first_problems("and is now")


def test_a_slot_that_a_cancelled_job_keeps_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(LaunchQueue):
        def release_slot(self, run: Run, machines: Mapping[str, MachineReceipt | None]) -> None:
            """Forgets to."""

    release = ReleaseStep.release

    def forgetful(self: ReleaseStep, run: Run, instance_id: str | None, reported: str | None = None) -> Released:
        job = self.ends.jobs.get(run.owner, run.job_id)
        if job is not None and job.status is JobStatus.CANCELLED:
            ends = replace(self.ends, queue=Forgetful(self.ends.queue.table, self.ends.queue.workflow))
            return release(replace(self, ends=ends), run, instance_id, reported)
        return release(self, run, instance_id, reported)

    monkeypatch.setattr(ReleaseStep, "release", forgetful)
    assert first_problems("still holds a slot")


def test_an_end_that_every_later_step_counts_again_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def update(
        self: MeasuredJobTable, owner: str, job_id: str, change: Callable[[Job], Job], known: Job | None = None
    ) -> Job:
        written = DynamoJobTable.update(self, owner, job_id, change, known)
        if written.status.is_terminal:
            self._metrics.record([JOBS_ENDED.of(1, written.status.value)])
        return written

    monkeypatch.setattr(MeasuredJobTable, "update", update)
    assert first_problems("was counted")


def test_a_record_that_starts_a_second_workflow_when_it_comes_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = count(2)
    start = StepFunctionsWorkflow.start

    def start_again(self: StepFunctionsWorkflow, run: Run, attempt: int) -> None:
        if self.state(run) is None:
            start(self, run, attempt)
            return
        given = {"owner": run.owner, "job_id": run.job_id, "run": run.number, "attempt": attempt}
        name = f"{run.name}-again-{next(numbers)}"
        self._client.start_execution(stateMachineArn=self._arn, name=name, input=json.dumps(given))

    monkeypatch.setattr(StepFunctionsWorkflow, "start", start_again)
    assert first_problems("has two workflows")


def test_a_termination_that_is_taken_for_granted_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def trusting(machines: Machines, instance_id: str, _launched_at: str | None) -> bool:
        machines.terminate(instance_id)
        return True

    monkeypatch.setattr(release_step, "ensure_terminated", trusting)
    assert first_problems("is freed, but the machine is")


def test_a_machine_of_the_pool_that_is_handed_out_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a table whose claims exclude no one, and a holder that does not look at them either."""
    claim, machines = DynamoWarmPoolTable.claim, DynamoWarmPoolTable.machines

    def grasping(self: DynamoWarmPoolTable, instance_id: str, token: str) -> PooledMachine | None:
        for known in machines(self):
            if known.instance_id == instance_id:
                self.release(known)
        return claim(self, instance_id, token)

    def blind(self: DynamoWarmPoolTable) -> list[PooledMachine]:
        is_leader = caller() == "launch"
        return [replace(one, claim=None) if is_leader else one for one in machines(self)]

    monkeypatch.setattr(DynamoWarmPoolTable, "claim", grasping)
    monkeypatch.setattr(DynamoWarmPoolTable, "machines", blind)
    assert first_problems("and is now", schedules(pool_sizes=(1, 2)))


def test_a_leader_who_forgets_what_it_has_just_granted_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(self: Budget, owner: str, requested_type: str | None = None) -> AdmissionDecision:
        before = Counter(self.reserved)
        decision = admit(self, owner, requested_type)
        self.reserved = before
        return decision

    admit = Budget.admit
    monkeypatch.setattr(Budget, "admit", forgetful)
    assert first_problems("micro-USD may be spent", schedules(owner_caps=OWNER_CAPS))


def test_a_sweeper_that_stops_at_its_first_error_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "isolated", lambda *_: nullcontext())
    assert first_problems("did not come to their end", schedules(damaged=st.just(True)))


def test_a_release_that_frees_no_slot_when_it_cannot_note_the_machines_end_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The receipt is written first, since it says what is charged; that it could be written is no condition."""
    monkeypatch.setattr(run_machines, "suppress", lambda *_: nullcontext())
    assert first_problems("did not get to its end", schedules(damaged=st.just(True)))


def test_an_order_by_id_within_an_owner_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_order, "by_age", lambda entries: sorted(entries, key=lambda entry: entry.run.name))
    assert first_problems("was passed over for")


def test_a_call_that_was_given_up_and_takes_the_place_of_the_next_try_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launch_step, "_order", lambda *_: "")
    # One job, whose first call is slow and given up: among schedules at large this is too rare.
    given_up = Faults(functions=(FunctionFault("launch", 0, 0, CallFault.GIVEN_UP),))
    among = st.builds(
        Schedule,
        jobs=st.just((PlannedJob(0.0),)),
        faults=st.just(given_up),
        slowness=st.just(40.0),
        seed=st.integers(0, 2**32),
    )
    assert first_problems("was idle for 18", among)


@pytest.mark.parametrize("by", ["id", "wait"])
def test_an_order_that_gives_no_owner_a_fair_share_is_found(monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    def unfair(entries: Sequence[QueueEntry], *_who_has_what: object) -> list[QueueEntry]:
        return by_age(entries) if by == "wait" else sorted(entries, key=lambda entry: entry.run.name)

    monkeypatch.setattr(scheduler, "fair_order", unfair)
    assert first_problems("was passed over for")


def test_a_manifest_that_does_not_fit_its_result_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(*facts: Any) -> Manifest:
        made = manifest_of(*facts)
        return replace(made, output=replace(made.output, sha256=made.text.sha256))

    monkeypatch.setattr(record_step, "manifest_of", mistaken)
    assert first_problems("its manifest has other hashes")


def test_a_workflow_that_gives_up_when_lambda_has_no_room_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def short_waits(*limits: int) -> Any:
        made = json.loads(json.dumps(definition(*limits)))
        for row in (row for state in made["States"].values() for row in state.get("Retry", ())):
            if row["ErrorEquals"] == ["Lambda.TooManyRequestsException"]:
                row["MaxAttempts"] = 0
        return made

    monkeypatch.setattr(schedule, "definition", short_waits)
    found = first_problems("failed without a reason", schedules(functions=BUSY_FUNCTIONS))
    assert "Lambda.TooManyRequestsException" in found[0]
