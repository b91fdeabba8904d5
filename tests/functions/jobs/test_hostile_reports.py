"""Whatever bytes a machine writes for a report, they end its own job at most, and tell no time outside its life."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.aws.job_items import from_item, to_item
from functions.aws.machines import _report
from functions.execution.inspect_step import InspectStep
from functions.execution.machine_report import CLOCK_SKEW, EVENTS, MachineReport
from functions.execution.outcome import WRAPPER_FAILURES
from functions.execution.ports import CommandState
from functions.execution.record_step import RecordStep
from functions.jobs import clock
from functions.jobs.clock import rfc3339
from functions.jobs.job import Job, JobStatus, Run
from functions.orchestrator.record import _outcome
from tests.functions.fakes.job_files import MemoryJobFiles
from tests.functions.fakes.job_table import JOB_ID, MemoryJobTable, a_job
from tests.functions.fakes.machines import FakeMachines, a_machine
from tests.functions.jobs.test_record_limits import record_size

LAUNCHED = datetime(2026, 1, 31, 9, 15, 2, tzinfo=UTC)
# GetCommandInvocation gives as many characters of stderr (Systems Manager API reference).
SEEN_OF_STDERR = 8_000
NOTE = "times_left_out"

years = st.datetimes(timezones=st.just(UTC)).map(rfc3339)
around = st.integers(-900, 900).map(lambda seconds: rfc3339(LAUNCHED + timedelta(seconds=seconds)))
times = st.one_of(
    years, around, st.text(max_size=30), st.sampled_from(["0000-00-00T00:00:00Z", "2026-02-30T09:15:09Z"])
)
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(exclude_categories=())), times
)
anything = st.recursive(
    leaves, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(max_size=8), inner)), max_leaves=20
)
event = st.one_of(
    anything, st.fixed_dictionaries({"event": st.sampled_from([*EVENTS, "succeeded", "retried", NOTE]), "at": times})
)
content = st.one_of(anything, st.fixed_dictionaries({"size": st.integers(), "sha256": st.text("0123456789abcdef")}))
report = st.fixed_dictionaries(
    {},
    optional={
        "message": anything,
        "stderr_tail": anything,
        "events": st.one_of(anything, st.lists(event, max_size=40)),
        "input": content,
        "output": content,
        "python": anything,
    },
)
written = st.one_of(
    st.binary(max_size=300),
    anything.map(lambda value: json.dumps(value).encode()),
    report.map(lambda value: json.dumps(value).encode()),
    st.tuples(report, st.binary(max_size=40)).map(lambda both: json.dumps(both[0]).encode() + both[1]),
    st.tuples(report, st.integers(0, 200)).map(lambda both: json.dumps(both[0]).encode()[: both[1]]),
)


def recorded(state: CommandState, owner: str = "alice") -> Job:
    """The job after Inspect and Record, whose answers went over the wire as Lambda's runtime writes them."""
    machine = a_machine("i-1", launched_at=rfc3339(LAUNCHED))
    running: dict[str, Any] = {"status": JobStatus.RUNNING, "attempts": 1, "instance_id": "i-1", "command_id": "c"}
    jobs = MemoryJobTable(a_job(owner=owner, machines=(machine,), **running))
    machines = FakeMachines(commands={"c": state}, states={"i-1": "running"})
    run = Run(owner, JOB_ID)
    found = asdict(InspectStep(jobs, machines, 600).inspect(run, "i-1", "c"))
    assert found["verdict"] == "finished"
    # awslambdaric 4.2.2, lambda_runtime_marshaller.py: ensure_ascii=False, then bytes.
    by_wire = json.loads(json.dumps(found, ensure_ascii=False, allow_nan=False).encode())
    RecordStep(jobs, MemoryJobFiles(), "1.2.3").finished(run, 1, _outcome(by_wire))
    return jobs.only


@pytest.mark.thorough
@given(stderr=written, code=st.sampled_from(sorted({*WRAPPER_FAILURES, 70} - {31})), later=st.integers(0, 900))
def test_whatever_a_machine_writes_its_job_ends_and_its_record_is_sound(stderr: bytes, code: int, later: int) -> None:
    read_at = LAUNCHED + timedelta(seconds=later)
    # The agent's JSON has U+FFFD for what is no UTF-8, as Go's encoder does.
    said = _report(stderr.decode(errors="replace")[:SEEN_OF_STDERR])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "utc_now", lambda: read_at)
        job = recorded(CommandState("Failed", code, said))
    assert job.status is JobStatus.FAILED
    assert from_item(to_item(job)) == job
    assert record_size(job) < 12_000
    json.dumps(asdict(job), ensure_ascii=False, allow_nan=False).encode()
    told = [each.event for each in job.timeline]
    assert set(told) <= {*EVENTS, NOTE, "failed"}
    assert len(told) == len(set(told))
    for each in job.timeline:
        assert LAUNCHED - CLOCK_SKEW <= datetime.fromisoformat(each.at) <= read_at + CLOCK_SKEW


@pytest.mark.parametrize(
    ("seconds", "is_taken"), [(-301, False), (-299, True), (0, True), (899, True), (901, False), (10**9, False)]
)
def test_times_are_held_to_the_machines_life_and_the_rest_is_told_of_once(seconds: int, *, is_taken: bool) -> None:
    """AWS refuses the calls of an agent whose clock is five minutes off (IAM user guide, "AWS Signature Version 4")."""
    at, read_at = rfc3339(LAUNCHED + timedelta(seconds=seconds)), LAUNCHED + timedelta(minutes=10)
    listed = [{"event": "script_started", "at": at}, {"event": "script_finished", "at": at}]
    events = MachineReport.read({"events": listed}).within(LAUNCHED, read_at).events
    assert [each.event for each in events] == (["script_started", "script_finished"] if is_taken else [NOTE])


def test_a_job_whose_times_were_left_out_says_so_and_ends_as_it_would_have() -> None:
    events = [{"event": "script_started", "at": "2999-01-01T00:00:00Z"}]
    job = recorded(CommandState("Failed", 10, {"events": events}))
    assert [each.event for each in job.timeline] == [NOTE, "failed"]


def test_a_command_that_is_to_end_in_the_future_holds_its_job_up_no_longer_than_a_clock_may_be_off() -> None:
    ends = rfc3339(clock.utc_now() + timedelta(days=400))
    assert recorded(CommandState("Failed", 137, None, ended_at=ends)).status is JobStatus.FAILED
