"""An emulator that is restarted: services keep what they held; machines and executions do not survive."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import pytest
from botocore.exceptions import ClientError

from localcloud.emulator.process import EmulatorProcess
from tests.localcloud.emulator.harness import ECHO, REGION, EmulatorHarness, allow, wait_for, waiting_task
from tests.localcloud.emulator.test_functions import STREAM_ACTIONS, ids_of, put, table


@pytest.fixture
def harness() -> Iterator[EmulatorHarness]:
    harness = EmulatorHarness(EmulatorProcess.start(region=REGION, keeps_state=True))
    yield harness
    harness.close()


def test_an_emulator_goes_on_after_a_restart_with_what_it_held(harness: EmulatorHarness) -> None:
    name, stream = table(harness)
    function = harness.function(ECHO, harness.role([allow([*STREAM_ACTIONS, "logs:*"])]))
    harness.client("lambda").create_event_source_mapping(
        EventSourceArn=stream, FunctionName=function, StartingPosition="TRIM_HORIZON"
    )
    put(harness, name, "before", "before too")
    wait_for(lambda: list(chain(*ids_of(harness.seen(function)))) == ["before", "before too"], "the records")
    harness.client("s3").create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": REGION})
    harness.client("s3").put_object(Bucket="kept", Key="key", Body=b"content")
    states = harness.client("stepfunctions")
    asked = harness.function(ECHO)
    machine = harness.state_machine(waiting_task(asked))
    execution = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    token = wait_for(lambda: harness.seen(asked) or None, "the token")[0]["token"]
    answerer = harness.role([allow(["states:SendTaskSuccess"], machine)])
    read_events = harness.record_events({"source": ["aws.states"], "detail": {"status": ["FAILED"]}})
    instance_id = harness.launch()
    harness.wait_state(instance_id, "running")

    endpoint = harness.emulator.aws_endpoint
    harness.emulator.restart()

    assert harness.emulator.aws_endpoint == endpoint
    assert harness.client("s3").get_object(Bucket="kept", Key="key")["Body"].read() == b"content"
    items = harness.client("dynamodb").scan(TableName=name)["Items"]
    assert {item["id"]["S"] for item in items} == {"before", "before too"}
    assert states.describe_execution(executionArn=execution)["status"] == "FAILED"
    with pytest.raises(ClientError, match="TaskTimedOut"):
        harness.as_role("stepfunctions", answerer).send_task_success(taskToken=token, output="{}")
    (reservation,) = harness.client("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"]
    assert reservation["Instances"][0]["State"]["Name"] == "terminated"
    wait_for(lambda: [each["detail"]["executionArn"] for each in read_events()] == [execution], "the event")
    put(harness, name, "after")
    wait_for(lambda: "after" in chain(*ids_of(harness.seen(function))), "the record after the restart")
