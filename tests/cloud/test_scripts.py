"""What scripts do, and what becomes of it."""

from __future__ import annotations

import json
from functools import cache, partial
from typing import Any

import pytest

from localcloud.cloud import LocalCloud
from localcloud.emulator.process import Credentials
from operations.job_client import Job, JobClient
from tests.cloud.conftest import Scripted
from tests.cloud.steps import machines_of, role_names, setting, until

pytestmark = pytest.mark.cloud

# Asks the instance metadata service for the role's credentials, as any script on a machine can. Where the service is,
# the script's own environment does not say, but that of the process that started it does.
STEAL = """
import os, sys, urllib.request
parent = open(f"/proc/{os.getppid()}/environ").read().split(chr(0))
base = dict(line.split("=", 1) for line in parent if "=" in line)["AWS_EC2_METADATA_SERVICE_ENDPOINT"].rstrip("/")
def ask(path, method="GET", **headers):
    request = urllib.request.Request(base + path, method=method, headers=headers)
    return urllib.request.urlopen(request, timeout=60).read().decode()
token = ask("/latest/api/token", "PUT", **{"X-aws-ec2-metadata-token-ttl-seconds": "60"})
known = {"X-aws-ec2-metadata-token": token}
roles = "/latest/meta-data/iam/security-credentials/"
open(sys.argv[3], "w").write(ask(roles + ask(roles, **known), **known))
"""


def finished(client: JobClient, job: Job) -> Job:
    job = client.wait(job["id"])
    until(lambda: all(machine["state"] == "terminated" for machine in machines_of(client, job)))
    return job


def test_a_job_gets_the_machine_type_and_the_time_that_it_asks_for(cloud: LocalCloud, client: JobClient) -> None:
    # The second of instanceTypes, which the rights to launch name anyway.
    allowance = {"instance_types": ["t4g.medium"], "timeout_minutes": 60, "max_timeout_minutes": 60}
    upload = client.request_upload("x.txt", 1)
    client.upload(upload, b"x")
    with setting(cloud, "mayfly-local-api", "ALLOWANCE", json.dumps(allowance)):
        job = client.create(upload["job_id"], "y", {"instance_type": "t4g.medium", "timeout_minutes": 1})
        job = finished(client, job)
    assert job["status"] == "succeeded", job["error"]
    assert job["overrides"] == {"instance_type": "t4g.medium", "timeout_minutes": 1}
    assert [machine["instance_type"] for machine in job["machines"]] == ["t4g.medium"]


def test_a_script_prints_to_the_log_has_no_secret_and_leaves_nothing_that_holds_its_command_open(
    client: JobClient, scripted: Scripted
) -> None:
    """An agent's command lasts as long as any process holds its output (docs/ssm-agent.md): the wrapper lets none."""
    leave = "setsid sleep 100000 & sleep 100000 &"
    with scripted("sh", "-c", f'echo one; echo two >&2; echo three; {leave} env > "$3"', "sh"):
        job = finished(client, client.submit(b"x", "a name.txt", "y"))
    assert job["status"] == "succeeded", job
    names = {line.partition("=")[0] for line in client.output(job["id"]).decode().splitlines()}
    assert not [name for name in names if name.startswith("AWS") or "TOKEN" in name or "SECRET" in name]
    assert {"MAYFLY_JOB_ID", "MAYFLY_FILENAME"} <= names
    until(lambda: "three" in [line["text"] for line in client.log(job["id"])["lines"]])
    lines = [line["text"] for line in client.log(job["id"])["lines"]]
    assert "two" in lines
    assert [line for line in lines if line in {"one", "three"}] == ["one", "three"]


def stolen_by(client: JobClient, scripted: Scripted) -> tuple[Job, Credentials]:
    """A job whose script takes its machine's credentials along, and what it took."""
    with scripted("python3", "-c", STEAL):
        job = finished(client, client.submit(b"x", "x.txt", "y"))
    assert job["status"] == "succeeded", job
    stolen = json.loads(client.output(job["id"]))
    assert stolen["Code"] == "Success"
    return job, Credentials(stolen["AccessKeyId"], stolen["SecretAccessKey"], stolen["Token"])


DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


def test_the_machines_own_credentials_open_no_job_at_all(
    client: JobClient, cloud: LocalCloud, scripted: Scripted
) -> None:
    """The script takes the role's credentials from the metadata service; with them this test tries the doors."""
    victim = finished(client, client.submit(b"another's secret", "secret.txt", "y"))
    job, keys = stolen_by(client, scripted)
    outputs, machine = cloud.deployment.outputs, job["machines"][0]["instance_id"]
    (machine_of_victim,) = (each["instance_id"] for each in victim["machines"])
    client_of = cache(partial(cloud.client, credentials=keys))
    mine = client_of("sts").get_caller_identity()
    assert "/mayfly-local-machines" in mine["Arn"], "the credentials are real"
    files = [victim[key].partition("/") for key in ("input_file_path", "output_file_path")]
    buckets = [each.outputs["bucket"] for each in cloud.deployment.of_type("aws:s3/bucket:Bucket")]
    api_role = role_names(cloud)["mayfly-local-api"]
    key = {"owner": {"S": victim["owner"]}, "id": {"S": victim["id"]}}
    log = "/mayfly/local/machines"
    shell = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}
    doors: list[tuple[str, str, dict[str, Any]]] = [
        *(("s3", "get_object", {"Bucket": bucket, "Key": path}) for bucket, _, path in files),
        *(("s3", "put_object", {"Bucket": bucket, "Key": path, "Body": b"forged"}) for bucket, _, path in files),
        *(("s3", "delete_object", {"Bucket": bucket, "Key": path}) for bucket, _, path in files),
        *(("s3", "list_objects_v2", {"Bucket": bucket}) for bucket in buckets),
        *(("s3", "get_bucket_policy", {"Bucket": bucket}) for bucket in buckets),
        ("s3", "list_buckets", {}),
        ("dynamodb", "scan", {"TableName": outputs["table"]}),
        ("dynamodb", "get_item", {"TableName": outputs["table"], "Key": key}),
        ("dynamodb", "put_item", {"TableName": outputs["table"], "Item": key}),
        ("dynamodb", "delete_item", {"TableName": outputs["table"], "Key": key}),
        ("ec2", "run_instances", {"ImageId": "ami-0abcdef1234567890", "MinCount": 1, "MaxCount": 1}),
        ("ec2", "terminate_instances", {"InstanceIds": [machine_of_victim]}),
        ("ec2", "create_tags", {"Resources": [machine], "Tags": [{"Key": "mayfly:job-id", "Value": victim["id"]}]}),
        ("ec2", "describe_instances", {}),
        ("ssm", "send_command", {**shell, "InstanceIds": [machine]}),
        ("ssm", "list_commands", {}),
        ("ssm", "list_command_invocations", {"Details": True}),
        ("ssm", "get_parameter", {"Name": "/any"}),
        ("ssm", "get_parameters_by_path", {"Path": "/", "Recursive": True}),
        ("secretsmanager", "list_secrets", {}),
        ("secretsmanager", "get_secret_value", {"SecretId": "any"}),
        ("logs", "get_log_events", {"logGroupName": log, "logStreamName": "x"}),
        ("logs", "filter_log_events", {"logGroupName": log}),
        ("logs", "delete_log_stream", {"logGroupName": log, "logStreamName": "x"}),
        ("logs", "get_log_events", {"logGroupName": "/aws/lambda/mayfly-local-api", "logStreamName": "x"}),
        ("logs", "create_log_stream", {"logGroupName": "/aws/lambda/mayfly-local-api", "logStreamName": "x"}),
        ("lambda", "invoke", {"FunctionName": "mayfly-local-api"}),
        ("lambda", "get_function", {"FunctionName": "mayfly-local-api"}),
        ("stepfunctions", "list_executions", {"stateMachineArn": outputs["state_machine"]}),
        ("stepfunctions", "start_execution", {"stateMachineArn": outputs["state_machine"]}),
        ("sqs", "receive_message", {"QueueUrl": outputs["failed_records_queue"]}),
        ("iam", "list_roles", {}),
        ("sts", "assume_role", {"RoleArn": f"arn:aws:iam::000000000000:role/{api_role}", "RoleSessionName": "thief"}),
        ("cognito-idp", "list_users", {"UserPoolId": outputs["user_pool_id"]}),
    ]

    def answer(service: str, operation: str, arguments: dict[str, Any]) -> str:
        thief = client_of(service)
        try:
            getattr(thief, operation)(**arguments)
        except thief.exceptions.ClientError as error:
            return str(error.response["Error"]["Code"])
        return "let in"

    assert [(door, code) for door in doors if (code := answer(*door)) not in DENIED] == []
    assert client.output(victim["id"]) == b"another's secret\ny"
