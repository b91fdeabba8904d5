"""Jobs in the queue: slots in fair order, cancelling, trying again, and a cap on spending."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

from functions.costs.budget import Spending
from localcloud.cloud import LocalCloud
from operations.job_client import JobApiError, JobClient
from tests.cloud.conftest import Gate, Scripted
from tests.cloud.steps import machines_of, run, setting, settled, until, waiting_on_machine

pytestmark = pytest.mark.cloud


@pytest.mark.usefixtures("one_at_a_time")
def test_with_one_slot_jobs_run_one_after_the_other_oldest_first(
    client: JobClient, cloud: LocalCloud, scripted: Scripted, gate: Gate
) -> None:
    with scripted(*gate.script):
        ids = [client.submit(b"x", "x.txt", "y")["id"]]
        waiting_on_machine(client, cloud, ids[0])
        for _ in range(2):
            ids.append(client.submit(b"x", "x.txt", "y")["id"])
            until(lambda: client.get(ids[-1])["timeline"][-1]["event"] == "waiting")
        gate.open()
        jobs = [client.wait(job_id) for job_id in ids]
    assert [job["status"] for job in jobs] == ["succeeded"] * 3
    (first,), (second,), (third,) = (machines_of(client, job) for job in jobs)
    assert first["terminated_at"] <= second["launched_at"]
    assert second["terminated_at"] <= third["launched_at"]
    waiting = [entry["detail"] for entry in jobs[2]["timeline"] if entry["event"] == "waiting"]
    assert len(waiting) == 1
    assert "machines of this stack are busy" in waiting[0]


@pytest.mark.usefixtures("one_at_a_time")
def test_a_job_cancelled_in_the_queue_leaves_it_and_the_next_one_goes_on(
    client: JobClient, cloud: LocalCloud, scripted: Scripted, gate: Gate
) -> None:
    with scripted(*gate.script):
        first = client.submit(b"x", "x.txt", "y")
        waiting_on_machine(client, cloud, first["id"])
        second, third = (client.submit(b"x", "x.txt", "y") for _ in range(2))
        until(lambda: client.get(second["id"])["timeline"][-1]["event"] == "waiting")
        assert client.cancel(second["id"])["status"] == "cancelled"
        gate.open()
        assert client.wait(third["id"])["status"] == "succeeded"
    assert machines_of(client, second) == []
    assert client.get(second["id"])["machines"] == []


def test_a_failed_job_that_is_retried_runs_again_on_a_machine_of_its_own(client: JobClient, scripted: Scripted) -> None:
    with scripted("sh", "-c", "echo no luck >&2; exit 3"):
        job = client.wait(client.submit(b"x", "x.txt", "y")["id"])
    assert (job["status"], job["error"]["code"], job["error"]["retry_helps"]) == ("failed", "script_failed", False)
    again = client.retry(job["id"])
    assert (again["status"], again["run"], again["error"]) == ("queued", 2, None)
    job = client.wait(job["id"])
    assert (job["status"], job["attempts"], job["run"]) == ("succeeded", 2, 2)
    assert client.output(job["id"]) == b"x\ny"
    settled(client, job["id"])
    machines = client.get(job["id"])["machines"]
    assert [(machine["run"], machine["attempt"]) for machine in machines] == [(1, 1), (2, 2)]
    assert all(machine["terminated_at"] and "terminated" in machine["verified"] for machine in machines)
    with pytest.raises(JobApiError, match="cannot be retried: it is succeeded"):
        client.retry(job["id"])


def test_machines_alive_now_are_listed_and_then_gone(
    client: JobClient, cloud: LocalCloud, scripted: Scripted, gate: Gate
) -> None:
    with scripted(*gate.script):
        job = client.submit(b"x", "x.txt", "y")
        instance_id, _ = waiting_on_machine(client, cloud, job["id"])
        alive = client._http.get("/api/machines").json()["alive"]
        assert (instance_id, job["id"]) in [(machine["instance_id"], machine["job_id"]) for machine in alive]
        gate.open()
        settled(client, job["id"])
    alive = client._http.get("/api/machines").json()["alive"]
    assert instance_id not in [machine["instance_id"] for machine in alive]


@contextmanager
def spent(cloud: LocalCloud, function: str) -> Iterator[None]:
    """A cap on the stack's day that leaves room for one machine as long as none has cost anything."""
    variables = cloud.client("lambda").get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    known = json.loads(variables["SPENDING"])
    known["caps"]["stack_a_day"] = Spending.from_json(variables["SPENDING"]).most()
    with setting(cloud, function, "SPENDING", json.dumps(known)):
        yield


def test_a_stack_that_has_spent_its_day_takes_no_job_and_stops_who_is_in_line(
    client: JobClient, cloud: LocalCloud
) -> None:
    job = run(client, b"x", "x.txt", "y")
    settled(client, job["id"])
    job = client.get(job["id"])
    assert job["cost"]["is_final"]
    assert Decimal(job["cost"]["usd"]) > 0
    (machine,) = job["machines"]
    items = cloud.client("dynamodb").query(
        TableName=str(cloud.deployment.outputs["table"]),
        KeyConditionExpression="#owner = :day",
        ExpressionAttributeNames={"#owner": "owner"},
        ExpressionAttributeValues={":day": {"S": f"#ledger/{machine['launched_at'][:10]}"}},
    )["Items"]
    assert machine["instance_id"] in {one for item in items for one in item["machines"]["SS"]}
    with spent(cloud, "mayfly-local-launch"):
        stopped = client.wait(client.submit(b"x", "x.txt", "y")["id"])
    assert (stopped["status"], stopped["error"]["code"], stopped["attempts"]) == ("failed", "spending_cap", 0)
    with spent(cloud, "mayfly-local-api"), pytest.raises(JobApiError) as refused:
        client.submit(b"x", "x.txt", "y")
    assert (refused.value.status, refused.value.code) == (403, "spending_cap")
