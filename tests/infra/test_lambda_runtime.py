"""Each function's bundle under awslambdaric, AWS's own runtime client: it imports, answers, and says what went wrong.

What the client makes of an exception is what Step Functions retries and catches by (Step Functions guide, "Handling
errors": a Lambda error's name is the exception's class).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from benchmarks.lambda_runtime import REQUEST_ID, FunctionFailedError, LambdaFunction, host_function, runtime_client
from functions.jobs import errors
from infra.bundle import API, ORCHESTRATOR, Bundle
from infra.bundling.target import Target
from infra.workflow import DEFINITION, filled
from localcloud.engine.deployment import Deployment
from tests.functions.fakes.job_table import JOB_ID
from tests.infra.test_bundles import HOST

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform != "linux", reason="AWS builds awslambdaric for Linux alone"),
]

LAMBDA_X86 = Target("3.13", "x86_64")
Code = Callable[[str, Target], Path]
WHO = {"owner": "alice", "job_id": JOB_ID, "run": 1}
RECORD = {
    "eventName": "INSERT",
    "dynamodb": {
        "SequenceNumber": "7",
        "NewImage": {"owner": {"S": "a"}, "id": {"S": JOB_ID}, "run": {"N": "1"}, "attempts": {"N": "0"}},
    },
}
MACHINE = {"detail-type": "EC2 Instance State-change Notification", "detail": {"instance-id": "i-1", "state": "x"}}
ENDED = {
    "detail-type": "Step Functions Execution Status Change",
    "detail": {"input": json.dumps(WHO), "status": "FAILED"},
}
_BOOT = {"stored_after": "", "retries": 0, "online_at": "2026-01-31T09:15:20Z", "poll_seconds": 0}
# What each function is sent, by its handler's module.
EVENTS: dict[str, dict[str, Any]] = {
    "await_completion": {**WHO, "instance_id": "i-1", "task_token": "t"},
    "dispatch": {**WHO, "attempt": 1, "instance_id": "i-1", **_BOOT},
    "events": MACHINE,
    "inspect_command": {**WHO, "instance_id": "i-1", "command_id": "c-1"},
    "launch": {**WHO, "attempt": 1, "task_token": "t", "asks": 0, "redrives": 0},
    "pool": {},
    "record": {**WHO, "error": "LaunchRefused", "cause": "no"},
    "release": {**WHO, "instance_id": "i-1", "ended": ""},
    "stream": {"Records": [RECORD]},
    "sweep": ENDED,
    "terminate": {**WHO, "instance_id": "i-1", "task_token": "t"},
}
STEP_ERRORS = {
    one.__name__
    for one in vars(errors).values()
    if isinstance(one, type) and issubclass(one, errors.StepError) and not one.__subclasses__()
}
PROBE = """
from functions.jobs import errors
from functions.lambda_handler import lambda_handler
from functions.orchestrator.step import log_step, logger

@lambda_handler(logger)
def handler(event, context):
    log_step("probe", event["job_id"])
    raise getattr(errors, event["raise"], RuntimeError)("because")
"""


@pytest.fixture(scope="module")
def functions(pooled: Deployment) -> dict[str, dict[str, Any]]:
    """The inputs of every function that the program makes, by its handler's module."""
    found = pooled.of_type("aws:lambda/function:Function")
    return {each.inputs["handler"].split(".")[-2]: dict(each.inputs) for each in found}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Code:
    """The folder with the code of a handler's module, for a target; no installed package helps out there."""

    @cache
    def extracted(bundle: Bundle, target: Target) -> Path:
        folder = tmp_path_factory.mktemp(bundle.handlers)
        zipfile.ZipFile(bundle.build(target)).extractall(folder)
        return folder

    return lambda module, target: extracted(API if module == "handler" else ORCHESTRATOR, target)


def lambda_like_python() -> str | None:
    """A working Python 3.13, from the path or from pyenv."""
    places = [shutil.which("python3.13"), *map(str, Path.home().glob(".pyenv/versions/3.13.*/bin/python3.13"))]
    for place in filter(None, places):
        if subprocess.run([place, "-c", ""], capture_output=True, check=False).returncode == 0:
            return place
    return None


def request(path: str) -> dict[str, Any]:
    http = {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "api.test"},
        "requestContext": {"http": http, "stage": "$default"},
        "isBase64Encoded": False,
    }


def test_every_function_of_the_program_is_started_here(functions: dict[str, Any]) -> None:
    assert set(functions) == {*EVENTS, "handler"}


@pytest.mark.parametrize("module", sorted(EVENTS))
def test_a_function_starts_answers_and_logs_its_error_with_the_job(
    functions: dict[str, dict[str, Any]], code: Code, tmp_path: Path, module: str
) -> None:
    inputs = functions[module]
    environment = inputs["environment"]["variables"]
    with host_function(inputs["handler"], [code(module, HOST)], environment, tmp_path / "log") as function:
        answer = function.invoke(EVENTS[module])
        (line,) = [each for each in function.log_lines() if each.get("level") == "ERROR"]
    assert "AccessDeniedException" in line["exception"], "it got as far as a call to AWS"
    if module == "stream":
        assert (answer.is_error, answer.payload) == (False, {"batchItemFailures": [{"itemIdentifier": "7"}]})
    else:
        assert (answer.is_error, answer.payload["errorType"]) == (True, line["exception_name"])
        assert line["function_request_id"] == REQUEST_ID
    if module not in {"events", "pool"}:  # which are about machines
        assert line["job_id"] == JOB_ID


def test_the_api_starts_and_answers(functions: dict[str, dict[str, Any]], code: Code, tmp_path: Path) -> None:
    inputs = functions["handler"]
    environment = inputs["environment"]["variables"]
    with host_function(inputs["handler"], [code("handler", HOST)], environment, tmp_path / "log") as function:
        healthy = function.invoke(request("/api/health"))
        broken = function.invoke(request(f"/api/jobs/{JOB_ID}"))
        (line,) = [each for each in function.log_lines() if each.get("level") == "ERROR"]
        plain = [each for each in function.log.read_text().splitlines() if not each.startswith("{")]
    assert (healthy.payload["statusCode"], json.loads(healthy.payload["body"])) == (200, {"status": "ok"})
    assert (broken.is_error, broken.payload["statusCode"]) == (False, 500)
    assert line["job_id"] == JOB_ID
    assert [each for each in plain if "ERROR" in each or "Traceback" in each] == [], "logged once"


@pytest.fixture(scope="module")
def probe(code: Code, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LambdaFunction]:
    folder = tmp_path_factory.mktemp("probe")
    (folder / "probe.py").write_text(PROBE)
    folders, environment = [folder, code("launch", HOST)], {"POWERTOOLS_LOG_LEVEL": "INFO"}
    with host_function("probe.handler", folders, environment, folder / "log") as function:
        yield function


@pytest.mark.parametrize("name", sorted(STEP_ERRORS))
def test_a_steps_error_reaches_the_workflow_under_its_own_name(probe: LambdaFunction, name: str) -> None:
    answer = probe.invoke({"raise": name, "job_id": JOB_ID})
    assert (answer.is_error, answer.payload["errorType"], answer.payload["errorMessage"]) == (True, name, "because")
    line = probe.log_lines()[-1]
    assert (line["error"], line["level"] in {"INFO", "WARNING"}, line["job_id"]) == (name, True, JOB_ID)


def test_the_workflow_names_no_other_errors_than_these() -> None:
    definition = filled(json.loads(DEFINITION.read_text()), defaultdict(str))
    named = {
        error
        for state in definition["States"].values()
        for rule in [*state.get("Retry", []), *state.get("Catch", [])]
        for error in rule["ErrorEquals"]
        if not error.startswith(("States.", "Lambda."))  # the one's own, or of what never got to the function
    }
    assert named - STEP_ERRORS == set()


def test_the_search_by_job_id_finds_a_traceback(probe: LambdaFunction) -> None:
    # docs/troubleshooting.md, "When something is wrong": `filter @message like '$JOB'`.
    job = "01926b3c-7f3e-7c2a-9d51-3f0a5b8c1e99"
    assert probe.invoke({"raise": "nothing of ours", "job_id": job}).payload["errorType"] == "RuntimeError"
    (line,) = [each for each in probe.log.read_text().splitlines() if job in each and "Traceback" in each]
    assert json.loads(line)["step"] == "probe"


def test_a_function_that_cannot_be_imported_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import not_there\n")
    with (
        pytest.raises(FunctionFailedError, match="Unable to import module 'broken'"),
        host_function("broken.handler", [tmp_path], {}, tmp_path / "log"),
    ):
        pass


@pytest.mark.skipif(lambda_like_python() is None, reason="no python3.13 here to stand in for Lambda's")
@pytest.mark.parametrize("modules", [sorted(EVENTS), ["handler"]], ids=["steps", "api"])
def test_the_bundle_for_lambda_starts_with_lambdas_python(
    functions: dict[str, dict[str, Any]], code: Code, tmp_path: Path, modules: list[str]
) -> None:
    python = lambda_like_python()
    assert python
    variables = [functions[module]["environment"]["variables"] for module in modules]
    environment = {key: value for each in variables for key, value in each.items()}
    handlers = [functions[module]["handler"].rpartition(".")[0] for module in modules]
    probe = [*(f"import {each}" for each in handlers), f"handler = {handlers[-1]}.handler"]
    (tmp_path / "probe.py").write_text("\n".join(probe))
    folders = [tmp_path, code(modules[0], LAMBDA_X86), runtime_client(LAMBDA_X86)]
    with LambdaFunction("probe.handler", folders, environment, tmp_path / "log", python=python) as function:
        answer = function.invoke(EVENTS.get(modules[-1], request("/api/health")))
    assert answer.payload
