"""The API: an HTTP API in front of one function."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.bundle import API
from infra.function import Function, FunctionArgs
from infra.job_storage import JobStorage
from infra.machines import Machines
from infra.policies import Statement, answer_workflow
from infra.purge import purge_files
from infra.sign_in import AppClients
from infra.spending import spending_settings
from infra.stack import Stack
from infra.storage import objects

# Of what a stack takes from everybody together: what it takes for a moment, and on each route that needs no token.
_BURST = 2
_OPEN_SHARE = 0.1
# What an owner is called (functions/api/caller.py): a token's subject, a UUID, or everybody alike.
_OWNERS = {"cognito": "????????-????-????-????-????????????", "none": "anonymous"}
# All other paths need a sign-in, where a stack has one.
# ANY, for HEAD as well as GET: other methods the function refuses itself.
_OPEN_ROUTES = {"health": "ANY /api/health", "docs": "ANY /api/docs", "openapi": "ANY /api/openapi.json"}
_OTHER_ROUTES = "ANY /api/{proxy+}"


@dataclass(frozen=True)
class ApiArgs:
    stack: Stack
    data: JobStorage
    machines: Machines
    clients: AppClients | None  # with them, all routes but a few are open to their tokens alone


class Api(pulumi.ComponentResource):
    """`host` is the API's own host name, https; its paths begin with /api.

    `access_log` is the log group with a line for each request.
    """

    host: pulumi.Output[str]
    api_id: pulumi.Output[str]
    access_log: pulumi.Output[str]

    def __init__(self, name: str, args: ApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:Api", name, None, opts)
        self._config = args.stack.config
        child = pulumi.ResourceOptions(parent=self)
        function = Function(name, _function(args), opts=child)
        self._api = aws.apigatewayv2.Api(name, protocol_type="HTTP", description="Mayfly", opts=child)
        self._integration = aws.apigatewayv2.Integration(
            name,
            api_id=self._api.id,
            integration_type="AWS_PROXY",
            integration_uri=function.invoke_arn,
            payload_format_version="2.0",
            opts=child,
        )
        aws.lambda_.Permission(
            name,
            action="lambda:InvokeFunction",
            function=function.name,
            principal="apigateway.amazonaws.com",
            source_arn=pulumi.Output.concat(self._api.execution_arn, "/*/*"),
            opts=child,
        )
        self.api_id = self._api.id
        self.host = self._api.api_endpoint.apply(lambda endpoint: endpoint.removeprefix("https://"))
        self._serve(name, args.clients)
        self.register_outputs({"host": self.host})

    def _serve(self, name: str, clients: AppClients | None) -> None:
        routes = [self._route(name, _OTHER_ROUTES, self._authorizer(name, clients) if clients else None)]
        routes += [self._route(f"{name}-{word}", key) for word, key in _OPEN_ROUTES.items()]
        self._stage(name, routes)

    def _authorizer(self, name: str, clients: AppClients) -> aws.apigatewayv2.Authorizer:
        return aws.apigatewayv2.Authorizer(
            name,
            api_id=self._api.id,
            authorizer_type="JWT",
            identity_sources=["$request.header.Authorization"],
            jwt_configuration={"issuer": clients.issuer, "audiences": clients.audiences},
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _route(
        self, name: str, key: str, authorizer: aws.apigatewayv2.Authorizer | None = None
    ) -> aws.apigatewayv2.Route:
        return aws.apigatewayv2.Route(
            name,
            api_id=self._api.id,
            route_key=key,
            target=pulumi.Output.concat("integrations/", self._integration.id),
            authorization_type="JWT" if authorizer else None,
            authorizer_id=authorizer.id if authorizer else None,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _stage(self, name: str, routes: Sequence[aws.apigatewayv2.Route]) -> None:
        rate = self._config.requests_per_second
        open_rate = max(1, round(rate * _OPEN_SHARE))
        log = aws.cloudwatch.LogGroup(
            f"{name}-access",
            name=f"/mayfly/{self._config.stack}/api-access",
            retention_in_days=self._config.log_retention_days,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.access_log = log.name
        fields = {
            "stack": self._config.stack,  # the dimension of infra/alarms.py's metrics
            "requestId": "$context.requestId",
            "time": "$context.requestTime",
            # Behind CloudFront the address is CloudFront's, so the caller is named by the token's subject.
            "subject": "$context.authorizer.claims.sub",
            "ip": "$context.identity.sourceIp",
            "method": "$context.httpMethod",
            "path": "$context.path",
            "status": "$context.status",
            "latency": "$context.responseLatency",
            "error": "$context.integrationErrorMessage",
        }
        aws.apigatewayv2.Stage(
            name,
            api_id=self._api.id,
            name="$default",
            auto_deploy=True,
            access_log_settings={"destination_arn": log.arn, "format": json.dumps(fields)},
            default_route_settings={"throttling_rate_limit": rate, "throttling_burst_limit": rate * _BURST},
            route_settings=[
                {"route_key": key, "throttling_rate_limit": open_rate, "throttling_burst_limit": open_rate * _BURST}
                for key in _OPEN_ROUTES.values()
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=routes),
        )


def _function(args: ApiArgs) -> FunctionArgs:
    data, config = args.data, args.stack.config
    return FunctionArgs(
        config=config,
        module="api.handler",
        bundle=API,
        environment={
            "AUTH": config.auth,
            "USER_POOL_ID": args.clients.user_pool_id if args.clients else "",
            "STACK": config.stack,
            "JOBS_TABLE": data.table.name,
            "UPLOADS_BUCKET": data.uploads.name,
            "OUTPUTS_BUCKET": data.outputs.name,
            "ARTIFACTS_BUCKET": data.artifacts.name,
            "MACHINE_LOG_GROUP": args.machines.log_group,
            "MAX_UPLOAD_BYTES": str(config.max_upload_bytes),
            "KEEP_DAYS": str(config.keep_days),
            "OUTPUT_SUFFIX": config.output_suffix,
            "ALLOWANCE": json.dumps(
                {
                    "instance_types": config.allowed_instance_types,
                    "timeout_minutes": config.job_timeout_minutes,
                    "max_timeout_minutes": config.longest_timeout_minutes,
                }
            ),
            "SPENDING": spending_settings(config),
            "QUOTAS": json.dumps(
                {
                    "open_jobs": config.max_open_jobs_per_owner,
                    "upload_bytes_a_day": config.max_owner_upload_gib_per_day * 1024**3,
                }
            ),
        },
        statements=_policy(args),
        timeout=25,  # an HTTP API answers 503 after 30 seconds whatever the function does
        memory=1024,  # a cold start is processor time, and processor comes with memory
        description="Mayfly's API",
        reserved_concurrency=config.api_concurrency,
    )


def _policy(args: ApiArgs) -> list[Statement]:
    data = args.data
    inputs = objects(data.uploads, "inputs/*")
    return [
        Statement(
            "KeepJobs",
            [
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
            ],
            [data.table.arn],
            _in_partitions(_OWNERS[args.stack.config.auth]),
        ),
        # Items that belong to no owner (docs/architecture.md, "Data"): slots show which machines live. Cancelling a job
        # removes its queue entry, or wakes the workflow that waits for its machine.
        Statement("ReadSlots", ["dynamodb:Query"], [data.table.arn], _in_partitions("#slot")),
        # The lease names the runs that machines are being launched for: none of these jobs is deleted.
        Statement("ReadLease", ["dynamodb:GetItem"], [data.table.arn], _in_partitions("#lease")),
        Statement("ReadLedger", ["dynamodb:Query"], [data.table.arn], _in_partitions("#ledger/*")),
        *_quota_policy(args),
        Statement("Dequeue", ["dynamodb:DeleteItem"], [data.table.arn], _in_partitions("#queue")),
        Statement("WakeWaiter", ["dynamodb:UpdateItem"], [data.table.arn], _in_partitions("#machine")),
        # What the API signs, the API must be allowed itself.
        Statement("SignUploads", ["s3:PutObject"], [inputs]),
        Statement("UploadInParts", ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"], [inputs]),
        Statement("CopyInputs", ["s3:GetObject"], [inputs]),
        Statement("SignDownloads", ["s3:GetObject"], [objects(data.outputs, "outputs/*")]),
        Statement("ReadManifests", ["s3:GetObject"], [objects(data.outputs, "manifests/*")]),
        *purge_files(data),
        Statement(
            "ReadJobLogs",
            ["logs:DeleteLogStream", "logs:GetLogEvents"],
            [pulumi.Output.concat(args.machines.log_group_arn, ":*")],
        ),
        answer_workflow(args.stack, "states:SendTaskSuccess", "states:SendTaskFailure"),
        # Administrators see users by their e-mail addresses.
        *([Statement("NameUsers", ["cognito-idp:AdminGetUser"], [args.clients.user_pool_arn])] if args.clients else []),
    ]


def _quota_policy(args: ApiArgs) -> list[Statement]:
    table, config = args.data.table, args.stack.config
    # The index has one key for all, and of each open job its owner and id alone.
    count = Statement("CountOpenJobs", ["dynamodb:Query"], [table.open_index_arn])
    enter = Statement("CountUploads", ["dynamodb:UpdateItem"], [table.arn], _in_partitions("#usage/*"))
    wanted = [(config.max_open_jobs_per_owner, count), (config.max_owner_upload_gib_per_day, enter)]
    return [statement for quota, statement in wanted if quota]


def _in_partitions(pattern: str) -> dict[str, dict[str, Any]]:
    """Items of the table whose hash key is like this, in requests that name one (a scan, for one, does not)."""
    key = "dynamodb:LeadingKeys"
    return {"ForAllValues:StringLike": {key: [pattern]}, "Null": {key: "false"}}
