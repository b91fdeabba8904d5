from __future__ import annotations

from functions.execution.await_step import AwaitStep
from functions.execution.ports import MachineAssignment
from tests.functions.fakes.job_table import JOB_ID
from tests.functions.fakes.tables import new_machine_table
from tests.functions.fakes.workflow import FakeWorkflow


def await_step() -> tuple[AwaitStep, FakeWorkflow]:
    table, workflow = new_machine_table(), FakeWorkflow()
    table.add(MachineAssignment("i-1", "alice", JOB_ID, 1))
    return AwaitStep(table, workflow), workflow


def test_an_event_wakes_the_workflow_that_waits() -> None:
    step, flow = await_step()
    step.store_token("i-1", "token")
    assert flow.woken == []
    assert step.report("i-1", "Success")
    assert flow.woken == ["token"]


def test_an_event_before_the_wait_ends_it_at_once() -> None:
    step, flow = await_step()
    step.report("i-1", "Success")
    step.store_token("i-1", "token")
    assert flow.woken == ["token"]


def test_an_old_event_does_not_end_the_next_wait() -> None:
    step, flow = await_step()
    step.report("i-1", "warning")
    step.store_token("i-1", "first")
    step.store_token("i-1", "second")
    assert flow.woken == ["first"]


def test_an_event_of_a_machine_that_is_not_ours_is_ignored() -> None:
    step, flow = await_step()
    assert not step.report("i-other", "terminated")
    assert flow.woken == []
