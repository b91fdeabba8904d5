"""How long names may be, by resource type, where pulumi-aws or AWS refuses longer ones.

pulumi-aws names what has no name of its own after the resource, with a hyphen and seven digits on top, and refuses
one that gets too long at preview (pulumi-aws, provider/resources.go, AutoName; pulumi-terraform-bridge, NewUniqueHex).
The services' models, which the engine checks as well, lack most of these limits.
"""

from __future__ import annotations

from collections.abc import Mapping

LONGEST_NAMES: Mapping[str, int] = {
    "aws:apigatewayv2/api:Api": 128,  # API reference, CreateApi
    "aws:apigatewayv2/authorizer:Authorizer": 128,  # API reference, CreateAuthorizer
    "aws:budgets/budget:Budget": 100,  # Budgets API reference, Budget
    "aws:cloudfront/originAccessControl:OriginAccessControl": 64,  # API reference, OriginAccessControlConfig
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": 128,  # developer guide, "Response headers policies"
    "aws:cloudwatch/dashboard:Dashboard": 255,  # API reference, PutDashboard
    "aws:cloudwatch/eventRule:EventRule": 64,  # EventBridge API reference, PutRule
    "aws:cloudwatch/logGroup:LogGroup": 512,  # CloudWatch Logs API reference, CreateLogGroup
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": 512,  # CloudWatch Logs API reference, PutMetricFilter
    "aws:cloudwatch/metricAlarm:MetricAlarm": 255,  # API reference, PutMetricAlarm
    "aws:cognito/userGroup:UserGroup": 128,  # API reference, CreateGroup
    "aws:cognito/userPool:UserPool": 128,  # API reference, CreateUserPool
    "aws:cognito/userPoolClient:UserPoolClient": 128,  # API reference, CreateUserPoolClient
    "aws:dynamodb/table:Table": 255,  # developer guide, "Quotas"
    "aws:ec2/launchTemplate:LaunchTemplate": 128,  # API reference, CreateLaunchTemplate
    "aws:ec2/securityGroup:SecurityGroup": 255,  # API reference, CreateSecurityGroup
    "aws:iam/instanceProfile:InstanceProfile": 128,  # user guide, "IAM and AWS STS quotas"
    "aws:iam/role:Role": 64,  # user guide, "IAM and AWS STS quotas"
    "aws:iam/rolePolicy:RolePolicy": 128,  # API reference, PutRolePolicy
    "aws:lambda/function:Function": 64,  # API reference, CreateFunction
    "aws:s3/bucket:Bucket": 63,  # user guide, "General purpose bucket naming rules"
    "aws:sfn/stateMachine:StateMachine": 80,  # API reference, CreateStateMachine
    "aws:sns/topic:Topic": 256,  # API reference, CreateTopic
    "aws:sqs/queue:Queue": 80,  # API reference, CreateQueue
}
