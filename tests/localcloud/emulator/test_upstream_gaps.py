"""Each patch exists because upstream MiniStack differs from AWS. A test that fails here says that a patch can go."""

from __future__ import annotations

import inspect
import json
import uuid
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError
from ministack.core import lambda_runtime
from ministack.services import cloudfront, eventbridge

from localcloud.emulator.workflow_history import MOST_EVENTS
from tests import web
from tests.localcloud.emulator.harness import REGION, EmulatorHarness, allow, wait_for
from tests.localcloud.emulator.test_edge import distribute
from tests.localcloud.emulator.test_functions import (
    ECHO,
    changed_meanwhile,
    execute,
    importers,
    invoke_state,
    put,
    seen,
    state_machine,
    table,
)
from tests.localcloud.emulator.test_sign_in import (
    PASSWORD,
    app_client,
    groups_after_renewal,
    oauth2,
    sign_in_page,
    style,
    tokens_of_a_user,
    user_pool,
)
from tests.localcloud.emulator.test_workflow_history import events as history
from tests.localcloud.emulator.test_workflow_history import run as run_states
from tests.localcloud.emulator.upstream import StockProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localcloud.emulator.process import EmulatorProcess

IMAGE = {"ImageId": "ami-0123456789abcdef0", "MinCount": 1, "MaxCount": 1}
RAISES = "class Broken(Exception): pass\ndef handler(event, context):\n    raise Broken('so')\n"


@pytest.fixture(scope="module")
def upstream() -> Iterator[EmulatorHarness]:
    harness = EmulatorHarness(cast("EmulatorProcess", StockProcess(REGION)))
    yield harness
    harness.close()


def instance(upstream: EmulatorHarness, **options: Any) -> str:
    return str(upstream.client("ec2").run_instances(**IMAGE, **options)["Instances"][0]["InstanceId"])


def test_a_changed_function_ends_what_it_is_doing(upstream: EmulatorHarness, tmp_path: Path) -> None:
    interrupted, _ = changed_meanwhile(upstream, tmp_path)
    assert interrupted != "first"


def test_run_instances_ignores_the_launch_template(upstream: EmulatorHarness) -> None:
    ec2 = upstream.client("ec2")
    ec2.create_launch_template(LaunchTemplateName="gap", LaunchTemplateData={"InstanceType": "t4g.large"})
    launched = ec2.run_instances(**IMAGE, LaunchTemplate={"LaunchTemplateName": "gap"})["Instances"][0]
    assert launched["InstanceType"] != "t4g.large"


def test_launch_templates_lose_their_market_options(upstream: EmulatorHarness) -> None:
    ec2 = upstream.client("ec2")
    data = {"ImageId": IMAGE["ImageId"], "InstanceMarketOptions": {"MarketType": "spot"}}
    ec2.create_launch_template(LaunchTemplateName="spot", LaunchTemplateData=data)
    version = ec2.describe_launch_template_versions(LaunchTemplateName="spot")["LaunchTemplateVersions"][0]
    assert "InstanceMarketOptions" not in version["LaunchTemplateData"]


def test_run_instances_ignores_the_client_token(upstream: EmulatorHarness) -> None:
    assert instance(upstream, ClientToken="same") != instance(upstream, ClientToken="same")


def test_tags_are_put_on_machines_that_do_not_exist(upstream: EmulatorHarness) -> None:
    upstream.client("ec2").create_tags(Resources=["i-0123456789abcdef0"], Tags=[{"Key": "a", "Value": "b"}])


def test_machines_are_not_filtered_by_their_ids(upstream: EmulatorHarness) -> None:
    instance(upstream)
    none = [{"Name": "instance-id", "Values": ["i-0123456789abcdef0"]}]
    assert upstream.client("ec2").describe_instances(Filters=none)["Reservations"]


def test_a_spot_launch_needs_no_service_linked_role(upstream: EmulatorHarness) -> None:
    role = upstream.role([allow(["ec2:RunInstances"])])
    spot = {"InstanceMarketOptions": {"MarketType": "spot"}}
    assert upstream.as_role("ec2", role).run_instances(**IMAGE, **spot)["Instances"]


def test_machines_are_records_that_ssm_cannot_reach(upstream: EmulatorHarness) -> None:
    with pytest.raises(ClientError, match="InvalidInstanceId"):
        upstream.client("ssm").send_command(
            DocumentName="AWS-RunShellScript", InstanceIds=[instance(upstream)], Parameters={"commands": ["true"]}
        )


def test_the_arm_image_has_no_public_parameter(upstream: EmulatorHarness) -> None:
    with pytest.raises(ClientError, match="ParameterNotFound"):
        upstream.client("ssm").get_parameter(
            Name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
        )


def test_cancel_command_is_missing(upstream: EmulatorHarness) -> None:
    with pytest.raises(ClientError, match="Unknown action"):
        upstream.client("ssm").cancel_command(CommandId=str(uuid.uuid4()))


def test_a_launch_is_authorized_on_one_resource_only(upstream: EmulatorHarness) -> None:
    role = upstream.role([allow(["ec2:RunInstances"], f"arn:aws:ec2:{REGION}:000000000000:image/*")])
    assert upstream.as_role("ec2", role).run_instances(**IMAGE)["Instances"]


def test_ec2_conditions_on_tags_are_never_met(upstream: EmulatorHarness) -> None:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "stack", "Value": "mine"}]}]
    machine = instance(upstream, TagSpecifications=tags)
    role = upstream.role([allow(["ec2:TerminateInstances"], StringEquals={"ec2:ResourceTag/stack": "mine"})])
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        upstream.as_role("ec2", role).terminate_instances(InstanceIds=[machine])


def test_sending_a_command_is_authorized_on_nothing_in_particular(upstream: EmulatorHarness) -> None:
    document = f"arn:aws:ssm:{REGION}::document/AWS-RunShellScript"
    machines = f"arn:aws:ec2:{REGION}:000000000000:instance/*"
    role = upstream.role([allow(["ssm:SendCommand"], [document, machines])])
    with pytest.raises(ClientError, match="AccessDenied"):
        upstream.as_role("ssm", role).send_command(
            DocumentName="AWS-RunShellScript", InstanceIds=[instance(upstream)], Parameters={"commands": ["true"]}
        )


def test_no_events_tell_of_a_machines_states(upstream: EmulatorHarness) -> None:
    events = upstream.record_events({"source": ["aws.ec2", "last"]})
    upstream.client("ec2").terminate_instances(InstanceIds=[instance(upstream)])
    upstream.client("events").put_events(Entries=[{"Source": "last", "DetailType": "last", "Detail": "{}"}])
    wait_for(lambda: events() or None, "the last event")
    assert [event["source"] for event in events()] == ["last"]


def test_a_task_invokes_a_function_that_its_role_does_not_allow(upstream: EmulatorHarness) -> None:
    nothing = upstream.role([], "states.amazonaws.com")
    assert (
        execute(upstream, state_machine(upstream, nothing, invoke_state(upstream.function(ECHO))))["status"]
        == "SUCCEEDED"
    )


def test_a_waiting_task_does_not_notice_that_its_function_failed(upstream: EmulatorHarness) -> None:
    role = upstream.role([allow(["lambda:InvokeFunction"])], "states.amazonaws.com")
    waiting = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    state = invoke_state(upstream.function(RAISES), Resource=waiting, TimeoutSeconds=1)
    assert execute(upstream, state_machine(upstream, role, state))["error"] == "States.Timeout"


def test_a_retrys_longest_delay_is_ignored(upstream: EmulatorHarness) -> None:
    role = upstream.role([allow(["lambda:InvokeFunction"])], "states.amazonaws.com")
    retry = {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 1,
        "MaxDelaySeconds": 2,
        "BackoffRate": 4,
        "MaxAttempts": 2,
    }
    machine = state_machine(upstream, role, invoke_state(upstream.function(RAISES), Retry=[retry]))
    ended = execute(upstream, machine)
    assert (ended["stopDate"] - ended["startDate"]).total_seconds() > 1 + 3


def test_an_exceptions_class_is_not_reported(upstream: EmulatorHarness) -> None:
    role = upstream.role([allow(["lambda:InvokeFunction"])], "states.amazonaws.com")
    machine = state_machine(upstream, role, invoke_state(upstream.function(RAISES)))
    assert execute(upstream, machine)["error"] == "Runtime.HandlerError"


def test_an_exception_ends_the_environment(upstream: EmulatorHarness) -> None:
    code = "import os\ndef handler(event, context):\n    if event: raise ValueError\n    return os.getpid()\n"
    function, invoke = upstream.function(code), upstream.client("lambda").invoke
    before = invoke(FunctionName=function, Payload=b"{}")["Payload"].read()
    invoke(FunctionName=function, Payload=b'{"fail": true}')
    assert invoke(FunctionName=function, Payload=b"{}")["Payload"].read() != before


def test_answering_a_task_is_authorized_on_nothing_in_particular(upstream: EmulatorHarness) -> None:
    arn = f"arn:aws:states:{REGION}:000000000000:stateMachine:any"
    role = upstream.role([allow(["states:SendTaskSuccess"], arn)])
    with pytest.raises(ClientError, match="AccessDenied"):
        upstream.as_role("stepfunctions", role).send_task_success(taskToken="any", output="{}")


def test_a_rule_invokes_a_function_without_permission(upstream: EmulatorHarness) -> None:
    function, events = upstream.function(ECHO), upstream.client("events")
    events.put_rule(Name="gap", EventPattern='{"source": ["gap"]}')
    events.put_targets(Rule="gap", Targets=[{"Id": "f", "Arn": function}])
    events.put_events(Entries=[{"Source": "gap", "DetailType": "d", "Detail": "{}"}])
    wait_for(lambda: seen(upstream, function) or None, "the event")


def test_a_rules_event_comes_once_to_a_function_that_fails() -> None:
    assert "retry" not in inspect.getsource(eventbridge._dispatch_to_lambda)


def test_a_function_logs_without_the_right_to(upstream: EmulatorHarness) -> None:
    function = upstream.function(ECHO, upstream.role([]))
    upstream.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    assert seen(upstream, function) == [{}]


def test_a_function_may_reserve_all_that_the_account_has(upstream: EmulatorHarness) -> None:
    function, client = upstream.function(ECHO), upstream.client("lambda")
    limit = client.get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=limit)
    client.delete_function_concurrency(FunctionName=function)


def test_a_stream_is_read_without_the_right_to_and_a_reported_failure_is_ignored(upstream: EmulatorHarness) -> None:
    code = ECHO.replace(
        "return event",
        'return {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["dynamodb"]["SequenceNumber"]}]}',
    )
    name, stream = table(upstream)
    function = upstream.function(code, upstream.role([]))
    upstream.client("lambda").create_event_source_mapping(
        EventSourceArn=stream,
        FunctionName=function,
        StartingPosition="TRIM_HORIZON",
        BatchSize=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    put(upstream, name, "a", "b")
    wait_for(lambda: len(seen(upstream, function)) > 1 or None, "two records")
    assert len({event["Records"][0]["eventID"] for event in seen(upstream, function)}) > 1


def test_every_concurrent_invocation_starts_a_worker(upstream: EmulatorHarness, tmp_path: Path) -> None:
    code = """
import os, pathlib, time
def handler(event, context):
    begun = pathlib.Path(event["begun"])
    (begun / str(event["number"])).touch()
    while len(list(begun.iterdir())) < 8:
        time.sleep(0.02)
    return os.getpid()
"""
    function, functions = upstream.function(code), upstream.client("lambda")

    def invoke(number: int) -> bytes:
        payload = json.dumps({"begun": str(tmp_path), "number": number})
        return bytes(functions.invoke(FunctionName=function, Payload=payload)["Payload"].read())

    with ThreadPoolExecutor(8) as executor:
        assert len(set(executor.map(invoke, range(8)))) == 8


def test_an_invocation_that_prints_nothing_is_waited_for_all_the_same() -> None:
    waits = inspect.signature(lambda_runtime.Worker._drain_stderr_bounded).parameters
    assert waits["first_line_wait"].default == 0.05


def test_every_worker_extracts_the_code_again(upstream: EmulatorHarness) -> None:
    code = "import os\ndef handler(event, context):\n    return os.path.islink(os.path.dirname(__file__))\n"
    answer = upstream.client("lambda").invoke(FunctionName=upstream.function(code), Payload=b"{}")
    assert json.loads(answer["Payload"].read()) is False


def test_every_worker_imports_everything_again(upstream: EmulatorHarness) -> None:
    assert all(each["imported_by"] == each["pid"] for each in importers(upstream))


def test_an_api_has_an_address_that_aws_would_not_give(upstream: EmulatorHarness) -> None:
    made = upstream.client("apigatewayv2").create_api(Name="gap", ProtocolType="HTTP")
    assert ".amazonaws.com" not in made["ApiEndpoint"]


def test_a_distribution_does_not_reach_an_api(upstream: EmulatorHarness) -> None:
    api = upstream.client("apigatewayv2").create_api(Name="gap", ProtocolType="HTTP")["ApiId"]
    bucket = f"gap-{uuid.uuid4().hex[:8]}"
    arn = distribute(upstream, bucket, f"{api}.execute-api.{REGION}.amazonaws.com")
    domain = upstream.client("cloudfront").get_distribution(Id=arn.rsplit("/", 1)[-1])["Distribution"]["DomainName"]
    headers = {"host": domain, "x-forwarded-proto": "https"}
    answer = web.get(f"{upstream.emulator.aws_endpoint}/api/x", headers=headers)
    assert answer.status_code == 502


def test_plain_http_is_what_every_call_looks_like(upstream: EmulatorHarness) -> None:
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    role = upstream.role([allow(["ec2:DescribeInstances"]), deny])
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        upstream.as_role("ec2", role).describe_instances()


def test_a_well_known_key_is_root_whatever_its_signature(upstream: EmulatorHarness) -> None:
    assert upstream.with_keys("s3", "test", "wrong").list_buckets()["Buckets"] is not None


def test_sign_in_pages_have_no_styles(upstream: EmulatorHarness) -> None:
    pool = user_pool(upstream)
    with pytest.raises(ClientError, match="Unknown Cognito IDP action"):
        style(upstream, pool, app_client(upstream, pool))


def test_a_client_without_a_style_has_sign_in_pages(upstream: EmulatorHarness) -> None:
    assert "Sign in" in sign_in_page(upstream, app_client(upstream, user_pool(upstream))).text


def test_upstream_lets_users_sign_up_where_only_administrators_create_them(upstream: EmulatorHarness) -> None:
    client = app_client(upstream, user_pool(upstream))
    assert upstream.client("cognito-idp").sign_up(ClientId=client, Username="eve@example.org", Password=PASSWORD)


def test_a_page_that_revokes_a_token_changes_nothing(upstream: EmulatorHarness) -> None:
    client, tokens = tokens_of_a_user(upstream)
    oauth2(upstream, "revoke", client_id=client, token=tokens["refresh_token"])
    renewal = {"grant_type": "refresh_token", "client_id": client, "refresh_token": tokens["refresh_token"]}
    assert oauth2(upstream, "token", **renewal).status_code == 200


def test_a_renewed_token_has_no_groups(upstream: EmulatorHarness) -> None:
    assert groups_after_renewal(upstream) == [["admin"], ["admin"], None, None]


def test_a_task_does_not_note_that_it_was_started_and_a_time_out_may_not_be_an_expression(
    upstream: EmulatorHarness,
) -> None:
    invoke = {"FunctionName": upstream.function(ECHO), "Payload": {}}
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": invoke, "End": True}
    assert "TaskStarted" not in [
        event["type"] for event in history(upstream, run_states(upstream, start="Only", Only=task))
    ]
    expression = run_states(upstream, start="Only", Only={**task, "TimeoutSeconds": "{% $states.input.wait * 30 %}"})
    assert (expression["status"], expression["error"]) == ("FAILED", "States.Runtime")


def test_an_execution_may_have_any_number_of_events(upstream: EmulatorHarness) -> None:
    sfn, role = upstream.client("stepfunctions"), upstream.role([], "states.amazonaws.com")
    definition = json.dumps({"StartAt": "Round", "States": {"Round": {"Type": "Pass", "Next": "Round"}}})
    machine = sfn.create_state_machine(name=f"machine-{uuid.uuid4().hex[:8]}", definition=definition, roleArn=role)
    execution = sfn.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]

    def is_beyond() -> bool:
        answer = sfn.get_execution_history(executionArn=execution, reverseOrder=True, maxResults=1)
        return bool(answer["events"][0]["id"] > MOST_EVENTS)

    wait_for(is_beyond, "more events than AWS allows")
    sfn.stop_execution(executionArn=execution)


def test_cloudfront_knows_of_no_compression() -> None:
    behavior = ET.Element("DefaultCacheBehavior")
    ET.SubElement(behavior, "Compress").text = "true"
    assert "compress" not in cloudfront._dataplane_behavior(behavior)
