"""How many things a cloud has, by kind: what is destroyed leaves as many as there were."""

from __future__ import annotations

from localcloud.engine.aws import Aws

# service, operation, the list in its answer: one for each kind of thing that the program makes
_INVENTORY = [
    ("apigatewayv2", "get_apis", "Items"),
    ("cloudwatch", "describe_alarms", "MetricAlarms"),
    ("cloudwatch", "list_dashboards", "DashboardEntries"),
    ("dynamodb", "list_tables", "TableNames"),
    ("ec2", "describe_internet_gateways", "InternetGateways"),
    ("ec2", "describe_launch_templates", "LaunchTemplates"),
    ("ec2", "describe_route_tables", "RouteTables"),
    ("ec2", "describe_security_groups", "SecurityGroups"),
    ("ec2", "describe_subnets", "Subnets"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints"),
    ("ec2", "describe_vpcs", "Vpcs"),
    ("events", "list_rules", "Rules"),
    ("iam", "list_instance_profiles", "InstanceProfiles"),
    ("iam", "list_roles", "Roles"),
    ("lambda", "list_event_source_mappings", "EventSourceMappings"),
    ("lambda", "list_functions", "Functions"),
    ("logs", "describe_log_groups", "logGroups"),
    ("logs", "describe_metric_filters", "metricFilters"),
    ("s3", "list_buckets", "Buckets"),
    ("sns", "list_subscriptions", "Subscriptions"),
    ("sns", "list_topics", "Topics"),
    ("sqs", "list_queues", "QueueUrls"),
    ("stepfunctions", "list_state_machines", "stateMachines"),
]


def inventory(aws: Aws) -> dict[str, int]:
    counts = {
        f"{service}.{operation}": len(getattr(aws.client(service), operation)().get(key, []))
        for service, operation, key in _INVENTORY
    }
    distributions = aws.client("cloudfront").list_distributions()["DistributionList"]
    policies = aws.client("cloudfront").list_response_headers_policies(Type="custom")["ResponseHeadersPolicyList"]
    controls = aws.client("cloudfront").list_origin_access_controls()["OriginAccessControlList"]
    pools = aws.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
    budgets = aws.client("budgets").describe_budgets(AccountId=aws.account).get("Budgets", [])
    return counts | {
        "budgets": len(budgets),
        "user pools": len(pools),
        "distributions": distributions.get("Quantity", 0),
        "headers policies": policies.get("Quantity", 0),
        "access controls": len(controls.get("Items", [])),
    }
