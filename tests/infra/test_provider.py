"""One source of provider settings. A provider made by a program has none of its own (pulumi-aws#1307, #3259)."""

from __future__ import annotations

import inspect
import json
from types import SimpleNamespace
from typing import Any

import pulumi_aws as aws
import pytest

from infra import provider
from localcloud.engine.deployment import Deployment, DeploymentError, preview
from localcloud.engine.dry_run_answers import ACCOUNT
from tests.infra.conftest import CONFIG, ROOT
from tests.infra.resources import only

ROLES = [{"roleArn": "arn:aws:iam::123456789012:role/deploy", "externalId": "x"}]


def provider_of(deployment: Deployment) -> dict[str, Any]:
    """The inputs of the provider that everything is made by, nested ones parsed."""
    found = only(deployment, "pulumi:providers:aws")
    makers = {one.options.provider.rpartition("::")[0] for one in deployment.resources if one.type.startswith("aws:")}
    assert makers == {found.urn}
    return {
        key: json.loads(value) if isinstance(value, str) and value[:1] in "[{" else value
        for key, value in found.inputs.items()
    }


def test_what_is_configured_is_what_every_resource_is_made_with(open_to_all: Deployment) -> None:
    settings = {
        "profile": "work",
        "region": "eu-west-3",
        "assumeRoles": ROLES,
        "allowedAccountIds": [ACCOUNT],
        "sharedConfigFiles": ["/somewhere"],
    }
    others = {
        "forbiddenAccountIds": [210987654321],  # as `pulumi config set --path` writes it
        "defaultTags": {"tags": {"team": "a", "mayfly:stack": "another"}},
    }
    texts = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in {**settings, **others}.items()
    }
    deployment = preview(ROOT, config={**CONFIG, **{f"aws:{key}": text for key, text in texts.items()}})
    tags = {"team": "a", "project": "mayfly", "mayfly:stack": "local"}
    expected = {**settings, "forbiddenAccountIds": ["210987654321"], "defaultTags": {"tags": tags}}
    assert provider_of(deployment).items() >= expected.items()
    assert not set(settings) - {"region"} & set(provider_of(open_to_all)), "what is not configured is left to it"
    # https://github.com/aws/karpenter-provider-aws/issues/5185: a policy of the organisation refused each launch,
    # since what is launched had not the tags that everything else had.
    template = only(deployment, "aws:ec2/launchTemplate:LaunchTemplate")
    given = {each["resourceType"]: each["tags"] for each in template.inputs["tagSpecifications"]}
    assert given == dict.fromkeys(["instance", "volume", "network-interface"], tags)


def test_every_setting_that_the_provider_has_is_handed_over() -> None:
    arguments = set(inspect.signature(aws.Provider._internal_init).parameters)
    kinds = (provider._TEXTS, provider._SECRETS, provider._FLAGS, provider._NUMBERS, provider._LISTS, provider._OBJECTS)
    handed_over = {provider._argument(key) for keys in kinds for key in keys}
    assert handed_over == arguments - {"__self__", "resource_name", "opts", "__props__"}


# https://github.com/runs-on/runs-on/issues/518: half of the stack was made before IAM refused the other half's ARNs.
@pytest.mark.parametrize("partition", ["aws-us-gov", "aws-cn", "aws-eusc"])
def test_another_partition_is_refused_before_anything_is_made(monkeypatch: pytest.MonkeyPatch, partition: str) -> None:
    caller = SimpleNamespace(arn=f"arn:{partition}:iam::{ACCOUNT}:root", account_id=ACCOUNT)
    monkeypatch.setattr("pulumi_aws.get_caller_identity", lambda **_: caller)
    with pytest.raises(DeploymentError, match=f"partition {partition} "):
        preview(ROOT, config=CONFIG)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("allowedAccountIds", '["210987654321"]', r"AWS account ID not allowed: 123456789012; .*210987654321"),
        ("allowedAccountIds", "123456789012", r"aws:allowedAccountIds must be a list"),
        ("allowedAccountIds", '["1234"]', r"aws:allowedAccountIds must be a list of account ids, each twelve digits"),
        ("assumeRoles", '{"roleArn": "arn"}', r"aws:assumeRoles must be a list"),
        ("assumeRoles", '["arn"]', r"aws:assumeRoles must be a list of objects, each with a roleArn"),
        ("assumeRole", '{"roleArn": "arn"}', r"aws:assumeRole is called aws:assumeRoles, and is a list"),
        ("skipRegionValidation", "perhaps", r"aws:skipRegionValidation must be true or false"),
        ("maxRetries", "many", r"aws:maxRetries must be a whole number"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_one_line(key: str, value: str, message: str) -> None:
    with pytest.raises(DeploymentError, match=message) as refused:
        preview(ROOT, config={**CONFIG, f"aws:{key}": value})
    assert "\n" not in str(refused.value)
