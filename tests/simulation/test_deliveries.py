"""The table's stream and the event bus: what reaches its function, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from functions.aws.attribute_values import serialize_item
from functions.aws.job_items import to_item
from functions.jobs.job import Job, JobStatus
from simulation.clock import VirtualClock
from simulation.event_bus import EventBus
from simulation.faults import Congestion, Delivery
from simulation.lambdas import Function, Lambdas
from simulation.rng import Rng
from simulation.stream import Stream
from tests.functions.fakes.job_table import a_job


class Post:
    """A function that hears of everything, and fails for the sequence numbers in `failing`."""

    def __init__(self, fates: Mapping[int, Delivery] | None = None, *congestions: Congestion) -> None:
        self.clock, rng = VirtualClock(), Rng(1)
        self.heard: list[str] = []
        self.failing: set[str] = set()
        functions = {"stream": Function(self._records, 30), "events": Function(self._event, 30)}
        lambdas = Lambdas(self.clock, rng, functions, (), congestions)
        self.stream = Stream(self.clock, rng, lambdas, fates or {})
        self.bus = EventBus(self.clock, rng, lambdas, fates or {})

    def notify(self, before: Job | None, after: Job) -> None:
        items = [serialize_item(to_item(job)) if job else None for job in (before, after)]
        self.stream.notify((after.owner, after.id), *items)

    def _records(self, event: Any, _context: Any) -> Any:
        numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
        self.heard += numbers
        failed = [{"itemIdentifier": number} for number in numbers if number in self.failing]
        return {"batchItemFailures": failed}

    def _event(self, event: Any, _context: Any) -> None:
        self.heard.append(event["detail"]["state"])


@pytest.mark.parametrize(
    ("before", "after", "is_told"),
    [
        (None, a_job(), True),
        (a_job(), a_job(revision=2), False),
        (a_job(), a_job(status=JobStatus.CANCELLED), False),
        (a_job(status=JobStatus.CANCELLED), a_job(run=2), True),
        (a_job(run=2), a_job(run=2, revision=2), True),
        (a_job(run=2), a_job(run=2, status=JobStatus.LAUNCHING), False),
    ],
)
def test_the_stream_tells_of_jobs_that_begin_to_wait(before: Job | None, after: Job, is_told: bool) -> None:
    post = Post()
    post.notify(before, after)
    post.clock.run(60)
    assert post.heard == (["0"] if is_told else [])
    assert post.stream.pending == 0


@pytest.mark.parametrize(("fate", "times"), [(None, 1), (Delivery.LOST, 0), (Delivery.TWICE, 2), (Delivery.LATE, 1)])
def test_records_and_events_have_their_fates(fate: Delivery | None, times: int) -> None:
    post = Post({0: fate} if fate else {})
    post.notify(None, a_job())
    post.bus.publish("events", "EC2 Instance State-change Notification", {"state": "terminated"})
    post.clock.run(4)
    early = len(post.heard)
    post.clock.run(3600)
    assert post.heard.count("0") == post.heard.count("terminated") == times
    assert early == (0 if fate in {Delivery.LATE, Delivery.LOST} else early)
    assert (post.stream.pending, post.bus.pending) == (0, 0)


def test_records_that_fail_come_again_and_those_before_them_do_not() -> None:
    post = Post()
    post.failing = {"1"}
    for _ in range(3):
        post.notify(None, a_job())
    post.clock.run(1.5)
    post.failing = set()
    post.clock.run(60)
    assert post.heard.count("0") == 1
    assert post.heard.count("1") > 1
    assert post.heard.count("2") == post.heard.count("1")
    assert post.stream.pending == 0


def test_a_record_that_never_works_is_put_aside_after_ten_more_tries() -> None:
    post = Post()
    post.failing = {"0"}
    post.notify(None, a_job())
    post.clock.run(3600)
    assert post.heard == ["0"] * 11
    assert post.stream.pending == 0


def test_a_batch_that_lambda_has_no_room_for_comes_again_until_it_has() -> None:
    post = Post({}, Congestion(0.0, 100.0))
    post.notify(None, a_job())
    post.clock.run(90)
    assert (post.heard, post.stream.pending) == ([], 1)
    post.clock.run(200)
    assert (post.heard, post.stream.pending) == (["0"], 0)
