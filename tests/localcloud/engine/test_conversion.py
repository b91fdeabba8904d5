"""Pulumi's inputs in AWS's names and forms, and back."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from localcloud.engine.conversion import to_aws, to_inputs
from localcloud.engine.errors import RefusedInputError

DISTRIBUTION = "aws:cloudfront/distribution:Distribution"


def convert(service: str, operation: str, params: dict[str, Any]) -> Any:
    model = botocore.session.Session().get_service_model(service).operation_model(operation)
    assert model.input_shape
    return to_aws(model.input_shape, params)


@pytest.mark.parametrize(
    ("service", "operation", "given", "taken"),
    [
        ("cognito-idp", "CreateUserPoolClient", {"callbackUrls": ["a"]}, {"CallbackURLs": ["a"]}),
        ("apigatewayv2", "CreateApi", {"name": "a", "description": None}, {"Name": "a"}),
        ("stepfunctions", "CreateStateMachine", {"tags": {"Aa": "b"}}, {"tags": [{"key": "Aa", "value": "b"}]}),
        ("cloudwatch", "PutMetricAlarm", {"dimensions": {"A": "b"}}, {"Dimensions": [{"Name": "A", "Value": "b"}]}),
        (
            "sqs",
            "CreateQueue",
            {"attributes": {"A": 60, "B": True, "C": None}},
            {"Attributes": {"A": "60", "B": "true"}},
        ),
        ("events", "PutRule", {"eventPattern": {"source": ["a"]}}, {"EventPattern": '{"source": ["a"]}'}),
        ("ec2", "CreateImage", {"dryRun": "true"}, {"DryRun": True}),
        (
            "cloudfront",
            "CreateDistribution",
            {"distributionConfig": {"aliases": ["a"], "origins": []}},
            {"DistributionConfig": {"Aliases": {"Quantity": 1, "Items": ["a"]}, "Origins": {"Quantity": 0}}},
        ),
    ],
)
def test_inputs_are_taken_in_names_and_forms_of_the_call(
    service: str, operation: str, given: dict[str, Any], taken: dict[str, Any]
) -> None:
    assert convert(service, operation, given) == convert(service, operation, taken) == taken


def test_what_the_call_has_no_name_for_is_refused_with_its_path() -> None:
    with pytest.raises(RefusedInputError, match=r"^corsConfiguration\.CORSRules\[0\]\.methods: .* AllowedMethods"):
        convert("s3", "PutBucketCors", {"corsConfiguration": {"CORSRules": [{"methods": ["GET"]}]}})


def test_an_answer_is_read_in_names_and_forms_of_the_inputs() -> None:
    answer = {
        "Aliases": {"Quantity": 0},
        "ViewerCertificate": {"ACMCertificateArn": "a", "CertificateSource": "acm"},
        "CallerReference": "b",
        "Tags": [{"Key": "c", "Value": "d"}],
    }
    assert to_inputs(DISTRIBUTION, answer) == {"aliases": [], "viewerCertificate": {"acmCertificateArn": "a"}}
    dimensions = {"Dimensions": [{"Name": "A", "Value": "b"}]}
    assert to_inputs("aws:cloudwatch/metricAlarm:MetricAlarm", dimensions) == {"dimensions": {"A": "b"}}
    policy = {"Policy": {"Version": "2012-10-17"}}
    assert to_inputs("aws:iam/rolePolicy:RolePolicy", policy) == {"policy": '{"Version": "2012-10-17"}'}
