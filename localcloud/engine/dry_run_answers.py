"""What the dry run answers: made-up ids and ARNs, always the same for one resource."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

ACCOUNT = "123456789012"
CUSTOM_ROOT_DEVICE = "/dev/sda1"

subject: ContextVar[str] = ContextVar("subject", default="")  # the URN that ids are made up for

_TABLE = {"TableArn": "arn:aws:dynamodb:{region}:{account}:table/{TableName}", "TableStatus": "ACTIVE"}
_STREAM = {
    "LatestStreamArn": f"{_TABLE['TableArn']}/stream/2000-01-01T00:00:00.000",
    "LatestStreamLabel": "2000-01-01T00:00:00.000",
}
_FUNCTION = {
    "FunctionArn": "arn:aws:lambda:{region}:{account}:function:{FunctionName}",
    "Version": "$LATEST",
    "LastModified": "2000-01-01T00:00:00.000+0000",
}
_UUID = "{id:8}-0000-4000-8000-{id:12}"
# What adapters and invokes read of an answer; every other operation answers nothing. In braces are the call's
# parameters, its account and region, and an id of so many hexadecimal digits (`ID` is in capitals).
_ANSWERS: dict[str, dict[str, Any]] = {
    "sts.GetCallerIdentity": {"Account": "{account}", "Arn": "arn:aws:iam::{account}:root", "UserId": "{account}"},
    "iam.CreateRole": {"Role": {"Arn": "arn:aws:iam::{account}:role/{RoleName}", "RoleId": "AROA{ID:17}"}},
    "iam.CreateInstanceProfile": {
        "InstanceProfile": {
            "Arn": "arn:aws:iam::{account}:instance-profile/{InstanceProfileName}",
            "InstanceProfileId": "AIPA{ID:17}",
        }
    },
    "s3.PutObject": {"ETag": '"{id:32}"'},
    "dynamodb.CreateTable": {"TableDescription": {**_TABLE, **_STREAM}},
    "dynamodb.DescribeTable": {"Table": _TABLE},
    "lambda.CreateFunction": _FUNCTION,
    "lambda.GetFunction": {"Configuration": {**_FUNCTION, "State": "Active", "LastUpdateStatus": "Successful"}},
    "lambda.CreateEventSourceMapping": {"UUID": _UUID, "FunctionArn": "{FunctionName}", "State": "Enabled"},
    "apigatewayv2.CreateApi": {
        "ApiId": "{id:10}",
        "ApiEndpoint": "https://{id:10}.execute-api.{region}.amazonaws.com",
    },
    "apigatewayv2.CreateIntegration": {"IntegrationId": "{id:7}"},
    "apigatewayv2.CreateRoute": {"RouteId": "{id:7}"},
    "apigatewayv2.CreateAuthorizer": {"AuthorizerId": "{id:6}"},
    "cognito-idp.CreateUserPool": {
        "UserPool": {"Id": "{region}_{id:9}", "Arn": "arn:aws:cognito-idp:{region}:{account}:userpool/{region}_{id:9}"}
    },
    "cognito-idp.CreateUserPoolClient": {"UserPoolClient": {"ClientId": "{id:26}"}},
    "cognito-idp.CreateManagedLoginBranding": {"ManagedLoginBranding": {"ManagedLoginBrandingId": _UUID}},
    "stepfunctions.CreateStateMachine": {"stateMachineArn": "arn:aws:states:{region}:{account}:stateMachine:{name}"},
    "sqs.CreateQueue": {"QueueUrl": "https://sqs.{region}.amazonaws.com/{account}/{QueueName}"},
    "sns.Subscribe": {"SubscriptionArn": "{TopicArn}:" + _UUID},
    "sns.CreateTopic": {"TopicArn": "arn:aws:sns:{region}:{account}:{Name}"},
    "events.PutRule": {"RuleArn": "arn:aws:events:{region}:{account}:rule/{Name}"},
    "ssm.GetParameter": {
        "Parameter": {
            "Name": "{Name}",
            "Type": "String",
            "Value": "ami-{id:17}",
            "Version": 1,
            "ARN": "arn:aws:ssm:{region}:{account}:parameter{Name}",
        }
    },
    "ec2.DescribeImages": {
        "Images": [
            {"ImageId": "{Filters[0][Values][0]}", "Architecture": "arm64", "RootDeviceName": CUSTOM_ROOT_DEVICE}
        ]
    },
    "ec2.CreateVpc": {"Vpc": {"VpcId": "vpc-{id:17}"}},
    "ec2.CreateSubnet": {"Subnet": {"SubnetId": "subnet-{id:17}"}},
    "ec2.CreateInternetGateway": {"InternetGateway": {"InternetGatewayId": "igw-{id:17}"}},
    "ec2.CreateRouteTable": {"RouteTable": {"RouteTableId": "rtb-{id:17}"}},
    "ec2.CreateVpcEndpoint": {"VpcEndpoint": {"VpcEndpointId": "vpce-{id:17}"}},
    "ec2.CreateSecurityGroup": {"GroupId": "sg-{id:17}"},
    "ec2.DescribeSecurityGroups": {"SecurityGroups": [{"GroupId": "sg-{id:17}", "GroupName": "default"}]},
    "ec2.AssociateRouteTable": {"AssociationId": "rtbassoc-{id:17}"},
    "ec2.AuthorizeSecurityGroupEgress": {"SecurityGroupRules": [{"SecurityGroupRuleId": "sgr-{id:17}"}]},
    "ec2.DescribeAvailabilityZones": {
        "AvailabilityZones": [
            {"ZoneName": f"{{region}}{letter}", "ZoneId": f"{{region}}-az{n}"} for n, letter in enumerate("abc", 1)
        ]
    },
    "ec2.CreateLaunchTemplate": {
        "LaunchTemplate": {"LaunchTemplateId": "lt-{id:17}", "DefaultVersionNumber": 1, "LatestVersionNumber": 1}
    },
    "cloudfront.CreateDistributionWithTags": {
        "Distribution": {
            "Id": "E{ID:13}",
            "ARN": "arn:aws:cloudfront::{account}:distribution/E{ID:13}",
            "DomainName": "d{id:13}.cloudfront.net",
            "Status": "Deployed",
        },
        "ETag": "E{ID:13}",
    },
    "cloudfront.CreateOriginAccessControl": {"OriginAccessControl": {"Id": "E{ID:13}"}, "ETag": "E{ID:13}"},
    "cloudfront.CreateResponseHeadersPolicy": {"ResponseHeadersPolicy": {"Id": _UUID}, "ETag": "E{ID:13}"},
}


class _Digits(str):
    """As many digits as its format says."""

    __slots__ = ()

    def __format__(self, count: str) -> str:
        return self[: int(count)]


def answer(operation: str, params: Mapping[str, Any], region: str) -> Any:
    """What an operation, such as `sts.GetCallerIdentity`, answers to these parameters."""
    digits = hashlib.sha256(subject.get().encode()).hexdigest()
    told = {"account": ACCOUNT, "region": region, "id": _Digits(digits), "ID": _Digits(digits.upper())}
    return _filled(_ANSWERS.get(operation, {}), {**params, **told})


def _filled(template: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(template, dict):
        return {key: _filled(item, values) for key, item in template.items()}
    if isinstance(template, list):
        return [_filled(item, values) for item in template]
    return template.format_map(values) if isinstance(template, str) else template
