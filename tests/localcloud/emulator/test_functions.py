from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.emulator.functions.worker_starts import IS_POSSIBLE
from tests.localcloud.emulator.harness import ECHO, REGION, EmulatorHarness, allow, task, wait_for, waiting_task

ACCOUNT = "000000000000"
STREAM_ACTIONS = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]


def test_a_task_needs_the_state_machines_role_to_allow_its_function(harness: EmulatorHarness) -> None:
    function = harness.function(ECHO)
    states = "states.amazonaws.com"
    allowed = harness.role([allow(["lambda:InvokeFunction"], function)], states)
    assert harness.execute(task(function), allowed)["status"] == "SUCCEEDED"
    other = harness.role([allow(["lambda:InvokeFunction"], function + "-other")], states)
    refused = harness.execute(task(function), other)
    assert (refused["status"], refused["error"]) == ("FAILED", "Lambda.AWSLambdaException")
    assert "lambda:InvokeFunction" in refused["cause"]


def test_a_waiting_task_fails_at_once_when_its_function_cannot_be_invoked_or_fails(harness: EmulatorHarness) -> None:
    function = harness.function("class Broken(Exception): pass\ndef handler(event, context):\n    raise Broken('so')\n")
    nothing = harness.role([], "states.amazonaws.com")
    assert harness.execute(waiting_task(function), nothing)["error"] == "Lambda.AWSLambdaException"
    assert harness.execute(waiting_task(function))["error"] == "Broken"


def test_an_exceptions_class_is_the_error_that_retry_and_catch_see(harness: EmulatorHarness) -> None:
    function = harness.function(
        "class NotYet(Exception): pass\ndef handler(event, context):\n    raise NotYet('wait')\n"
    )
    failed = harness.execute(task(function))
    assert failed["error"] == "NotYet"
    assert json.loads(failed["cause"])["errorMessage"] == "wait"


def test_a_function_that_raised_goes_on_in_the_same_environment(harness: EmulatorHarness) -> None:
    code = "n = []\ndef handler(event, context):\n    n.append(1)\n    if event: raise ValueError\n    return len(n)\n"
    function, invoke = harness.function(code), harness.client("lambda").invoke
    failed = invoke(FunctionName=function, Payload=b'{"fail": true}')
    assert failed["FunctionError"]
    assert json.loads(failed["Payload"].read())["errorType"] == "ValueError"
    assert json.loads(invoke(FunctionName=function, Payload=b"{}")["Payload"].read()) == 2


def test_all_that_a_function_printed_is_in_its_log_when_it_has_answered(harness: EmulatorHarness) -> None:
    code = """
import os
def handler(event, context):
    for number in range(event):
        print("line", number)
        os.write(2, b"line \\xff\\n")
    print("line without its end", end="")
"""
    function, logs = harness.function(code), harness.client("logs")
    group = f"/aws/lambda/{function.rsplit(':', 1)[-1]}"
    for count in (3000, 1):
        harness.client("lambda").invoke(FunctionName=function, Payload=str(count).encode())
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern='"line "')
        printed = [event["message"] for page in pages for event in page["events"]]
        lines = [line for number in range(count) for line in (f"line {number}", "line \ufffd")]
        assert printed[-len(lines) - 1 :] == [*lines, "line without its end"]
        assert count == 1 or len(printed) == len(lines) + 1


def test_an_invocation_ends_as_it_began_when_its_function_is_changed_meanwhile(
    harness: EmulatorHarness, tmp_path: Path
) -> None:
    code = """
import os, pathlib, time
def handler(event, context):
    pathlib.Path(event["begun"]).touch()
    while not os.path.exists(event["go"]):
        time.sleep(0.02)
    return os.environ["RELEASE"]
"""
    client, function = harness.client("lambda"), harness.function(code, Environment={"Variables": {"RELEASE": "first"}})
    payload = json.dumps({"begun": str(tmp_path / "begun"), "go": str(tmp_path / "go")})

    def invoke() -> str:
        return str(json.loads(client.invoke(FunctionName=function, Payload=payload)["Payload"].read()))

    with ThreadPoolExecutor(1) as pool:
        old = pool.submit(invoke)
        wait_for((tmp_path / "begun").exists, "the invocation")
        client.update_function_configuration(FunctionName=function, Environment={"Variables": {"RELEASE": "second"}})
        (tmp_path / "go").touch()
        assert (old.result(), invoke()) == ("first", "second")


def test_answering_a_task_needs_a_right_on_its_state_machine(harness: EmulatorHarness) -> None:
    function = harness.function(ECHO)
    arn = harness.state_machine(waiting_task(function))
    sfn = harness.client("stepfunctions")
    execution = sfn.start_execution(stateMachineArn=arn, input="{}")["executionArn"]
    token = wait_for(lambda: harness.seen(function) or None, "the token")[0]["token"]
    elsewhere = harness.as_role("stepfunctions", harness.role([allow(["states:SendTaskSuccess"], arn + "-other")]))
    with pytest.raises(ClientError, match="AccessDenied"):
        elsewhere.send_task_success(taskToken=token, output="{}")
    here = harness.as_role("stepfunctions", harness.role([allow(["states:SendTaskSuccess"], arn)]))
    here.send_task_success(taskToken=token, output="{}")
    wait_for(lambda: sfn.describe_execution(executionArn=execution)["status"] == "SUCCEEDED", "the execution")
    with pytest.raises(ClientError, match="TaskTimedOut"):
        here.send_task_success(taskToken=token, output="{}")


def test_a_rule_needs_the_functions_permission(harness: EmulatorHarness) -> None:
    function, events = harness.function(ECHO), harness.client("events")
    name = f"rule-{uuid.uuid4().hex[:8]}"
    rule = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "f", "Arn": function}])
    entry = {"Source": name, "DetailType": "d"}
    events.put_events(Entries=[{**entry, "Detail": '{"n": 1}'}])
    harness.client("lambda").add_permission(
        FunctionName=function,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    events.put_events(Entries=[{**entry, "Detail": '{"n": 2}'}])
    wait_for(lambda: harness.seen(function) or None, "the permitted event")
    assert [event["detail"]["n"] for event in harness.seen(function)] == [2]


def test_without_its_rights_a_function_leaves_no_log(harness: EmulatorHarness) -> None:
    invoke = harness.client("lambda").invoke
    for actions in (["logs:CreateLogGroup", "logs:CreateLogStream"], ["logs:CreateLogGroup", "logs:PutLogEvents"], []):
        function = harness.function(ECHO, harness.role([allow(actions)] if actions else []))
        invoke(FunctionName=function, Payload=b"{}")
        assert harness.seen(function) == []


def table(harness: EmulatorHarness) -> tuple[str, str]:
    name = f"table-{uuid.uuid4().hex[:8]}"
    made = harness.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    return name, made["LatestStreamArn"]


def put(harness: EmulatorHarness, name: str, *ids: str) -> None:
    for each in ids:
        harness.client("dynamodb").put_item(TableName=name, Item={"id": {"S": each}})


def ids_of(events: list[Any]) -> list[list[str]]:
    return [[record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]] for event in events]


@pytest.fixture
def mapping(harness: EmulatorHarness) -> Any:
    """Connects a stream with a function; the mapping is removed after the test."""
    made: list[str] = []

    def connect(stream: str, function: str, **options: Any) -> None:
        answer = harness.client("lambda").create_event_source_mapping(
            EventSourceArn=stream, FunctionName=function, StartingPosition="TRIM_HORIZON", **options
        )
        made.append(answer["UUID"])

    yield connect
    for each in made:
        harness.client("lambda").delete_event_source_mapping(UUID=each)


def test_records_reach_the_function_and_twice_when_asked_to(harness: EmulatorHarness, mapping: Any) -> None:
    name, stream = table(harness)
    function = harness.function(ECHO, harness.role([allow([*STREAM_ACTIONS, "logs:*"])]))
    mapping(stream, function)
    put(harness, name, "once")
    wait_for(lambda: ids_of(harness.seen(function)) == [["once"]], "the record")
    harness.set_faults(duplicate_stream_records=True)
    put(harness, name, "twice")
    wait_for(lambda: ids_of(harness.seen(function))[1:] == [["twice", "twice"]], "both copies")


@pytest.mark.parametrize("missing", STREAM_ACTIONS)
def test_a_stream_cannot_be_connected_without_the_right_to_read_it(
    harness: EmulatorHarness, mapping: Any, missing: str
) -> None:
    _, stream = table(harness)
    role = harness.role([allow([action for action in STREAM_ACTIONS if action != missing])])
    with pytest.raises(ClientError, match=f"Cannot access stream .* {missing.split(':')[1]} "):
        mapping(stream, harness.function(ECHO, role))


def test_a_right_taken_away_later_stops_the_delivery(harness: EmulatorHarness, mapping: Any) -> None:
    name, stream = table(harness)
    role = harness.role([allow([*STREAM_ACTIONS, "logs:*"])])
    function = harness.function(ECHO, role)
    mapping(stream, function)
    harness.set_policy(role, [allow([*STREAM_ACTIONS[1:], "logs:*"])])
    put(harness, name, "held")

    def problem() -> bool:
        found = harness.client("lambda").list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
        return "DescribeStream" in found[0]["LastProcessingResult"]

    wait_for(problem, "the reason")
    assert harness.seen(function) == []
    harness.set_policy(role, [allow([*STREAM_ACTIONS, "logs:*"])])
    wait_for(lambda: ids_of(harness.seen(function)) == [["held"]], "the held record")


FAILS_ON_POISON = """
import json
def handler(event, context):
    print("SEEN " + json.dumps(event))
    for record in event["Records"]:
        if record["dynamodb"]["Keys"]["id"]["S"] == "poison":
            raise ValueError("poison")
"""

REPORTS_POISON = """
import json
def handler(event, context):
    print("SEEN " + json.dumps(event))
    bad = [r["dynamodb"]["SequenceNumber"] for r in event["Records"] if r["dynamodb"]["Keys"]["id"]["S"] == "poison"]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in bad]}
"""


def queue_for_records(harness: EmulatorHarness) -> tuple[str, str]:
    """URL and ARN of a new one."""
    url = harness.client("sqs").create_queue(QueueName=f"aside-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    return url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rsplit('/', 1)[-1]}"


@pytest.mark.parametrize(
    ("code", "options"),
    [
        (FAILS_ON_POISON, {"BisectBatchOnFunctionError": True}),
        (REPORTS_POISON, {"FunctionResponseTypes": ["ReportBatchItemFailures"], "BisectBatchOnFunctionError": True}),
    ],
    ids=["the function raises", "the function reports the record"],
)
def test_a_poison_record_is_put_aside_and_the_others_go_on(
    harness: EmulatorHarness, mapping: Any, code: str, options: dict[str, Any]
) -> None:
    sqs, (url, queue) = harness.client("sqs"), queue_for_records(harness)
    name, stream = table(harness)
    put(harness, name, "a", "b", "poison", "c", "d")
    role = harness.role([allow([*STREAM_ACTIONS, "logs:*"]), allow(["sqs:SendMessage"], queue)])
    function = harness.function(code, role)
    mapping(
        stream,
        function,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": queue}},
        **options,
    )
    aside = wait_for(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), "the record put aside")
    info = json.loads(aside[0]["Body"])["DDBStreamBatchInfo"]
    assert info["batchSize"] == 1
    put(harness, name, "after")
    wait_for(lambda: "after" in ids_of(harness.seen(function))[-1], "the next record")
    good = [batch for batch in ids_of(harness.seen(function)) if "poison" not in batch]
    assert {each for batch in good for each in batch} >= {"c", "d", "after"}


def test_without_the_right_to_send_it_the_record_is_lost_and_the_log_says_so(
    harness: EmulatorHarness, mapping: Any
) -> None:
    sqs, (url, queue) = harness.client("sqs"), queue_for_records(harness)
    name, stream = table(harness)
    put(harness, name, "poison")
    function = harness.function(FAILS_ON_POISON, harness.role([allow(STREAM_ACTIONS)]))
    mapping(stream, function, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": queue}})
    said = f"lacks sqs:SendMessage on {queue}"
    wait_for(lambda: said in harness.emulator.log_tail(200), "the reason")
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


IMPORTER = """
import os, botocore.session
def handler(event, context):
    return {"imported_by": botocore.session.IMPORTED_BY, "pid": os.getpid(), "said": os.environ.get("SAID")}
"""
BOTOCORE = {"botocore/__init__.py": "", "botocore/session.py": "import os\nIMPORTED_BY = os.getpid()\n"}


def importers(harness: EmulatorHarness) -> Iterator[dict[str, Any]]:
    """What the first worker of a function answers, the one after its settings were changed, and one after that died."""
    function, functions = harness.function(IMPORTER, others=BOTOCORE), harness.client("lambda")

    def ask() -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(functions.invoke(FunctionName=function)["Payload"].read())
        return answer

    yield ask()
    functions.update_function_configuration(FunctionName=function, Environment={"Variables": {"SAID": "this"}})
    second = ask()
    yield second
    os.kill(second["pid"], signal.SIGKILL)
    yield wait_for(lambda: answer if "pid" in (answer := ask()) else None, "another worker")


needs_forks = pytest.mark.skipif(not IS_POSSIBLE, reason="workers are forks on Linux alone")


@needs_forks
def test_workers_share_what_others_wrote_and_nothing_else(harness: EmulatorHarness) -> None:
    first, second, third = importers(harness)
    assert len({first["pid"], second["pid"], third["pid"]}) == 3
    assert first["imported_by"] == second["imported_by"] == third["imported_by"]
    assert first["imported_by"] not in {first["pid"], second["pid"], third["pid"]}
    assert [each["said"] for each in (first, second, third)] == [None, "this", "this"]


@needs_forks
def test_a_worker_starts_without_what_it_would_share(harness: EmulatorHarness) -> None:
    answers = importers(harness)
    os.kill(next(answers)["imported_by"], signal.SIGKILL)
    second, third = answers
    assert second["imported_by"] == second["pid"]
    assert third["imported_by"] not in {second["pid"], third["pid"]}, "which is there again for the next one"


def test_a_reservation_leaves_enough_for_the_other_functions_or_is_refused(harness: EmulatorHarness) -> None:
    """Lambda API reference, PutFunctionConcurrency: "at least 100 simultaneous executions unreserved".

    An account with a limit of 10 is told of 10 instead, and can reserve none (aws-samples/alarm-context-tool#2).
    """
    function, client = harness.function(ECHO), harness.client("lambda")
    limits = client.get_account_settings()["AccountLimit"]
    least = min(100, limits["ConcurrentExecutions"])
    most = limits["UnreservedConcurrentExecutions"] - least

    def reserve(executions: int) -> None:
        client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=executions)

    reserve(most)
    with pytest.raises(ClientError, match=rf"InvalidParameterValueException.*below its minimum value of \[{least}\]"):
        reserve(most + 1)
    reserve(most)  # its own reservation counts once
    client.delete_function_concurrency(FunctionName=function)
    assert client.get_account_settings()["AccountLimit"] == limits
