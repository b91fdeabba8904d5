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
from tests.cloud.conftest import Gate, Scripted, one_slot
from tests.cloud.steps import machines_of, run, setting, settled, until, waiting_on_machine

pytestmark = pytest.mark.cloud


def test_with_one_slot_jobs_run_one_after_the_other_oldest_first(
    client: JobClient, cloud: LocalCloud, scripted: Scripted, gate: Gate
) -> None:
    def alive() -> list[tuple[str, str]]:
        found = client._http.get("/api/machines").json()["alive"]
        return [(machine["instance_id"], machine["job_id"]) for machine in found]

    with one_slot(cloud, client), scripted(*gate.script):
        ids = [client.submit(b"x", "x.txt", "y")["id"]]
        instance_id, _ = waiting_on_machine(client, cloud, ids[0])
        assert (instance_id, ids[0]) in alive()
        for _ in range(3):
            ids.append(client.submit(b"x", "x.txt", "y")["id"])
            until(lambda: client.get(ids[-1])["timeline"][-1]["event"] == "waiting")
        assert client.cancel(ids[1])["status"] == "cancelled"
        gate.open()
        jobs = [client.wait(job_id) for job_id in ids]
        settled(client, ids[-1])
    assert [job["status"] for job in jobs] == ["succeeded", "cancelled", "succeeded", "succeeded"]
    (first,), none, (second,), (third,) = (machines_of(client, job) for job in jobs)
    assert none == client.get(ids[1])["machines"] == []
    assert first["terminated_at"] <= second["launched_at"]
    assert second["terminated_at"] <= third["launched_at"]
    assert not {job_id for _, job_id in alive()} & set(ids)
    waiting = [entry["detail"] for entry in jobs[3]["timeline"] if entry["event"] == "waiting"]
    assert len(waiting) == 1
    assert "machines of this stack are busy" in waiting[0]


def test_a_failed_script_is_told_with_the_end_of_its_stderr_and_a_retry_runs_on_a_machine_of_its_own(
    client: JobClient, scripted: Scripted
) -> None:
    noise = "i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; echo the very end >&2; exit 3"
    with scripted("sh", "-c", noise):
        job = client.wait(client.submit(b"x", "x.txt", "y")["id"])
    error = job["error"]
    assert (job["status"], error["code"], error["retry_helps"]) == ("failed", "script_failed", False)
    assert "exit code 3" in error["message"]
    assert error["message"].endswith("line 2999\nthe very end")
    assert "log" in error["advice"]
    assert job["output_file_path"] is None
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
