from __future__ import annotations

import json
from pathlib import Path

import pytest

from localcloud.engine.deployment import Deployment, preview

ROOT = Path(__file__).parents[2]
CONFIG = {"mayfly:auth": "none", "mayfly:bundleFor": "host"}
SIGNED_IN = {**CONFIG, "mayfly:auth": "cognito"}
BOUNDARY = "arn:aws:iam::123456789012:policy/limits/Everybody"
DOMAIN = "jobs.example.org"
OTHER_ORIGIN = "https://example.org"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1a2b3c"
WATCHED = {
    "mayfly:alarmEmail": "team@example.org",
    "mayfly:monthlyBudgetUsd": "50",
    "mayfly:tracing": "true",
    "mayfly:notify": "true",
}


@pytest.fixture(scope="session")
def open_to_all() -> Deployment:
    """The whole program without sign-in, run once with the defaults of Pulumi.yaml; nothing is created."""
    return preview(ROOT, config=CONFIG)


@pytest.fixture(scope="session")
def signed_in() -> Deployment:
    """The same with sign-in."""
    return preview(ROOT, config=SIGNED_IN)


@pytest.fixture(scope="session")
def production() -> Deployment:
    """The same as Pulumi.prod.yaml has it, with all that a team can have beside it to watch it."""
    return preview(ROOT, config={"mayfly:bundleFor": "host", **WATCHED}, stack="prod")


@pytest.fixture(scope="session")
def tailored() -> Deployment:
    """A stack with sign-in elsewhere, in another account, that sets what others leave as it is."""
    config = {
        **SIGNED_IN,
        "mayfly:domainName": DOMAIN,
        "mayfly:domainCertificate": CERTIFICATE,
        "mayfly:extraOrigins": json.dumps([OTHER_ORIGIN]),
        "mayfly:permissionsBoundary": BOUNDARY,
        "mayfly:requestsPerSecond": "1",
    }
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("localcloud.engine.dry_run_answers.ACCOUNT", "210987654321")
        return preview(ROOT, config=config, region="ap-southeast-2")


@pytest.fixture(scope="session")
def generous() -> Deployment:
    """A stack elsewhere, open to all, whose jobs may ask for more than others'."""
    config = {
        **CONFIG,
        "mayfly:allowedInstanceTypes": json.dumps(["c7g.xlarge"]),
        "mayfly:maxJobTimeoutMinutes": "240",
        "mayfly:outputSuffix": ".html",
        "mayfly:machineImageParameter": "/our/image",
        "mayfly:permissionsBoundary": BOUNDARY,
        "mayfly:requestsPerSecond": "10000",
        "mayfly:apiConcurrency": "50",
    }
    return preview(ROOT, config=config, region="ap-southeast-2")


@pytest.fixture(scope="session")
def pooled() -> Deployment:
    """A stack with a pool."""
    return preview(ROOT, config={**CONFIG, "mayfly:poolSize": "3"})


@pytest.fixture(params=["tailored", "generous"])
def elsewhere(request: pytest.FixtureRequest) -> Deployment:
    """Both of them."""
    found: Deployment = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["none", "cognito"])
def recorded(request: pytest.FixtureRequest) -> Deployment:
    """The one and the other, for what must hold of both."""
    found: Deployment = request.getfixturevalue("open_to_all" if request.param == "none" else "signed_in")
    return found
