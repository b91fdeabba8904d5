"""What an instance's role must allow for the SSM agent's work.

Sources: Systems Manager user guide, "Verify or add instance permissions for Session Manager" and "Reference:
ec2messages, ssmmessages, and other API operations" (an agent without ssmmessages falls back to ec2messages), and
"Configuring Amazon CloudWatch Logs for Run Command".
"""

from __future__ import annotations

from localcloud.emulator.iam.roles import role_allows
from localcloud.emulator.settings import Scope

_REGISTER = ("ssm:UpdateInstanceInformation",)
_CHANNELS = tuple(
    f"ssmmessages:{name}"
    for name in ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")
)
_OLDER_MESSAGES = tuple(
    f"ec2messages:{name}"
    for name in ("AcknowledgeMessage", "DeleteMessage", "FailMessage", "GetEndpoint", "GetMessages", "SendReply")
)


def missing_to_come_online(scope: Scope, role_arn: str | None, *, is_old: bool = False) -> list[str]:
    """The actions that keep the agent from coming online; empty when it can. Without a role: all of them.

    An old one, before 3.3.40, knows the older messages alone.
    """

    def missing(actions: tuple[str, ...]) -> list[str]:
        return [action for action in actions if not (role_arn and role_allows(scope, role_arn, action, "*"))]

    if is_old:
        return missing(_REGISTER) + missing(_OLDER_MESSAGES)
    channels = missing(_CHANNELS)
    if channels and not missing(_OLDER_MESSAGES):
        channels = []
    return missing(_REGISTER) + channels


def missing_to_write_logs(
    scope: Scope, role_arn: str | None, group: str, stream: str, *, group_exists: bool
) -> list[str]:
    """The actions that keep the agent from sending a command's output to a log group; empty when it can.

    It asks to create the group at each command; that this is refused does not matter to it where the group exists.
    """
    logs = f"arn:aws:logs:{scope.region}:{scope.account_id}:log-group"
    needed = {
        # Listing groups is authorized on the nameless group, so a policy must name `log-group:*` or `*`.
        "logs:DescribeLogGroups": f"{logs}::log-stream:",
        "logs:DescribeLogStreams": f"{logs}:{group}:log-stream:",
        "logs:CreateLogStream": f"{logs}:{group}:log-stream:{stream}",
        "logs:PutLogEvents": f"{logs}:{group}:log-stream:{stream}",
    }
    may_create = bool(role_arn and role_allows(scope, role_arn, "logs:CreateLogGroup", f"{logs}:{group}"))
    missing = [action for action, arn in needed.items() if not (role_arn and role_allows(scope, role_arn, action, arn))]
    return missing if may_create or group_exists else [*missing, "logs:CreateLogGroup"]
