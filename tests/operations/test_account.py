from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from infra import network
from infra.config import StackConfig
from operations import account
from operations.account import check_account
from operations.finding import Finding, Verdict
from operations.quotas import machine_quota
from operations.stack_settings import read_settings

REGION = "eu-central-1"
ZONES = [f"{REGION}{letter}" for letter in "cab"]
KEYS = {"region_name": REGION, "aws_access_key_id": "x", "aws_secret_access_key": "x"}
BOUNDARY = "arn:aws:iam::123456789012:policy/limits"
CONFIG = read_settings(Path(__file__).parents[2], "dev").config
SMALL = replace(CONFIG, instance_types=("t4g.small",), max_concurrent_jobs=10)


@cache
def client_of(service: str) -> Any:
    """Clients take long to make; each test stubs them anew."""
    return boto3.client(service, **KEYS)  # type: ignore[call-overload]


class Account:
    """Answers of AWS; each call has one, and a test changes those that it is about."""

    def __init__(self) -> None:
        self.stubs: dict[str, Stubber] = {}
        self.answers: dict[str, list[tuple[str, Any]]] = {
            "sts": [("get_caller_identity", {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/me"})],
            "ec2": [
                ("describe_regions", {"Regions": [{"RegionName": REGION, "OptInStatus": "opt-in-not-required"}]}),
                ("describe_availability_zones", {"AvailabilityZones": [{"ZoneName": zone} for zone in ZONES]}),
                ("describe_instance_type_offerings", offers({"t4g.small": ZONES})),
                ("describe_instance_types", types("t4g.small")),
                ("describe_vpcs", {"Vpcs": [{"VpcId": "vpc-1"}]}),
                ("describe_images", image()),
            ],
            "service-quotas": [
                ("get_service_quota", {"Quota": {"Value": 20.0}}),
                ("get_service_quota", {"Quota": {"Value": 5.0}}),
            ],
            "ssm": [("get_parameter", {"Parameter": {"Value": "ami-0123456789abcdef0"}})],
            "lambda": [("get_account_settings", functions(1000, 1000))],
            "iam": [],
        }

    def change(self, service: str, call: str, answer: Any, which: int = 0) -> None:
        """Another answer, or an error's code, for one of the calls of that name."""
        places = [place for place, (name, _) in enumerate(self.answers[service]) if name == call]
        self.answers[service][places[which]] = (call, answer)

    def client(self, service: str) -> Any:
        made = client_of(service)
        if service not in self.stubs:
            stub = Stubber(made)
            for call, answer in self.answers[service]:
                if isinstance(answer, str):
                    stub.add_client_error(call, answer)
                else:
                    stub.add_response(call, answer)
            stub.activate()
            self.stubs[service] = stub
        return made

    def findings(self, config: StackConfig = SMALL) -> list[Finding]:
        found = list(check_account(self.client, config, REGION))
        assert all(each.remedy for each in found if each.verdict is not Verdict.OK), found
        return found

    def remarks(self, config: StackConfig = SMALL) -> list[tuple[str, Verdict]]:
        """What is not fine."""
        return [(each.subject, each.verdict) for each in self.findings(config) if each.verdict is not Verdict.OK]


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


@pytest.fixture
def aws() -> Iterator[Account]:
    made = Account()
    yield made
    for stub in made.stubs.values():
        stub.deactivate()


def test_an_account_that_has_everything_is_fine(aws: Account) -> None:
    findings = aws.findings()
    assert [each.subject for each in findings if each.verdict is not Verdict.OK] == []
    for stub in aws.stubs.values():
        stub.assert_no_pending_responses()
    told = {each.subject: each.seen for each in findings}
    assert told["credentials"] == "account 123456789012 as arn:aws:iam::123456789012:user/me"
    assert "room for 10 x t4g.small; the stack may want 10" in told["machines"]
    assert "eu-central-1a, eu-central-1b, eu-central-1c" in told["zones"]


def test_with_credentials_that_do_not_work_nothing_further_is_asked(aws: Account) -> None:
    aws.change("sts", "get_caller_identity", "ExpiredToken")
    assert [(each.subject, each.verdict) for each in aws.findings()] == [("credentials", Verdict.FAIL)]


@pytest.mark.parametrize(
    "answer", ["AuthFailure", {"Regions": [{"RegionName": REGION, "OptInStatus": "not-opted-in"}]}]
)
def test_a_region_that_is_not_enabled_stops_it(aws: Account, answer: Any) -> None:
    aws.change("ec2", "describe_regions", answer)
    last = aws.findings()[-1]
    assert (last.subject, last.verdict) == ("region", Verdict.FAIL)


@pytest.mark.parametrize(
    ("service", "call", "answer", "expected"),
    [
        ("ec2", "describe_availability_zones", {"AvailabilityZones": [{"ZoneName": "x"}]}, ("zones", Verdict.FAIL)),
        ("ec2", "describe_instance_type_offerings", offers({}), ("zones", Verdict.FAIL)),
        ("ec2", "describe_instance_types", types("t4g.small", processor="x86_64"), ("machines", Verdict.FAIL)),
        ("ec2", "describe_instance_types", types(), ("machines", Verdict.FAIL)),
        ("service-quotas", "get_service_quota", {"Quota": {"Value": 18.0}}, ("machines", Verdict.WARN)),
        ("service-quotas", "get_service_quota", {"Quota": {"Value": 1.0}}, ("machines", Verdict.FAIL)),
        ("ec2", "describe_vpcs", {"Vpcs": [{}] * 5}, ("networks", Verdict.FAIL)),
        ("ssm", "get_parameter", "ParameterNotFound", ("image", Verdict.FAIL)),
        ("ec2", "describe_images", image("x86_64"), ("image", Verdict.FAIL)),
        ("ec2", "describe_images", image(size=30), ("image", Verdict.FAIL)),
        ("ec2", "describe_images", image(root="/dev/sda1"), ("image", Verdict.FAIL)),
        ("ec2", "describe_images", {"Images": []}, ("image", Verdict.FAIL)),
    ],
)
def test_what_would_fail_is_told(
    aws: Account, service: str, call: str, answer: Any, expected: tuple[str, Verdict]
) -> None:
    if call == "describe_availability_zones":  # then offers are not asked for
        aws.answers["ec2"] = [each for each in aws.answers["ec2"] if each[0] != "describe_instance_type_offerings"]
    if answer == types():  # then no quota of machines is asked for
        aws.answers["service-quotas"].pop(0)
    aws.change(service, call, answer)
    assert aws.remarks() == [expected]


def test_an_image_of_ones_own_may_call_its_root_device_otherwise(aws: Account) -> None:
    aws.change("ec2", "describe_images", image(root="/dev/sda1"))
    assert aws.remarks(replace(SMALL, machine_image_parameter="/our/image")) == []


def test_few_functions_at_once_make_bursts_slow(aws: Account) -> None:
    aws.change("lambda", "get_account_settings", functions(10, 10))
    (finding,) = [each for each in aws.findings() if each.verdict is not Verdict.OK]
    assert (finding.subject, finding.verdict) == ("functions", Verdict.WARN)
    assert "--service-code lambda --quota-code L-B99A9384" in finding.remedy


@pytest.mark.parametrize(
    ("at_once", "unreserved", "own", "verdict"),
    [
        (1000, 1000, {}, Verdict.OK),
        (1000, 150, {}, Verdict.OK),
        (1000, 149, {}, Verdict.FAIL),
        (1000, 110, {"ReservedConcurrentExecutions": 40}, Verdict.OK),  # by an earlier deployment of the same stack
        (1000, 149, "ResourceNotFoundException", Verdict.FAIL),
        (10, 10, "ResourceNotFoundException", Verdict.FAIL),
    ],
)
def test_a_reservation_that_lambda_would_refuse_stops_it_before(
    aws: Account, at_once: int, unreserved: int, own: Any, verdict: Verdict
) -> None:
    """Lambda API reference, PutFunctionConcurrency: "at least 100 simultaneous executions unreserved"."""
    aws.change("lambda", "get_account_settings", functions(at_once, unreserved))
    aws.answers["lambda"].append(("get_function_concurrency", own))
    (finding,) = [each for each in aws.findings(replace(SMALL, api_concurrency=50)) if each.subject == "functions"]
    assert finding.verdict is verdict
    assert verdict is Verdict.OK or "Set mayfly:apiConcurrency to 0" in finding.remedy


def test_a_stack_that_has_its_network_already_wants_no_other(aws: Account) -> None:
    own = {"Tags": [{"Key": "mayfly:stack", "Value": "dev"}]}
    aws.change("ec2", "describe_vpcs", {"Vpcs": [own, {}, {}, {}, {}]})
    assert aws.remarks() == []


def test_a_type_that_one_zone_lacks_is_fine_and_one_that_all_lack_is_told(aws: Account) -> None:
    config = replace(SMALL, instance_types=("t4g.small", "m6g.medium"))
    aws.change("ec2", "describe_instance_type_offerings", offers({"t4g.small": ZONES[:1]}))
    aws.change("ec2", "describe_instance_types", types("t4g.small", "m6g.medium"))
    (finding,) = [each for each in aws.findings(config) if each.verdict is not Verdict.OK]
    assert (finding.subject, finding.verdict) == ("zones", Verdict.WARN)
    assert finding.seen.startswith("m6g.medium in none of")


def test_a_type_that_jobs_may_ask_for_is_looked_at_too(aws: Account) -> None:
    config = replace(SMALL, allowed_instance_types=("m6g.medium",))
    aws.change("ec2", "describe_instance_type_offerings", offers({"t4g.small": ZONES}))
    aws.change("ec2", "describe_instance_types", types("t4g.small"))
    found = [each for each in aws.findings(config) if each.verdict is not Verdict.OK]
    assert [(each.subject, each.verdict) for each in found] == [("zones", Verdict.WARN), ("machines", Verdict.FAIL)]
    assert all("m6g.medium" in each.seen and "mayfly:allowedInstanceTypes" in each.remedy for each in found)


_CREATED = {"CreateDate": datetime(2026, 1, 31, tzinfo=UTC), "RoleId": "A" * 16, "Arn": "a" * 20}
SPOT_ROLE = ("get_role", {"Role": {"Path": "/", "RoleName": "AWSServiceRoleForEC2Spot", **_CREATED}})


@pytest.mark.parametrize(("answer", "verdict"), [(SPOT_ROLE[1], Verdict.OK), ("NoSuchEntity", Verdict.WARN)])
def test_spot_machines_want_their_service_linked_role(aws: Account, answer: Any, verdict: Verdict) -> None:
    """EC2 user guide, "Service-linked role for Spot Instance requests"."""
    aws.answers["iam"].append(("get_role", answer))
    (finding,) = [each for each in aws.findings(replace(SMALL, markets=("spot",))) if each.subject == "spot"]
    assert finding.verdict is verdict
    assert verdict is Verdict.OK or "create-service-linked-role --aws-service-name spot.amazonaws.com" in finding.remedy


def test_each_market_has_a_quota_of_its_own(aws: Account) -> None:
    config = replace(SMALL, markets=("spot", "on-demand"))
    aws.answers["iam"].append(SPOT_ROLE)
    aws.answers["service-quotas"].insert(0, ("get_service_quota", {"Quota": {"Value": 0.0}}))
    (finding,) = [each for each in aws.findings(config) if each.verdict is not Verdict.OK]
    # There is room on demand, so nothing stops.
    assert finding.verdict is Verdict.WARN
    assert "L-34B43A08" in finding.seen


def test_a_type_not_sold_as_spot_is_told_where_spot_is_wanted(aws: Account) -> None:
    aws.answers["iam"].append(SPOT_ROLE)
    aws.change("ec2", "describe_instance_types", types("t4g.small", sold=["on-demand"]))
    aws.answers["service-quotas"].insert(0, ("get_service_quota", {"Quota": {"Value": 20.0}}))
    assert aws.remarks(replace(SMALL, markets=("spot", "on-demand"))) == [("machines", Verdict.WARN)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [({"Policy": {"PolicyName": "limits"}}, []), ("NoSuchEntity", [("boundary", Verdict.FAIL)])],
)
def test_a_boundary_that_is_configured_has_to_be_there(aws: Account, answer: Any, expected: Any) -> None:
    aws.answers["iam"].append(("get_policy", answer))
    assert aws.remarks(replace(SMALL, permissions_boundary=BOUNDARY)) == expected


def test_what_may_not_be_asked_is_told_and_the_rest_is_looked_at(aws: Account) -> None:
    aws.change("ec2", "describe_vpcs", "UnauthorizedOperation")
    aws.answers["service-quotas"].pop()  # the quota of what is not known is not asked for
    findings = aws.findings()
    (finding,) = [each for each in findings if each.verdict is not Verdict.OK]
    assert (finding.subject, finding.verdict) == ("networks", Verdict.WARN)
    assert finding.seen == "DescribeVpcs is refused: UnauthorizedOperation"
    assert findings[-1].subject == "boundary"


def test_zones_are_counted_as_the_program_counts_them() -> None:
    assert (account.MOST_ZONES, account.FEWEST_ZONES) == (network._MOST_ZONES, network._FEWEST_ZONES)


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
    ],
)
def test_a_type_counts_towards_its_familys_quota(machine: str, market: str, code: str) -> None:
    quota = machine_quota(machine, market)
    assert quota is not None
    assert quota.code == code


def test_an_unknown_family_has_no_quota() -> None:
    assert machine_quota("hpc7g.4xlarge", "on-demand") is None
