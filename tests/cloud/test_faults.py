"""AWS misbehaving on demand: the job is done all the same, on one machine that is gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localcloud.job_client import Job, JobClient
from tests.cloud.steps import machines_of, until

pytestmark = pytest.mark.cloud


@pytest.fixture(autouse=True)
def no_faults_afterwards(client: JobClient) -> Iterator[None]:
    yield
    client._http.delete("/_local/faults").raise_for_status()


def run_with(client: JobClient, **faults: object) -> Job:
    client._http.put("/_local/faults", json=faults).raise_for_status()
    job = client.wait(client.submit(b"x", "x.txt", "y")["id"])
    assert job["status"] == "succeeded", job
    assert client.output(job["id"]) == b"x\ny"
    until(lambda: client.get(job["id"])["timeline"][-1]["event"] == "machine_terminated", 60)
    assert {machine["state"] for machine in machines_of(client, job)} == {"terminated"}
    return client.get(job["id"])


def events(job: Job, event: str) -> list[str]:
    return [entry["detail"] for entry in job["timeline"] if entry["event"] == event]


def test_where_there_is_no_capacity_the_next_candidate_is_asked_and_the_timeline_says_so(client: JobClient) -> None:
    job = run_with(client, insufficient_capacity=2)
    assert len(events(job, "launch_refused")) == 2
    assert all("InsufficientInstanceCapacity" in detail for detail in events(job, "launch_refused"))
    assert len(machines_of(client, job)) == 1


def test_throttled_calls_are_tried_again(client: JobClient) -> None:
    assert len(machines_of(client, run_with(client, throttle=2))) == 1


def test_stream_records_that_come_twice_run_the_job_once(client: JobClient) -> None:
    job = run_with(client, duplicate_stream_records=True)
    assert len(machines_of(client, job)) == 1
    assert len(events(job, "running")) == 1


def test_an_agent_that_is_late_is_waited_for(client: JobClient) -> None:
    job = run_with(client, agent_delay_s=3)
    assert job["attempts"] == 1


def test_a_termination_that_fails_is_tried_until_it_is_done(client: JobClient) -> None:
    run_with(client, fail_terminate=2)


def test_a_machine_lost_in_the_middle_is_replaced_and_only_the_second_ones_output_counts(client: JobClient) -> None:
    job = run_with(client, kill_machine_after_s=0.0)
    assert job["attempts"] == 2
    assert events(job, "machine_lost")
    assert "/2/" in job["output_file_path"]
    assert len(machines_of(client, job)) == 2
