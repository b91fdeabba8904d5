"""Messages at the end of a job's run, as a webhook gets them that wants one owner's alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Any

import pytest

from localcloud.cloud import LocalCloud
from mayfly.http_client import http_client
from operations.job_client import JobClient
from tests.cloud.steps import run, settled, until, without

pytestmark = pytest.mark.cloud

SECONDS = 120


@contextmanager
def webhook() -> Iterator[tuple[str, Queue[dict[str, Any]]]]:
    """An address, and what was posted to it."""
    posted: Queue[dict[str, Any]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", posted
        finally:
            server.shutdown()


def test_a_webhook_hears_of_one_owners_jobs_once_it_has_confirmed(client: JobClient, cloud: LocalCloud) -> None:
    sns, topic = cloud.client("sns"), cloud.deployment.outputs["notify_topic"]
    (owner,) = (each["owner"] for each in client._http.get("/api/owners").raise_for_status().json()["owners"])
    with webhook() as (url, posted):
        wanted = {"FilterPolicyScope": "MessageBody", "FilterPolicy": json.dumps({"owner": [owner]})}
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url, Attributes=wanted, ReturnSubscriptionArn=True)
        asked = posted.get(timeout=SECONDS)
        assert (asked["Type"], asked["TopicArn"]) == ("SubscriptionConfirmation", topic)
        with http_client(cloud.aws_endpoint) as http:
            http.get(asked["SubscribeURL"]).raise_for_status()
        (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        try:
            with JobClient(cloud.url, user="bob") as bob:
                of_bob = run(bob, b"y", "bobs.txt", "a text")
                settled(bob, of_bob["id"])
            job = client.wait(client.submit(b"x", "mine.txt", "a text")["id"])
            # Those of alice's earlier jobs, whose machines have ended since, come first.
            messages: list[dict[str, Any]] = []
            while not messages or messages[-1]["job_id"] != job["id"]:
                heard = posted.get(timeout=SECONDS)
                messages.append(json.loads(heard["Message"]))
        finally:
            sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    assert {message["owner"] for message in messages} == {owner}
    assert (heard["Type"], heard["Subject"]) == ("Notification", "Mayfly: job succeeded")
    assert messages[-1] == {
        "stack": "local",
        "owner": owner,
        "job_id": job["id"],
        "run": 1,
        "status": "succeeded",
        "filename": "mine.txt",
        "error": "",
    }


def test_without_the_right_to_publish_the_execution_fails_and_the_job_does_not(
    client: JobClient, cloud: LocalCloud
) -> None:
    machine, workflows = cloud.deployment.outputs["state_machine"], cloud.client("stepfunctions")
    with without(cloud, machine.rpartition(":")[2], "sns:Publish"):
        job = run(client, b"x", "x.txt", "y")
        execution = machine.replace(":stateMachine:", ":execution:") + f":{job['id']}"
        until(lambda: workflows.describe_execution(executionArn=execution)["status"] == "FAILED")
    failed = workflows.describe_execution(executionArn=execution)
    assert failed["error"] == "SNS.AuthorizationErrorException"
    assert client.get(job["id"])["status"] == "succeeded"
