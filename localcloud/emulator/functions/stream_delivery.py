"""DynamoDB stream records on their way to a function, as an event source mapping delivers them.

Upstream MiniStack retries a failing batch for ever: it knows neither partial failures (`ReportBatchItemFailures`) nor
bisecting nor a retry limit on DynamoDB streams, and it reads the stream whatever the function's role says. Rules:
Lambda developer guide, "Process DynamoDB records with Lambda" and "Retain discarded records".
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import error_response_json, request_scope
from ministack.services import dynamodb, lambda_svc

from localcloud.emulator.faults import Faults
from localcloud.emulator.iam.roles import role_allows
from localcloud.emulator.settings import Scope

log = logging.getLogger("localcloud.streams")

READ_ACTIONS = tuple(f"dynamodb:{name}" for name in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"))
RETRY_SECONDS = 0.2

Record = dict[str, Any]


@dataclass
class Attempt:
    """A run of consecutive records that is delivered together; `failures` counts how often it has failed."""

    records: list[Record]
    failures: int = 0


class StreamDelivery:
    """Delivers to every enabled mapping of a DynamoDB stream, one batch at a time for each, in order."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._pending: dict[str, list[Attempt]] = {}
        self._not_before: dict[str, float] = {}

    def poll(self) -> bool:
        """One pass over all mappings; True when any moved on. Called in a loop by MiniStack's poller thread."""
        moved = False
        for account_id, region, mapping in lambda_svc._iter_all_esms():
            if ":dynamodb:" in mapping.get("EventSourceArn", "") and mapping.get("Enabled", True):
                with request_scope(account_id, region):
                    moved = self._poll_safely(mapping, Scope(account_id, region)) or moved
        return moved

    def _poll_safely(self, mapping: dict[str, Any], scope: Scope) -> bool:
        """What goes wrong in the emulator itself is tried again, and holds up no other mapping."""
        try:
            return self._poll_mapping(mapping, scope)
        except Exception:
            log.exception("%s: delivery", mapping["FunctionName"])
            self._not_before[mapping["UUID"]] = time.monotonic() + RETRY_SECONDS
            return False

    def _poll_mapping(self, mapping: dict[str, Any], scope: Scope) -> bool:
        mapping_id = mapping["UUID"]
        function, config = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
        if function is None or time.monotonic() < self._not_before.get(mapping_id, 0):
            return False
        missing = missing_to_read(scope, config["Role"], mapping["EventSourceArn"])
        if missing:
            mapping["LastProcessingResult"] = f"PROBLEM: the role lacks {', '.join(missing)}"
            return False
        queue = self._pending.setdefault(mapping_id, [])
        if not queue:
            records, read = _next_records(mapping)
            if not read:
                return False
            if not records:
                return True  # all filtered out
            queue.append(Attempt(records))
        self._deliver(mapping, function, queue)
        return True

    def _deliver(self, mapping: dict[str, Any], function: dict[str, Any], queue: list[Attempt]) -> None:
        attempt = queue[0]
        twice = 2 if self._faults.plan.duplicate_stream_records else 1
        result = lambda_svc._execute_function(function, {"Records": [r for r in attempt.records for _ in range(twice)]})
        rest = _not_done(attempt.records, result, mapping)
        queue.pop(0)
        if not rest:
            mapping["LastProcessingResult"] = "OK"
            return
        mapping["LastProcessingResult"] = "PROBLEM: Function call failed"
        self._not_before[mapping["UUID"]] = time.monotonic() + RETRY_SECONDS
        failures = attempt.failures + 1
        if failures > _retry_limit(mapping):
            _put_aside(mapping, function, rest, result)
        elif mapping.get("BisectBatchOnFunctionError") and len(rest) > 1:
            # Splitting a batch does not count against the retry quota.
            middle = len(rest) // 2
            queue[:0] = [Attempt(rest[:middle], attempt.failures), Attempt(rest[middle:], attempt.failures)]
        else:
            queue.insert(0, Attempt(rest, failures))


def install(faults: Faults) -> None:
    lambda_svc._poll_dynamodb_streams = StreamDelivery(faults).poll
    lambda_svc._create_esm = _with_readable_stream(lambda_svc._create_esm)


def missing_to_read(scope: Scope, role_arn: str, stream_arn: str) -> list[str]:
    return [action for action in READ_ACTIONS if not role_allows(scope, role_arn, action, stream_arn)]


def _with_readable_stream(upstream: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """Lambda refuses a mapping whose function could not read the stream."""

    def create_esm(data: dict[str, Any]) -> Any:
        source = data.get("EventSourceArn", "")
        _, config, _ = lambda_svc._get_func_record_for_ref(data.get("FunctionName", ""))
        if ":dynamodb:" in source and config:
            spec = parse_arn(source)
            missing = missing_to_read(Scope(spec.account_id, spec.region), config["Role"], source)
            if missing:
                message = (
                    f"Cannot access stream {source}. Please ensure the role can perform the "
                    f"{', '.join(action.split(':')[1] for action in missing)} Actions on your stream in IAM."
                )
                return error_response_json("InvalidParameterValueException", message, 400)
        return upstream(data)

    return create_esm


def _next_records(mapping: dict[str, Any]) -> tuple[list[Record], int]:
    """The next batch that passes the filter, and how many records were read; the position moves past them."""
    table = mapping["EventSourceArn"].split("/stream/")[0].rsplit("/", 1)[-1]
    positions, mapping_id = lambda_svc._dynamodb_stream_positions, mapping["UUID"]
    with lambda_svc._dynamodb_stream_positions_lock:
        position = max(positions.get(mapping_id, 0), dynamodb.stream_start_position(table))
        read = dynamodb.stream_records_since(table, position, mapping.get("BatchSize", 100))
        positions[mapping_id] = position + len(read)
    return lambda_svc._apply_filter_criteria(read, mapping), len(read)


def _not_done(records: list[Record], result: dict[str, Any], mapping: dict[str, Any]) -> list[Record]:
    """What has to be delivered again: nothing, everything, or from the first reported failure on."""
    if result.get("error") or result.get("throttle"):
        return records
    if "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", []):
        return []
    body = result.get("body")
    failed = {each.get("itemIdentifier") for each in (body or {}).get("batchItemFailures") or []}
    if not failed:
        return []
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    if not failed <= set(numbers):
        return records  # a bad item identifier fails the whole batch
    return records[min(numbers.index(number) for number in failed) :]


def _retry_limit(mapping: dict[str, Any]) -> float:
    limit = mapping.get("MaximumRetryAttempts", -1)
    return math.inf if limit in {-1, None} else limit


def _put_aside(
    mapping: dict[str, Any], function: dict[str, Any], records: list[Record], result: dict[str, Any]
) -> None:
    """Sends what is given up to the on-failure destination, with the rights of the function's role."""
    destination = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", "")
    config = function.get("config") or function
    spec = parse_arn(mapping["EventSourceArn"])
    if ":sqs:" in destination and not role_allows(
        Scope(spec.account_id, spec.region), config["Role"], "sqs:SendMessage", destination
    ):
        log.warning("%s: records are lost, its role lacks sqs:SendMessage on %s", config["FunctionName"], destination)
        return
    lambda_svc._send_ddb_stream_failure_record(
        mapping, function, records, mapping["EventSourceArn"], result, "RetryAttemptsExhausted"
    )
