"""What tests of whole jobs do again and again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2 as httpx

from localcloud.cloud import LocalCloud
from operations.job_client import Job, JobClient

SWEEPER = "mayfly-local-sweep"


def until(condition: Callable[[], bool], seconds: float = 180.0) -> None:
    """Looks at once, and then less and less often: a look through the API is work for what is waited for."""
    deadline, pause = time.monotonic() + seconds, 0.1
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def machines_of(client: JobClient, job: Job) -> list[dict[str, str]]:
    return [machine for machine in client.machines() if machine["job_id"] == job["id"]]


def expected(content: bytes, text: str) -> bytes:
    newline = b"\n" if content and not content.endswith(b"\n") else b""
    return content + newline + text.encode()


def run(client: JobClient, content: bytes, name: str, text: str) -> Job:
    job = client.wait(client.submit(content, name, text)["id"])
    assert job["status"] == "succeeded", job
    assert client.output(job["id"]) == expected(content, text)
    return job


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    return (answer.status_code, body["code"]) == (status, code) and bool(body["detail"])


def settled(client: JobClient, job_id: str) -> None:
    until(lambda: client.get(job_id)["timeline"][-1]["event"] == "machine_terminated")


def role_names(cloud: LocalCloud) -> dict[str, str]:
    """Logical name of each role → its name."""
    return {each.name: each.outputs["name"] for each in cloud.deployment.of_type("aws:iam/role:Role")}


@contextmanager
def without(cloud: LocalCloud, role: str, action: str) -> Iterator[None]:
    """Takes one action away from a role for a while."""
    iam, name = cloud.client("iam"), role_names(cloud)[role]
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    reduced = json.loads(json.dumps(document))
    rows: list[dict[str, Any]] = []
    for row in reduced["Statement"]:
        row["Action"] = [each for each in row["Action"] if each != action]
        if row["Action"]:
            rows.append(row)
    assert rows != document["Statement"], f"{role} is not allowed {action} anyway"

    def put(what: Any) -> None:
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(what))

    put({**reduced, "Statement": rows})
    try:
        yield
    finally:
        put(document)


@contextmanager
def setting(cloud: LocalCloud, function: str, name: str, value: str) -> Iterator[None]:
    """Gives a function another value in its environment for a while."""
    functions = cloud.client("lambda")

    def put(value: str) -> str:
        variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        before: str = variables[name]
        changed = {**variables, name: value}
        functions.update_function_configuration(FunctionName=function, Environment={"Variables": changed})
        return before

    before = put(value)
    try:
        yield
    finally:
        put(before)


def waiting_on_machine(client: JobClient, cloud: LocalCloud, job_id: str) -> tuple[str, str]:
    """The job's machine and the task token that waits for it, once there is one."""
    found: list[tuple[str, str]] = []

    def look() -> bool:
        for machine in client.machines():
            if machine["job_id"] == job_id:
                key = {"owner": {"S": "#machine"}, "id": {"S": machine["id"]}}
                table = cloud.deployment.outputs["table"]
                item = cloud.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
                found.extend([(machine["id"], item["token"]["S"])] if "token" in item else [])
        return bool(found)

    until(look)
    return found[0]


def fail_a_record(client: JobClient, cloud: LocalCloud) -> str:
    """Lets the stream function fail on a record until that is put aside; answers the job's id."""
    url, queue = cloud.deployment.outputs["failed_records_queue"], cloud.client("sqs")

    def put_aside() -> bool:
        return bool(queue.receive_message(QueueUrl=url).get("Messages"))

    queue.purge_queue(QueueUrl=url)  # a record that another test put aside comes again, once its hiding time is over
    with without(cloud, "mayfly-local-stream", "states:StartExecution"):
        job = client.submit(b"x", "x.txt", "y")
        until(put_aside)
    return str(job["id"])


def stop_workflow(cloud: LocalCloud, job_id: str) -> None:
    execution = cloud.deployment.outputs["state_machine"].replace(":stateMachine:", ":execution:") + f":{job_id}"
    cloud.client("stepfunctions").stop_execution(executionArn=execution)


def sweep(cloud: LocalCloud) -> dict[str, Any]:
    answer = cloud.client("lambda").invoke(FunctionName=SWEEPER, Payload=b"{}")
    report: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, report
    return report


def let_urls_expire(cloud: LocalCloud, job: Job) -> None:
    """Has a deleted job's tombstone say that the last of the job's URLs has expired, which takes hours otherwise."""
    cloud.client("dynamodb").update_item(
        TableName=cloud.deployment.outputs["table"],
        Key={"owner": {"S": job["owner"]}, "id": {"S": job["id"]}},
        UpdateExpression="SET purge_at = :past",
        ConditionExpression="attribute_exists(deleted_at)",
        ExpressionAttributeValues={":past": {"S": "2026-01-31T09:15:00.000Z"}},
    )


def keys_of(cloud: LocalCloud, job: Job) -> list[str]:
    """The keys of every object of a job, in all buckets."""
    s3 = cloud.client("s3")
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    return [
        entry["Key"]
        for bucket in buckets
        for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        if job["id"] in entry["Key"]
    ]
