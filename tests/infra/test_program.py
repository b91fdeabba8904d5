"""Invariants over every resource that the real program records."""

from __future__ import annotations

import base64
import json
import re
from fnmatch import fnmatchcase

import pytest

from localcloud.engine.deployment import Deployment
from tests.infra.resources import functions, only
from tests.policy_statements import allowing, statements_by_role

pytestmark = pytest.mark.thorough


def test_every_bucket_is_shut_encrypted_forgetful_and_tls_only(recorded: Deployment) -> None:
    buckets = {each.outputs["bucket"] for each in recorded.of_type("aws:s3/bucket:Bucket")}
    assert len(buckets) == 4
    for token in (
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketPolicy:BucketPolicy",
    ):
        assert {each.inputs["bucket"] for each in recorded.of_type(token)} == buckets, token
    for block in recorded.of_type("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"):
        shut = {key: value for key, value in block.inputs.items() if key != "bucket"}
        assert len(shut) == 4
        assert all(shut.values())


def test_every_function_has_its_own_role_and_a_log_group_that_forgets(recorded: Deployment) -> None:
    groups = {each.inputs["name"]: each for each in recorded.of_type("aws:cloudwatch/logGroup:LogGroup")}
    found = functions(recorded)
    assert len(found) == 11
    assert len({each.inputs["role"] for each in found.values()}) == len(found)
    for function in found.values():
        assert f"/aws/lambda/{function.inputs['name']}" in groups
    assert all(group.inputs.get("retentionInDays") for group in groups.values())


def test_machines_have_no_rights_on_files_jobs_or_other_machines(recorded: Deployment) -> None:
    rights = statements_by_role(recorded)["mayfly-local-machines"]
    services = {action.split(":")[0] for each in rights for action in each.actions}
    assert services == {"ssm", "ssmmessages", "ec2messages", "logs"}


def test_manifests_are_written_by_record_alone(recorded: Deployment) -> None:
    bucket = only(recorded, "aws:s3/bucket:Bucket", "-outputs")
    key = f"{bucket.outputs['arn']}/manifests/alice/1/1.json"
    may_store = allowing(recorded, "s3:PutObject")
    writers = {role for role, each in may_store if any(fnmatchcase(key, resource) for resource in each.resources)}
    assert writers == {"mayfly-local-record"}


def test_nothing_reaches_a_machine_from_outside(recorded: Deployment) -> None:
    assert recorded.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule") == []
    (default,) = recorded.of_type("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert (default.inputs["ingress"], default.inputs["egress"]) == ([], [])
    (egress,) = recorded.of_type("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
    assert (egress.inputs["fromPort"], egress.inputs["toPort"]) == (443, 443)
    for group in recorded.of_type("aws:ec2/securityGroup:SecurityGroup"):
        assert not {"ingress", "egress"} & set(group.inputs), "rules have resources of their own"


@pytest.mark.parametrize("stack", ["open_to_all", "production"])
def test_whatever_keeps_data_encrypts_it(stack: str, request: pytest.FixtureRequest) -> None:
    """Buckets, disks and log groups aside: the ones above, the others always do (CloudWatch Logs user guide)."""
    deployment: Deployment = request.getfixturevalue(stack)
    for queue in deployment.of_type("aws:sqs/queue:Queue"):
        assert queue.inputs["sqsManagedSseEnabled"] is True
    for table in deployment.of_type("aws:dynamodb/table:Table"):
        assert table.inputs["serverSideEncryption"] == {"enabled": True}
    for topic in deployment.of_type("aws:sns/topic:Topic"):
        # No alarm could be published with AWS's own key (infra/monitoring.py).
        assert topic.name.endswith("-alarms") or topic.inputs["kmsMasterKeyId"], topic.name


def test_machines_end_themselves_and_keep_their_credentials_to_themselves(recorded: Deployment) -> None:
    (template,) = recorded.of_type("aws:ec2/launchTemplate:LaunchTemplate")
    assert template.inputs["instanceInitiatedShutdownBehavior"] == "terminate"
    assert template.inputs["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }
    assert "keyName" not in template.inputs
    (disk,) = template.inputs["blockDeviceMappings"]
    assert disk["ebs"]["encrypted"] == "true"
    minutes = re.search(r"shutdown -h \+(\d+)", base64.b64decode(template.inputs["userData"]).decode())
    assert minutes
    assert int(minutes[1]) > 60 + 5, "later than every limit that should have ended the machine before"


def test_the_network_spans_zones_and_has_no_gateway_that_costs_by_the_hour(recorded: Deployment) -> None:
    zones = {each.inputs["availabilityZone"] for each in recorded.of_type("aws:ec2/subnet:Subnet")}
    assert len(zones) >= 2
    assert recorded.of_type("aws:ec2/natGateway:NatGateway") == []


def test_the_stream_hands_over_new_and_retried_jobs_only_and_puts_aside_what_fails(recorded: Deployment) -> None:
    (mapping,) = recorded.of_type("aws:lambda/eventSourceMapping:EventSourceMapping")
    new, retried = (json.loads(each["pattern"]) for each in mapping.inputs["filterCriteria"]["filters"])
    assert (new["eventName"], retried["eventName"]) == (["INSERT"], ["MODIFY"])
    assert all(each["dynamodb"]["NewImage"]["status"] == {"S": ["queued"]} for each in (new, retried))
    assert retried["dynamodb"]["NewImage"]["run"] == {"N": [{"anything-but": ["1"]}]}
    assert mapping.inputs["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping.inputs["bisectBatchOnFunctionError"] is True
    assert 0 < mapping.inputs["maximumRetryAttempts"] < 100
    assert mapping.inputs["destinationConfig"]["onFailure"]["destinationArn"]


def test_nothing_names_one_account_region_or_machine(elsewhere: Deployment) -> None:
    text = json.dumps([each.inputs for each in elsewhere.resources], default=str)
    assert "eu-central-1" not in text
    assert not re.search(r"\bami-[0-9a-f]{8,}", text)


def test_exports_are_what_a_newcomer_needs(recorded: Deployment) -> None:
    assert {"site_url", "api_url", "docs_url", "uploads_bucket", "outputs_bucket", "table"} <= set(recorded.outputs)


def test_a_machine_is_launched_from_the_templates_image_and_asks_for_tokens(open_to_all: Deployment) -> None:
    """User data has no condition key (Service Authorization Reference, EC2): docs/security.md says so."""
    launches = [row for _, row in allowing(open_to_all, "ec2:RunInstances")]
    images = [row for row in launches if any(":image/" in each for each in row.resources)]
    assert [row.conditions["Bool"] for row in images] == [{"ec2:IsLaunchTemplateResource": "true"}]
    (instances,) = (row.conditions for row in launches if any(":instance/" in each for each in row.resources))
    assert instances["StringEquals"]["ec2:MetadataHttpTokens"] == "required"
    assert instances["NumericEquals"] == {"ec2:MetadataHttpPutResponseHopLimit": "1"}
