from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.engine.deployment import Deployment, preview

ROOT = Path(__file__).parents[2]
CONFIG = {"mayfly:auth": "none", "mayfly:bundleFor": "host"}


@pytest.fixture(scope="session")
def recorded() -> Deployment:
    """The whole program, run once with the defaults of Pulumi.yaml; nothing is created."""
    return preview(ROOT, config=CONFIG)
