"""Which inputs of a resource make a new one when they change, by type.

From the source of terraform-provider-aws, on which pulumi-aws is built: `ForceNew` of its SDK's schemas,
`RequiresReplace` of its framework's. Each row names the file below internal/service/ where it was looked up, in the
state of December 2023 (ba22795759) unless it says otherwise.

Left out is what the adapters refuse. `region` replaces every resource that is in one ("Enhanced Region Support" of
version 6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from localcloud.engine.errors import RefusedInputError


@dataclass(frozen=True)
class ReplacementRule:
    """`inputs` are top-level, in Pulumi's names; one that is nested there stands for all of its parent."""

    source: str
    inputs: tuple[str, ...] = ()


RULES: Mapping[str, ReplacementRule] = {
    "aws:apigatewayv2/api:Api": ReplacementRule("apigatewayv2/api.go", ("protocolType",)),
    "aws:apigatewayv2/authorizer:Authorizer": ReplacementRule("apigatewayv2/authorizer.go", ("apiId",)),
    "aws:apigatewayv2/integration:Integration": ReplacementRule(
        "apigatewayv2/integration.go", ("apiId", "integrationType")
    ),
    "aws:apigatewayv2/route:Route": ReplacementRule("apigatewayv2/route.go", ("apiId",)),
    "aws:apigatewayv2/stage:Stage": ReplacementRule("apigatewayv2/stage.go", ("apiId", "name")),
    "aws:budgets/budget:Budget": ReplacementRule("budgets/budget.go", ("accountId", "name")),
    "aws:cloudfront/distribution:Distribution": ReplacementRule("cloudfront/distribution.go"),
    "aws:cloudfront/originAccessControl:OriginAccessControl": ReplacementRule("cloudfront/origin_access_control.go"),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": ReplacementRule(
        "cloudfront/response_headers_policy.go"
    ),
    "aws:cloudwatch/dashboard:Dashboard": ReplacementRule("cloudwatch/dashboard.go", ("dashboardName",)),
    "aws:cloudwatch/eventRule:EventRule": ReplacementRule("events/rule.go", ("name",)),
    "aws:cloudwatch/eventTarget:EventTarget": ReplacementRule("events/target.go", ("rule", "targetId")),
    "aws:cloudwatch/logGroup:LogGroup": ReplacementRule("logs/group.go", ("logGroupClass", "name")),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": ReplacementRule(
        "logs/metric_filter.go", ("logGroupName", "name")
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ReplacementRule("cloudwatch/metric_alarm.go", ("name",)),
    # In the state of 2026 (0509e60e8e).
    "aws:cognito/managedLoginBranding:ManagedLoginBranding": ReplacementRule(
        "cognitoidp/managed_login_branding.go", ("clientId", "userPoolId")
    ),
    "aws:cognito/userGroup:UserGroup": ReplacementRule("cognitoidp/user_group.go", ("name", "userPoolId")),
    # `name` made a new pool up to version 6.4 at least (issue 43544, pull request 42639): taken as it was, to be safe.
    "aws:cognito/userPool:UserPool": ReplacementRule(
        "cognitoidp/user_pool.go", ("name", "usernameAttributes", "usernameConfiguration")
    ),
    "aws:cognito/userPoolClient:UserPoolClient": ReplacementRule(
        "cognitoidp/user_pool_client.go", ("generateSecret", "userPoolId")
    ),
    "aws:cognito/userPoolDomain:UserPoolDomain": ReplacementRule(
        "cognitoidp/user_pool_domain.go", ("domain", "userPoolId")
    ),
    "aws:dynamodb/table:Table": ReplacementRule("dynamodb/table.go", ("hashKey", "name", "rangeKey")),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ReplacementRule(
        "ec2/vpc_default_security_group.go", ("vpcId",)
    ),
    "aws:ec2/internetGateway:InternetGateway": ReplacementRule("ec2/vpc_internet_gateway.go"),
    "aws:ec2/launchTemplate:LaunchTemplate": ReplacementRule("ec2/ec2_launch_template.go", ("name",)),
    "aws:ec2/route:Route": ReplacementRule(
        "ec2/vpc_route.go",
        ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId", "routeTableId"),
    ),
    "aws:ec2/routeTable:RouteTable": ReplacementRule("ec2/vpc_route_table.go", ("vpcId",)),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ReplacementRule(
        "ec2/vpc_route_table_association.go", ("gatewayId", "subnetId")
    ),
    "aws:ec2/securityGroup:SecurityGroup": ReplacementRule(
        "ec2/vpc_security_group.go", ("description", "vpcId", "name")
    ),
    "aws:ec2/subnet:Subnet": ReplacementRule(
        "ec2/vpc_subnet.go",
        ("availabilityZone", "availabilityZoneId", "cidrBlock", "vpcId"),
    ),
    "aws:ec2/vpc:Vpc": ReplacementRule("ec2/vpc_.go", ("cidrBlock",)),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ReplacementRule(
        "ec2/vpc_endpoint.go", ("serviceName", "vpcEndpointType", "vpcId")
    ),
    "aws:iam/instanceProfile:InstanceProfile": ReplacementRule("iam/instance_profile.go", ("path", "name")),
    "aws:iam/role:Role": ReplacementRule("iam/role.go", ("path", "name")),
    "aws:iam/rolePolicy:RolePolicy": ReplacementRule("iam/role_policy.go", ("role", "name")),
    "aws:lambda/eventSourceMapping:EventSourceMapping": ReplacementRule(
        "lambda/event_source_mapping.go", ("eventSourceArn", "startingPosition")
    ),
    "aws:lambda/function:Function": ReplacementRule("lambda/function.go", ("name", "packageType")),
    "aws:lambda/permission:Permission": ReplacementRule(
        "lambda/permission.go", ("action", "function", "principal", "sourceArn", "statementId")
    ),
    "aws:s3/bucket:Bucket": ReplacementRule("s3/bucket.go", ("bucket", "objectLockEnabled")),
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": ReplacementRule(
        "s3/bucket_cors_configuration.go", ("bucket",)
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ReplacementRule(
        "s3/bucket_lifecycle_configuration.go", ("bucket",)
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": ReplacementRule("s3/object.go", ("bucket", "key")),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ReplacementRule(
        "s3/bucket_ownership_controls.go", ("bucket",)
    ),
    "aws:s3/bucketPolicy:BucketPolicy": ReplacementRule("s3/bucket_policy.go", ("bucket",)),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ReplacementRule(
        "s3/bucket_public_access_block.go", ("bucket",)
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": ReplacementRule(
        "s3/bucket_server_side_encryption_configuration.go", ("bucket",)
    ),
    "aws:s3/bucketVersioning:BucketVersioning": ReplacementRule("s3/bucket_versioning.go", ("bucket",)),
    "aws:sfn/stateMachine:StateMachine": ReplacementRule("sfn/state_machine.go", ("type", "name")),
    "aws:sns/topic:Topic": ReplacementRule("sns/topic.go", ("name",)),
    "aws:sns/topicPolicy:TopicPolicy": ReplacementRule("sns/topic_policy.go", ("arn",)),
    "aws:sns/topicSubscription:TopicSubscription": ReplacementRule(
        "sns/topic_subscription.go", ("endpoint", "protocol", "topic")
    ),
    "aws:sqs/queue:Queue": ReplacementRule("sqs/queue.go", ("name",)),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": ReplacementRule(
        "ec2/vpc_security_group_ingress_rule.go",
        ("securityGroupId",),  # it has what ingress and egress share
    ),
}


def replacement_rule(token: str) -> ReplacementRule:
    """The row of a resource type.

    Raises:
        RefusedInputError: it has none.
    """
    if token not in RULES:
        raise RefusedInputError(
            f"what replaces {token} is in no row of localcloud/engine/replacement_rules.py: look it up, and add one"
        )
    return RULES[token]
