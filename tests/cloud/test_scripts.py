"""What scripts do, and what becomes of it."""

from __future__ import annotations

import json

import pytest

from localcloud.cloud import Credentials, LocalCloud
from localcloud.job_client import Job, JobClient
from tests.cloud.conftest import Scripted
from tests.cloud.steps import machines_of, until

pytestmark = pytest.mark.cloud

# Asks the instance metadata service for the role's credentials, as any script on a machine can. Where the service is,
# the script's own environment does not say, but that of the process that started it does.
STEAL = """
import os, sys, urllib.request
parent = open(f"/proc/{os.getppid()}/environ").read().split(chr(0))
base = dict(line.split("=", 1) for line in parent if "=" in line)["AWS_EC2_METADATA_SERVICE_ENDPOINT"].rstrip("/")
def ask(path, method="GET", **headers):
    request = urllib.request.Request(base + path, method=method, headers=headers)
    return urllib.request.urlopen(request, timeout=5).read().decode()
token = ask("/latest/api/token", "PUT", **{"X-aws-ec2-metadata-token-ttl-seconds": "60"})
known = {"X-aws-ec2-metadata-token": token}
roles = "/latest/meta-data/iam/security-credentials/"
open(sys.argv[3], "w").write(ask(roles + ask(roles, **known), **known))
"""


def finished(client: JobClient, job: Job) -> Job:
    job = client.wait(job["id"])
    until(lambda: all(machine["state"] == "terminated" for machine in machines_of(client, job)))
    return job


def test_a_failing_script_is_reported_with_its_exit_code_and_the_end_of_its_stderr(
    client: JobClient, scripted: Scripted
) -> None:
    noise = "i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; echo the very end >&2; exit 3"
    with scripted("sh", "-c", noise):
        job = finished(client, client.submit(b"x", "x.txt", "y"))
    assert job["status"] == "failed"
    assert job["error"]["code"] == "script_failed"
    assert "exit code 3" in job["error"]["message"]
    assert job["error"]["message"].endswith("line 2999\nthe very end")
    assert "log" in job["error"]["advice"]
    assert job["output_file_path"] is None
    assert machines_of(client, job)


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("exit 0", "no_output", "no output file"),
        ("kill -9 $$", "script_failed", "SIGKILL"),
        ("kill -TERM $PPID; sleep 60", "internal_error", "told to stop"),
    ],
)
def test_a_script_that_ends_otherwise_is_reported_as_what_it_is(
    client: JobClient, scripted: Scripted, script: str, code: str, words: str
) -> None:
    with scripted("sh", "-c", script):
        job = finished(client, client.submit(b"x", "x.txt", "y"))
    assert (job["status"], job["error"]["code"]) == ("failed", code)
    assert words in job["error"]["message"]


def test_what_a_script_prints_on_both_streams_is_in_the_log(client: JobClient, scripted: Scripted) -> None:
    with scripted("sh", "-c", 'echo one; echo two >&2; echo three; cp "$1" "$3"', "sh"):
        job = finished(client, client.submit(b"x", "x.txt", "y"))
    assert job["status"] == "succeeded", job
    until(lambda: "three" in [line["text"] for line in client.log(job["id"])["lines"]])
    lines = [line["text"] for line in client.log(job["id"])["lines"]]
    assert "two" in lines
    assert [line for line in lines if line in {"one", "three"}] == ["one", "three"]


def test_any_executable_can_be_the_script(client: JobClient, scripted: Scripted) -> None:
    with scripted("sh", "-c", 'tr a-z A-Z < "$1" > "$3"; cat "$2" >> "$3"', "sh"):
        job = finished(client, client.submit(b"quiet ", "x.txt", "end"))
    assert client.output(job["id"]) == b"QUIET end"


def test_the_scripts_environment_has_no_secret(client: JobClient, scripted: Scripted) -> None:
    with scripted("sh", "-c", 'env > "$3"', "sh"):
        job = finished(client, client.submit(b"x", "a name.txt", "y"))
    names = {line.partition("=")[0] for line in client.output(job["id"]).decode().splitlines()}
    assert not [name for name in names if name.startswith("AWS") or "TOKEN" in name or "SECRET" in name]
    assert {"MAYFLY_JOB_ID", "MAYFLY_FILENAME"} <= names


def test_the_machines_own_credentials_open_no_job_at_all(
    client: JobClient, cloud: LocalCloud, scripted: Scripted
) -> None:
    """The script takes the role's credentials from the metadata service; with them this test tries the doors."""
    victim = finished(client, client.submit(b"somebody's secret", "secret.txt", "y"))
    with scripted("python3", "-c", STEAL):
        job = finished(client, client.submit(b"x", "x.txt", "y"))
    assert job["status"] == "succeeded", job
    stolen = json.loads(client.output(job["id"]))
    assert stolen["Code"] == "Success"
    keys = Credentials(stolen["AccessKeyId"], stolen["SecretAccessKey"], stolen["Token"])
    outputs = cloud.deployment.outputs
    bucket, _, key = victim["input_file_path"].partition("/")
    result_bucket, _, result_key = victim["output_file_path"].partition("/")
    mine = cloud.client("sts", credentials=keys).get_caller_identity()
    assert "/mayfly-local-machines" in mine["Arn"], "the credentials are real"

    def refused(service: str, operation: str, **arguments: object) -> bool:
        thief = cloud.client(service, credentials=keys)
        try:
            getattr(thief, operation)(**arguments)
        except thief.exceptions.ClientError as error:
            return error.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
        return False

    assert refused("s3", "get_object", Bucket=bucket, Key=key)
    assert refused("s3", "get_object", Bucket=result_bucket, Key=result_key)
    assert refused("s3", "put_object", Bucket=result_bucket, Key=result_key, Body=b"forged")
    assert refused("s3", "list_objects_v2", Bucket=outputs["uploads_bucket"])
    assert refused("dynamodb", "scan", TableName=outputs["table"])
    assert refused("ec2", "run_instances", ImageId="ami-0abcdef1234567890", MinCount=1, MaxCount=1)
    assert refused("ec2", "describe_instances")
    assert refused("ssm", "get_parameter", Name="/any")
    assert refused("lambda", "invoke", FunctionName="mayfly-local-api")
    assert refused("logs", "get_log_events", logGroupName="/aws/lambda/mayfly-local-api", logStreamName="x")
    assert client.output(victim["id"]) == b"somebody's secret\ny"
