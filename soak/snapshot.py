"""What the local cloud holds, read from outside: through the API, from the job table and from the emulator."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.cloud import LocalCloud
from mayfly.job_list import all_jobs
from operations.job_client import Job, JobApiError, JobClient

_PAUSE = 2.0
_LEDGER = "#ledger/"
_UNASSIGNED = "unassigned"  # the owner of machines that no run was given (docs/costs.md)
_SINGLE_ITEMS = {"#lease", "#sweep"}  # partitions of the job table (docs/architecture.md, "Data") that stay


@dataclass(frozen=True)
class Snapshot:
    """Everything that the audit looks at.

    Attributes:
        left: by kind, what must not be there once everything has ended: machines, slots, queue entries and the like.
        jobs: every job that the API lists, by its id.
        outputs: SHA-256 (hex) of each listed and succeeded job's result, or why there is none.
        of_deleted: what there is of deleted jobs, other than the note that they were.
        launched: every machine that there ever was, with the job that it was launched for.
        ledger: micro-USD by the API's owner.
        charged: ids of the machines that are in the ledger.
        unassigned: those of them that no run was given, since the functions were killed right after their launch.
    """

    left: Mapping[str, Collection[str]]
    jobs: Mapping[str, Job]
    outputs: Mapping[str, str]
    of_deleted: Collection[str]
    launched: Mapping[str, str]
    ledger: Mapping[str, int]
    charged: Collection[str]
    unassigned: Collection[str] = ()


def take(
    cloud: LocalCloud, clients: Collection[JobClient], deleted: Mapping[str, Job], earlier_machines: Mapping[str, str]
) -> Snapshot:
    """One client for each owner; `deleted` are jobs as they were last read; machines are forgotten at a restart."""
    jobs: dict[str, Job] = {}
    outputs: dict[str, str] = {}
    alive: list[str] = []
    for client in clients:
        mine = {job["id"]: job for job in all_jobs(client)}
        jobs |= mine
        outputs |= {job_id: _digest(client, job_id) for job_id, job in mine.items() if job["status"] == "succeeded"}
        alive += [machine["instance_id"] for machine in client.alive()]
    items = _items(cloud)
    ledger: Counter[str] = Counter()
    charged: set[str] = set()
    unassigned: set[str] = set()
    for item in items:
        if item["owner"]["S"].startswith(_LEDGER):
            owner = item["id"]["S"].rpartition("/")[0]
            charged |= set(item["machines"]["SS"])
            if owner == _UNASSIGNED:
                unassigned |= set(item["machines"]["SS"])
            else:
                ledger[owner] += int(item["micro_usd"]["N"])
    return Snapshot(
        left={
            **_left(cloud, items),
            "machines that the API names as alive": alive,
            "stream records put aside": ["some"] * _failed_records(cloud),
        },
        jobs=jobs,
        outputs=outputs,
        of_deleted=list(_of_deleted(cloud, deleted, items)),
        launched={**earlier_machines, **{machine["id"]: machine["job_id"] for machine in _machines(cloud)}},
        ledger=ledger,
        charged=charged,
        unassigned=unassigned,
    )


def accountable(machines: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The job of each machine that is accounted for, though the emulator is about to forget it.

    Not a living one that no run was given: it would be the sweeper's to end and to charge, and is gone before.
    """
    return {each["id"]: each["job_id"] for each in machines if each["job_id"] or each["state"] == "terminated"}


def settle(cloud: LocalCloud, deleted: Mapping[str, Job], seconds: float, say: Callable[[str], None]) -> float:
    """Waits until nothing is left, or the time is over; how long that was."""
    began = time.monotonic()
    while True:
        items = _items(cloud)
        found = {**_left(cloud, items), "of deleted jobs": list(_of_deleted(cloud, deleted, items))}
        left = {what: len(names) for what, names in found.items() if names}
        if not left or time.monotonic() - began > seconds:
            return time.monotonic() - began
        say(f"waiting for {left}")
        time.sleep(_PAUSE)


def _left(cloud: LocalCloud, items: Iterable[dict[str, Any]]) -> dict[str, Collection[str]]:
    machine = cloud.deployment.outputs["state_machine"]
    running = _pages(cloud, "stepfunctions", "list_executions", stateMachineArn=machine, statusFilter="RUNNING")
    return {
        "machines": [each["id"] for each in _machines(cloud) if each["state"] != "terminated"],
        "instances that EC2 knows": [
            instance["InstanceId"]
            for page in _pages(cloud, "ec2", "describe_instances")
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
            if instance["State"]["Name"] != "terminated"
        ],
        "executions": [each["name"] for page in running for each in page["executions"]],
        "slots, queue entries and other items of the table": [
            f"{item['owner']['S']} {item['id']['S']}"
            for item in items
            # The others are kept for a while, and expire.
            if item["owner"]["S"].startswith("#")
            and "expires_at" not in item
            and item["owner"]["S"] not in _SINGLE_ITEMS
        ],
    }


def _of_deleted(cloud: LocalCloud, deleted: Mapping[str, Job], items: Iterable[dict[str, Any]]) -> Iterator[str]:
    for item in items:
        if item["id"]["S"] in deleted and "deleted_at" not in item:
            yield f"item {item['owner']['S']} {item['id']['S']}"
    for key in _keys(cloud):
        if deleted.keys() & set(key.split("/")):
            yield f"object {key}"
    machines = {machine["instance_id"] for job in deleted.values() for machine in job["machines"]}
    for stream in _log_streams(cloud):
        if machines & set(stream.split("/")):
            yield f"log stream {stream}"


def _keys(cloud: LocalCloud) -> Iterator[str]:
    for bucket in cloud.client("s3").list_buckets()["Buckets"]:
        for page in _pages(cloud, "s3", "list_objects_v2", Bucket=bucket["Name"]):
            yield from (entry["Key"] for entry in page.get("Contents", []))


def _log_streams(cloud: LocalCloud) -> Iterator[str]:
    for page in _pages(cloud, "logs", "describe_log_groups"):
        for group in page["logGroups"]:
            for streams in _pages(cloud, "logs", "describe_log_streams", logGroupName=group["logGroupName"]):
                yield from (stream["logStreamName"] for stream in streams["logStreams"])


def _digest(client: JobClient, job_id: str) -> str:
    try:
        return hashlib.sha256(client.output(job_id)).hexdigest()
    except JobApiError as error:
        return str(error)


def _machines(cloud: LocalCloud) -> list[dict[str, Any]]:
    with JobClient(cloud.url) as client:
        return client.machines()


def _items(cloud: LocalCloud) -> list[dict[str, Any]]:
    pages = _pages(cloud, "dynamodb", "scan", TableName=cloud.deployment.outputs["table"], ConsistentRead=True)
    return [item for page in pages for item in page["Items"]]


def _failed_records(cloud: LocalCloud) -> int:
    queue = cloud.deployment.outputs["failed_records_queue"]
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    found = cloud.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=list(names))["Attributes"]
    return sum(int(found[name]) for name in names)


def _pages(cloud: LocalCloud, service: str, operation: str, **arguments: Any) -> Iterable[dict[str, Any]]:
    pages: Iterable[dict[str, Any]] = cloud.client(service).get_paginator(operation).paginate(**arguments)
    return pages
