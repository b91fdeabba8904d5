"""Whether everything is as it must be when a soak is over: one sentence for each thing that is not."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal

from operations.job_client import Job
from soak.journey import SoakJob
from soak.snapshot import Snapshot

TERMINAL = {"succeeded", "failed", "cancelled"}
_MICRO = 1_000_000
_SHOWN = 5


def audit(jobs: Sequence[SoakJob], snapshot: Snapshot) -> list[str]:
    """Nothing, if all is well."""
    return [*_of_jobs(jobs, snapshot), *_of_leftovers(snapshot), *_of_money(jobs, snapshot)]


def _of_jobs(jobs: Sequence[SoakJob], snapshot: Snapshot) -> Iterator[str]:
    for job in jobs:
        found = snapshot.jobs.get(job.id)
        if job.deleted is not None:
            if found is not None:
                yield f"job {job.id} is listed, though it was deleted"
            if not job.deleted_early:
                yield from _of_end(job, job.deleted)
        elif found is None:
            yield f"job {job.id} is gone, and it was not deleted"
        else:
            yield from _of_end(job, found)
            output = snapshot.outputs.get(job.id, "none")
            if found["status"] == "succeeded" and output != hashlib.sha256(job.output).hexdigest():
                yield f"job {job.id} has a wrong result: {output}"
            if not _has_whole_receipt(found):
                yield f"job {job.id} has a receipt without an end: {found['machines']}"
    if unknown := sorted(snapshot.jobs.keys() - {job.id for job in jobs}):
        yield f"jobs that were not submitted: {_some(unknown)}"


def _of_end(job: SoakJob, found: Job) -> Iterator[str]:
    status, error = found["status"], found["error"]
    if status not in TERMINAL:
        yield f"job {job.id} has not ended: it is {status}"
    elif status == "failed" and job.interrupted and error["code"] == "internal_error":
        pass  # its workflow was lost with the emulator
    elif status != job.may_end_as:
        yield f"job {job.id} has {status}, not {job.may_end_as}: {error}"
    elif status == "failed" and error["code"] != "script_failed":
        yield f"job {job.id} has failed as {error['code']}, not as script_failed: {error['message']}"


def _of_leftovers(snapshot: Snapshot) -> Iterator[str]:
    for what, names in {**snapshot.left, "of deleted jobs": snapshot.of_deleted}.items():
        if names:
            yield f"left: {what}: {_some(names)}"


def _of_money(jobs: Sequence[SoakJob], snapshot: Snapshot) -> Iterator[str]:
    receipts = [found for job in jobs if (found := job.deleted or snapshot.jobs.get(job.id)) is not None]
    costs: Counter[str] = Counter()
    for found in receipts:
        if found["cost"] is not None:
            costs[found["owner"]] += int(Decimal(found["cost"]["usd"]) * _MICRO)
    # Machines that ended after their job was deleted early: what they cost, only the ledger says.
    early = {job.id: job.deleted["owner"] for job in jobs if job.deleted is not None and job.deleted_early}
    ended = {each["instance_id"] for found in receipts for each in found["machines"] if each["terminated_at"]}
    unread = {one: early[job_id] for one, job_id in snapshot.launched.items() if job_id in early and one not in ended}
    for owner in sorted(costs.keys() | snapshot.ledger.keys()):
        spent, charged = costs[owner], snapshot.ledger.get(owner, 0)
        if spent > charged or (spent < charged and owner not in unread.values()):
            yield f"owner {owner}: the receipts are {spent} micro-USD, the ledger has {charged}"
    named = {machine["instance_id"] for found in receipts for machine in found["machines"]}
    known = named | unread.keys() | set(snapshot.unassigned)
    charged_machines, launched = set(snapshot.charged), set(snapshot.launched)
    for what, names in (
        ("in receipts and not in the ledger", named - charged_machines),
        ("in the ledger and not in receipts", charged_machines - known),
        ("launched and in no receipt", launched - known),
        ("launched and not in the ledger", launched - charged_machines),
    ):
        if names:
            of_jobs = [f"{one} of job {snapshot.launched.get(one, 'unknown')}" for one in sorted(names)]
            yield f"machines {what}: {_some(of_jobs)}"


def _has_whole_receipt(found: Job) -> bool:
    return found["status"] in TERMINAL and all(machine["terminated_at"] for machine in found["machines"])


def _some(names: Collection[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(list(names)[:_SHOWN])}{more}"
