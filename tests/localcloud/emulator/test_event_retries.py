from __future__ import annotations

import json
import threading
import time
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ministack.services import lambda_svc

from localcloud.emulator.environment import emulator_environment
from localcloud.emulator.functions.event_retries import dispatch
from tests.localcloud.emulator.harness import ECHO, EmulatorHarness, wait_for

ARN = "arn:aws:lambda:eu-central-1:000000000000:function:sweep"


# Lambda developer guide, "How Lambda handles errors and retries with asynchronous invocation": two more attempts, with
# one minute before the first of them, and two minutes before the second.
@pytest.mark.parametrize(("failures", "waited"), [(0, []), (1, [60]), (5, [60, 120])])
def test_an_event_comes_again_to_a_function_that_failed(
    monkeypatch: pytest.MonkeyPatch, failures: int, waited: list[float]
) -> None:
    waits: list[float] = []
    events: list[Any] = []
    ended = threading.Event()

    def execute(_function: Any, event: Any) -> dict[str, Any]:
        events.append(event)
        if len(events) > len(waited):
            ended.set()
        return {"error": True} if len(events) <= failures else {}

    settings = emulator_environment(scratch=Path("/nowhere"), region="eu-central-1")
    for name in ("LAMBDA_ASYNC_RETRY_BASE_SECONDS", "LAMBDA_ASYNC_RETRY_MAX_SECONDS"):
        monkeypatch.setattr(lambda_svc, f"_{name}", float(settings[name]))
    monkeypatch.setattr(lambda_svc, "time", SimpleNamespace(time=time.time, sleep=waits.append))
    function = {"config": {"FunctionArn": ARN, "FunctionName": "sweep"}}
    monkeypatch.setattr(lambda_svc, "_get_func_record_for_ref", lambda arn: (function, function["config"], arn))
    monkeypatch.setattr(lambda_svc, "_execution_record_for_config", lambda record, _config: record)
    monkeypatch.setattr(lambda_svc, "_execute_function", execute)
    dispatch(ARN, json.dumps({"source": "aws.events"}))
    assert ended.wait(60)
    assert waits == waited
    assert events == [{"source": "aws.events"}] * (len(waited) + 1)


def test_the_emulator_says_of_an_event_that_its_function_is_gone(harness: EmulatorHarness) -> None:
    name, events = f"gone-{uuid.uuid4().hex[:8]}", harness.client("events")
    function = harness.function(ECHO)
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{"Id": "f", "Arn": function}])
    harness.client("lambda").delete_function(FunctionName=function)
    events.put_events(Entries=[{"Source": name, "DetailType": "d", "Detail": "{}"}])
    said = f"there is no function {function.rsplit(':', 1)[-1]}, the event is lost"
    wait_for(lambda: said in harness.emulator.log_tail(200), "the reason")
