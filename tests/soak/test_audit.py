"""Each rule of the soak's audit, with an ending that breaks it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from operations.job_client import Job
from soak.audit import audit
from soak.journey import SoakJob
from soak.snapshot import Snapshot, accountable

MACHINE = {"instance_id": "i-1", "terminated_at": "2026-01-01T00:00:09.000Z"}
SUCCEEDED: Job = {
    "id": "job",
    "owner": "sub",
    "status": "succeeded",
    "error": None,
    "machines": [MACHINE],
    "cost": {"usd": "0.000700"},
}
FAILED: Job = {**SUCCEEDED, "status": "failed", "error": {"code": "script_failed", "message": "exit code 3"}}
INTERNAL: Job = {**FAILED, "error": {"code": "internal_error", "message": "its workflow was lost"}}


HALF_READ: Job = {**SUCCEEDED, "machines": [{**MACHINE, "terminated_at": None}], "cost": None}


def soak_job(**values: Any) -> SoakJob:
    return SoakJob(**{"owner": "soak-01", "id": "job", "output": b"result", "may_end_as": "succeeded", **values})


def snapshot(job: Job | None = SUCCEEDED, **values: Any) -> Snapshot:
    good = Snapshot(
        left={"machines": [], "executions": []},
        jobs={job["id"]: job} if job else {},
        outputs={"job": hashlib.sha256(b"result").hexdigest()},
        of_deleted=[],
        launched={"i-1": "job"},
        ledger={"sub": 700},
        charged={"i-1"},
    )
    return replace(good, **values)


@pytest.mark.parametrize(
    ("job", "found"),
    [
        (soak_job(), snapshot()),
        (soak_job(may_end_as="failed"), snapshot(FAILED)),
        (soak_job(may_end_as="cancelled"), snapshot({**SUCCEEDED, "status": "cancelled"})),
        (soak_job(deleted=SUCCEEDED), snapshot(None)),
        (soak_job(interrupted=True), snapshot(INTERNAL)),
        # Deleted in the moment of its last machine's end, or of its launch: what that one cost was never read.
        (soak_job(deleted=HALF_READ, deleted_early=True), snapshot(None)),
        (soak_job(deleted={**HALF_READ, "machines": []}, deleted_early=True), snapshot(None)),
    ],
)
def test_a_right_ending_is_no_problem(job: SoakJob, found: Snapshot) -> None:
    assert audit([job], found) == []


@pytest.mark.parametrize(
    ("job", "found", "problem"),
    [
        (soak_job(), snapshot({**SUCCEEDED, "status": "running"}), "job job has not ended: it is running"),
        (soak_job(), snapshot(FAILED), "job job has failed, not succeeded"),
        (soak_job(may_end_as="failed"), snapshot(), "job job has succeeded, not failed"),
        (soak_job(may_end_as="cancelled"), snapshot(), "job job has succeeded, not cancelled"),
        (soak_job(may_end_as="failed"), snapshot(INTERNAL), "job job has failed as internal_error"),
        (soak_job(), snapshot(INTERNAL), "job job has failed, not succeeded"),
        (soak_job(interrupted=True), snapshot(FAILED), "job job has failed, not succeeded"),
        (soak_job(deleted=FAILED), snapshot(None), "job job has failed, not succeeded"),
        (soak_job(), snapshot(outputs={"job": "another"}), "job job has a wrong result: another"),
        (soak_job(), snapshot(outputs={}), "job job has a wrong result: none"),
        (
            soak_job(),
            snapshot({**SUCCEEDED, "machines": [{**MACHINE, "terminated_at": None}]}),
            "job job has a receipt without an end",
        ),
        (soak_job(), snapshot(None), "job job is gone, and it was not deleted"),
        (soak_job(deleted=SUCCEEDED), snapshot(), "job job is listed, though it was deleted"),
        (soak_job(), snapshot(left={"machines": ["i-1"]}), "left: machines: i-1"),
        (soak_job(), snapshot(left={"slots": list("abcdefg")}), "left: slots: a, b, c, d, e and 2 more"),
        (soak_job(), snapshot(of_deleted=["object inputs/x"]), "left: of deleted jobs: object inputs/x"),
        (soak_job(), snapshot(ledger={}), "owner sub: the receipts are 700 micro-USD, the ledger has 0"),
        (soak_job(), snapshot(ledger={"sub": 701}), "owner sub: the receipts are 700 micro-USD, the ledger has 701"),
        (
            soak_job(),
            snapshot(ledger={"sub": 700, "other": 5}),
            "owner other: the receipts are 0 micro-USD, the ledger has 5",
        ),
        (
            soak_job(deleted=SUCCEEDED, deleted_early=True),
            snapshot(None, ledger={"sub": 701}),
            "owner sub: the receipts are 700 micro-USD, the ledger has 701",
        ),
        (soak_job(), snapshot(charged=set()), "machines in receipts and not in the ledger: i-1"),
        (
            soak_job(),
            snapshot(launched={"i-1": "job", "i-2": "job"}, charged={"i-1", "i-2"}),
            "machines in the ledger and not in receipts: i-2",
        ),
        (soak_job(), snapshot(launched={"i-1": "job", "i-2": "job"}), "machines launched and in no receipt: i-2"),
        (
            soak_job(deleted={**HALF_READ, "machines": []}, deleted_early=True),
            snapshot(None, charged=set(), ledger={}),
            "machines launched and not in the ledger: i-1",
        ),
        (
            soak_job(deleted={**SUCCEEDED, "machines": []}),
            snapshot(None),
            "machines in the ledger and not in receipts: i-1",
        ),
    ],
)
def test_a_wrong_ending_is_named(job: SoakJob, found: Snapshot, problem: str) -> None:
    problems = audit([job], found)
    assert problems
    assert problems[0].startswith(problem)


def test_a_job_that_was_not_submitted_is_named() -> None:
    assert audit([], snapshot())[0] == "jobs that were not submitted: job"


def test_a_deleted_job_with_an_unread_cost_hides_no_overcharge_of_the_receipts() -> None:
    found = snapshot(None, ledger={"sub": 1})
    assert audit([soak_job(deleted=SUCCEEDED, deleted_early=True)], found) == [
        "owner sub: the receipts are 700 micro-USD, the ledger has 1"
    ]


def test_only_a_living_machine_of_no_job_is_forgotten_when_the_emulator_restarts() -> None:
    states = [("mine", "job", "running"), ("swept", None, "terminated"), ("unswept", None, "running")]
    machines = [{"id": name, "job_id": job_id, "state": state} for name, job_id, state in states]
    assert accountable(machines) == {"mine": "job", "swept": None}
