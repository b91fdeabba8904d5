"""Least privilege, in both directions: what is granted is used, and what is used must be granted."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from localcloud.cloud import LocalCloud
from localcloud.emulator.process import Credentials
from operations.job_client import Job, JobApiError, JobClient
from tests.cloud.conftest import Gate, Scripted, one_slot, sweep_until_free
from tests.cloud.steps import (
    fail_a_record,
    keys_of,
    let_urls_expire,
    machines_of,
    role_names,
    run,
    settled,
    stop_workflow,
    sweep,
    until,
    waiting_on_machine,
    without,
)
from tests.policy_statements import statements_by_role

pytestmark = pytest.mark.cloud

# Granted for what this emulator does not ask for.
UNUSED = {"mayfly-local-record": {"s3:ListBucket"}}  # tells AWS to answer 404, not 403, for an output that is not there
# Granted for races, so used or not: the tests of functions/ have these calls.
BY_CHANCE = {
    # A job that is cancelled while its machine is launched, which EC2 may not know yet.
    "mayfly-local-launch": {"ec2:DescribeInstances", "ec2:TerminateInstances"},
    # A lost machine that Finish, which comes first, could not note.
    "mayfly-local-inspect-command": {"dynamodb:UpdateItem"},
    # A machine whose end is reported before its job's outcome is recorded, or which EC2 is too busy to terminate then.
    "mayfly-local-record": {"states:SendTaskSuccess", "dynamodb:BatchWriteItem", "dynamodb:Query"},
    # An entry in the queue whose Launch step failed unexpectedly.
    "mayfly-local-terminate": {"dynamodb:DeleteItem"},
}

UNKNOWN = "i-0123456789abcdef0"


def lose_a_machine(client: JobClient, scripted: Scripted, gate: Gate) -> None:
    client._http.put("/_local/faults", json={"kill_machine_after_s": 0.2}).raise_for_status()
    with scripted(*gate.script):
        job = client.submit(b"x", "x.txt", "y")
        until(lambda: any(entry["event"] == "machine_lost" for entry in client.get(job["id"])["timeline"]))
        gate.open()
        job = client.wait(job["id"])
    assert (job["status"], job["attempts"], len(machines_of(client, job))) == ("succeeded", 2, 2)
    assert "/2/" in job["output_file_path"], "only the second one's output counts"


def lose_a_machine_before_it_is_online(client: JobClient) -> None:
    client._http.put("/_local/faults", json={"agent_delay_s": 3600}).raise_for_status()
    job = client.submit(b"x", "x.txt", "y")
    until(lambda: client.get(job["id"])["status"] == "launching")
    (machine,) = client.get(job["id"])["machines"]  # it has its tags a moment later
    client._http.post(f"/_local/machines/{machine['instance_id']}/kill").raise_for_status()
    client._http.delete("/_local/faults")
    job = client.wait(job["id"])
    assert (job["status"], job["attempts"]) == ("succeeded", 2)


def wait_for_an_agent_in_vain(client: JobClient) -> None:
    client._http.put("/_local/faults", json={"agent_never_online": 1}).raise_for_status()
    job = client.wait(client.submit(b"x", "x.txt", "y")["id"])
    assert (job["status"], job["attempts"], len(machines_of(client, job))) == ("succeeded", 2, 2)
    settled(client, job["id"])
    assert all(machine["terminated_at"] and machine["verified"] for machine in client.get(job["id"])["machines"])


def have_an_old_agent(client: JobClient) -> None:
    client._http.put("/_local/faults", json={"old_agent": True}).raise_for_status()
    try:
        job = client.wait(client.submit(b"x", "x.txt", "y")["id"])
        assert (job["status"], job["attempts"]) == ("succeeded", 1)
    finally:
        client._http.delete("/_local/faults")


def find_no_room(client: JobClient, cloud: LocalCloud) -> None:
    """Has EC2 ask to slow down for longer than one turn of a leader waits."""
    client._http.put("/_local/faults", json={"throttle": 1000}).raise_for_status()
    job = client.submit(b"x", "x.txt", "y")
    role = role_names(cloud)["mayfly-local-launch"]
    until(lambda: "states:SendTaskFailure" in client._http.get("/_local/rights").json().get(role, []))
    client._http.delete("/_local/faults")
    assert client.wait(job["id"])["status"] == "succeeded"


def wait_in_line(client: JobClient, cloud: LocalCloud, scripted: Scripted, gate: Gate) -> None:
    """One job runs, one is cancelled in the queue, one is looked after by the sweeper and gets the first one's slot."""
    with one_slot(cloud, client), scripted(*gate.script):
        first = client.submit(b"x", "x.txt", "y")["id"]
        waiting_on_machine(client, cloud, first)
        second, third = (client.submit(b"x", "x.txt", "y")["id"] for _ in range(2))
        until(lambda: client.get(second)["timeline"][-1]["event"] == "waiting")
        client.cancel(second)
        until(lambda: client.get(third)["timeline"][-1]["event"] == "waiting")
        sweep(cloud)
        gate.open()
        assert [client.wait(job_id)["status"] for job_id in (first, third)] == ["succeeded"] * 2


def upload_in_parts_and_copy(client: JobClient, job_id: str) -> None:
    begun = client._http.post("/api/uploads", json={"filename": "x.txt", "size": 1, "multipart": True}).json()
    whole = {"upload_id": begun["multipart"]["upload_id"], "filename": "x.txt"}
    client._http.post(f"/api/uploads/{begun['job_id']}/parts", json={**whole, "size": 1}).raise_for_status()
    client._http.post(f"/api/uploads/{begun['job_id']}/abort", json=whole).raise_for_status()
    client._http.post(f"/api/jobs/{job_id}/copy").raise_for_status()


def list_owners_by_name(cloud: LocalCloud) -> None:
    with JobClient(cloud.url, user="admin") as admin:
        owners = admin._http.get("/api/owners").raise_for_status().json()["owners"]
    assert all(owner["email"] for owner in owners)


def purge_what_came_late(client: JobClient, cloud: LocalCloud, job: Job) -> None:
    """Has a file of a deleted job come back, which the sweeper removes once the job's addresses have expired."""
    bucket = cloud.deployment.outputs["uploads_bucket"]
    cloud.client("s3").put_object(Bucket=bucket, Key=f"inputs/{job['owner']}/{job['id']}/x.txt", Body=b"z")
    let_urls_expire(cloud, job)
    sweep(cloud)
    until(lambda: not keys_of(cloud, job))  # a sweep of the schedule may have come first


def cancel_in_the_middle(client: JobClient, cloud: LocalCloud, scripted: Scripted) -> None:
    with scripted("sh", "-c", "sleep 600"):
        job = client.submit(b"x", "x.txt", "y")
        waiting_on_machine(client, cloud, job["id"])
        client.cancel(job["id"])
        settled(client, job["id"])
    assert client.get(job["id"])["status"] == "cancelled"


def stop_in_the_middle(client: JobClient, cloud: LocalCloud, scripted: Scripted) -> None:
    with scripted("sh", "-c", "sleep 600"):
        job = client.submit(b"x", "x.txt", "y")
        waiting_on_machine(client, cloud, job["id"])
    stop_workflow(cloud, job["id"])
    job = client.wait(job["id"])
    assert (job["status"], job["error"]["code"], "ABORTED" in job["error"]["message"]) == (
        "failed",
        "internal_error",
        True,
    )
    until(lambda: all(machine["state"] == "terminated" for machine in machines_of(client, job)))
    sweep_until_free(cloud, client)


def end_in_spite_of_throttling(client: JobClient, cloud: LocalCloud, scripted: Scripted) -> None:
    """EC2 refuses to terminate until the machine is written down for the next call to end."""
    with scripted("sh", "-c", "sleep 600"):
        job = client.submit(b"x", "x.txt", "y")
        waiting_on_machine(client, cloud, job["id"])
        client._http.put("/_local/faults", json={"throttle": 2}).raise_for_status()
        client.cancel(job["id"])
        settled(client, job["id"])


def end_before_dispatch(client: JobClient, cloud: LocalCloud, scripted: Scripted) -> None:
    """Terminates a machine that its run, as it seems, has not got to dispatching to, which takes luck otherwise."""
    with scripted("sh", "-c", "sleep 600"):
        job = client.submit(b"x", "x.txt", "y")
        instance_id, token = waiting_on_machine(client, cloud, job["id"])
        key = {"owner": {"S": "#machine"}, "id": {"S": instance_id}}
        cloud.client("dynamodb").delete_item(TableName=cloud.deployment.outputs["table"], Key=key)
        event = {"owner": job["owner"], "job_id": job["id"], "run": 1, "instance_id": instance_id, "task_token": token}
        payload = json.dumps(event).encode()
        answer = cloud.client("lambda").invoke(FunctionName="mayfly-local-terminate", Payload=payload)
        assert "FunctionError" not in answer, answer["Payload"].read()
        client.cancel(job["id"])
        settled(client, job["id"])


def end_what_ec2_does_not_know(client: JobClient, cloud: LocalCloud, scripted: Scripted) -> None:
    """Terminates a machine that EC2 has forgotten, which takes an hour otherwise, together with one that it knows."""
    with scripted("sh", "-c", "sleep 600"):
        job = client.submit(b"x", "x.txt", "y")
        _, token = waiting_on_machine(client, cloud, job["id"])
        event = {"owner": job["owner"], "job_id": job["id"], "run": 1, "instance_id": UNKNOWN, "task_token": token}
        payload = json.dumps(event).encode()
        answer = cloud.client("lambda").invoke(FunctionName="mayfly-local-terminate", Payload=payload)
        assert "FunctionError" not in answer, answer["Payload"].read()
        client.cancel(job["id"])
        settled(client, job["id"])


def overtake_the_wait(client: JobClient, cloud: LocalCloud, scripted: Scripted, gate: Gate) -> None:
    """Has a machine's event come before the wait's token is stored, which takes luck otherwise."""
    with scripted(*gate.script):
        job = client.submit(b"x", "x.txt", "y")
        instance_id, token = waiting_on_machine(client, cloud, job["id"])
        cloud.client("dynamodb").update_item(
            TableName=cloud.deployment.outputs["table"],
            Key={"owner": {"S": "#machine"}, "id": {"S": instance_id}},
            UpdateExpression="SET #event = :n",
            ExpressionAttributeNames={"#event": "event"},
            ExpressionAttributeValues={":n": {"S": "early"}},
        )
        event = {"owner": job["owner"], "job_id": job["id"], "instance_id": instance_id, "task_token": token}
        answer = cloud.client("lambda").invoke(
            FunctionName="mayfly-local-await-completion", Payload=json.dumps(event).encode()
        )
        assert "FunctionError" not in answer, answer["Payload"].read()
        gate.open()
        assert client.wait(job["id"])["status"] == "succeeded"


@pytest.mark.usefixtures("without_grace", "hurried")
def test_every_right_that_is_granted_is_used(
    client: JobClient, cloud: LocalCloud, scripted: Scripted, tmp_path: Path
) -> None:
    """So taking any single action away from any role fails a test: this one, or the one that uses it."""
    job = run(client, b"x", "x.txt", "y")
    client.log(job["id"])
    client.page()
    settled(client, job["id"])
    upload_in_parts_and_copy(client, job["id"])
    list_owners_by_name(cloud)
    client.delete(job["id"])
    purge_what_came_late(client, cloud, job)
    cancel_in_the_middle(client, cloud, scripted)
    end_in_spite_of_throttling(client, cloud, scripted)
    end_before_dispatch(client, cloud, scripted)
    end_what_ec2_does_not_know(client, cloud, scripted)
    lose_a_machine(client, scripted, Gate(tmp_path / "lost"))
    lose_a_machine_before_it_is_online(client)
    wait_for_an_agent_in_vain(client)
    have_an_old_agent(client)
    find_no_room(client, cloud)
    wait_in_line(client, cloud, scripted, Gate(tmp_path / "line"))
    overtake_the_wait(client, cloud, scripted, Gate(tmp_path / "wait"))
    lost = fail_a_record(client, cloud)
    sweep(cloud)
    assert client.wait(lost)["status"] == "succeeded"
    stop_in_the_middle(client, cloud, scripted)

    def unused() -> dict[str, set[str]]:
        used = client._http.get("/_local/rights").json()
        names = role_names(cloud)
        found = {
            role: {action for row in rows for action in row.actions}
            - set(used.get(names[role], []))
            - BY_CHANCE.get(role, set())
            for role, rows in statements_by_role(cloud.deployment).items()
        }
        return {role: actions for role, actions in found.items() if actions}

    with suppress(AssertionError):
        until(lambda: unused() == UNUSED)
    assert unused() == UNUSED


def test_without_the_right_to_launch_the_job_fails_and_says_who_must_act(client: JobClient, cloud: LocalCloud) -> None:
    with without(cloud, "mayfly-local-launch", "ec2:RunInstances"):
        job = client.wait(client.submit(b"x", "x.txt", "y")["id"])
    assert (job["status"], job["error"]["code"]) == ("failed", "launch_refused")
    assert "UnauthorizedOperation" in job["error"]["message"]
    assert "operator" in job["error"]["advice"]
    assert machines_of(client, job) == []


def test_without_the_right_to_sign_reads_the_machine_cannot_fetch_the_file(
    client: JobClient, cloud: LocalCloud
) -> None:
    with without(cloud, "mayfly-local-dispatch", "s3:GetObject"):
        job = client.wait(client.submit(b"x", "x.txt", "y")["id"])
    assert (job["status"], job["error"]["code"]) == ("failed", "input_unavailable")
    until(lambda: all(machine["state"] == "terminated" for machine in machines_of(client, job)))


def test_without_the_right_to_write_jobs_the_api_takes_none_and_nothing_is_lost(
    client: JobClient, cloud: LocalCloud
) -> None:
    upload = client.request_upload("x.txt", 1)
    client.upload(upload, b"x")
    with without(cloud, "mayfly-local-api", "dynamodb:PutItem"), pytest.raises(JobApiError) as refused:
        client.create(upload["job_id"], "y")
    assert (refused.value.status, refused.value.code) == (500, "internal_error")
    assert client.wait(client.create(upload["job_id"], "y")["id"])["status"] == "succeeded"


def test_without_the_right_to_sign_uploads_s3_takes_no_file(client: JobClient, cloud: LocalCloud) -> None:
    with without(cloud, "mayfly-local-api", "s3:PutObject"):
        upload = client.request_upload("x.txt", 1)
        with pytest.raises(JobApiError) as refused:
            client.upload(upload, b"x")
    assert refused.value.status == 403


def credentials_of(cloud: LocalCloud, role: str) -> Credentials:
    """A role's own, which root may have for a moment."""
    iam, name = cloud.client("iam"), role_names(cloud)[role]
    root = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    opened = json.dumps({**trust, "Statement": [*trust["Statement"], root]})
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=opened)
    try:
        arn = iam.get_role(RoleName=name)["Role"]["Arn"]
        keys = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    finally:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


@pytest.mark.parametrize(
    "change",
    [
        {"ImageId": "ami-0123456789abcdef0"},
        {"MetadataOptions": {"HttpTokens": "optional"}},
        {"MetadataOptions": {"HttpPutResponseHopLimit": 2}},
        {"InstanceType": "t4g.2xlarge"},
    ],
    ids=" ".join,
)
def test_a_launch_step_that_was_taken_over_starts_no_machine_of_another_kind(
    cloud: LocalCloud, change: dict[str, Any]
) -> None:
    (launch,) = (
        one for one in cloud.deployment.of_type("aws:lambda/function:Function") if one.name == "mayfly-local-launch"
    )
    told = launch.inputs["environment"]["variables"]
    tags = [{"Key": "mayfly:stack", "Value": told["STACK"]}]
    call = {
        "LaunchTemplate": {"LaunchTemplateId": told["LAUNCH_TEMPLATE_ID"], "Version": "$Latest"},
        "InstanceType": told["INSTANCE_TYPES"].split(",")[0],
        "SubnetId": told["SUBNET_IDS"].split(",")[0],
        "TagSpecifications": [{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")],
        "MinCount": 1,
        "MaxCount": 1,
    }
    ec2 = cloud.client("ec2", credentials=credentials_of(cloud, "mayfly-local-launch"))
    with pytest.raises(ec2.exceptions.ClientError, match="UnauthorizedOperation"):
        ec2.run_instances(**{**call, **change})
    (machine,) = ec2.run_instances(**call)["Instances"]
    ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])


def test_the_api_reaches_nothing_of_the_queue_but_what_a_cancelled_job_needs(
    client: JobClient, cloud: LocalCloud
) -> None:
    """With the role's own rights, as a fault in the function would have them."""
    job = run(client, b"x", "x.txt", "y")
    credentials = credentials_of(cloud, "mayfly-local-api")
    dynamodb, table = cloud.client("dynamodb", credentials=credentials), cloud.deployment.outputs["table"]

    def is_let_in(owner: str, operation: str) -> bool:
        key = {"owner": {"S": owner}, "id": {"S": "nothing"}}
        arguments: dict[str, Any] = {"Key": key}
        if operation == "put_item":
            arguments = {"Item": key, "ConditionExpression": "attribute_exists(id)"}
        elif operation == "update_item":
            arguments |= {"UpdateExpression": "REMOVE x", "ConditionExpression": "attribute_exists(id)"}
        elif operation == "query":
            arguments = {
                "KeyConditionExpression": "#owner = :owner",
                "ExpressionAttributeNames": {"#owner": "owner"},
                "ExpressionAttributeValues": {":owner": {"S": owner}},
            }
        try:
            getattr(dynamodb, operation)(TableName=table, **arguments)
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return True
        except dynamodb.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
            return False
        return True

    operations = ("get_item", "put_item", "update_item", "delete_item", "query")
    owners = ("#queue", "#slot", "#machine", "#lease", "#anything", "anonymous", job["owner"])
    reached = {owner: {each for each in operations if is_let_in(owner, each)} for owner in owners}
    assert reached == {
        "#queue": {"delete_item"},
        "#slot": {"query"},
        "#machine": {"update_item"},
        "#lease": {"get_item"},
        "#anything": set(),
        "anonymous": set(),
        job["owner"]: set(operations) - {"delete_item"},  # a deletion leaves a tombstone
    }
