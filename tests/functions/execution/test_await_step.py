from __future__ import annotations

import pytest

from functions.execution.await_step import AwaitStep
from functions.execution.ports import MachineAssignment, TaskWaiter
from tests.functions.fakes.job_table import JOB_ID
from tests.functions.fakes.tables import new_machine_table
from tests.functions.fakes.workflow import Answer, FakeWorkflow


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
    assert not step.machine_table.has_event("i-1"), "it is delivered: the next wait is for another one"


def test_an_event_that_finds_a_wait_which_is_over_is_kept_for_the_next() -> None:
    step, flow = await_step()
    step.store_token("i-1", "first")
    flow.dead.add("first")
    step.report("i-1", "Success")
    step.store_token("i-1", "second")
    assert flow.woken == ["second"]


def test_a_token_that_is_stored_while_an_event_arrives_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    step, flow = await_step()
    read = step.machine_table.waiter

    def overtaken(instance_id: str) -> TaskWaiter | None:
        waiter = read(instance_id)
        step.store_token("i-1", "token")
        return waiter

    monkeypatch.setattr(step.machine_table, "waiter", overtaken)
    step.report("i-1", "Success")
    assert flow.woken == ["token"]


def test_a_machines_end_is_told_with_its_id_and_kept_where_the_command_is_waited_for() -> None:
    step, flow = await_step()
    step.machine_table.store_end_token("i-1", "end")
    step.report("i-1", "terminated", is_end=True)
    assert flow.answers == [Answer("end", {"ended": "i-1"})]
    assert not step.machine_table.has_ended("i-1")
    step.store_token("i-1", "token")
    step.report("i-1", "terminated", is_end=True)
    assert (flow.woken, step.machine_table.has_ended("i-1")) == (["end", "token"], True)


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
