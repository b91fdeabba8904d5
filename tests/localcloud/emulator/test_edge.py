from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.emulator.process import EmulatorProcess
from tests import web
from tests.localcloud.emulator.harness import REGION, EmulatorHarness

MIRROR = """
import base64, json
def handler(event, context):
    body = event.get("body") or ""
    raw = base64.b64decode(body) if event["isBase64Encoded"] else body.encode()
    if event["rawPath"] == "/api/binary":
        return {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(raw[::-1]).decode(),
                "headers": {"content-type": "application/octet-stream", "x-own": "kept"}}
    method = event["requestContext"]["http"]["method"]
    seen = {"path": event["rawPath"], "query": event["rawQueryString"], "method": method,
            "length": len(raw), "host": event["headers"]["host"]}
    return {"statusCode": 418, "body": json.dumps(seen), "headers": {"content-type": "application/json"}}
"""
CACHE = "658327ea-f89d-4fab-a63d-7e88639e58f6"
NO_CACHE = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_BUT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]


@pytest.fixture(scope="module")
def deployed() -> Iterator[EmulatorHarness]:
    """A distribution over a private bucket and an HTTP API."""
    harness = EmulatorHarness(EmulatorProcess.start(region=REGION))
    bucket = f"site-{uuid.uuid4().hex[:8]}"
    s3 = harness.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"<h1>page</h1>", ContentType="text/html")
    s3.put_object(Bucket=bucket, Key="a b/\u00fc.txt", Body=b"umlaut", ContentType="text/plain")
    endpoint = api(harness, "ANY /api/{proxy+}", is_permitted=True)["ApiEndpoint"]
    arn = distribute(harness, bucket, endpoint.removeprefix("https://"))
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringEquals": {"AWS:SourceArn": arn}},
    }
    only_tls = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement, only_tls]})
    )
    yield harness
    harness.close()


def api(harness: EmulatorHarness, route: str, *, is_permitted: bool) -> dict[str, Any]:
    """An HTTP API that mirrors its requests, if it may invoke its function."""
    function, gateway = harness.function(MIRROR), harness.client("apigatewayv2")
    made: dict[str, Any] = gateway.create_api(Name="mirror", ProtocolType="HTTP")
    integration = gateway.create_integration(
        ApiId=made["ApiId"], IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0"
    )["IntegrationId"]
    gateway.create_route(ApiId=made["ApiId"], RouteKey=route, Target=f"integrations/{integration}")
    gateway.create_stage(ApiId=made["ApiId"], StageName="$default", AutoDeploy=True)
    if is_permitted:
        harness.client("lambda").add_permission(
            FunctionName=function,
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:{REGION}:000000000000:{made['ApiId']}/*/*",
        )
    return made


def distribute(harness: EmulatorHarness, bucket: str, api_host: str) -> str:
    cloudfront = harness.client("cloudfront")
    access = cloudfront.create_origin_access_control(
        OriginAccessControlConfig={
            "Name": bucket,
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": "s3",
        }
    )["OriginAccessControl"]["Id"]
    custom = {
        "HTTPPort": 80,
        "HTTPSPort": 443,
        "OriginProtocolPolicy": "https-only",
        "OriginSslProtocols": {"Quantity": 1, "Items": ["TLSv1.2"]},
    }
    page = {
        "Id": "page",
        "DomainName": f"{bucket}.s3.{REGION}.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
        "OriginAccessControlId": access,
    }
    methods = {"Quantity": len(METHODS), "Items": METHODS, "CachedMethods": {"Quantity": 2, "Items": ["GET", "HEAD"]}}
    behaviour = {"ViewerProtocolPolicy": "redirect-to-https", "CachePolicyId": NO_CACHE, "Compress": True}
    config = {
        "CallerReference": bucket,
        "Comment": "",
        "Enabled": True,
        "DefaultRootObject": "index.html",
        "Origins": {
            "Quantity": 2,
            "Items": [page, {"Id": "api", "DomainName": api_host, "CustomOriginConfig": custom}],
        },
        "DefaultCacheBehavior": {"TargetOriginId": "page", **behaviour, "CachePolicyId": CACHE},
        "CacheBehaviors": {
            "Quantity": 1,
            "Items": [
                {
                    "PathPattern": "/api/*",
                    "TargetOriginId": "api",
                    "AllowedMethods": methods,
                    "OriginRequestPolicyId": ALL_BUT_HOST,
                    **behaviour,
                    "ViewerProtocolPolicy": "https-only",
                }
            ],
        },
    }
    return str(cloudfront.create_distribution(DistributionConfig=config)["Distribution"]["ARN"])


def test_before_a_deployment_the_site_says_so(harness: EmulatorHarness) -> None:
    answer = harness.site.get("/")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_deployed")


def test_the_page_comes_from_the_private_bucket_through_the_distribution(deployed: EmulatorHarness) -> None:
    answer = deployed.site.get("/")
    assert (answer.status_code, answer.text) == (200, "<h1>page</h1>")
    assert answer.headers["content-type"] == "text/html"
    assert "cloudfront" in answer.headers["x-cache"]


def test_a_path_keeps_its_percent_encoding(deployed: EmulatorHarness) -> None:
    assert deployed.site.get("/a%20b/%C3%BC.txt").text == "umlaut"


def test_what_is_not_in_the_bucket_is_refused_as_s3_refuses_it(deployed: EmulatorHarness) -> None:
    assert deployed.site.get("/nothing").status_code == 403


def test_head_has_the_length_and_no_body(deployed: EmulatorHarness) -> None:
    answer = deployed.site.head("/")
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "13", b"")


def test_the_api_is_reached_in_process_with_method_path_and_raw_query(deployed: EmulatorHarness) -> None:
    answer = deployed.site.request("PATCH", "/api/x%20y?b=2&a=1&a=%2F+%26", content=b"12345")
    assert answer.status_code == 418
    mirrored = answer.json()
    assert mirrored["query"] == "b=2&a=1&a=%2F+%26"
    assert (mirrored["method"], mirrored["path"], mirrored["length"]) == ("PATCH", "/api/x y", 5)
    assert ".execute-api." in mirrored["host"]


def test_binary_bodies_pass_unchanged_both_ways(deployed: EmulatorHarness) -> None:
    content = bytes(range(256)) * 64
    answer = deployed.site.post("/api/binary", content=content, headers={"content-type": "application/octet-stream"})
    assert answer.content == content[::-1]
    assert answer.headers["x-own"] == "kept"


def test_an_api_without_permission_to_its_function_answers_500(deployed: EmulatorHarness) -> None:
    made = api(deployed, "$default", is_permitted=False)
    url = f"{deployed.emulator.aws_endpoint}/_aws/execute-api/{made['ApiId']}/$default/"
    assert web.get(url).status_code == 500


def test_a_presigned_url_is_good_for_its_own_key_only(deployed: EmulatorHarness) -> None:
    s3 = deployed.client("s3")
    bucket = f"data-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in ("mine", "others"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    statement = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{bucket}/*"}
    signer = deployed.as_role("s3", deployed.role([statement]))
    get = signer.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "mine"})
    put = signer.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "mine"})
    assert web.get(get).text == "mine"
    assert web.get(get.replace("/mine?", "/others?")).status_code == 403
    assert web.put(put.replace("/mine?", "/others?"), content=b"x").status_code == 403
    assert web.put(get, content=b"x").status_code == 403
    assert s3.get_object(Bucket=bucket, Key="others")["Body"].read() == b"others"


def test_there_are_no_tokens_without_sign_in(deployed: EmulatorHarness) -> None:
    answer = deployed.site.get("/_local/token", params={"user": "alice"})
    assert (answer.status_code, answer.json()["code"]) == (404, "no_sign_in")
    assert "mayfly:auth is none" in answer.json()["detail"]
    assert deployed.site.get("/_local/users").json() == {}
