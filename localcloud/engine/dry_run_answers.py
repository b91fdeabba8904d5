"""What the dry run answers: made-up ids and ARNs, always the same for one resource."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

ACCOUNT = "123456789012"
CUSTOM_ROOT_DEVICE = "/dev/sda1"

subject: ContextVar[str] = ContextVar("subject", default="")  # the URN that ids are made up for

Answer = Callable[[Mapping[str, Any], str], dict[str, Any]]


def made_up(prefix: str, digits: int = 17) -> str:
    """An id such as `vpc-0a1b…`, always the same for one resource."""
    return prefix + hashlib.sha256(f"{prefix}{subject.get()}".encode()).hexdigest()[:digits]


def _ec2(key: str, id_key: str, prefix: str) -> Answer:
    return lambda _params, _region: {key: {id_key: made_up(prefix)}}


def _arn(service: str, region: str, resource: str) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


def _role_arn(params: Mapping[str, Any]) -> str:
    return _arn("iam", "", f"role/{params['RoleName']}")


def _profile_arn(params: Mapping[str, Any]) -> str:
    return _arn("iam", "", f"instance-profile/{params['InstanceProfileName']}")


def _function(params: Mapping[str, Any], region: str) -> dict[str, Any]:
    return {
        "FunctionArn": _arn("lambda", region, f"function:{params['FunctionName']}"),
        "Version": "$LATEST",
        "LastModified": "2000-01-01T00:00:00.000+0000",
    }


def _table(params: Mapping[str, Any], region: str) -> dict[str, Any]:
    arn = _arn("dynamodb", region, f"table/{params['TableName']}")
    stream = {
        "LatestStreamArn": f"{arn}/stream/2000-01-01T00:00:00.000",
        "LatestStreamLabel": "2000-01-01T00:00:00.000",
    }
    return {"TableArn": arn, "TableStatus": "ACTIVE", **(stream if params.get("StreamSpecification") else {})}


def _distribution(_params: Mapping[str, Any], _region: str) -> dict[str, Any]:
    name = made_up("E", 13).upper()
    return {
        "Distribution": {
            "Id": name,
            "ARN": _arn("cloudfront", "", f"distribution/{name}"),
            "DomainName": f"{made_up('d', 13)}.cloudfront.net",
            "Status": "Deployed",
        },
        "ETag": made_up("E", 13).upper(),
    }


def _user_pool(_params: Mapping[str, Any], region: str) -> dict[str, Any]:
    name = f"{region}_{made_up('', 9)}"
    return {"UserPool": {"Id": name, "Arn": _arn("cognito-idp", region, f"userpool/{name}")}}


def _parameter(params: Mapping[str, Any], region: str) -> dict[str, Any]:
    name = str(params["Name"])
    value = made_up("ami-") if "/ami-" in name else f"value-of-{name.rpartition('/')[2]}"
    arn = _arn("ssm", region, f"parameter/{name.lstrip('/')}")
    return {"Parameter": {"Name": name, "Type": "String", "Value": value, "Version": 1, "ARN": arn}}


# What adapters and invokes read of an answer; every other operation answers nothing.
ANSWERS: dict[str, Answer] = {
    "sts.GetCallerIdentity": lambda _p, _r: {
        "Account": ACCOUNT,
        "Arn": f"arn:aws:iam::{ACCOUNT}:root",
        "UserId": ACCOUNT,
    },
    "iam.CreateRole": lambda p, _r: {"Role": {"Arn": _role_arn(p), "RoleId": made_up("AROA").upper()}},
    "iam.CreateInstanceProfile": lambda p, _r: {
        "InstanceProfile": {"Arn": _profile_arn(p), "InstanceProfileId": made_up("AIPA").upper()}
    },
    "s3.PutObject": lambda _p, _r: {"ETag": f'"{made_up("", 32)}"'},
    "dynamodb.CreateTable": lambda p, r: {"TableDescription": _table(p, r)},
    "dynamodb.DescribeTable": lambda p, r: {"Table": _table(p, r)},
    "lambda.CreateFunction": _function,
    "lambda.GetFunction": lambda p, r: {
        "Configuration": {**_function(p, r), "State": "Active", "LastUpdateStatus": "Successful"}
    },
    "lambda.CreateEventSourceMapping": lambda p, r: {
        "UUID": made_up("", 8) + "-0000-4000-8000-" + made_up("", 12),
        "FunctionArn": _arn("lambda", r, f"function:{p['FunctionName'].rpartition(':')[2]}"),
        "State": "Enabled",
    },
    "apigatewayv2.CreateApi": lambda _p, r: {
        "ApiId": made_up("", 10),
        "ApiEndpoint": f"https://{made_up('', 10)}.execute-api.{r}.amazonaws.com",
    },
    "apigatewayv2.CreateIntegration": lambda _p, _r: {"IntegrationId": made_up("", 7)},
    "apigatewayv2.CreateRoute": lambda _p, _r: {"RouteId": made_up("", 7)},
    "apigatewayv2.CreateAuthorizer": lambda _p, _r: {"AuthorizerId": made_up("", 6)},
    "cognito-idp.CreateUserPool": _user_pool,
    "cognito-idp.CreateUserPoolClient": lambda _p, _r: {"UserPoolClient": {"ClientId": made_up("", 26)}},
    "cognito-idp.CreateManagedLoginBranding": lambda _p, _r: {
        "ManagedLoginBranding": {"ManagedLoginBrandingId": made_up("", 8) + "-0000-4000-8000-" + made_up("", 12)}
    },
    "stepfunctions.CreateStateMachine": lambda p, r: {
        "stateMachineArn": _arn("states", r, f"stateMachine:{p['name']}")
    },
    "sqs.CreateQueue": lambda p, r: {"QueueUrl": f"https://sqs.{r}.amazonaws.com/{ACCOUNT}/{p['QueueName']}"},
    "sns.Subscribe": lambda p, _r: {
        "SubscriptionArn": f"{p['TopicArn']}:{made_up('', 8)}-0000-4000-8000-{made_up('', 12)}"
    },
    "sns.CreateTopic": lambda p, r: {"TopicArn": _arn("sns", r, p["Name"])},
    "events.PutRule": lambda p, r: {"RuleArn": _arn("events", r, f"rule/{p['Name']}")},
    "ssm.GetParameter": _parameter,
    "ec2.DescribeImages": lambda p, _r: {
        "Images": [
            {"ImageId": p["Filters"][0]["Values"][0], "Architecture": "arm64", "RootDeviceName": CUSTOM_ROOT_DEVICE}
        ]
    },
    "ec2.CreateVpc": _ec2("Vpc", "VpcId", "vpc-"),
    "ec2.CreateSubnet": _ec2("Subnet", "SubnetId", "subnet-"),
    "ec2.CreateInternetGateway": _ec2("InternetGateway", "InternetGatewayId", "igw-"),
    "ec2.CreateRouteTable": _ec2("RouteTable", "RouteTableId", "rtb-"),
    "ec2.CreateVpcEndpoint": _ec2("VpcEndpoint", "VpcEndpointId", "vpce-"),
    "ec2.CreateSecurityGroup": lambda _p, _r: {"GroupId": made_up("sg-")},
    "ec2.DescribeSecurityGroups": lambda _p, _r: {
        "SecurityGroups": [{"GroupId": made_up("sg-"), "GroupName": "default"}]
    },
    "ec2.AssociateRouteTable": lambda _p, _r: {"AssociationId": made_up("rtbassoc-")},
    "ec2.AuthorizeSecurityGroupEgress": lambda _p, _r: {
        "SecurityGroupRules": [{"SecurityGroupRuleId": made_up("sgr-")}]
    },
    "ec2.DescribeAvailabilityZones": lambda _p, r: {
        "AvailabilityZones": [{"ZoneName": f"{r}{letter}", "ZoneId": f"{r}-az{n}"} for n, letter in enumerate("abc", 1)]
    },
    "ec2.CreateLaunchTemplate": lambda _p, _r: {
        "LaunchTemplate": {"LaunchTemplateId": made_up("lt-"), "DefaultVersionNumber": 1, "LatestVersionNumber": 1}
    },
    "cloudfront.CreateDistributionWithTags": _distribution,
    "cloudfront.CreateOriginAccessControl": lambda _p, _r: {
        "OriginAccessControl": {"Id": made_up("E", 13).upper()},
        "ETag": made_up("E", 13).upper(),
    },
    "cloudfront.CreateResponseHeadersPolicy": lambda _p, _r: {
        "ResponseHeadersPolicy": {"Id": made_up("", 8) + "-0000-4000-8000-" + made_up("", 12)},
        "ETag": made_up("E", 13).upper(),
    },
}
