from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from infra.config import StackConfig
from operations.account import check_account
from operations.finding import Finding, Verdict
from operations.quotas import machine_quota
from tests.infra.configured import DEV

OK, WARN, FAIL = Verdict.OK, Verdict.WARN, Verdict.FAIL
REGION = "eu-central-1"
ZONES = [f"{REGION}{letter}" for letter in "cab"]
KEYS = {"region_name": REGION, "aws_access_key_id": "x", "aws_secret_access_key": "x"}
BOUNDARY = "arn:aws:iam::123456789012:policy/limits"
SMALL = replace(DEV, instance_types=("t4g.small",), max_concurrent_jobs=10)


@cache
def client_of(service: str) -> Any:
    """Clients take long to make; each test stubs them anew."""
    return boto3.client(service, **KEYS)  # type: ignore[call-overload]


def offers(places: dict[str, list[str]]) -> dict[str, Any]:
    pairs = [(machine, zone) for machine, zones in places.items() for zone in zones]
    return {"InstanceTypeOfferings": [{"InstanceType": machine, "Location": zone} for machine, zone in pairs]}


def types(*names: str, processor: str = "arm64", sold: Sequence[str] = ("on-demand", "spot")) -> dict[str, Any]:
    about = {
        "VCpuInfo": {"DefaultVCpus": 2},
        "ProcessorInfo": {"SupportedArchitectures": [processor]},
        "SupportedUsageClasses": list(sold),
    }
    return {"InstanceTypes": [{"InstanceType": name, **about} for name in names]}


def image(processor: str = "arm64", size: int = 8, root: str = "/dev/xvda") -> dict[str, Any]:
    disks = [{"DeviceName": root, "Ebs": {"VolumeSize": size}}]
    return {"Images": [{"Architecture": processor, "RootDeviceName": root, "BlockDeviceMappings": disks}]}


def functions(at_once: int, unreserved: int) -> dict[str, Any]:
    return {"AccountLimit": {"ConcurrentExecutions": at_once, "UnreservedConcurrentExecutions": unreserved}}


_CREATED = {"CreateDate": datetime(2026, 1, 31, tzinfo=UTC), "RoleId": "A" * 16, "Arn": "a" * 20}
SPOT_ROLE = {"get_role": {"Role": {"Path": "/", "RoleName": "AWSServiceRoleForEC2Spot", **_CREATED}}}
# What an account answers that has everything, in the order in which a service is asked.
ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "sts": {"get_caller_identity": {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/me"}},
    "ec2": {
        "describe_regions": {"Regions": [{"RegionName": REGION, "OptInStatus": "opt-in-not-required"}]},
        "describe_availability_zones": {"AvailabilityZones": [{"ZoneName": zone} for zone in ZONES]},
        "describe_instance_type_offerings": offers({"t4g.small": ZONES}),
        "describe_instance_types": types("t4g.small"),
        "describe_vpcs": {"Vpcs": [{"VpcId": "vpc-1"}]},
        "describe_images": image(),
    },
    "ssm": {"get_parameter": {"Parameter": {"Value": "ami-0123456789abcdef0"}}},
    "lambda": {"get_account_settings": functions(1000, 1000)},
    "iam": {},
}


class Account:
    """AWS, whose answers a test changes that is about them; a text is the code of an error, None a call less."""

    def __init__(self) -> None:
        self.stubs: dict[str, Stubber] = {}
        self.answers = {service: dict(calls) for service, calls in ANSWERS.items()}
        self.quotas = [20.0, 5.0]  # of vCPUs, in each market, and of networks

    def client(self, service: str) -> Any:
        made = client_of(service)
        if service not in self.stubs:
            stub = self.stubs[service] = Stubber(made)
            asked = [("get_service_quota", {"Quota": {"Value": quota}}) for quota in self.quotas]
            for call, answer in asked if service == "service-quotas" else self.answers[service].items():
                if isinstance(answer, str):
                    stub.add_client_error(call, answer)
                elif answer is not None:
                    stub.add_response(call, answer)
            stub.activate()
        return made

    def findings(self, config: StackConfig = SMALL) -> list[Finding]:
        found = list(check_account(self.client, config, REGION))
        assert all(each.remedy for each in found if each.verdict is not OK), found
        return found

    def remarks(self, config: StackConfig = SMALL) -> list[Finding]:
        """What is not fine."""
        return [each for each in self.findings(config) if each.verdict is not OK]


@pytest.fixture
def aws() -> Iterator[Account]:
    made = Account()
    yield made
    for stub in made.stubs.values():
        stub.deactivate()


def test_an_account_that_has_everything_is_fine(aws: Account) -> None:
    findings = aws.findings()
    assert [each.subject for each in findings if each.verdict is not OK] == []
    for stub in aws.stubs.values():
        stub.assert_no_pending_responses()
    told = {each.subject: each.seen for each in findings}
    assert told["credentials"] == "account 123456789012 as arn:aws:iam::123456789012:user/me"
    assert "room for 10 x t4g.small; the stack may want 10" in told["machines"]
    assert "eu-central-1a, eu-central-1b, eu-central-1c" in told["zones"]


NOT_ENABLED = {"Regions": [{"RegionName": REGION, "OptInStatus": "not-opted-in"}]}


@pytest.mark.parametrize(
    ("service", "call", "answer", "subject"),
    [
        ("sts", "get_caller_identity", "ExpiredToken", "credentials"),
        ("ec2", "describe_regions", "AuthFailure", "region"),
        ("ec2", "describe_regions", NOT_ENABLED, "region"),
    ],
)
def test_with_credentials_or_a_region_that_do_not_work_nothing_further_is_asked(
    aws: Account, service: str, call: str, answer: Any, subject: str
) -> None:
    aws.answers[service][call] = answer
    last = aws.findings()[-1]
    assert (last.subject, last.verdict) == (subject, FAIL)


OWN_NETWORK = {"Tags": [{"Key": "mayfly:stack", "Value": "dev"}]}


@pytest.mark.parametrize(
    ("service", "answers", "expected", "config"),
    [
        # No offers are asked for where zones are missing.
        (
            "ec2",
            {
                "describe_availability_zones": {"AvailabilityZones": [{"ZoneName": "x"}]},
                "describe_instance_type_offerings": None,
            },
            ("zones", FAIL),
            {},
        ),
        ("ec2", {"describe_instance_type_offerings": offers({})}, ("zones", FAIL), {}),
        ("ec2", {"describe_instance_types": types("t4g.small", processor="x86_64")}, ("machines", FAIL), {}),
        ("ec2", {"describe_vpcs": {"Vpcs": [{}] * 5}}, ("networks", FAIL), {}),
        ("ec2", {"describe_vpcs": {"Vpcs": [OWN_NETWORK, {}, {}, {}, {}]}}, None, {}),
        ("ssm", {"get_parameter": "ParameterNotFound"}, ("image", FAIL), {}),
        ("ec2", {"describe_images": image("x86_64")}, ("image", FAIL), {}),
        ("ec2", {"describe_images": image(size=30)}, ("image", FAIL), {}),
        ("ec2", {"describe_images": image(root="/dev/sda1")}, ("image", FAIL), {}),
        ("ec2", {"describe_images": image(root="/dev/sda1")}, None, {"machine_image_parameter": "/our/image"}),
        ("ec2", {"describe_images": {"Images": []}}, ("image", FAIL), {}),
        ("lambda", {"get_account_settings": functions(10, 10)}, ("functions", WARN), {}),
        ("iam", {"get_policy": {"Policy": {"PolicyName": "limits"}}}, None, {"permissions_boundary": BOUNDARY}),
        ("iam", {"get_policy": "NoSuchEntity"}, ("boundary", FAIL), {"permissions_boundary": BOUNDARY}),
        # EC2 user guide, "Service-linked role for Spot Instance requests".
        ("iam", SPOT_ROLE, None, {"markets": ("spot",)}),
        ("iam", {"get_role": "NoSuchEntity"}, ("spot", WARN), {"markets": ("spot",)}),
    ],
)
def test_what_would_fail_or_be_slow_is_told_and_nothing_else(
    aws: Account, service: str, answers: dict[str, Any], expected: tuple[str, Verdict] | None, config: dict[str, Any]
) -> None:
    aws.answers[service].update(answers)
    told = [(each.subject, each.verdict) for each in aws.remarks(replace(SMALL, **config))]
    assert told == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("vcpus", "markets", "expected"),
    [
        ([18.0], ("on-demand",), (WARN, "L-1216C47A")),
        ([1.0], ("on-demand",), (FAIL, "L-1216C47A")),
        ([0.0, 20.0], ("spot", "on-demand"), (WARN, "L-34B43A08")),  # there is room on demand, so nothing stops
    ],
)
def test_each_market_has_a_quota_of_its_own(
    aws: Account, vcpus: list[float], markets: tuple[str, ...], expected: tuple[Verdict, str]
) -> None:
    aws.quotas[:1] = vcpus
    aws.answers["iam"].update(SPOT_ROLE)
    (finding,) = aws.remarks(replace(SMALL, markets=markets))
    assert (finding.subject, finding.verdict) == ("machines", expected[0])
    assert f"({expected[1]})" in finding.seen
    assert f"--quota-code {expected[1]} " in finding.remedy


@pytest.mark.parametrize(
    ("at_once", "unreserved", "own", "verdict"),
    [
        (1000, 1000, {}, OK),
        (1000, 150, {}, OK),
        (1000, 149, {}, FAIL),
        (1000, 110, {"ReservedConcurrentExecutions": 40}, OK),  # by an earlier deployment of the same stack
        (1000, 149, "ResourceNotFoundException", FAIL),
        (10, 10, "ResourceNotFoundException", FAIL),
    ],
)
def test_a_reservation_that_lambda_would_refuse_stops_it_before(
    aws: Account, at_once: int, unreserved: int, own: Any, verdict: Verdict
) -> None:
    """Lambda API reference, PutFunctionConcurrency: "at least 100 simultaneous executions unreserved"."""
    aws.answers["lambda"] = {"get_account_settings": functions(at_once, unreserved), "get_function_concurrency": own}
    (finding,) = [each for each in aws.findings(replace(SMALL, api_concurrency=50)) if each.subject == "functions"]
    assert finding.verdict is verdict
    assert verdict is OK or "Set mayfly:apiConcurrency to 0" in finding.remedy


def test_a_type_that_one_zone_lacks_is_fine_and_one_that_all_lack_is_told(aws: Account) -> None:
    config = replace(SMALL, instance_types=("t4g.small", "m6g.medium"))
    aws.answers["ec2"]["describe_instance_type_offerings"] = offers({"t4g.small": ZONES[:1]})
    aws.answers["ec2"]["describe_instance_types"] = types("t4g.small", "m6g.medium")
    (finding,) = aws.remarks(config)
    assert (finding.subject, finding.verdict) == ("zones", WARN)
    assert finding.seen.startswith("m6g.medium in none of")


def test_a_type_that_jobs_may_ask_for_is_looked_at_too(aws: Account) -> None:
    found = aws.remarks(replace(SMALL, allowed_instance_types=("m6g.medium",)))
    assert [(each.subject, each.verdict) for each in found] == [("zones", WARN), ("machines", FAIL)]
    assert all("m6g.medium" in each.seen and "mayfly:allowedInstanceTypes" in each.remedy for each in found)


def test_a_type_not_sold_as_spot_is_told_where_spot_is_wanted(aws: Account) -> None:
    aws.answers["iam"].update(SPOT_ROLE)
    aws.answers["ec2"]["describe_instance_types"] = types("t4g.small", sold=["on-demand"])
    aws.quotas.insert(0, 20.0)
    (finding,) = aws.remarks(replace(SMALL, markets=("spot", "on-demand")))
    assert (finding.subject, finding.verdict) == ("machines", WARN)


def test_what_is_unknown_or_may_not_be_asked_is_told_and_the_rest_is_looked_at(aws: Account) -> None:
    aws.answers["ec2"].update(describe_instance_types=types(), describe_vpcs="UnauthorizedOperation")
    aws.quotas.clear()  # that of a type or network which is not known is not asked for
    findings = aws.findings()
    unknown, refused = (each for each in findings if each.verdict is not OK)
    assert (unknown.subject, unknown.verdict, unknown.seen) == ("machines", FAIL, "t4g.small is unknown here")
    assert (refused.subject, refused.verdict) == ("networks", WARN)
    assert refused.seen == "DescribeVpcs is refused: UnauthorizedOperation"
    assert findings[-1].subject == "boundary"


@pytest.mark.parametrize(
    ("machine", "market", "code"),
    [
        ("t4g.small", "on-demand", "L-1216C47A"),
        ("m6g.medium", "spot", "L-34B43A08"),
        ("im4gn.large", "on-demand", "L-1216C47A"),
        ("g5g.xlarge", "on-demand", "L-DB2E81BA"),
        ("inf2.xlarge", "spot", "L-B5D1601B"),
        ("trn1.2xlarge", "on-demand", "L-2C3B7624"),
        ("x2gd.medium", "on-demand", "L-7295265B"),
        ("hpc7g.4xlarge", "on-demand", None),
    ],
)
def test_a_type_counts_towards_its_familys_quota(machine: str, market: str, code: str | None) -> None:
    quota = machine_quota(machine, market)
    assert (quota.code if quota else None) == code
