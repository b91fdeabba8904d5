"""The last resort: what no workflow is responsible for is found and ended, or begun."""

from __future__ import annotations

import json

import pytest

from localcloud.cloud import LocalCloud
from operations.job_client import JobClient
from tests.cloud.conftest import Gate, Scripted
from tests.cloud.steps import (
    SWEEPER,
    setting,
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
