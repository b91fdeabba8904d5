"""AWS misbehaving on demand: the job is done all the same, on one machine that is gone afterwards."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks.processes import family
from localcloud.cloud import LocalCloud
from mayfly.job import TERMINAL
from operations.job_client import Job, JobClient
from tests.cloud.steps import machines_of, settled, until

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
    settled(client, job["id"])
    ids = {machine["instance_id"] for machine in client.get(job["id"])["machines"]}
    assert {machine["state"] for machine in client.machines() if machine["id"] in ids} == {"terminated"}
    return client.get(job["id"])


def events(job: Job, event: str) -> list[str]:
    return [entry["detail"] for entry in job["timeline"] if entry["event"] == event]


def test_what_is_refused_or_comes_twice_is_done_all_the_same_on_one_machine(client: JobClient) -> None:
    """Launches, and terminations, fail before they do not; the agent is late; the stream's record comes twice."""
    job = run_with(client, insufficient_capacity=2, fail_terminate=2, agent_delay_s=3, duplicate_stream_records=True)
    assert len(events(job, "launch_refused")) == 2
    assert all("InsufficientInstanceCapacity" in detail for detail in events(job, "launch_refused"))
    assert (job["attempts"], len(machines_of(client, job)), len(events(job, "running"))) == (1, 1, 1)


def test_what_answers_late_or_denies_for_a_while_is_waited_for(client: JobClient) -> None:
    """The machine starts, works and is to be ended before any of EC2's calls on it is answered."""
    job = run_with(client, throttle=2, agent_delay_s=3, deny_unregistered=True, invisible_for_s=5)
    assert (job["attempts"], len(job["machines"]), len(events(job, "running"))) == (1, 1, 1)


@pytest.mark.usefixtures("hurried")
def test_a_job_whose_events_are_lost_is_found_done_by_looking(client: JobClient) -> None:
    assert run_with(client, drop_command_events=True)["attempts"] == 1


@pytest.mark.usefixtures("hurried")
def test_fifteen_jobs_survive_everything_at_once(client: JobClient) -> None:
    faults = {
        "insufficient_capacity": 6,
        "throttle": 20,
        "agent_never_online": 2,
        "agent_delay_s": 0.3,
        "kill_machine_after_s": 0.0,
        "drop_command_events": True,
        "duplicate_stream_records": True,
        "fail_terminate": 5,
    }
    before = {machine["id"] for machine in client.machines()}
    client._http.put("/_local/faults", json=faults).raise_for_status()

    def submit(number: int) -> Job:
        return client.submit(f"file {number}".encode(), f"{number}.txt", f"text {number}")

    with ThreadPoolExecutor(15) as pool:
        ids = {job["id"]: number for number, job in enumerate(pool.map(submit, range(15)))}

    def mine() -> list[Job]:
        return [job for job in client.page(limit=50)["jobs"] if job["id"] in ids]

    until(lambda: all(job["status"] in TERMINAL for job in mine()), 600)  # fifteen that look for their job are a load
    jobs = mine()
    assert len(jobs) == 15
    for job in jobs:
        assert job["status"] == "succeeded", job
        assert client.output(job["id"]) == f"file {ids[job['id']]}\ntext {ids[job['id']]}".encode()
    new = [machine for machine in client.machines() if machine["id"] not in before]
    assert len(new) > len(jobs)  # some were lost

    def alive() -> set[str]:
        return ids.keys() & {machine["job_id"] for machine in client._http.get("/api/machines").json()["alive"]}

    until(lambda: not alive())
    assert {machine["state"] for machine in client.machines() if machine["id"] not in before} == {"terminated"}
    for job in (client.get(each["id"]) for each in jobs):
        assert all(machine["terminated_at"] for machine in job["machines"]), job


def test_a_function_worker_that_is_killed_in_the_middle_of_its_task_loses_nothing(
    client: JobClient, cloud: LocalCloud
) -> None:
    client._http.put("/_local/faults", json={"agent_delay_s": 3600}).raise_for_status()
    job_id = client.submit(b"x", "x.txt", "y")["id"]
    until(lambda: client.get(job_id)["status"] == "launching")
    killed = workers_of(cloud, "mayfly-local-dispatch")  # waits for the agent, in one call after the other
    for worker in killed:
        os.kill(worker, signal.SIGKILL)
    assert killed
    client._http.delete("/_local/faults").raise_for_status()
    job = client.wait(job_id)
    assert (job["status"], job["attempts"]) == ("succeeded", 1)
    assert client.output(job_id) == b"x\ny"


def workers_of(cloud: LocalCloud, function: str) -> list[int]:
    """The process ids of a function's workers, by the name that they have in the list of processes."""
    found = []
    for process in family(cloud.pid):
        with suppress(OSError):
            name = Path(f"/proc/{process.pid}/comm").read_text(encoding="utf-8").strip()
            found += [process.pid] if name == function[-15:] else []
    return found
