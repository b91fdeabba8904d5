"""What can go wrong in the engine, and how it is reported.

DeploymentError          the one error that callers see: URN and reason in one readable message
└─ ProjectFileError      Pulumi.yaml, Pulumi.<stack>.yaml or a configuration value breaks Pulumi's rules
RefusedInputError        an adapter does not carry an input over
ServiceRuleError         a call breaks a rule of the service's published model
"""

from __future__ import annotations

from localcloud.engine.records import Deployment


class DeploymentError(Exception):
    """A program or one of its resources failed.

    Attributes:
        partial: what was created before the failure; None when nothing was attempted.
    """

    def __init__(self, message: str, partial: Deployment | None = None) -> None:
        super().__init__(message)
        self.partial = partial


class ProjectFileError(DeploymentError):
    """Names the file, the key and the remedy."""


class RefusedInputError(Exception):
    """Names the properties that an adapter does not carry over."""


class ServiceRuleError(Exception):
    """Names service, operation, parameter path, value and rule."""
