"""An emulator without anything deployed, and what the tests need around it: roles, machines, commands, events."""

from __future__ import annotations

import io
import json
import os
import time
import uuid
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import boto3
import httpx2
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.emulator.process import EmulatorProcess
from localcloud.emulator.subreaper import IS_LINUX

REGION = "eu-central-1"
WAIT_SECONDS = 180.0
REQUEST_SECONDS = 120.0
AGENT_ACTIONS = [
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
]
OLDER_MESSAGES = [
    "ec2messages:AcknowledgeMessage",
    "ec2messages:DeleteMessage",
    "ec2messages:FailMessage",
    "ec2messages:GetEndpoint",
    "ec2messages:GetMessages",
    "ec2messages:SendReply",
]
LOG_ACTIONS = ["logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:CreateLogStream", "logs:PutLogEvents"]

# Prints the id of a daemon(7) that has nothing of the environment either. Out of reach where there is no subreaper.
DAEMON = """
import os
if child := os.fork():
    os.waitpid(child, 0)
    os._exit(0)
os.setsid()
if daemon := os.fork():
    print(daemon, flush=True)
    os._exit(0)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
os.execve("/bin/sleep", ["sleep", "600"], {})
"""
LEAVES_A_PROCESS = f"python3 - 2>/dev/null <<'EOF'{DAEMON}EOF" if IS_LINUX else "sleep 600 >/dev/null 2>&1 & echo $!"


ECHO = """
import json
def handler(event, context):
    print("SEEN " + json.dumps(event))
    return event
"""

T = TypeVar("T")


def wait_for(look: Callable[[], T | None], what: str) -> T:
    """The first value of `look` that is neither None nor False."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found is not None and found is not False:
            return found
        time.sleep(0.02)
    pytest.fail(f"waited {WAIT_SECONDS:g} s for {what}")


def is_running(pid: int) -> bool:
    """True for one that is dead too, as long as its parent has not waited for it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class EmulatorHarness:
    """One emulator, with what the tests need around it: clients, roles, machines, events."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator = emulator
        self.site = httpx2.Client(base_url=emulator.site_url, timeout=REQUEST_SECONDS, trust_env=False)
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            root = self.emulator.root
            self._clients[service] = self.with_keys(service, root.access_key_id, root.secret_access_key)
        return self._clients[service]

    def with_keys(self, service: str, key: str, secret: str, token: str | None = None) -> Any:
        session = boto3.Session(key, secret, token, region_name=REGION)
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        make_client: Callable[..., Any] = session.client
        return make_client(service, endpoint_url=self.emulator.aws_endpoint, config=config)

    def as_role(self, service: str, role_arn: str) -> Any:
        """A client with the role's credentials, and no retries."""
        keys = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
        return self.with_keys(service, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def role(self, statements: list[dict[str, Any]], service: str = "lambda.amazonaws.com") -> str:
        """ARN of a new role that a service, and root for `as_role`, may assume."""
        name = f"role-{uuid.uuid4().hex[:12]}"
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        root = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust, root]})
        arn = self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        if statements:
            self.set_policy(arn, statements)
        return str(arn)

    def set_policy(self, role_arn: str, statements: list[dict[str, Any]]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        name = role_arn.rsplit("/", 1)[-1]
        self.client("iam").put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)

    def profile(self, actions: list[str]) -> str:
        """Name of a new instance profile whose role may take these actions on everything."""
        arn = self.role([allow(actions)], "ec2.amazonaws.com")
        name = arn.rsplit("/", 1)[-1]
        self.client("iam").create_instance_profile(InstanceProfileName=name)
        self.client("iam").add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        return name

    def launch(self, **options: Any) -> str:
        """Id of a new machine, by default with all that the agent needs."""
        call = {
            "ImageId": "ami-0123456789abcdef0",
            "InstanceType": "t4g.micro",
            "IamInstanceProfile": {"Name": options.pop("profile", None) or self.profile(AGENT_ACTIONS + LOG_ACTIONS)},
            "MinCount": 1,
            "MaxCount": 1,
        }
        answer = self.client("ec2").run_instances(**{**call, **options})
        return str(answer["Instances"][0]["InstanceId"])

    def send(self, instance_id: str, commands: list[str], **options: Any) -> str:
        """Id of a command, sent once the agent is online."""
        ssm = self.client("ssm")
        parameters = {"commands": commands, **options.pop("parameters", {})}

        def attempt() -> str | None:
            try:
                sent = ssm.send_command(
                    DocumentName="AWS-RunShellScript", InstanceIds=[instance_id], Parameters=parameters, **options
                )
            except ssm.exceptions.InvalidInstanceId:
                return None
            return str(sent["Command"]["CommandId"])

        return wait_for(attempt, "the agent to be online")

    def invocation(self, command_id: str, instance_id: str, status: str | None = None) -> dict[str, Any]:
        """The invocation once it has ended, or has this status."""

        def ended() -> dict[str, Any] | None:
            found = self.client("ssm").get_command_invocation(CommandId=command_id, InstanceId=instance_id)
            done = found["Status"] == status if status else found["Status"] not in {"Pending", "InProgress"}
            return dict(found) if done else None

        return wait_for(ended, f"command status {status or 'at the end'}")

    def run(self, instance_id: str, *commands: str, **options: Any) -> dict[str, Any]:
        return self.invocation(self.send(instance_id, list(commands), **options), instance_id)

    def function(
        self, code: str, role_arn: str | None = None, *, others: Mapping[str, str] | None = None, **options: Any
    ) -> str:
        """ARN of a new function whose module `main` is this code, with `handler` in it; others are path to code."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for path, text in {"main.py": code, **(others or {})}.items():
                archive.writestr(path, text)
        name = f"function-{uuid.uuid4().hex[:10]}"
        made = self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role_arn or self.role([allow(["logs:*"])]),
            Handler="main.handler",
            Code={"ZipFile": content.getvalue()},
            Timeout=120,
            **options,
        )
        return str(made["FunctionArn"])

    def leave_process(self, instance_id: str) -> tuple[int, Path]:
        """The id of a process that outlives its command, and the machine's home folder."""
        pid, home = self.run(instance_id, LEAVES_A_PROCESS, "echo $HOME")["StandardOutputContent"].split()
        return int(pid), Path(home)

    def seen(self, function_arn: str) -> list[Any]:
        """Events that a function such as ECHO has printed."""
        group = f"/aws/lambda/{function_arn.rsplit(':', 1)[-1]}"
        logs = self.client("logs")
        try:
            events = logs.filter_log_events(logGroupName=group)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [json.loads(e["message"][5:]) for e in events if e["message"].startswith("SEEN ")]

    def state_machine(self, states: dict[str, Any], role_arn: str | None = None) -> str:
        """ARN of a new one that begins with the first state; by default it may invoke every function."""
        role_arn = role_arn or self.role([allow(["lambda:InvokeFunction"])], "states.amazonaws.com")
        definition = json.dumps({"StartAt": next(iter(states)), "QueryLanguage": "JSONata", "States": states})
        made = self.client("stepfunctions").create_state_machine(
            name=f"machine-{uuid.uuid4().hex[:8]}", definition=definition, roleArn=role_arn
        )
        return str(made["stateMachineArn"])

    def execute(self, states: dict[str, Any], role_arn: str | None = None, given: str = "{}") -> dict[str, Any]:
        """An execution of a new state machine, as it has ended."""
        client, arn = self.client("stepfunctions"), self.state_machine(states, role_arn)
        execution = client.start_execution(stateMachineArn=arn, input=given)["executionArn"]

        def ended() -> dict[str, Any] | None:
            found = client.describe_execution(executionArn=execution)
            return None if found["status"] == "RUNNING" else dict(found)

        return wait_for(ended, "the execution")

    def machine(self, instance_id: str) -> dict[str, Any]:
        return next(each for each in self.site.get("/_local/machines").json() if each["id"] == instance_id)

    def wait_state(self, instance_id: str, state: str) -> dict[str, Any]:
        return wait_for(
            lambda: found if (found := self.machine(instance_id))["state"] == state else None, f"state {state}"
        )

    def is_online(self, instance_id: str) -> bool:
        pages = self.client("ssm").get_paginator("describe_instance_information").paginate()
        return any(each["InstanceId"] == instance_id for page in pages for each in page["InstanceInformationList"])

    def record_events(self, pattern: dict[str, Any]) -> Callable[[], list[dict[str, Any]]]:
        """Sends matching events to a queue; the result reads all that have come so far."""
        name = f"events-{uuid.uuid4().hex[:8]}"
        sqs, events = self.client("sqs"), self.client("events")
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
        seen: list[dict[str, Any]] = []

        def read() -> list[dict[str, Any]]:
            while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
                seen.extend(json.loads(message["Body"]) for message in messages)
                for message in messages:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return seen

        return read

    def set_faults(self, **faults: Any) -> None:
        assert self.site.put("/_local/faults", json=faults).status_code == 200

    def close(self) -> None:
        self.site.close()
        for client in self._clients.values():
            client.close()
        self.emulator.stop()


def task(function: str, **options: Any) -> dict[str, Any]:
    """The only state of a workflow: it invokes a function."""
    invoke = {"FunctionName": function, "Payload": {}}
    return {
        "Only": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": invoke,
            "End": True,
            **options,
        }
    }


def waiting_task(function: str, **options: Any) -> dict[str, Any]:
    """The same, which waits until its token is answered; the function is invoked with the token."""
    invoke = {"FunctionName": function, "Payload": {"token": "{% $states.context.Task.Token %}"}}
    resource = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    return task(function, Resource=resource, Arguments=invoke, **options)


def allow(actions: list[str], resource: str | list[str] = "*", **condition: Any) -> dict[str, Any]:
    """An IAM statement; `condition` as operator=…"""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def code_of(call: Callable[..., Any], **arguments: Any) -> str:
    """With which code a call is refused."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return str(refused.value.response["Error"]["Code"])
