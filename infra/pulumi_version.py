"""Whether the Pulumi CLI fits the SDK that requirements.txt pins."""

from __future__ import annotations

from importlib import metadata

import pulumi


def check_cli() -> None:
    """Raises pulumi.RunError when the CLI is older than the SDK, or of another major version."""
    sdk = metadata.version("pulumi")
    major = int(sdk.partition(".")[0])
    try:
        pulumi.require_pulumi_version(f">={sdk} <{major + 1}.0.0")
    except Exception as error:  # noqa: BLE001 the SDK has no class of its own for it
        reason = str(error).rstrip(".")
        raise pulumi.RunError(
            f"{reason}. This environment has the SDK {sdk}: install the Pulumi CLI {sdk}, or a later {major}.x."
        ) from None
