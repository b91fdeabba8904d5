"""The resources, service by service; names and values mean nothing."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_aws as aws

# CloudFront developer guide, "Use managed cache policies" and "Use managed origin request policies".
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_BUT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"


def trust(service: str) -> str:
    """A trust policy for one AWS service."""
    principal = {"Service": f"{service}.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def storage() -> aws.s3.Bucket:
    """A bucket with everything that can be set on one, and two objects."""
    bucket = aws.s3.Bucket("files", force_destroy=True, tags={"kind": "files"})
    aws.s3.BucketPublicAccessBlock("files", bucket=bucket.id, block_public_acls=True, block_public_policy=True)
    aws.s3.BucketOwnershipControls("files", bucket=bucket.id, rule={"object_ownership": "BucketOwnerEnforced"})
    aws.s3.BucketVersioning("files", bucket=bucket.id, versioning_configuration={"status": "Enabled"})
    aws.s3.BucketServerSideEncryptionConfiguration(
        "files", bucket=bucket.id, rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}]
    )
    aws.s3.BucketLifecycleConfiguration(
        "files",
        bucket=bucket.id,
        rules=[
            {"id": "old", "status": "Enabled", "filter": {"prefix": "tmp/"}, "expiration": {"days": 3}},
            {
                "id": "parts",
                "status": "Enabled",
                "abort_incomplete_multipart_upload": {"days_after_initiation": 1},
                "noncurrent_version_expiration": {"noncurrent_days": 2},
            },
        ],
    )
    aws.s3.BucketCorsConfiguration(
        "files",
        bucket=bucket.id,
        cors_rules=[
            {
                "id": "page",
                "allowed_methods": ["POST"],
                "allowed_origins": ["https://example.org"],
                "allowed_headers": ["*"],
                "expose_headers": ["ETag"],
                "max_age_seconds": 300,
            }
        ],
    )
    aws.s3.BucketPolicy(
        "files",
        bucket=bucket.id,
        policy=pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": [bucket.arn, pulumi.Output.concat(bucket.arn, "/*")],
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            }
        ),
    )
    aws.s3.BucketObjectv2(
        "text", bucket=bucket.id, key="a/text", content="words", content_type="text/plain", cache_control="no-cache"
    )
    aws.s3.BucketObjectv2(
        "file", bucket=bucket.id, key="file", source=pulumi.FileAsset("src/handler.py"), source_hash="1"
    )
    return bucket


def table() -> aws.dynamodb.Table:
    """A table with a stream, an index, expiry, recovery and encryption."""
    return aws.dynamodb.Table(
        "items",
        billing_mode="PAY_PER_REQUEST",
        hash_key="owner",
        range_key="id",
        attributes=[{"name": "owner", "type": "S"}, {"name": "id", "type": "S"}, {"name": "at", "type": "N"}],
        global_secondary_indexes=[
            {"name": "by-time", "hash_key": "owner", "range_key": "at", "projection_type": "KEYS_ONLY"}
        ],
        stream_enabled=True,
        stream_view_type="NEW_IMAGE",
        ttl={"attribute_name": "expires", "enabled": True},
        point_in_time_recovery={"enabled": True},
        server_side_encryption={"enabled": True},
        deletion_protection_enabled=False,
    )


def function(greeting: str, queue: aws.sqs.Queue) -> aws.lambda_.Function:
    """A function with its role, log group, code from several assets, and a dead-letter queue."""
    role = aws.iam.Role("function", assume_role_policy=trust("lambda"), path="/app/", max_session_duration=7200)
    read_streams = [
        f"dynamodb:{action}" for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
    ]
    policy = aws.iam.RolePolicy(
        "function",
        role=role.id,
        policy=queue.arn.apply(
            lambda arn: json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Sid": "Send", "Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": arn},
                        {"Sid": "Read", "Effect": "Allow", "Action": read_streams, "Resource": "*"},
                    ],
                }
            )
        ),
    )
    group = aws.cloudwatch.LogGroup("function", name=f"/aws/lambda/{pulumi.get_stack()}", retention_in_days=7)
    return aws.lambda_.Function(
        "function",
        role=role.arn,
        runtime="python3.13",
        handler="src.handler.handler",
        architectures=["arm64"],
        memory_size=256,
        timeout=10,
        reserved_concurrent_executions=5,
        ephemeral_storage={"size": 512},
        environment={"variables": {"GREETING": greeting, "lower_case": "kept"}},
        logging_config={"log_format": "JSON", "log_group": group.name, "application_log_level": "INFO"},
        tracing_config={"mode": "Active"},
        dead_letter_config={"target_arn": queue.arn},
        code=pulumi.AssetArchive({"src": pulumi.FileArchive("src"), "build.json": pulumi.StringAsset("{}")}),
        opts=pulumi.ResourceOptions(depends_on=[policy]),
    )


def triggers(called: aws.lambda_.Function, items: aws.dynamodb.Table, queue: aws.sqs.Queue) -> None:
    """What calls the function, and what may."""
    aws.lambda_.EventSourceMapping(
        "stream",
        event_source_arn=items.stream_arn,
        function_name=called.name,
        starting_position="TRIM_HORIZON",
        batch_size=10,
        bisect_batch_on_function_error=True,
        maximum_retry_attempts=3,
        maximum_record_age_in_seconds=3600,
        function_response_types=["ReportBatchItemFailures"],
        filter_criteria={"filters": [{"pattern": json.dumps({"eventName": ["INSERT"]})}]},
        destination_config={"on_failure": {"destination_arn": queue.arn}},
    )
    rule = aws.cloudwatch.EventRule(
        "stopped",
        event_pattern=json.dumps({"source": ["aws.ec2"], "detail-type": ["EC2 Instance State-change Notification"]}),
    )
    aws.cloudwatch.EventRule("hourly", schedule_expression="rate(1 hour)", state="DISABLED")
    aws.cloudwatch.EventTarget(
        "stopped",
        rule=rule.name,
        arn=called.arn,
        retry_policy={"maximum_retry_attempts": 2, "maximum_event_age_in_seconds": 300},
        dead_letter_config={"arn": queue.arn},
    )
    aws.lambda_.Permission(
        "events",
        action="lambda:InvokeFunction",
        function=called.name,
        principal="events.amazonaws.com",
        source_arn=rule.arn,
    )


def machine(called: aws.lambda_.Function) -> aws.sfn.StateMachine:
    """A state machine with one task."""
    role = aws.iam.Role("machine", assume_role_policy=trust("states"))
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
    return aws.sfn.StateMachine(
        "machine",
        role_arn=role.arn,
        type="STANDARD",
        definition=called.arn.apply(
            lambda arn: json.dumps(
                {"StartAt": "Call", "States": {"Call": {**task, "Parameters": {"FunctionName": arn}}}}
            )
        ),
        tracing_configuration={"enabled": False},
    )


def http_api(called: aws.lambda_.Function) -> aws.apigatewayv2.Stage:
    """An HTTP API with a JWT authorizer, access log and throttling."""
    api = aws.apigatewayv2.Api("api", protocol_type="HTTP", description="Calls the function")
    integration = aws.apigatewayv2.Integration(
        "api",
        api_id=api.id,
        integration_type="AWS_PROXY",
        integration_uri=called.invoke_arn,
        payload_format_version="2.0",
    )
    authorizer = aws.apigatewayv2.Authorizer(
        "api",
        api_id=api.id,
        authorizer_type="JWT",
        identity_sources=["$request.header.Authorization"],
        jwt_configuration={"issuer": "https://issuer.example.org", "audiences": ["everything"]},
    )
    aws.apigatewayv2.Route(
        "api",
        api_id=api.id,
        route_key="ANY /api/{proxy+}",
        target=pulumi.Output.concat("integrations/", integration.id),
        authorization_type="JWT",
        authorizer_id=authorizer.id,
    )
    group = aws.cloudwatch.LogGroup("api", name=f"/aws/apigateway/{pulumi.get_stack()}", retention_in_days=7)
    aws.lambda_.Permission(
        "api",
        action="lambda:InvokeFunction",
        function=called.name,
        principal="apigateway.amazonaws.com",
        source_arn=pulumi.Output.concat(api.execution_arn, "/*/*"),
    )
    return aws.apigatewayv2.Stage(
        "api",
        api_id=api.id,
        name="$default",
        auto_deploy=True,
        access_log_settings={"destination_arn": group.arn, "format": "$context.requestId"},
        default_route_settings={"throttling_burst_limit": 20, "throttling_rate_limit": 10},
    )


def users() -> aws.cognito.UserPoolClient:
    """A user pool with its domain, a group, and a client with a style of its pages."""
    pool = aws.cognito.UserPool(
        "people",
        username_attributes=["email"],
        auto_verified_attributes=["email"],
        username_configuration={"case_sensitive": False},
        admin_create_user_config={"allow_admin_create_user_only": True},
        account_recovery_setting={"recovery_mechanisms": [{"name": "verified_email", "priority": 1}]},
        password_policy={"minimum_length": 12, "require_symbols": True, "temporary_password_validity_days": 3},
        user_pool_tier="ESSENTIALS",
        deletion_protection="INACTIVE",
        tags={"kind": "people"},
    )
    aws.cognito.UserPoolDomain(
        "people", domain=f"everything-{pulumi.get_stack()}", user_pool_id=pool.id, managed_login_version=2
    )
    aws.cognito.UserGroup("people", name="readers", user_pool_id=pool.id, description="Read", precedence=1)
    client = aws.cognito.UserPoolClient(
        "page",
        user_pool_id=pool.id,
        generate_secret=False,
        supported_identity_providers=["COGNITO"],
        allowed_oauth_flows_user_pool_client=True,
        allowed_oauth_flows=["code"],
        allowed_oauth_scopes=["openid"],
        callback_urls=["https://example.org/back", "http://localhost:8080"],
        logout_urls=["https://example.org"],
        explicit_auth_flows=["ALLOW_REFRESH_TOKEN_AUTH"],
        access_token_validity=10,
        refresh_token_validity=2,
        token_validity_units={"access_token": "minutes", "refresh_token": "hours"},
        enable_token_revocation=True,
        prevent_user_existence_errors="ENABLED",
    )
    aws.cognito.ManagedLoginBranding(
        "page", user_pool_id=pool.id, client_id=client.id, use_cognito_provided_values=True
    )
    return client


def network() -> dict[str, Any]:
    """A VPC with a public subnet, an endpoint, and groups that let nothing in."""
    vpc = aws.ec2.Vpc("net", cidr_block="10.1.0.0/16", enable_dns_hostnames=True)
    aws.ec2.DefaultSecurityGroup("net", vpc_id=vpc.id)
    gateway = aws.ec2.InternetGateway("net", vpc_id=vpc.id)
    routes = aws.ec2.RouteTable("net", vpc_id=vpc.id)
    aws.ec2.Route("out", route_table_id=routes.id, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.id)
    zone = aws.get_availability_zones(state="available").names[0]
    subnet = aws.ec2.Subnet(
        "net", vpc_id=vpc.id, cidr_block="10.1.1.0/24", availability_zone=zone, map_public_ip_on_launch=True
    )
    aws.ec2.RouteTableAssociation("net", route_table_id=routes.id, subnet_id=subnet.id)
    service = f"com.amazonaws.{aws.get_region().region}.s3"
    aws.ec2.VpcEndpoint("s3", vpc_id=vpc.id, service_name=service, route_table_ids=[routes.id])
    group = aws.ec2.SecurityGroup("net", vpc_id=vpc.id, description="Nothing in")
    aws.vpc.SecurityGroupEgressRule(
        "https", security_group_id=group.id, ip_protocol="tcp", from_port=443, to_port=443, cidr_ipv4="0.0.0.0/0"
    )
    return {"vpc": vpc.id, "subnet": subnet.id, "group": group.id}


def template(group: pulumi.Input[str]) -> aws.ec2.LaunchTemplate:
    """A launch template with a profile, metadata options, disk and group."""
    role = aws.iam.Role("instance", assume_role_policy=trust("ec2"))
    profile = aws.iam.InstanceProfile("instance", role=role.name)
    return aws.ec2.LaunchTemplate(
        "instance",
        image_id="resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
        instance_type="t4g.small",
        instance_initiated_shutdown_behavior="terminate",
        iam_instance_profile={"arn": profile.arn},
        update_default_version=True,
        metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 1, "http_endpoint": "enabled"},
        monitoring={"enabled": False},
        block_device_mappings=[
            {
                "device_name": "/dev/xvda",
                "ebs": {"encrypted": "true", "delete_on_termination": "true", "volume_size": 8, "volume_type": "gp3"},
            }
        ],
        vpc_security_group_ids=[group],
    )


def site(bucket: aws.s3.Bucket) -> aws.cloudfront.Distribution:
    """A distribution over a bucket and an API."""
    access = aws.cloudfront.OriginAccessControl(
        "site", origin_access_control_origin_type="s3", signing_behavior="always", signing_protocol="sigv4"
    )
    headers = aws.cloudfront.ResponseHeadersPolicy(
        "site",
        security_headers_config={
            "content_security_policy": {"content_security_policy": "default-src 'self'", "override": True},
            "content_type_options": {"override": True},
            "frame_options": {"frame_option": "DENY", "override": True},
            "strict_transport_security": {"access_control_max_age_sec": 300, "override": True},
        },
        custom_headers_config={"items": [{"header": "X-Made", "value": "here", "override": True}]},
    )
    return aws.cloudfront.Distribution(
        "site",
        enabled=True,
        default_root_object="index.html",
        price_class="PriceClass_100",
        origins=[
            {
                "origin_id": "files",
                "domain_name": bucket.bucket_regional_domain_name,
                "origin_access_control_id": access.id,
            },
            {
                "origin_id": "api",
                "domain_name": "api.example.org",
                "custom_origin_config": {
                    "http_port": 80,
                    "https_port": 443,
                    "origin_protocol_policy": "https-only",
                    "origin_ssl_protocols": ["TLSv1.2"],
                },
            },
        ],
        default_cache_behavior={
            "target_origin_id": "files",
            "viewer_protocol_policy": "redirect-to-https",
            "allowed_methods": ["GET", "HEAD"],
            "cached_methods": ["GET", "HEAD"],
            "cache_policy_id": CACHING_OPTIMIZED,
            "response_headers_policy_id": headers.id,
            "compress": True,
        },
        ordered_cache_behaviors=[
            {
                "path_pattern": "/api/*",
                "target_origin_id": "api",
                "viewer_protocol_policy": "https-only",
                "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
                "cached_methods": ["GET", "HEAD"],
                "cache_policy_id": CACHING_DISABLED,
                "origin_request_policy_id": ALL_BUT_HOST,
            }
        ],
        custom_error_responses=[{"error_code": 404, "response_code": 200, "response_page_path": "/index.html"}],
        restrictions={"geo_restriction": {"restriction_type": "none"}},
        viewer_certificate={"cloudfront_default_certificate": True},
    )


def queue() -> aws.sqs.Queue:
    """A queue, and another one for what fails in it."""
    failed = aws.sqs.Queue("failed", message_retention_seconds=1209600, sqs_managed_sse_enabled=True)
    aws.sqs.Queue(
        "work",
        visibility_timeout_seconds=60,
        redrive_policy=pulumi.Output.json_dumps({"deadLetterTargetArn": failed.arn, "maxReceiveCount": 3}),
    )
    aws.cloudwatch.MetricAlarm(
        "failed",
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=1,
        metric_name="ApproximateNumberOfMessagesVisible",
        namespace="AWS/SQS",
        period=60,
        statistic="Maximum",
        threshold=0,
        dimensions={"QueueName": failed.name},
    )
    watching(failed)
    return failed


def watching(queue: aws.sqs.Queue) -> None:
    """A topic with its policy and a reader, a metric of log lines, a dashboard and a budget."""
    topic = aws.sns.Topic("failed", display_name="Failures")
    policy = aws.sns.TopicPolicy(
        "failed",
        arn=topic.arn,
        policy=topic.arn.apply(
            lambda arn: json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "cloudwatch.amazonaws.com"},
                            "Action": "sns:Publish",
                            "Resource": arn,
                        }
                    ],
                }
            )
        ),
    )
    aws.sns.TopicSubscription("failed", topic=topic.arn, protocol="email", endpoint="team@example.org")
    log = aws.cloudwatch.LogGroup("lines", retention_in_days=1)
    aws.cloudwatch.LogMetricFilter(
        "lines",
        log_group_name=log.name,
        pattern='{ $.status = "429" }',
        metric_transformation={
            "name": "Refused",
            "namespace": "Everything",
            "value": "1",
            "unit": "Count",
            "dimensions": {"kind": "$.kind"},
        },
    )
    line = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue.name]
    aws.cloudwatch.Dashboard(
        "failed",
        dashboard_name=f"failed-{pulumi.get_stack()}",
        dashboard_body=pulumi.Output.json_dumps(
            {"widgets": [{"type": "metric", "properties": {"region": aws.get_region().region, "metrics": [line]}}]}
        ),
    )
    aws.budgets.Budget(
        "monthly",
        budget_type="COST",
        time_unit="MONTHLY",
        limit_amount="10",
        limit_unit="USD",
        cost_filters=[{"name": "TagKeyValue", "values": ["user:project$everything"]}],
        notifications=[
            {
                "notification_type": "FORECASTED",
                "comparison_operator": "GREATER_THAN",
                "threshold": 80,
                "threshold_type": "PERCENTAGE",
                "subscriber_sns_topic_arns": [topic.arn],
                "subscriber_email_addresses": ["team@example.org"],
            }
        ],
        opts=pulumi.ResourceOptions(depends_on=[policy]),
    )


def build(greeting: str) -> dict[str, Any]:
    """Everything; returns the exports."""
    files, items, failed = storage(), table(), queue()
    called = function(greeting, failed)
    triggers(called, items, failed)
    net = network()
    return {
        "bucket": files.bucket,
        "table": items.name,
        "function": called.name,
        "machine": machine(called).arn,
        "url": http_api(called).invoke_url,
        "template": template(net["group"]).latest_version,
        "site": site(files).domain_name,
        "queue": failed.url,
        "client": users().id,
        "account": aws.get_caller_identity().account_id,
        **net,
    }
