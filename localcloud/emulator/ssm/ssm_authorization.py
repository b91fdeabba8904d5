"""What AWS checks for Run Command.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Systems Manager": SendCommand
needs the document and every instance; the calls that read or cancel a command have no resource types, so only a
statement on `*` allows them. Upstream MiniStack checks one ARN and knows no tags of instances.
"""

from __future__ import annotations

from ministack.core.responses import get_region
from ministack.services import ec2, ssm

from localcloud.emulator.ec2.ec2_authorization import instance_arn, resource_tags
from localcloud.emulator.iam.request_context import ApiCall, Check

ON_ANYTHING = (
    "ssm:CancelCommand",
    "ssm:DescribeInstanceInformation",
    "ssm:GetCommandInvocation",
    "ssm:ListCommandInvocations",
    "ssm:ListCommands",
)


def checks_for_send_command(call: ApiCall) -> list[Check] | None:
    """The document, which AWS owns (its ARN has no account), and each instance with its tags."""
    request = call.document
    document = str(request.get("DocumentName", ""))
    arn = document if document.startswith("arn:") else f"arn:aws:ssm:{get_region()}::document/{document}"
    checks = [Check("ssm:SendCommand", arn)]
    checks += [
        Check("ssm:SendCommand", instance_arn(each), resource_tags(each, "ssm:resourceTag"))
        for each in ssm._command_target_ids(request)
        if each in ec2._instances
    ]
    return checks


def checks_on_anything(action: str, _call: ApiCall) -> list[Check]:
    return [Check(action, "*")]
