from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from localcloud.engine.deployment import DeploymentError, preview

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("auth", "open"),
        ("architecture", "riscv"),
        ("functionRuntime", "nodejs22.x"),
        ("mfa", "optional"),
        ("bundleFor", "windows"),
        ("instanceTypes", "[]"),
        ("instanceTypes", '["t4g small"]'),
        ("instanceTypes", json.dumps(["t4g.small"] * 11)),
        ("allowedInstanceTypes", json.dumps(["t4g.small"] * 16)),
        ("machineImageParameter", "/" + "x" * 256),
        ("script", json.dumps(["x" * 1000])),
        ("allowedInstanceTypes", '["c7g large"]'),
        ("maxJobTimeoutMinutes", "59"),
        ("maxJobTimeoutMinutes", "2761"),
        ("markets", '["reserved"]'),
        ("machineDiskGib", "7"),
        ("maxUploadMib", "5001"),
        ("jobTimeoutMinutes", "0"),
        ("maxAttempts", "11"),
        ("poolSize", "51"),
        ("logRetentionDays", "8"),
        ("alarmEmail", "team"),
        ("monthlyBudgetUsd", "-1"),
        ("noncurrentDays", "0"),
        ("vpcCidr", "10.0.0.0/8"),
        ("vpcCidr", "not a network"),
        ("extraOrigins", '["https://example.org/path"]'),
        ("extraOrigins", '["http://example.org"]'),
        ("extraOrigins", '["http://localhost.example.org:8080"]'),
        ("script", "[]"),
        ("outputSuffix", "html"),
        ("outputSuffix", "./x"),
        ("requestsPerSecond", "0"),
        ("requestsPerSecond", "10001"),
        ("apiConcurrency", "4"),
        ("apiConcurrency", "1001"),
        ("domainName", "https://jobs.example.org"),
        ("domainCertificate", "arn:aws:acm:eu-central-1:123456789012:certificate/1a2b"),
        ("prices", '["t4g.small 0.0192"]'),
        ("maxOwnerUsdPerDay", "-1"),
        ("maxOpenJobsPerOwner", "-1"),
        ("maxOwnerUploadGibPerDay", "1000001"),
        ("permissionsBoundary", "Everybody"),
        ("permissionsBoundary", "arn:aws:iam::123456789012:role/admin"),
    ],
)
def test_a_value_that_cannot_be_is_refused_naming_the_key(key: str, value: str) -> None:
    with pytest.raises(
        DeploymentError, match=rf"mayfly:{key} is .* it must be .*pulumi config set (--path ')?mayfly:{key}"
    ):
        preview(ROOT, config={"mayfly:auth": "none", "mayfly:bundleFor": "host", f"mayfly:{key}": value})


# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html: whatever the item is about, it goes.
def test_jobs_that_may_take_longer_than_they_are_kept_are_refused() -> None:
    config = {"mayfly:auth": "none", "mayfly:bundleFor": "host", "mayfly:jobTimeoutMinutes": "2760"}
    with pytest.raises(DeploymentError, match=r"mayfly:keepDays is 5, .* 6 days: .*mayfly:keepDays 6"):
        preview(ROOT, config={**config, "mayfly:keepDays": "5"})
    preview(ROOT, config={**config, "mayfly:keepDays": "6"})


@pytest.mark.parametrize("key", ["instanceTypes", "markets", "script", "extraOrigins", "prices"])
def test_a_list_is_set_by_its_path(key: str) -> None:
    with pytest.raises(DeploymentError, match=rf"Set it with: pulumi config set --path 'mayfly:{key}\[0\]' \.\.\."):
        preview(ROOT, config={"mayfly:auth": "none", "mayfly:bundleFor": "host", f"mayfly:{key}": '[""]'})


def test_a_region_with_too_few_zones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pulumi_aws.get_availability_zones", lambda **_: SimpleNamespace(names=["only"]))
    with pytest.raises(DeploymentError, match=r"aws:region has 1 zones .*pulumi config set aws:region"):
        preview(ROOT, config={"mayfly:auth": "none", "mayfly:bundleFor": "host"})


@pytest.mark.parametrize("key", ["instanceTypes", "allowedInstanceTypes"])
def test_an_instance_type_of_another_architecture_is_refused(key: str) -> None:
    config = {"mayfly:auth": "none", "mayfly:bundleFor": "host", f"mayfly:{key}": '["t4g.small", "c7i.large"]'}
    with pytest.raises(DeploymentError, match=rf"mayfly:{key} has c7i.large, which is no type of .*arm64"):
        preview(ROOT, config=config)


def test_a_domain_without_its_certificate_is_refused() -> None:
    config = {"mayfly:auth": "none", "mayfly:bundleFor": "host", "mayfly:domainName": "jobs.example.org"}
    with pytest.raises(DeploymentError, match="mayfly:domainCertificate is not set"):
        preview(ROOT, config=config)


@pytest.mark.parametrize("key", ["protect", "pointInTimeRecovery", "versioning", "monitoring", "tracing"])
def test_what_is_on_or_off_is_nothing_else(key: str) -> None:
    with pytest.raises(DeploymentError, match=rf"mayfly:{key}: 'perhaps' is not of the declared type boolean"):
        preview(ROOT, config={"mayfly:auth": "none", "mayfly:bundleFor": "host", f"mayfly:{key}": "perhaps"})


def test_a_stack_that_does_not_say_who_may_use_it_is_refused() -> None:
    with pytest.raises(DeploymentError, match="auth: required"):
        preview(ROOT, config={"mayfly:bundleFor": "host"})


def test_a_stack_name_that_is_too_long_is_refused_with_the_reason() -> None:
    """The longest that is taken fits into every name that is made of it: tests/operations/limits.py."""
    with pytest.raises(DeploymentError, match="must be 1 to 30 lower-case letters"):
        preview(ROOT, config={"mayfly:auth": "none", "mayfly:bundleFor": "host"}, stack="s" * 31)
