"""The last resort: what no workflow is responsible for is found and ended, or begun."""

from __future__ import annotations

import json

import pytest

from localcloud.cloud import LocalCloud
from operations.job_client import JobClient
from tests.cloud.conftest import Gate, Scripted, no_grace, sweep_until_free
from tests.cloud.steps import (
    SWEEPER,
    fail_a_record,
    machines_of,
    setting,
    stop_workflow,
    sweep,
    until,
    waiting_on_machine,
)

pytestmark = pytest.mark.cloud


def measured(cloud: LocalCloud) -> set[str]:
    """The metrics whose values are in the sweeper's log."""
    events = cloud.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{SWEEPER}")["events"]
    lines = [json.loads(line) for each in events for line in each["message"].splitlines() if '"_aws"' in line]
    return {name for line in lines for name in line if line["stack"] == "local"}


def test_a_job_whose_stream_record_was_lost_is_started_by_the_sweeper(client: JobClient, cloud: LocalCloud) -> None:
    job_id = fail_a_record(client, cloud)
    assert client.get(job_id)["status"] == "queued"
    with no_grace(cloud):
        sweep(cloud)
        assert client.wait(job_id)["status"] == "succeeded"


def test_a_workflow_that_is_stopped_by_hand_ends_its_job_and_its_machine(
    client: JobClient, cloud: LocalCloud, scripted: Scripted
) -> None:
    with scripted("sh", "-c", "sleep 600"):
        job = client.submit(b"x", "x.txt", "y")
        waiting_on_machine(client, cloud, job["id"])
    stop_workflow(cloud, job["id"])
    job = client.wait(job["id"])
    assert (job["status"], job["error"]["code"]) == ("failed", "internal_error")
    assert "ABORTED" in job["error"]["message"]
    until(lambda: all(machine["state"] == "terminated" for machine in machines_of(client, job)))
    sweep_until_free(cloud, client)


@pytest.mark.usefixtures("without_grace")
def test_a_machine_of_no_job_is_ended_and_a_live_jobs_machine_is_not(
    client: JobClient, cloud: LocalCloud, scripted: Scripted, gate: Gate
) -> None:
    (template,) = cloud.deployment.of_type("aws:ec2/launchTemplate:LaunchTemplate")
    subnet = cloud.deployment.of_type("aws:ec2/subnet:Subnet")[0].id
    with scripted(*gate.script), setting(cloud, SWEEPER, "POWERTOOLS_METRICS_DISABLED", "false"):
        # Not before: a sweep of the schedule may come at any time, and what it ends is to be measured as well.
        stray = cloud.client("ec2").run_instances(
            LaunchTemplate={"LaunchTemplateId": template.id},
            InstanceType="t4g.small",
            SubnetId=subnet,
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": "mayfly:stack", "Value": "local"}]},
            ],
        )["Instances"][0]["InstanceId"]
        job = client.submit(b"x", "x.txt", "y")
        instance_id, _ = waiting_on_machine(client, cloud, job["id"])
        assert instance_id not in sweep(cloud)["terminated"]
        until(lambda: {"MachinesAlive", "OrphansEnded"} <= measured(cloud))
        gate.open()
        assert client.wait(job["id"])["status"] == "succeeded"
    states = {machine["id"]: machine["state"] for machine in client.machines()}
    assert states[stray] == "terminated"
