"""Which inputs of a resource make a new one when they change, by type.

From the source of terraform-provider-aws, on which pulumi-aws is built: `ForceNew` of its SDK's schemas,
`RequiresReplace` of its framework's. Each row names the file below internal/service/ where it was looked up, in the
state of December 2023 (ba22795759) unless it says otherwise.

Left out is what the adapters refuse. `region` replaces every resource that is in one ("Enhanced Region Support" of
version 6).
"""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.engine.errors import RefusedInputError

# Top-level inputs, in Pulumi's names; one that is nested there stands for all of its parent.
RULES: Mapping[str, tuple[str, ...]] = {
    "aws:apigatewayv2/api:Api": ("protocolType",),  # apigatewayv2/api.go
    "aws:apigatewayv2/authorizer:Authorizer": ("apiId",),  # apigatewayv2/authorizer.go
    "aws:apigatewayv2/integration:Integration": ("apiId", "integrationType"),  # apigatewayv2/integration.go
    "aws:apigatewayv2/route:Route": ("apiId",),  # apigatewayv2/route.go
    "aws:apigatewayv2/stage:Stage": ("apiId", "name"),  # apigatewayv2/stage.go
    "aws:budgets/budget:Budget": ("accountId", "name"),  # budgets/budget.go
    "aws:cloudfront/distribution:Distribution": (),  # cloudfront/distribution.go
    "aws:cloudfront/originAccessControl:OriginAccessControl": (),  # cloudfront/origin_access_control.go
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": (),  # cloudfront/response_headers_policy.go
    "aws:cloudwatch/dashboard:Dashboard": ("dashboardName",),  # cloudwatch/dashboard.go
    "aws:cloudwatch/eventRule:EventRule": ("name",),  # events/rule.go
    "aws:cloudwatch/eventTarget:EventTarget": ("rule",),  # events/target.go
    "aws:cloudwatch/logGroup:LogGroup": ("name",),  # logs/group.go
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": ("logGroupName", "name"),  # logs/metric_filter.go
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("name",),  # cloudwatch/metric_alarm.go
    # cognitoidp/managed_login_branding.go, in the state of 2026 (0509e60e8e)
    "aws:cognito/managedLoginBranding:ManagedLoginBranding": ("clientId", "userPoolId"),
    "aws:cognito/userGroup:UserGroup": ("name", "userPoolId"),  # cognitoidp/user_group.go
    # `name` made a new pool up to version 6.4 at least (issue 43544, pull request 42639): taken as it was, to be safe.
    "aws:cognito/userPool:UserPool": ("name", "usernameAttributes", "usernameConfiguration"),  # cognitoidp/user_pool.go
    "aws:cognito/userPoolClient:UserPoolClient": ("generateSecret", "userPoolId"),  # cognitoidp/user_pool_client.go
    "aws:cognito/userPoolDomain:UserPoolDomain": ("domain", "userPoolId"),  # cognitoidp/user_pool_domain.go
    "aws:dynamodb/table:Table": ("hashKey", "name", "rangeKey"),  # dynamodb/table.go
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ("vpcId",),  # ec2/vpc_default_security_group.go
    "aws:ec2/internetGateway:InternetGateway": (),  # ec2/vpc_internet_gateway.go
    "aws:ec2/launchTemplate:LaunchTemplate": ("name",),  # ec2/ec2_launch_template.go
    "aws:ec2/route:Route": ("destinationCidrBlock", "routeTableId"),  # ec2/vpc_route.go
    "aws:ec2/routeTable:RouteTable": ("vpcId",),  # ec2/vpc_route_table.go
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ("subnetId",),  # ec2/vpc_route_table_association.go
    "aws:ec2/securityGroup:SecurityGroup": ("description", "vpcId", "name"),  # ec2/vpc_security_group.go
    "aws:ec2/subnet:Subnet": ("availabilityZone", "cidrBlock", "vpcId"),  # ec2/vpc_subnet.go
    "aws:ec2/vpc:Vpc": ("cidrBlock",),  # ec2/vpc_.go
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("serviceName", "vpcEndpointType", "vpcId"),  # ec2/vpc_endpoint.go
    "aws:iam/instanceProfile:InstanceProfile": ("name",),  # iam/instance_profile.go
    "aws:iam/role:Role": ("name",),  # iam/role.go
    "aws:iam/rolePolicy:RolePolicy": ("role", "name"),  # iam/role_policy.go
    # lambda/event_source_mapping.go
    "aws:lambda/eventSourceMapping:EventSourceMapping": ("eventSourceArn", "startingPosition"),
    "aws:lambda/function:Function": ("name",),  # lambda/function.go
    "aws:lambda/permission:Permission": ("action", "function", "principal", "sourceArn"),  # lambda/permission.go
    "aws:s3/bucket:Bucket": ("bucket",),  # s3/bucket.go
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": ("bucket",),  # s3/bucket_cors_configuration.go
    # s3/bucket_lifecycle_configuration.go
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ("bucket",),
    "aws:s3/bucketObjectv2:BucketObjectv2": ("bucket", "key"),  # s3/object.go
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ("bucket",),  # s3/bucket_ownership_controls.go
    "aws:s3/bucketPolicy:BucketPolicy": ("bucket",),  # s3/bucket_policy.go
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ("bucket",),  # s3/bucket_public_access_block.go
    # s3/bucket_server_side_encryption_configuration.go
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": ("bucket",),
    "aws:s3/bucketVersioning:BucketVersioning": ("bucket",),  # s3/bucket_versioning.go
    "aws:sfn/stateMachine:StateMachine": ("type", "name"),  # sfn/state_machine.go
    "aws:sns/topic:Topic": ("name",),  # sns/topic.go
    "aws:sns/topicPolicy:TopicPolicy": ("arn",),  # sns/topic_policy.go
    "aws:sns/topicSubscription:TopicSubscription": ("endpoint", "protocol", "topic"),  # sns/topic_subscription.go
    "aws:sqs/queue:Queue": ("name",),  # sqs/queue.go
    # ec2/vpc_security_group_ingress_rule.go, which has what ingress and egress share
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": ("securityGroupId",),
}


def replacing_inputs(token: str) -> tuple[str, ...]:
    """The row of a resource type.

    Raises:
        RefusedInputError: it has none.
    """
    if token not in RULES:
        raise RefusedInputError(
            f"what replaces {token} is in no row of localcloud/engine/replacement_rules.py: look it up, and add one"
        )
    return RULES[token]
