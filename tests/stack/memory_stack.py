"""The real API over an AWS in memory, for the page and the client: it runs no script and proves nothing about AWS.

A job moves on whenever it is asked for, so that a test never waits for a clock.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar, cast
from unittest.mock import patch
from urllib.parse import SplitResult

from mangum import Mangum

from functions.api.app import create_app
from functions.api.caller import ANONYMOUS, Auth
from functions.api.handler import behind_api_gateway
from functions.aws.attribute_values import deserialize_item
from functions.aws.job_files import S3JobFiles
from functions.aws.job_table import DynamoJobTable, job_of
from functions.aws.machine_table import DynamoMachineTable
from functions.aws.run_reader import DynamoRunReader
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.aws.usage_table import DynamoUsageTable
from functions.costs.budget import Spending
from functions.costs.pricing import Prices
from functions.jobs.failure_catalog import job_error
from functions.jobs.ids import new_job_id
from functions.jobs.job import NO_OVERRIDES
from functions.jobs.s3_keys import input_key
from functions.scheduling.launch_queue import LaunchQueue
from functions.submission.overrides import NO_ALLOWANCE
from functions.submission.submission import Submission
from simulation.dynamodb import TABLE, DynamoDb, Key
from simulation.dynamodb_expressions import Item
from simulation.s3 import ARTIFACTS, OUTPUTS, S3, UPLOADS
from tests.functions.fakes.machine_log import FakeMachineLog
from tests.functions.fakes.machines import FakeMachines
from tests.functions.fakes.workflow import FakeWorkflow
from tests.stack.fake_job import WAY, FakeJob
from tests.stack.storage import Answer
from tests.stack.user_pool import UserPool

T = TypeVar("T")

# What a t4g.micro, its disk and its address cost.
SPENDING = Spending(
    prices=Prices({"t4g.micro": {"on-demand": 19_200}}, disk=2_087, address=5_000, burst={"t4g.micro": 64_000}),
    instance_types=("t4g.micro",),
    markets=("on-demand",),
    machine_deadline=timedelta(minutes=110),
    max_attempts=3,
)
SCRIPT_FAILED = job_error(
    "script_failed",
    "The script ended with exit code 3.\nThe end of its stderr:\ncannot read line 7: <b>not</b> a number",
)
MACHINE_LOST = job_error("machine_lost", "The machine disappeared before the script was done, in every attempt.")
_GATEWAY = threading.Lock()
_ONE_JOB = re.compile(r"GET /api/jobs/([0-9a-f-]{36})")


class _OneAtATime:
    """Calls of the tables and of S3, of the API's thread and of the test's."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def make(self, _: str, effect: Callable[[], T]) -> T:
        with self._lock:
            return effect()


@cache
def gateway(auth: Auth) -> Mangum:
    """Making the API anew for each test would take most of the test's time."""
    return behind_api_gateway(create_app(cast("Any", None), auth))


class MemoryStack:
    """What a test may set: the way jobs take, how they fail, where they stop; who signs in, if there is sign-in."""

    def __init__(self, pool: UserPool | None = None, s3_url: str = "https://s3.test/") -> None:
        self.pool = pool
        self.way = WAY
        self.error = SCRIPT_FAILED
        self.stop_after: str | None = None
        self.events_per_look = 100
        self.output: bytes | None = None
        """What scripts write; None is the file and the text."""
        self.jobs: dict[str, FakeJob] = {}
        calls = cast("Any", _OneAtATime())
        self.db, self.s3 = DynamoDb(calls), S3(calls, s3_url)
        self.table = DynamoJobTable(self.db.client, TABLE)
        self.scheduling = DynamoSchedulingTable(self.db.client, TABLE)
        self.machine_table = DynamoMachineTable(self.db.client, TABLE)
        self.reader = DynamoRunReader(self.db.client, TABLE)
        self.job_files = S3JobFiles(self.s3.client, UPLOADS, OUTPUTS, ARTIFACTS, "payload")
        self.machines, self.log = FakeMachines(), FakeMachineLog()
        self.numbers, self.machine_numbers = itertools.count(), itertools.count()
        self.submission = Submission(
            jobs=self.table,
            machines=self.machine_table,
            files=self.job_files,
            log=self.log,
            queue=LaunchQueue(self.scheduling, FakeWorkflow()),
            usage=DynamoUsageTable(self.db.client, TABLE),
            max_upload_bytes=5_000_000,
            keep_days=30,
            new_id=self.new_id,
            allowance=NO_ALLOWANCE,
            spending=SPENDING,
        )
        self.db.on_write.append(self._on_write)
        self._patches = ExitStack()
        self._loop = asyncio.new_event_loop()
        self._worker = ThreadPoolExecutor(1, "api", asyncio.set_event_loop, (self._loop,))

    def close(self) -> None:
        self._worker.shutdown()
        self._loop.close()
        self._patches.close()

    @property
    def owner(self) -> str:
        return self.pool.owner if self.pool else ANONYMOUS

    def configure(self, **settings: Any) -> None:
        """Sets fields of the submission, such as `max_upload_bytes`."""
        self.submission = replace(self.submission, **settings)

    def set_constant(self, name: str, value: object) -> None:
        """Of a module, until the cloud is closed."""
        self._patches.enter_context(patch(name, value))

    def upload_in_parts(self, from_bytes: int, part_bytes: int) -> None:
        """Where files are too small for real parts."""
        self.set_constant("functions.api.routes.MULTIPART_FROM_BYTES", from_bytes)
        for module in ("api.upload_models", "submission.uploads"):
            self.set_constant(f"functions.{module}.PART_BYTES", part_bytes)
        self.s3.least_part_bytes = 1

    def new_id(self) -> str:
        """Ids of the same millisecond sort as they were made."""
        return f"{new_job_id()[:13]}-7000-8000-{next(self.numbers):012x}"

    def add_job(
        self,
        name: str = "report.txt",
        text: str = "a text",
        content: bytes = b"content",
        batch: str | None = None,
        owner: str | None = None,
    ) -> FakeJob:
        """A job that waits, as if it had been submitted."""
        owner, job_id = owner or self.owner, self.new_id()
        self.s3.put(f"{UPLOADS}/{input_key(owner, job_id, name)}", content)
        job, _ = self.submission.submit(owner, job_id, text, NO_OVERRIDES, batch)
        return self.jobs[job.id]

    def add_finished_job(self, name: str, **changes: Any) -> str:
        """The id of one that has gone all its way."""
        job = self.add_job(name, **changes)
        job.finish()
        return job.id

    def look_at(self, job: FakeJob) -> None:
        """What comes of a job when its record is asked for."""
        for _ in range(self.events_per_look):
            if job.to_come and job.job.timeline[-1].event != self.stop_after:
                job.happen(*job.to_come.pop(0))

    def call(self, method: str, address: SplitResult, headers: Mapping[str, str], body: bytes) -> Answer:
        """What API Gateway answers: its authorizer, and the function behind it."""
        try:
            answer = self._worker.submit(self._call, method, address, headers, body)
        except RuntimeError:  # it is closed, and a page that is being left asks all the same
            return Answer(503)
        return answer.result()

    def _call(self, method: str, address: SplitResult, headers: Mapping[str, str], body: bytes) -> Answer:
        if (found := _ONE_JOB.fullmatch(f"{method} {address.path}")) and found[1] in self.jobs:
            self.look_at(self.jobs[found[1]])
        http = {"method": method, "path": address.path, "sourceIp": "192.0.2.1", "protocol": "HTTP/1.1"}
        context: dict[str, Any] = {"http": http, "stage": "$default"}
        if not self._authorize(address.path, headers, context):
            # As API Gateway words it.
            refusal = {"content-type": "application/json", "www-authenticate": "Bearer"}
            return Answer(401, b'{"message":"Unauthorized"}', refusal)
        event = {
            "version": "2.0",
            "rawPath": address.path,
            "rawQueryString": address.query,
            "headers": dict(headers),
            "requestContext": context,
            "body": body.decode(),
            "isBase64Encoded": False,
        }
        api = gateway(Auth.COGNITO if self.pool else Auth.NONE)
        with _GATEWAY:
            cast("Any", api.app).state.submission = self.submission
            answer = api(cast("Any", event), cast("Any", None))
        assert not answer["isBase64Encoded"]
        return Answer(answer["statusCode"], answer["body"].encode(), answer["headers"])

    def _authorize(self, path: str, headers: Mapping[str, str], context: dict[str, Any]) -> bool:
        """Whether the request gets to the function; with the claims of its token, if it needs one."""
        token = headers.get("authorization")
        if path in {"/api/docs", "/api/openapi.json", "/api/health"}:
            return True
        if self.pool is None:
            return token is None  # no client sends this
        claims = self.pool.claims(token.removeprefix("Bearer ")) if token else None
        if claims is not None:
            context["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
        return claims is not None

    def _on_write(self, key: Key, before: Item | None, item: Item | None) -> None:
        """The jobs are those that have a record."""
        owner, job_id = key
        if owner.startswith("#"):
            return
        earlier, after = (job_of(each and deserialize_item(each)) for each in (before, item))
        if after is None:
            self.jobs.pop(job_id, None)
        elif earlier is None:
            self.jobs[job_id] = FakeJob(self, owner, job_id, list(self.way))
        else:
            self.jobs[job_id].follow(earlier, after)
