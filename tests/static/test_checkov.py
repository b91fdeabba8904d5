"""checkov's rules over everything that the program records, as it comes and as production has it."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from localcloud.engine.deployment import Deployment
from localcloud.engine.records import Resource
from tests.static import checkov, terraform_plan
from tests.static.checkov import Finding, Report

pytestmark = pytest.mark.thorough


@dataclass(frozen=True)
class Skip:
    """A rule that does not fit, on the resources whose address fits the pattern."""

    check: str
    reason: str
    resources: str = "*"

    def covers(self, finding: Finding) -> bool:
        return finding.check == self.check and fnmatchcase(finding.resource, self.resources)


_OWN_KEYS = "a key of one's own costs more each month than the stack; AWS's own key encrypts it"
_SHORT_LIVED = "every object is one job's, which expires within days anyway, or can be made again"
_UNLESS_PRODUCTION = "a setting, on in Pulumi.prod.yaml, off where jobs expire within days and nobody misses them"
_MADE_AGAIN = "what is in there is made of this repository, or of a job's record, and put there anew"
_SKIPS = (
    # Keys of one's own.
    Skip("CKV_AWS_119", _OWN_KEYS, "aws_dynamodb_table.*"),
    Skip("CKV_AWS_145", _OWN_KEYS, "aws_s3_bucket.*"),
    Skip("CKV_AWS_158", _OWN_KEYS, "aws_cloudwatch_log_group.*"),
    Skip(
        "CKV_AWS_26",
        "AWS's own key lets neither alarms nor budgets publish, one of one's own costs more than all alarms together",
        "aws_sns_topic.*_alarms",
    ),
    Skip("CKV_AWS_173", "the environment holds names and numbers, no secret; Lambda's own key encrypts it"),
    # Buckets and the table.
    Skip("CKV_AWS_18", "objects are reached by signed addresses, and who asked for one is in the API's access log"),
    Skip("CKV_AWS_21", _UNLESS_PRODUCTION, "aws_s3_bucket.mayfly_local_*"),
    Skip("CKV_AWS_21", _MADE_AGAIN, "aws_s3_bucket.*_artifacts"),
    Skip("CKV_AWS_21", _MADE_AGAIN, "aws_s3_bucket.*_site"),
    Skip("CKV_AWS_144", _SHORT_LIVED, "aws_s3_bucket.*"),
    Skip("CKV2_AWS_62", "a job begins with its request, not with its upload; nobody would listen"),
    Skip("CKV_AWS_28", _UNLESS_PRODUCTION, "aws_dynamodb_table.mayfly_local_*"),
    # Functions and the workflow.
    Skip(
        "CKV_AWS_50", "a setting; a job's story is in its workflow's history and its log, and traces cost by the trace"
    ),
    Skip("CKV_AWS_284", "as for the functions: a setting, and the history has every step's times, input and output"),
    Skip(
        "CKV_AWS_285", "a workflow keeps its history for 90 days by itself; a log of it needs rights on every log group"
    ),
    Skip("CKV_AWS_115", "it would take from the account's pool, ten in a new account; the API's stage throttles"),
    Skip("CKV_AWS_116", "steps answer their workflow, the stream has a queue for failures, the sweeper finds the rest"),
    Skip("CKV_AWS_117", "they talk to AWS's own endpoints only; in a VPC each would need one that costs by the hour"),
    Skip("CKV_AWS_272", "who may change the code may change the signing too; locked hashes guard what is bundled"),
    Skip("CKV_AWS_338", "retention is a setting; a log may quote users' files, which are not kept for a year either"),
    # The machines.
    Skip(
        "CKV_AWS_290",
        "the agent's calls; the service knows no resources or AWS's own policy for agents names none",
        "aws_iam_role_policy.*_machines",
    ),
    Skip("CKV_AWS_355", "as above: test_iam_rules.py has each action", "aws_iam_role_policy.*_machines"),
    Skip("CKV_AWS_130", "machines need a way out, and a NAT gateway costs more than they do; nothing may come in"),
    Skip("CKV2_AWS_11", "flow logs cost by the byte; the machines accept no connection and speak HTTPS only"),
    # The site and the API.
    Skip("CKV_AWS_309", "the routes open on purpose: tests/infra/test_sign_in.py has which, with sign-in and without"),
    Skip("CKV_AWS_68", "WAF: costs more than the whole stack; throttling and the JWT authorizer stand in front"),
    Skip("CKV2_AWS_47", "as above; and no part of this is Java"),
    Skip("CKV_AWS_86", "the page is static and the same for everybody; the API behind it has an access log"),
    Skip(
        "CKV_AWS_174", "a stack has no domain of its own, and CloudFront's certificate leaves the version to CloudFront"
    ),
    Skip("CKV2_AWS_42", "a stack has no domain of its own, so no certificate for one"),
    Skip("CKV_AWS_259", "wants subdomains and a preload list; a host of cloudfront.net has neither"),
    Skip("CKV_AWS_310", "one bucket, one API: there is nothing to fail over to"),
    Skip("CKV_AWS_374", "who may use it is not a matter of countries"),
)


@dataclass(frozen=True)
class Scanned:
    """Reports by the deployments' names; `harmed` are the checks, with their resources' labels, that must find harm."""

    reports: dict[str, Report]
    harmed: set[tuple[str, str]]


@pytest.fixture(scope="module")
def scanned(open_to_all: Deployment, production: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    broken = deepcopy(open_to_all)
    harmed = {(check, terraform_plan.label(harm(broken))) for check, harm in HARM.items()}
    deployments = {"open": open_to_all, "production": production, "broken": broken}
    return Scanned(checkov.scan(deployments, tmp_path_factory.mktemp("checkov")), harmed)


def test_checkov_finds_what_has_a_reason_and_nothing_else(scanned: Scanned) -> None:
    reports = [scanned.reports[name] for name in ("open", "production")]
    findings = [each for report in reports for each in report.findings]
    assert [each for each in findings if not any(skip.covers(each) for skip in _SKIPS)] == []
    assert [skip for skip in _SKIPS if not any(skip.covers(each) for each in findings)] == []
    for report in reports:
        # Rules over two resources, which see the one only by its reference to the other.
        assert {"CKV2_AWS_6", "CKV2_AWS_32"} <= report.passed
        assert report.resources > 100


def test_every_skip_has_a_reason() -> None:
    assert [skip for skip in _SKIPS if len(skip.reason.split()) < 4] == []


def bucket_unblocked(deployment: Deployment) -> Resource:
    block = deployment.of_type("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")[0]
    deployment.resources.remove(block)
    return block


def queue_unencrypted(deployment: Deployment) -> Resource:
    queue = deployment.of_type("aws:sqs/queue:Queue")[0]
    queue.inputs["sqsManagedSseEnabled"] = False
    return queue


def group_opened(deployment: Deployment) -> Resource:
    group = deployment.of_type("aws:ec2/securityGroup:SecurityGroup")[0]
    group.inputs["ingress"] = [{"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["0.0.0.0/0"]}]
    return group


def metadata_without_token(deployment: Deployment) -> Resource:
    template = deployment.of_type("aws:ec2/launchTemplate:LaunchTemplate")[0]
    template.inputs["metadataOptions"]["httpTokens"] = "optional"
    return template


def plain_http_at_the_edge(deployment: Deployment) -> Resource:
    site = deployment.of_type("aws:cloudfront/distribution:Distribution")[0]
    site.inputs["defaultCacheBehavior"]["viewerProtocolPolicy"] = "allow-all"
    return site


def everything_allowed(deployment: Deployment) -> Resource:
    policy = deployment.of_type("aws:iam/rolePolicy:RolePolicy")[0]
    policy.inputs["policy"] = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    )
    return policy


HARM: dict[str, Callable[[Deployment], Resource]] = {
    "CKV2_AWS_6": bucket_unblocked,
    "CKV_AWS_27": queue_unencrypted,
    "CKV_AWS_24": group_opened,
    "CKV_AWS_79": metadata_without_token,
    "CKV_AWS_34": plain_http_at_the_edge,
    "CKV_AWS_62": everything_allowed,
}


def test_checkov_finds_whatever_is_broken_and_where(scanned: Scanned) -> None:
    findings = scanned.reports["broken"].findings
    assert {(each.check, each.resource.split(".")[1]) for each in findings if each.check in HARM} == scanned.harmed


def test_a_missing_environment_says_what_to_do(
    open_to_all: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkov, "_CHECKOV", tmp_path / "checkov")
    with pytest.raises(RuntimeError, match="make setup-checkov"):
        checkov.scan({"open": open_to_all}, tmp_path)
