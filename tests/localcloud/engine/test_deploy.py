"""Deploying to the emulator, with IAM enforced."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from localcloud.engine.aws import Aws
from localcloud.engine.deployment import Deployment, DeploymentError, Resource, deploy, destroy
from localcloud.engine.registry import tokens
from tests.localcloud.engine.reading import read_otherwise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from localcloud.engine.deployment import Target

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def deployment(everything: Path, target: Target) -> Iterator[Deployment]:
    deployed = deploy(everything, target=target, config={"greeting": "moin"})
    yield deployed
    destroy(deployed, target=target)


@pytest.fixture
def client(target: Target) -> Iterator[Callable[[str], Any]]:
    aws = Aws(target)
    yield aws.client
    aws.close()


def one(deployment: Deployment, token: str, name: str | None = None) -> Resource:
    [found] = [resource for resource in deployment.of_type(token) if name in (None, resource.name)]
    return found


def test_every_resource_type_with_an_adapter_is_deployed(deployment: Deployment) -> None:
    assert set(tokens()) <= {resource.type for resource in deployment.resources}


def test_every_resource_has_an_id_and_an_output_for_each_input(deployment: Deployment) -> None:
    for resource in deployment.resources:
        if resource.type.startswith("aws:"):
            assert resource.id, resource.urn
            assert set(resource.inputs) <= set(resource.outputs), resource.urn


def test_every_input_is_read_back_as_it_was_given(deployment: Deployment, target: Target) -> None:
    cloud = Aws(target)
    assert read_otherwise(cloud, deployment) == {}
    cloud.close()


def test_the_exports_are_those_of_the_cloud(deployment: Deployment, client: Callable[[str], Any]) -> None:
    assert deployment.outputs["account"] == "000000000000"
    assert deployment.outputs["template"] == 1
    answer = client("stepfunctions").describe_state_machine(stateMachineArn=deployment.outputs["machine"])
    assert answer["name"] == one(deployment, "aws:sfn/stateMachine:StateMachine").outputs["name"]


def test_a_function_arrives_with_its_settings_and_code(deployment: Deployment, client: Callable[[str], Any]) -> None:
    name = deployment.outputs["function"]
    function = client("lambda").get_function(FunctionName=name)
    configuration = function["Configuration"]
    assert configuration["Environment"]["Variables"] == {"GREETING": "moin", "lower_case": "kept"}
    assert configuration["Architectures"] == ["arm64"]
    assert configuration["LoggingConfig"]["LogGroup"] == "/aws/lambda/local"
    assert configuration["DeadLetterConfig"]["TargetArn"].endswith(deployment.outputs["queue"].rpartition("/")[2])
    assert function["Concurrency"]["ReservedConcurrentExecutions"] == 5
    assert configuration["CodeSha256"] == one(deployment, "aws:lambda/function:Function").outputs["sourceCodeHash"]


def test_a_deployed_function_runs(deployment: Deployment, client: Callable[[str], Any]) -> None:
    answer = client("lambda").invoke(FunctionName=deployment.outputs["function"], Payload=json.dumps({"a": 1}))
    assert json.loads(answer["Payload"].read()) == {"a": 1}


def test_a_stream_mapping_arrives_with_its_failure_rules(deployment: Deployment, client: Callable[[str], Any]) -> None:
    identity = one(deployment, "aws:lambda/eventSourceMapping:EventSourceMapping").id
    mapping = client("lambda").get_event_source_mapping(UUID=identity)
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] == 3
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert json.loads(mapping["FilterCriteria"]["Filters"][0]["Pattern"]) == {"eventName": ["INSERT"]}
    assert ":failed-" in mapping["DestinationConfig"]["OnFailure"]["Destination"]


def test_a_bucket_arrives_with_everything_set_on_it(deployment: Deployment, client: Callable[[str], Any]) -> None:
    s3, bucket = client("s3"), deployment.outputs["bucket"]
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]["BlockPublicPolicy"] is True
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"][0]["ExposeHeaders"] == ["ETag"]
    rules = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}
    assert rules["old"]["Filter"] == {"Prefix": "tmp/"}
    assert rules["parts"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "kind", "Value": "files"}]
    text = s3.get_object(Bucket=bucket, Key="a/text")
    assert (text["Body"].read(), text["ContentType"], text["CacheControl"]) == (b"words", "text/plain", "no-cache")


def test_a_table_arrives_with_stream_index_and_expiry(deployment: Deployment, client: Callable[[str], Any]) -> None:
    dynamodb, name = client("dynamodb"), deployment.outputs["table"]
    table = dynamodb.describe_table(TableName=name)["Table"]
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    assert table["GlobalSecondaryIndexes"][0]["IndexName"] == "by-time"
    assert table["LatestStreamArn"] == one(deployment, "aws:dynamodb/table:Table").outputs["streamArn"]
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}


def test_security_groups_keep_no_rule_that_was_not_given(deployment: Deployment, client: Callable[[str], Any]) -> None:
    filters = [{"Name": "vpc-id", "Values": [deployment.outputs["vpc"]]}]
    groups = {g["GroupName"]: g for g in client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]}
    assert groups["default"]["IpPermissions"] == groups["default"]["IpPermissionsEgress"] == []
    [own] = [group for name, group in groups.items() if name.startswith("net-")]
    assert [rule["ToPort"] for rule in own["IpPermissionsEgress"]] == [443]
    assert own["IpPermissions"] == []


def test_a_launch_template_arrives_whole(deployment: Deployment, client: Callable[[str], Any]) -> None:
    identity = one(deployment, "aws:ec2/launchTemplate:LaunchTemplate").id
    versions = client("ec2").describe_launch_template_versions(LaunchTemplateId=identity, Versions=["$Latest"])
    data = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    assert data["InstanceInitiatedShutdownBehavior"] == "terminate"
    assert data["ImageId"].startswith("resolve:ssm:")
    assert data["MetadataOptions"]["HttpTokens"] == "required"


def test_a_user_pool_arrives_with_its_rules(deployment: Deployment, client: Callable[[str], Any]) -> None:
    cognito, resource = client("cognito-idp"), one(deployment, "aws:cognito/userPool:UserPool")
    pool = cognito.describe_user_pool(UserPoolId=resource.id)["UserPool"]
    assert pool["Policies"]["PasswordPolicy"] == {
        "MinimumLength": 12,
        "RequireSymbols": True,
        "TemporaryPasswordValidityDays": 3,
    }
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True
    assert pool["AccountRecoverySetting"]["RecoveryMechanisms"] == [{"Name": "verified_email", "Priority": 1}]
    assert pool["UsernameConfiguration"] == {"CaseSensitive": False}
    assert (pool["UsernameAttributes"], pool["UserPoolTags"]) == (["email"], {"kind": "people"})
    assert pool["Arn"] == resource.outputs["arn"]
    assert resource.outputs["endpoint"] == f"cognito-idp.eu-central-1.amazonaws.com/{resource.id}"
    domain = cognito.describe_user_pool_domain(Domain="everything-local")["DomainDescription"]
    assert (domain["UserPoolId"], domain["ManagedLoginVersion"]) == (resource.id, 2)
    [group] = cognito.list_groups(UserPoolId=resource.id)["Groups"]
    assert (group["GroupName"], group["Description"], group["Precedence"]) == ("readers", "Read", 1)


def test_an_app_client_arrives_with_its_settings(deployment: Deployment, client: Callable[[str], Any]) -> None:
    pool = one(deployment, "aws:cognito/userPool:UserPool").id
    made = client("cognito-idp").describe_user_pool_client(UserPoolId=pool, ClientId=deployment.outputs["client"])
    settings = made["UserPoolClient"]
    assert "ClientSecret" not in settings
    assert settings["CallbackURLs"] == ["https://example.org/back", "http://localhost:8080"]
    assert settings["LogoutURLs"] == ["https://example.org"]
    assert (settings["AllowedOAuthFlows"], settings["AllowedOAuthScopes"]) == (["code"], ["openid"])
    assert (settings["AccessTokenValidity"], settings["RefreshTokenValidity"]) == (10, 2)
    assert settings["TokenValidityUnits"] == {"AccessToken": "minutes", "RefreshToken": "hours"}
    assert settings["PreventUserExistenceErrors"] == "ENABLED"


def test_a_route_arrives_with_its_authorizer(deployment: Deployment, client: Callable[[str], Any]) -> None:
    gateway, route = client("apigatewayv2"), one(deployment, "aws:apigatewayv2/route:Route")
    found = gateway.get_route(ApiId=route.inputs["apiId"], RouteId=route.id)
    authorizer = gateway.get_authorizer(ApiId=route.inputs["apiId"], AuthorizerId=found["AuthorizerId"])
    assert found["AuthorizationType"] == authorizer["AuthorizerType"] == "JWT"
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert authorizer["JwtConfiguration"] == {"Issuer": "https://issuer.example.org", "Audience": ["everything"]}


def test_a_user_pool_under_protection_is_not_destroyed(program: Callable[..., Path], target: Target) -> None:
    deployed = deploy(program('aws.cognito.UserPool("p", deletion_protection="ACTIVE")'), target=target, config={})
    with pytest.raises(DeploymentError, match=r"::p: deletionProtection: Cognito deletes no pool"):
        destroy(deployed, target=target)
    one(deployed, "aws:cognito/userPool:UserPool").outputs["deletionProtection"] = "INACTIVE"
    destroy(deployed, target=target)


def test_deploying_again_after_destroying_finds_nothing_in_its_way(everything: Path, target: Target) -> None:
    first = deploy(everything, target=target, config={}, stack="again")
    destroy(first, target=target)
    second = deploy(everything, target=target, config={}, stack="again")
    destroy(second, target=target)
    assert {resource.urn for resource in first.resources} == {resource.urn for resource in second.resources}


def test_a_refusal_of_the_service_names_the_resource_and_the_reason(
    program: Callable[..., Path], target: Target
) -> None:
    folder = program(
        """
        import json
        statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        aws.iam.RolePolicy("lost", role="missing", policy=policy)
        """
    )
    with pytest.raises(DeploymentError) as failure:
        deploy(folder, target=target, config={})
    message = str(failure.value)
    assert message.startswith("urn:pulumi:local::small::aws:iam/rolePolicy:RolePolicy::lost: PutRolePolicy was refused")
    assert "NoSuchEntity" in message
    assert "\n" not in message


def test_what_was_made_before_a_failure_can_be_destroyed(
    program: Callable[..., Path], target: Target, client: Callable[[str], Any]
) -> None:
    folder = program(
        """
        group = aws.cloudwatch.LogGroup("made", name="/small/made")
        aws.iam.RolePolicy("lost", role="missing", policy='{"Version": "2012-10-17", "Statement": []}',
                           opts=pulumi.ResourceOptions(depends_on=[group]))
        """
    )
    with pytest.raises(DeploymentError) as failure:
        deploy(folder, target=target, config={})
    assert failure.value.partial is not None
    destroy(failure.value.partial, target=target)
    assert client("logs").describe_log_groups(logGroupNamePrefix="/small")["logGroups"] == []


def test_a_protected_resource_is_not_destroyed(program: Callable[..., Path], target: Target) -> None:
    folder = program('aws.sqs.Queue("kept", opts=pulumi.ResourceOptions(protect=True))\naws.sqs.Queue("other")')
    deployed = deploy(folder, target=target, config={})
    with pytest.raises(DeploymentError, match=r"protected: .*::kept"):
        destroy(deployed, target=target)
    for resource in deployed.resources:
        resource.options = type(resource.options)()
    destroy(deployed, target=target)


def test_progress_is_told_for_each_resource(program: Callable[..., Path], target: Target) -> None:
    seen: list[str] = []
    deployed = deploy(
        program('aws.sqs.Queue("work")'),
        target=target,
        config={},
        on_progress=lambda resource: seen.append(resource.name),
    )
    destroy(deployed, target=target)
    assert seen == ["work"]
