"""What a stack lets through to itself, and what its roles can at most do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.services.cloudfront import cache_policy_params

from functions.api.caller import ANONYMOUS
from localcloud.engine.deployment import Deployment
from localcloud.engine.records import Resource
from tests.infra.conftest import BOUNDARY, CERTIFICATE, DOMAIN, OTHER_ORIGIN
from tests.infra.resources import functions, only
from tests.policy_statements import statements_by_role

pytestmark = pytest.mark.thorough

SUBJECT = "????????-????-????-????-????????????"
OPEN = ("ANY /api/health", "ANY /api/docs", "ANY /api/openapi.json")


def throttling(deployment: Deployment) -> dict[str, tuple[int, int]]:
    """Requests a second and at once, by route; "" is every other route."""
    stage = only(deployment, "aws:apigatewayv2/stage:Stage").inputs
    rows = [{"routeKey": "", **stage["defaultRouteSettings"]}, *stage["routeSettings"]]
    return {row["routeKey"]: (row["throttlingRateLimit"], row["throttlingBurstLimit"]) for row in rows}


def reserved(deployment: Deployment) -> dict[str, int]:
    asked = {name: each.inputs.get("reservedConcurrentExecutions") for name, each in functions(deployment).items()}
    return {name: number for name, number in asked.items() if number is not None}


def headers(deployment: Deployment) -> Mapping[str, Any]:
    return only(deployment, "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy").inputs


def test_requests_are_throttled_for_all_and_more_so_where_no_token_is_needed(
    signed_in: Deployment, tailored: Deployment, generous: Deployment
) -> None:
    for deployment, rate, open_rate in ((signed_in, 100, 10), (tailored, 1, 1), (generous, 10_000, 1_000)):
        open_routes = dict.fromkeys(OPEN, (open_rate, 2 * open_rate))
        assert throttling(deployment) == {"": (rate, 2 * rate), **open_routes}


def test_the_access_log_names_the_caller_by_the_tokens_subject(recorded: Deployment) -> None:
    """Amazon API Gateway developer guide, "Customize HTTP API access logs": `$context.authorizer.claims.property`."""
    fields = json.loads(only(recorded, "aws:apigatewayv2/stage:Stage").inputs["accessLogSettings"]["format"])
    assert fields["subject"] == "$context.authorizer.claims.sub"


def test_a_flood_of_requests_takes_no_more_functions_than_are_reserved_for_it(
    generous: Deployment, tailored: Deployment
) -> None:
    """A 0 would be no reservation to Pulumi's settings, but to Lambda a function that is never invoked."""
    assert reserved(generous) == {"api": 50}
    assert reserved(tailored) == {}, "a new account would refuse it"


def test_a_boundary_limits_every_role(elsewhere: Deployment, signed_in: Deployment) -> None:
    for deployment, boundary in ((elsewhere, BOUNDARY), (signed_in, None)):
        roles = deployment.of_type("aws:iam/role:Role")
        assert len(roles) > 10
        assert {role.inputs.get("permissionsBoundary") for role in roles} == {boundary}


def test_the_api_reaches_owners_items_and_six_partitions_for_one_thing_each(
    signed_in: Deployment, open_to_all: Deployment
) -> None:
    for deployment, owners in ((signed_in, SUBJECT), (open_to_all, ANONYMOUS)):
        rows = [
            row
            for row in statements_by_role(deployment)["mayfly-local-api"]
            if any(action.startswith("dynamodb:") for action in row.actions) and row.sid != "CountOpenJobs"
        ]
        for row in rows:
            assert row.conditions["Null"] == {"dynamodb:LeadingKeys": "false"}
        reached = {
            pattern: {action.removeprefix("dynamodb:") for action in row.actions}
            for row in rows
            for pattern in row.conditions["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        }
        assert reached == {
            owners: {"GetItem", "PutItem", "Query", "UpdateItem"},
            "#slot": {"Query"},
            "#lease": {"GetItem"},
            "#queue": {"DeleteItem"},
            "#machine": {"UpdateItem"},
            "#ledger/*": {"Query"},
            "#usage/*": {"UpdateItem"},
        }


def test_the_page_is_under_a_policy_without_anything_unsafe(recorded: Deployment) -> None:
    policy = headers(recorded)["securityHeadersConfig"]["contentSecurityPolicy"]
    assert policy["override"] is True
    directives = dict(each.split(maxsplit=1) for each in policy["contentSecurityPolicy"].split("; "))
    assert "unsafe" not in policy["contentSecurityPolicy"]
    assert {name: directives[name] for name in ("default-src", "script-src", "base-uri", "frame-ancestors")} == {
        "default-src": "'none'",
        "script-src": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert all("*" not in sources for sources in directives.values())


def test_the_page_is_for_https_alone_is_never_framed_and_uses_no_device(recorded: Deployment) -> None:
    found = headers(recorded)
    security = found["securityHeadersConfig"]
    assert security["strictTransportSecurity"]["accessControlMaxAgeSec"] >= 31_536_000
    assert security["frameOptions"] == {"frameOption": "DENY", "override": True}
    assert security["contentTypeOptions"] == {"override": True}
    assert security["referrerPolicy"] == {"referrerPolicy": "no-referrer", "override": True}
    others = {each["header"]: each["value"] for each in found["customHeadersConfig"]["items"]}
    assert others["Cross-Origin-Opener-Policy"] == others["Cross-Origin-Resource-Policy"] == "same-origin"
    assert {each.partition("=")[2] for each in others["Permissions-Policy"].split(", ")} == {"()"}


def test_both_the_page_and_the_api_go_out_with_these_headers(recorded: Deployment) -> None:
    distribution = only(recorded, "aws:cloudfront/distribution:Distribution").inputs
    policy = only(recorded, "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy").id
    behaviours = [distribution["defaultCacheBehavior"], *distribution["orderedCacheBehaviors"]]
    assert {each["responseHeadersPolicyId"] for each in behaviours} == {policy}
    assert "allow-all" not in {each["viewerProtocolPolicy"] for each in behaviours}


def test_a_page_of_the_site_may_upload_and_read_results_and_nothing_else(recorded: Deployment) -> None:
    found = {
        each.inputs["bucket"]: each.inputs["corsRules"]
        for each in recorded.of_type("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration")
    }

    def rule(methods: list[str], header: str) -> dict[str, Any]:
        return {
            "allowedOrigins": [recorded.outputs["site_url"]],
            "allowedMethods": methods,
            "allowedHeaders": [header],
            "maxAgeSeconds": 3600,
        }

    assert found == {
        recorded.outputs["uploads_bucket"]: [rule(["POST", "PUT"], "content-type")],
        recorded.outputs["outputs_bucket"]: [rule(["GET"], "range")],
    }


def test_parts_that_are_never_completed_are_gone_after_a_day(recorded: Deployment) -> None:
    rules = recorded.of_type("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
    (of_uploads,) = (each for each in rules if each.inputs["bucket"] == recorded.outputs["uploads_bucket"])
    aborted = [each for each in of_uploads.inputs["rules"] if "abortIncompleteMultipartUpload" in each]
    assert [(each["status"], each["filter"]["prefix"]) for each in aborted] == [("Enabled", "")]
    assert aborted[0]["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 1}


def test_plain_http_is_denied_to_everybody_whatever_else_they_may(recorded: Deployment) -> None:
    policies = recorded.of_type("aws:s3/bucketPolicy:BucketPolicy")
    assert len(policies) == len(recorded.of_type("aws:s3/bucket:Bucket"))

    def decision(policy: Resource, *, secure: bool) -> str:
        bucket = policy.inputs["bucket"]
        call = EvalContext(
            principal_arn="arn:aws:iam::000000000000:root",
            principal_type="Account",
            principal_account="000000000000",
            action="s3:GetObject",
            resource_arn=f"arn:aws:s3:::{bucket}/any/key",
            region=recorded.region,
            secure_transport=secure,
            service_context={},
        )
        return str(evaluate_resource_policy(json.loads(policy.inputs["policy"]), call).decision)

    assert {decision(policy, secure=False) for policy in policies} == {"Deny"}
    assert "Deny" not in {decision(policy, secure=True) for policy in policies}


def test_a_domain_of_ones_own_is_where_everything_is_reached(tailored: Deployment) -> None:
    distribution = only(tailored, "aws:cloudfront/distribution:Distribution").inputs
    assert distribution["aliases"] == [DOMAIN]
    assert distribution["viewerCertificate"] == {
        "acmCertificateArn": CERTIFICATE,
        "sslSupportMethod": "sni-only",
        "minimumProtocolVersion": "TLSv1.2_2021",
    }
    outputs = tailored.outputs
    assert (outputs["site_url"], outputs["api_url"]) == (f"https://{DOMAIN}", f"https://{DOMAIN}/api")
    assert outputs["site_host"].endswith(".cloudfront.net")
    clients = tailored.of_type("aws:cognito/userPoolClient:UserPoolClient")
    assert [f"https://{DOMAIN}", OTHER_ORIGIN] in [client.inputs["callbackUrls"] for client in clients]
    rules = [
        each.inputs["corsRules"] for each in tailored.of_type("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration")
    ]
    assert all(f"https://{DOMAIN}" in rule["allowedOrigins"] for rows in rules for rule in rows)
    assert rules


def test_cloudfront_compresses_the_page_and_is_not_asked_for_what_it_would_not(recorded: Deployment) -> None:
    # Developer guide, "Serve compressed files": only where the cache policy takes encodings into account.
    distribution = only(recorded, "aws:cloudfront/distribution:Distribution").inputs
    for behaviour in (distribution["defaultCacheBehavior"], *distribution["orderedCacheBehaviors"]):
        parameters = cache_policy_params(behaviour["cachePolicyId"])
        asks = parameters["EnableAcceptEncodingGzip"] and parameters["EnableAcceptEncodingBrotli"]
        assert behaviour["compress"] is asks
    assert distribution["defaultCacheBehavior"]["compress"] is True
