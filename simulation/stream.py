"""The table's stream and its event source mapping: jobs that begin to wait reach the stream function."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Any
from zlib import crc32

from simulation.clock import VirtualClock
from simulation.dynamodb import Key
from simulation.dynamodb_expressions import Item
from simulation.faults import Delivery
from simulation.lambdas import BUSY, Answer, Lambdas
from simulation.rng import Rng

# As infra/triggers.py has it.
_BATCH = 100
_RETRIES = 10
_SHARDS = 4
_BATCHES_AT_A_TIME = 10
_QUEUED, _FIRST = {"S": "queued"}, {"N": "1"}

_Record = Mapping[str, Any]


class Stream:
    """`pending` counts the records not handled yet. `fates` are by the number of the record, from 0."""

    def __init__(self, clock: VirtualClock, rng: Rng, lambdas: Lambdas, fates: Mapping[int, Delivery]) -> None:
        self.pending = 0
        self.written = 0
        self._clock = clock
        self._chance = rng
        self._lambdas = lambdas
        self._fates = fates
        self._shards: list[deque[_Record]] = [deque() for _ in range(_SHARDS * _BATCHES_AT_A_TIME)]
        self._busy: set[int] = set()

    def notify(self, key: Key, before: Item | None, after: Item | None) -> None:
        """Puts a write into the stream, if the event source mapping's filters let it pass."""
        if after is None or after.get("status") != _QUEUED or (before is not None and after["run"] == _FIRST):
            return
        fate, number = self._fates.get(self.written), self.written
        self.written += 1
        if fate is Delivery.LOST:
            return
        record = _record(number, "INSERT" if before is None else "MODIFY", key, after)
        # Jobs of one owner are in one shard, and a shard's batches are told apart by the whole key.
        batches = crc32(key[0].encode()) % _SHARDS * _BATCHES_AT_A_TIME
        shard = batches + crc32(key[1].encode()) % _BATCHES_AT_A_TIME
        self._later(shard, record, self._chance.between(5.0, 600.0) if fate is Delivery.LATE else 0.0)
        if fate is Delivery.TWICE:
            self._later(shard, record, self._chance.between(0.0, 120.0))

    def _later(self, shard: int, record: _Record, delay: float) -> None:
        self.pending += 1
        self._clock.after(delay, partial(self._put, shard, record))

    def _put(self, shard: int, record: _Record) -> None:
        self._shards[shard].append(record)
        if shard not in self._busy:
            self._busy.add(shard)
            self._poll(shard, 0)

    def _poll(self, shard: int, tries: int) -> None:
        self._clock.after(self._chance.between(0.1, 1.0), partial(self._deliver, shard, tries))

    def _deliver(self, shard: int, tries: int) -> None:
        batch = list(self._shards[shard])[:_BATCH]
        self._lambdas.invoke("stream", {"Records": batch}, partial(self._handled, shard, batch, tries))

    def _handled(self, shard: int, batch: list[_Record], tries: int, answer: Answer) -> None:
        # A batch that did not reach the function has not used up a try (AWS::Lambda::EventSourceMapping,
        # MaximumRetryAttempts; developer guide, "Using Lambda with Amazon DynamoDB").
        tries -= answer is BUSY
        done = len(batch) if tries == _RETRIES else _handled_count(batch, answer)
        for _ in range(done):
            self._shards[shard].popleft()
        self.pending -= done
        if self._shards[shard]:
            self._poll(shard, tries + 1 if done == 0 else 0)
        else:
            self._busy.discard(shard)


def _handled_count(batch: list[_Record], answer: Answer) -> int:
    """How many records are done with: those before the first that failed."""
    if answer.error is not None:
        return 0
    failed = {one["itemIdentifier"] for one in answer.payload["batchItemFailures"]}
    numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
    return next((index for index, number in enumerate(numbers) if number in failed), len(batch))


def _record(number: int, event: str, key: Key, item: Item) -> _Record:
    keys = {"owner": {"S": key[0]}, "id": {"S": key[1]}}
    change = {"Keys": keys, "NewImage": item, "SequenceNumber": str(number)}
    return {"eventID": str(number), "eventName": event, "eventSource": "aws:dynamodb", "dynamodb": change}
