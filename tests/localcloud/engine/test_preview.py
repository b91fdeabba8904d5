"""Recording a program without any cloud."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.engine.deployment import Deployment, DeploymentError, preview

ProgramWriter = Callable[..., "Path"]


def test_assets_and_archives_are_recorded_with_their_bytes(program: ProgramWriter) -> None:
    folder = program(
        """
        role = "arn:aws:iam::123456789012:role/r"
        code = pulumi.FileArchive("packed.zip")
        aws.lambda_.Function("f", role=role, runtime="python3.13", handler="a.b", code=code)
        aws.s3.BucketObjectv2("o", bucket="b", source=pulumi.StringAsset("text"))
        """,
        **{"packed.zip": "zipped"},
    )
    recorded = preview(folder, config={})
    [function] = recorded.of_type("aws:lambda/function:Function")
    assert function.inputs["code"].data == b"zipped"
    [object_] = recorded.of_type("aws:s3/bucketObjectv2:BucketObjectv2")
    assert object_.inputs["source"].data == b"text"


def test_apply_chains_see_values_and_secrets_are_plain(program: ProgramWriter) -> None:
    folder = program(
        """
        queue = aws.sqs.Queue("q")
        secret = pulumi.Output.secret("hush")
        import json
        pattern = queue.arn.apply(lambda arn: json.dumps({"resources": [arn]}))
        aws.cloudwatch.EventRule("r", description=secret, event_pattern=pattern)
        pulumi.export("secret", secret)
        """
    )
    recorded = preview(folder, config={})
    [rule] = recorded.of_type("aws:cloudwatch/eventRule:EventRule")
    assert rule.inputs["description"] == recorded.outputs["secret"] == "hush"
    [arn] = json.loads(rule.inputs["eventPattern"])["resources"]
    assert arn.startswith("arn:aws:sqs:eu-central-1:123456789012:q-")
    [queue] = recorded.of_type("aws:sqs/queue:Queue")
    assert rule.property_dependencies["eventPattern"] == [queue.urn]


def test_urns_carry_the_types_of_the_components_around_a_resource(program: ProgramWriter) -> None:
    folder = program(
        """
        class Outer(pulumi.ComponentResource):
            def __init__(self, name):
                super().__init__("small:index:Outer", name)
                self.queue = aws.sqs.Queue(name, opts=pulumi.ResourceOptions(parent=self))
                self.register_outputs({"url": self.queue.url})

        Outer("x")
        """
    )
    recorded = preview(folder, config={})
    [queue] = recorded.of_type("aws:sqs/queue:Queue")
    [component] = recorded.of_type("small:index:Outer")
    assert queue.urn == "urn:pulumi:local::small::small:index:Outer$aws:sqs/queue:Queue::x"
    assert queue.parent == component.urn
    assert component.custom is False
    assert component.outputs["url"] == queue.outputs["url"]


def test_an_explicit_provider_gives_its_region_and_tags(program: ProgramWriter) -> None:
    folder = program(
        """
        provider = aws.Provider("p", region="eu-west-3", default_tags={"tags": {"project": "small", "a": "1"}})
        opts = pulumi.ResourceOptions(provider=provider)
        topic = aws.sns.Topic("t", tags={"a": "2"}, opts=opts)
        pulumi.export("region", aws.get_region(opts=pulumi.InvokeOptions(provider=provider)).region)
        """
    )
    recorded = preview(folder, config={})
    [topic] = recorded.of_type("aws:sns/topic:Topic")
    assert topic.outputs["tagsAll"] == {"project": "small", "a": "2"}
    assert topic.outputs["arn"].startswith("arn:aws:sns:eu-west-3:")
    assert topic.inputs["tags"] == {"a": "2"}
    assert recorded.outputs["region"] == "eu-west-3"


def test_configuration_of_the_default_provider_is_obeyed(program: ProgramWriter) -> None:
    folder = program('aws.sns.Topic("t")')
    tags = json.dumps({"tags": {"project": "small"}})
    [topic] = preview(folder, config={"aws:region": "us-east-1", "aws:defaultTags": tags}).of_type(
        "aws:sns/topic:Topic"
    )
    assert topic.outputs["tagsAll"] == {"project": "small"}
    assert topic.outputs["region"] == "us-east-1"


@pytest.mark.parametrize("setting", ["allowed_account_ids=['210987654321']", "forbidden_account_ids=['123456789012']"])
def test_an_account_that_a_provider_rules_out_is_refused(program: ProgramWriter, setting: str) -> None:
    """As terraform-provider-aws does (internal/conns, ValidateAccountID)."""
    folder = program(f"aws.Provider('p', region='eu-west-3', {setting})")
    with pytest.raises(DeploymentError, match=r"providers:aws::p: AWS account ID not allowed: 123456789012"):
        preview(folder, config={})
    key, _, value = setting.partition("=")
    config = {"aws:" + {"a": "allowedAccountIds", "f": "forbiddenAccountIds"}[key[0]]: value.replace("'", '"')}
    with pytest.raises(DeploymentError, match=r"Topic::t: AWS account ID not allowed: 123456789012"):
        preview(program("aws.sns.Topic('t')"), config=config)


def test_a_program_imports_its_own_modules_anew_each_time(program: ProgramWriter) -> None:
    folder = program(
        "from parts import count\npulumi.export('runs', count.up())",
        **{"parts/count.py": "runs = 0\ndef up():\n    global runs\n    runs += 1\n    return runs\n"},
    )
    for _ in range(2):
        assert preview(folder, config={}).outputs["runs"] == 1
    assert "parts.count" not in sys.modules
    assert str(folder) not in sys.path


def test_values_and_defaults_of_the_configuration_reach_the_program(program: ProgramWriter) -> None:
    folder = program(
        """
        config = pulumi.Config()
        pulumi.export("values", [config.require("name"), config.require_int("size"), config.require_object("kinds")])
        """,
        config="""
        name: {type: string}
        size: {type: integer, default: 3}
        kinds: {type: array, items: {type: string}, default: [a, b]}
        """,
    )
    assert preview(folder, config={"small:name": "n"}).outputs["values"] == ["n", 3, ["a", "b"]]
    assert preview(folder, config={"name": "n", "kinds": '["c"]'}).outputs["values"] == ["n", 3, ["c"]]


def test_a_program_runs_beside_an_event_loop_of_the_caller(program: ProgramWriter) -> None:
    folder = program('pulumi.export("known", 1)')

    async def look() -> Deployment:
        return preview(folder, config={})

    assert asyncio.run(look()).outputs == {"known": 1}
