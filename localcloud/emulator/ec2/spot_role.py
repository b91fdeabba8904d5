"""The service-linked role without which EC2 launches no spot instance.

EC2 creates it at an account's first spot request, with the caller's right to (EC2 user guide, "Service-linked role for
Spot Instance requests"). A caller without it is refused (github-aws-runners/terraform-aws-github-runner#104).
"""

from __future__ import annotations

from ministack.core.responses import get_account_id
from ministack.services import iam

from localcloud.emulator.iam.request_context import Check

NAME, SERVICE = "AWSServiceRoleForEC2Spot", "spot.amazonaws.com"
_PATH = f"/aws-service-role/{SERVICE}/"
_REFUSAL = (
    "AuthFailure.ServiceLinkedRoleCreationNotPermitted",
    "The provided credentials do not have permission to create the service-linked role for EC2 Spot Instances.",
)


def checks() -> list[Check]:
    """What the caller of a spot request must be allowed; nothing in an account that has the role."""
    if NAME in iam._roles:
        return []
    arn = f"arn:aws:iam::{get_account_id()}:role{_PATH}{NAME}"
    return [Check("iam:CreateServiceLinkedRole", arn, {"iam:awsservicename": SERVICE}, refusal=_REFUSAL)]


def create() -> None:
    """Does nothing where the role exists."""
    if NAME not in iam._roles:
        iam._create_service_linked_role({"AWSServiceName": [SERVICE]})
        # MiniStack makes the name up from the service's.
        role = iam._roles.pop("AWSServiceRoleForSpot")
        iam._roles[NAME] = {**role, "RoleName": NAME, "Arn": f"arn:aws:iam::{get_account_id()}:role{_PATH}{NAME}"}
