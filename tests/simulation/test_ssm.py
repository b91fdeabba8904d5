from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.execution.machine_command import Spec, machine_command, sha256_hex
from simulation.faults import NO_FAULTS, Faults, MachineFault, MachineFaultKind
from simulation.payload import Script
from simulation.s3 import OUTPUTS, UPLOADS
from simulation.ssm import InvocationDoesNotExist
from simulation.stack import Stack
from simulation.world import World, job_id
from tests.functions.fakes.job_table import a_job
from tests.simulation.test_ec2 import PACE, code_of
from tests.simulation.workflow import definition

INPUT = f"{UPLOADS}/inputs/alice/{job_id(0)}/a b.txt"
OUTPUT = "outputs/alice/1/a b.txt"


class OneMachine:
    """One machine, launched at the beginning; its agent is online after 15 seconds."""

    def __init__(self, script: Script, faults: Faults = NO_FAULTS, seed: int = 0) -> None:
        self.world = World(Stack(pace=PACE), definition(), faults=faults, seed=seed)
        self.world.scripts[job_id(0)] = script
        self.ports = self.world.ports
        self.ports.s3.put(INPUT, b"given")
        tags = [{"ResourceType": "instance", "Tags": []}]
        answer = self.ports.ec2.client.run_instances(MinCount=1, MaxCount=1, ClientToken="t", TagSpecifications=tags)
        self.instance_id = answer["Instances"][0]["InstanceId"]

    def send(self, *, upload_only: bool = False) -> str:
        files = self.ports.files
        spec = Spec(
            job=a_job(id=job_id(0), input_text="text"),
            attempt=1,
            input_url=files.input_url(INPUT, 60),
            output_url=files.output_upload_url(OUTPUT, 60),
            script=("./script.py",),
            timeout_seconds=60,
        ).encode()
        script = machine_command(
            "pass",
            payload_url=files.payload_url(60),
            payload_sha256="0" * 64,
            spec_url=files.put_spec("spec", spec, 60),
            spec_sha256=sha256_hex(spec),
            upload_only=upload_only,
        )
        answer = self.ports.ssm.client.send_command(
            InstanceIds=[self.instance_id],
            TimeoutSeconds=30,
            Parameters={"commands": [script], "executionTimeout": ["60"]},
        )
        return str(answer["Command"]["CommandId"])

    def look(self, command_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.ports.ssm.client.get_command_invocation(
            CommandId=command_id, InstanceId=self.instance_id
        )
        return answer

    def go_on(self, seconds: float) -> None:
        self.world.run(seconds)


def test_an_agent_takes_commands_once_it_is_online() -> None:
    one = OneMachine(Script(10))
    one.go_on(14)
    with pytest.raises(ClientError) as refused:
        one.send()
    assert code_of(refused) in {"InvalidInstanceId", "AccessDeniedException"}
    one.go_on(2)
    assert one.send()


def test_an_agent_that_never_reports_takes_none() -> None:
    one = OneMachine(Script(10), Faults(machines={0: MachineFault(MachineFaultKind.NEVER_ONLINE)}))
    one.go_on(3600)
    with pytest.raises(ClientError):
        one.send()


def test_a_command_runs_for_its_time_and_stores_input_newline_and_text() -> None:
    one = OneMachine(Script(10))
    one.go_on(20)
    sent = one.send()
    with pytest.raises(InvocationDoesNotExist):
        one.look(sent)
    one.go_on(5)
    assert (one.look(sent)["Status"], one.look(sent)["ResponseCode"]) == ("InProgress", -1)
    one.go_on(10)
    done = one.look(sent)
    assert (done["Status"], done["ResponseCode"]) == ("Success", 0)
    assert json.loads(done["StandardErrorContent"])["stage"] == "done"
    assert one.ports.s3.objects[f"{OUTPUTS}/{OUTPUT}"] == b"given\ntext"


def test_a_script_that_fails_stores_nothing() -> None:
    one = OneMachine(Script(10, fails=True))
    one.go_on(20)
    sent = one.send()
    one.go_on(20)
    assert (one.look(sent)["Status"], one.look(sent)["ResponseCode"]) == ("Failed", 10)
    assert f"{OUTPUTS}/{OUTPUT}" not in one.ports.s3.objects


def test_a_result_whose_upload_expired_is_kept_and_stored_by_a_second_command() -> None:
    one = OneMachine(Script(10, expiries=1))
    one.go_on(20)
    sent = one.send()
    one.go_on(20)
    assert one.look(sent)["ResponseCode"] == 31
    again = one.send(upload_only=True)
    one.go_on(5)
    assert one.look(again)["Status"] == "Success"
    assert one.ports.s3.objects[f"{OUTPUTS}/{OUTPUT}"] == b"given\ntext"


def test_a_machine_that_goes_down_takes_its_command_along() -> None:
    """Whether the wrapper's end by SIGTERM is still reported is left to chance: both happen."""
    ends: Counter[str] = Counter()
    for seed in range(20):
        one = OneMachine(Script(100), seed=seed)
        one.go_on(20)
        sent = one.send()
        one.go_on(30)
        one.ports.ec2.end(one.ports.ec2.instances[one.instance_id])
        one.go_on(200)
        ends[one.look(sent)["Status"]] += 1
        assert f"{OUTPUTS}/{OUTPUT}" not in one.ports.s3.objects
    assert set(ends) == {"InProgress", "Failed"}


def test_a_command_to_a_machine_that_has_just_gone_times_out_undelivered() -> None:
    one = OneMachine(Script(10))
    one.go_on(30)
    one.ports.ec2.end(one.ports.ec2.instances[one.instance_id])
    sent = one.send()
    one.go_on(35)
    assert one.look(sent)["Status"] == "Pending", "until it could not end in time any more"
    one.go_on(60)
    assert (one.look(sent)["Status"], one.look(sent)["ResponseCode"]) == ("TimedOut", -1)
    with pytest.raises(ClientError):
        one.send()
