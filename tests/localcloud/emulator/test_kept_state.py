"""An emulator that is restarted: services keep what they held; machines and executions do not survive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain

import pytest

from localcloud.emulator.process import EmulatorProcess
from tests.localcloud.emulator.lab import REGION, Lab, allow, wait_for
from tests.localcloud.emulator.test_functions import ECHO, STREAM_ACTIONS, ids_of, put, seen, table


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    lab = Lab(EmulatorProcess.start(region=REGION, keeps_state=True))
    yield lab
    lab.close()


def test_an_emulator_goes_on_after_a_restart_with_what_it_held(lab: Lab) -> None:
    name, stream = table(lab)
    function = lab.function(ECHO, lab.role([allow([*STREAM_ACTIONS, "logs:*"])]))
    lab.client("lambda").create_event_source_mapping(
        EventSourceArn=stream, FunctionName=function, StartingPosition="TRIM_HORIZON"
    )
    put(lab, name, "before", "before too")
    wait_for(lambda: list(chain(*ids_of(seen(lab, function)))) == ["before", "before too"], "the records")
    lab.client("s3").create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": REGION})
    lab.client("s3").put_object(Bucket="kept", Key="key", Body=b"content")
    waiting = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
    role = lab.role([], "states.amazonaws.com")
    states = lab.client("stepfunctions")
    machine = states.create_state_machine(name="waits", definition=json.dumps(waiting), roleArn=role)
    execution = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    read_events = lab.record_events({"source": ["aws.states"], "detail": {"status": ["FAILED"]}})
    instance_id = lab.launch()
    lab.wait_state(instance_id, "running")

    endpoint = lab.emulator.aws_endpoint
    lab.emulator.restart()

    assert lab.emulator.aws_endpoint == endpoint
    assert lab.client("s3").get_object(Bucket="kept", Key="key")["Body"].read() == b"content"
    items = lab.client("dynamodb").scan(TableName=name)["Items"]
    assert {item["id"]["S"] for item in items} == {"before", "before too"}
    assert states.describe_execution(executionArn=execution)["status"] == "FAILED"
    (reservation,) = lab.client("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"]
    assert reservation["Instances"][0]["State"]["Name"] == "terminated"
    wait_for(lambda: [each["detail"]["executionArn"] for each in read_events()] == [execution], "the event")
    put(lab, name, "after")
    wait_for(lambda: "after" in chain(*ids_of(seen(lab, function))), "the record after the restart")
