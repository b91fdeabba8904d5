from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from infra import workflow
from infra.config import ConfigError
from localcloud.engine.deployment import DeploymentError, preview
from tests.infra.configured import config_of
from tests.infra.conftest import CONFIG, ROOT

pytestmark = pytest.mark.thorough


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
        ("instanceTypes", ["t4g.small"] * 11),
        ("allowedInstanceTypes", ["t4g.small"] * 16),
        ("machineImageParameter", "/" + "x" * 256),
        ("script", ["x" * 1000]),
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
def test_a_value_that_cannot_be_is_refused_naming_the_key(key: str, value: Any) -> None:
    with pytest.raises(
        ConfigError, match=rf"mayfly:{key} is .* it must be .*pulumi config set (--path ')?mayfly:{key}"
    ):
        config_of(**{key: value})


# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html: whatever the item is about, it goes.
def test_jobs_that_may_take_longer_than_they_are_kept_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"mayfly:keepDays is 5, .* 6 days: .*mayfly:keepDays 6"):
        workflow.check(config_of(jobTimeoutMinutes="2760", keepDays="5"))
    workflow.check(config_of(jobTimeoutMinutes="2760", keepDays="6"))


@pytest.mark.parametrize("key", ["instanceTypes", "markets", "script", "extraOrigins", "prices"])
def test_a_list_is_set_by_its_path(key: str) -> None:
    empty: dict[str, Any] = {key: [""]}
    with pytest.raises(ConfigError, match=rf"Set it with: pulumi config set --path 'mayfly:{key}\[0\]' \.\.\."):
        config_of(**empty)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"instanceTypes": ["t4g.small", "c7i.large"]},
            "mayfly:instanceTypes has c7i.large, which is no type of .*arm64",
        ),
        (
            {"allowedInstanceTypes": ["c7i.large"]},
            "mayfly:allowedInstanceTypes has c7i.large, which is no type of .*arm64",
        ),
        ({"domainName": "jobs.example.org"}, "mayfly:domainCertificate is not set"),
        ({"poolSize": "1", "markets": ["spot"]}, "mayfly:markets must have on-demand"),
        # The longest that is taken fits into every name that is made of it: tests/operations/limits.py.
        ({"stack": "s" * 31}, "must be 1 to 30 lower-case letters"),
    ],
)
def test_what_does_not_go_together_is_refused_with_the_reason(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config_of(**values)


@pytest.mark.parametrize("key", ["protect", "pointInTimeRecovery", "versioning", "monitoring", "tracing"])
def test_what_is_on_or_off_is_nothing_else(key: str) -> None:
    with pytest.raises(DeploymentError, match=rf"mayfly:{key}: 'perhaps' is not of the declared type boolean"):
        config_of(**{key: "perhaps"})


def test_a_stack_that_does_not_say_who_may_use_it_is_refused() -> None:
    with pytest.raises(DeploymentError, match="auth: required"):
        config_of(auth=None)


def test_a_region_with_too_few_zones_is_refused_and_so_is_a_setting_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(DeploymentError, match="mayfly:maxAttempts is 11"):
        preview(ROOT, config={**CONFIG, "mayfly:maxAttempts": "11"})
    monkeypatch.setattr("pulumi_aws.get_availability_zones", lambda **_: SimpleNamespace(names=["only"]))
    with pytest.raises(DeploymentError, match=r"aws:region has 1 zones .*pulumi config set aws:region"):
        preview(ROOT, config=CONFIG)
