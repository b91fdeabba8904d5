from __future__ import annotations

import pytest

from functions.cleanup.terminate_step import TerminateStep
from functions.cleanup.termination_batcher import TerminationBatcher
from functions.execution.await_step import AwaitStep
from functions.execution.ports import MachineAssignment
from functions.jobs.job import Run
from functions.scheduling.ports import Slot
from tests.functions.cleanup.test_release_step import Release
from tests.functions.fakes.job_table import JOB_ID, RUN
from tests.functions.fakes.machines import a_machine


class Terminate(Release):
    """The Terminate step for the same, which answers what its workflow notified."""

    def __call__(self, instance_id: str | None = "i-1", run: Run = RUN) -> list[str]:
        batcher = TerminationBatcher(self.machine_table, self.machines, (), lambda _: None)
        TerminateStep(self.ends, self.machine_table, batcher).terminate(run, instance_id, "its-token")
        return self.flow.woken

    def report(self, state: str) -> list[str]:
        AwaitStep(self.machine_table, self.flow).report("i-1", state, is_end=state == "terminated")
        return self.flow.woken


def test_the_workflow_hears_of_its_machines_end_and_of_nothing_before() -> None:
    terminate = Terminate("i-1", states={"i-1": "running"})
    terminate.machine_table.add(MachineAssignment("i-1", "alice", JOB_ID, 1))
    terminate.machine_table.store_token("i-1", "of-the-command")
    terminate.machines.ends_at_once = False
    assert terminate() == []
    assert terminate.machines.terminated == ["i-1"]
    assert terminate.report("shutting-down") == []
    assert terminate.report("terminated") == ["its-token"]


def test_a_machine_that_ended_before_is_not_waited_for() -> None:
    terminate = Terminate("i-1", states={"i-1": "terminated"})
    terminate.machine_table.add(MachineAssignment("i-1", "alice", JOB_ID, 1))
    terminate.report("terminated")
    assert terminate() == ["its-token"]
    assert terminate.machines.terminated == []


@pytest.mark.parametrize(
    ("machines", "states"),
    [(["i-1"], {"i-1": "running"}), (["i-1"], {}), ([], {})],
    ids=["ended at once", "unknown to EC2", "no machine"],
)
def test_what_will_not_be_reported_is_not_waited_for(machines: list[str], states: dict[str, str]) -> None:
    assert Terminate(*machines, states=states)(next(iter(machines), None)) == ["its-token"]


def test_a_machine_that_was_never_dispatched_to_is_waited_for_all_the_same() -> None:
    terminate = Terminate(states={"i-1": "pending"})
    terminate.table.grant_slots([Slot(RUN, a_machine("i-1"))])
    terminate.machines.ends_at_once = False
    assert terminate(None) == []
    assert terminate.report("terminated") == ["its-token"]
