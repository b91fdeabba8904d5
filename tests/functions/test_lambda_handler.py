"""What a handler raises is in its log, as JSON and with the job (docs/troubleshooting.md, "When something is wrong").

Lambda's runtime writes the error as one plain line of its own, without the fields (awslambdaric 4.2.2, bootstrap.py,
`log_error`), and powertools' `inject_lambda_context` logs nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from functions.api import handler as api
from functions.jobs.errors import (
    AgentNotOnline,
    CapacityUnavailable,
    JobEnded,
    LaunchRefused,
    MachineStillAlive,
    QueueTimeout,
    Throttled,
)
from functions.orchestrator import events, pool, stream, sweep
from functions.orchestrator.step import logger
from simulation.metrics import SimulatedMetrics
from tests.functions.fakes.job_table import JOB_ID, OTHER_ID
from tests.functions.orchestrator.lambda_context import CONTEXT
from tests.functions.orchestrator.test_handlers import record_of
from tests.functions.orchestrator.test_payloads import CONTRACTS, VARIABLES
from tests.functions.orchestrator.workflow_definition import WORKFLOW
from tests.functions.written_lines import Lines, written_lines


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """The JSON lines that the functions have written since the test began."""
    yield written_lines(monkeypatch, logger, api.logger)
    logger.clear_state()
    api.logger.clear_state()


def fail(monkeypatch: pytest.MonkeyPatch, module: ModuleType, core: str, error: Exception) -> None:
    def broken() -> None:
        raise error

    monkeypatch.setattr(module, core, broken)


OF_MACHINE = {"detail-type": "EC2 Instance State-change Notification", "detail": {"instance-id": "i-1", "state": "x"}}
OF_WORKFLOW = {
    "detail-type": "Step Functions Execution Status Change",
    "detail": {"input": json.dumps({"owner": "alice", "job_id": "job", "run": 1}), "status": "FAILED"},
}
# The last is what the line has to say of the job.
HANDLERS = [
    *((each.module, each.core, WORKFLOW.payload(state, VARIABLES), "job") for state, each in CONTRACTS.items()),
    (events, "await_step", OF_MACHINE, None),
    (sweep, "sweeper", OF_WORKFLOW, "job"),
    (sweep, "sweeper", {}, None),
    (pool, "reconciler", {}, None),
    (api, "adapter", {"rawPath": f"/api/jobs/{JOB_ID}"}, JOB_ID),
]


@pytest.mark.parametrize(("module", "core", "event", "job_id"), HANDLERS)
def test_what_a_handler_raises_is_logged_with_its_traceback_job_and_step_and_raised(
    monkeypatch: pytest.MonkeyPatch,
    lines: Lines,
    module: ModuleType,
    core: str,
    event: dict[str, Any],
    job_id: str | None,
) -> None:
    fail(monkeypatch, module, core, RuntimeError("boom"))
    with pytest.raises(RuntimeError, match="boom"):
        module.handler(event, CONTEXT)
    (line,) = [each for each in lines() if each["level"] == "ERROR"]
    assert (line["exception_name"], line["function_request_id"]) == ("RuntimeError", CONTEXT.aws_request_id)
    assert "in broken" in line["exception"]
    assert line.get("job_id") == job_id
    assert module is api or module is events or line["step"] in module.__name__


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (AgentNotOnline("not yet"), "INFO"),
        (Throttled("slow down"), "INFO"),
        (CapacityUnavailable("no room"), "INFO"),
        (MachineStillAlive("shutting-down"), "INFO"),
        (JobEnded("cancelled"), "INFO"),
        (LaunchRefused("no such image"), "WARNING"),
        (QueueTimeout("an hour"), "WARNING"),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else each,
)
def test_what_a_step_answers_the_workflow_is_no_error_of_the_function(
    monkeypatch: pytest.MonkeyPatch, lines: Lines, error: Exception, level: str
) -> None:
    module, core, event, _ = HANDLERS[1]
    fail(monkeypatch, module, core, error)
    with pytest.raises(type(error)):
        module.handler(event, CONTEXT)
    line = lines()[-1]
    assert (line["level"], line["error"], line["reason"]) == (level, type(error).__name__, str(error))
    assert "exception" not in line


def test_each_record_that_fails_is_logged_with_its_cause_and_job_and_counted(
    monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    # powertools answers Lambda which records failed and says nothing (utilities/batch/base.py, `failure_handler`); with
    # raise_on_entire_batch_failure=False not even that all of them did.
    metrics = SimulatedMetrics()
    fail(monkeypatch, stream, "workflow", PermissionError("AccessDeniedException: states:StartExecution"))
    monkeypatch.setattr(stream, "metrics", lambda: metrics)
    answer = stream.handler({"Records": [record_of(JOB_ID, "1"), record_of(OTHER_ID, "2")]}, CONTEXT)
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["1", "2"]
    failed = [each for each in lines() if each["level"] == "ERROR"]
    assert [each["job_id"] for each in failed] == [JOB_ID, OTHER_ID]
    assert all("AccessDeniedException" in each["exception"] for each in failed)
    assert metrics.values == {"StartsFailed": 2}


@pytest.mark.parametrize("image", [None, {}, {"id": {"S": JOB_ID}}])
def test_a_record_that_is_no_job_is_logged_as_well(
    monkeypatch: pytest.MonkeyPatch, lines: Lines, image: dict[str, Any] | None
) -> None:
    metrics = SimulatedMetrics()
    monkeypatch.setattr(stream, "metrics", lambda: metrics)
    record = {
        "eventName": "INSERT",
        "dynamodb": {"SequenceNumber": "7"} | ({} if image is None else {"NewImage": image}),
    }
    assert stream.handler({"Records": [record]}, CONTEXT) == {"batchItemFailures": [{"itemIdentifier": "7"}]}
    (line,) = lines()
    assert line["exception_name"] == "KeyError"
    assert line.get("job_id") == (JOB_ID if image else None)
