from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.engine.deployment import Deployment, preview

ROOT = Path(__file__).parents[2]
CONFIG = {"mayfly:auth": "none", "mayfly:bundleFor": "host"}
SIGNED_IN = {**CONFIG, "mayfly:auth": "cognito"}
WATCHED = {"mayfly:alarmEmail": "team@example.org", "mayfly:monthlyBudgetUsd": "50", "mayfly:tracing": "true"}


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


@pytest.fixture(params=["none", "cognito"])
def recorded(request: pytest.FixtureRequest) -> Deployment:
    """The one and the other, for what must hold of both."""
    found: Deployment = request.getfixturevalue("open_to_all" if request.param == "none" else "signed_in")
    return found
