"""Resources of a recorded program, by type and name."""

from __future__ import annotations

import re
from typing import Any

from localcloud.engine.deployment import Deployment
from localcloud.engine.records import Resource


def only(deployment: Deployment, token: str, ending: str = "") -> Resource:
    """The one of its type, or of those the one whose name ends so."""
    (found,) = (each for each in deployment.of_type(token) if each.name.endswith(ending))
    return found


def functions(deployment: Deployment) -> dict[str, Resource]:
    """By their names, without the stack's prefix."""
    found = deployment.of_type("aws:lambda/function:Function")
    return {re.sub(r"^mayfly-[a-z]+-", "", each.name): each for each in found}


def environment(deployment: Deployment, function: str) -> dict[str, Any]:
    return dict(functions(deployment)[function].inputs["environment"]["variables"])
