"""A stack with a pool, in a local cloud of its own: what a stack may do there, it has no right to without one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.cloud import LocalCloud
from operations.job_client import Job, JobClient
from tests.cloud.steps import role_names, setting, settled, sweep, until
from tests.policy_statements import statements_by_role

pytestmark = pytest.mark.cloud

KEEPER = "mayfly-local-pool"


@pytest.fixture(scope="module")
def pooled() -> Iterator[LocalCloud]:
    with LocalCloud.start(config={"mayfly:poolSize": "1"}) as running:
        yield running


@pytest.fixture
def alice(pooled: LocalCloud) -> Iterator[JobClient]:
    with JobClient(pooled.url, user="alice") as opened:
        yield opened


def keep(cloud: LocalCloud) -> dict[str, Any]:
    """One run of the reconciler; its report."""
    answer = cloud.client("lambda").invoke(FunctionName=KEEPER, Payload=b"{}")
    report: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, report
    return report


def waiting(cloud: LocalCloud) -> list[str]:
    answer = cloud.client("dynamodb").query(
        TableName=cloud.deployment.outputs["table"],
        KeyConditionExpression="#owner = :owner",
        ExpressionAttributeNames={"#owner": "owner"},
        ExpressionAttributeValues={":owner": {"S": "#pool"}},
    )
    return [item["id"]["S"] for item in answer["Items"] if "is_ready" in item and "token" not in item]


def fill(cloud: LocalCloud) -> str:
    """Has the reconciler run as often as it needs to; the machine that waits then."""

    def is_full() -> bool:
        keep(cloud)
        return bool(waiting(cloud))

    with setting(cloud, KEEPER, "SETTLE_SECONDS", "0"):
        until(is_full)
    (machine,) = waiting(cloud)
    return machine


def state_of(client: JobClient, instance_id: str) -> str:
    (state,) = [one["state"] for one in client.machines() if one["id"] == instance_id]
    return str(state)


def done(client: JobClient) -> Job:
    job = client.wait(client.submit(b"x", "x.txt", "y")["id"])
    assert (job["status"], job["attempts"]) == ("succeeded", 1), job
    assert client.output(job["id"]) == b"x\ny"
    return job


def machine_of(job: Job) -> str:
    (machine,) = job["machines"]
    return str(machine["instance_id"])


def test_a_job_takes_the_machine_that_waits_or_does_without_and_nothing_is_left(
    pooled: LocalCloud, alice: JobClient
) -> None:
    first = fill(pooled)
    assert state_of(alice, first) == "stopped"
    with setting(pooled, "mayfly-local-sweep", "GRACE_SECONDS", "0"):
        assert sweep(pooled)["terminated"] == []
    assert alice._http.get("/api/machines").json()["alive"] == [], "it is no run's machine"

    job = done(alice)
    assert machine_of(job) == first
    assert "from the pool" in next(event["detail"] for event in job["timeline"] if event["event"] == "launched")
    assert job["machines"][0]["prepared_at"] < job["created_at"] < job["machines"][0]["launched_at"]
    settled(alice, job["id"])
    assert state_of(alice, first) == "terminated"

    # EC2 has no room for the next one of the pool.
    second = fill(pooled)
    alice._http.put("/_local/faults", json={"insufficient_capacity": 1}).raise_for_status()
    job = done(alice)
    assert machine_of(job) not in {first, second}
    assert state_of(alice, second) == "stopped"
    with setting(pooled, KEEPER, "GRACE_SECONDS", "0"):
        keep(pooled)
        until(lambda: second in waiting(pooled))  # a run of the schedule may have come first

    # It ends while it waits.
    alice._http.post(f"/_local/machines/{second}/kill").raise_for_status()
    until(lambda: state_of(alice, second) == "terminated")
    assert machine_of(done(alice)) != second

    # The pool is given up.
    third = fill(pooled)
    with setting(pooled, KEEPER, "POOL_SIZE", "0"):
        until(lambda: third in keep(pooled)["removed"] or not waiting(pooled))
    until(lambda: all(one["state"] == "terminated" for one in alice.machines()))

    used = alice._http.get("/_local/rights").json()
    role = role_names(pooled)[KEEPER]
    granted = {action for row in statements_by_role(pooled.deployment)[KEEPER] for action in row.actions}
    assert granted == set(used[role])
    assert "ec2:StartInstances" in used[role_names(pooled)["mayfly-local-launch"]]
