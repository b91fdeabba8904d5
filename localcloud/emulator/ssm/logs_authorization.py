"""What AWS checks for calls on one log stream.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon CloudWatch Logs": these
actions are authorized on the log stream. Upstream MiniStack checks the log group, so a policy on `log-group:NAME:*`,
which AWS's own examples use, allows nothing.
"""

from __future__ import annotations

from ministack.core.responses import get_account_id, get_region

from localcloud.emulator.iam.request_context import ApiCall, Check

ON_STREAM = ("logs:DeleteLogStream", "logs:GetLogEvents", "logs:PutLogEvents")


def checks_on_stream(action: str, call: ApiCall) -> list[Check] | None:
    group, stream = call.document.get("logGroupName"), call.document.get("logStreamName")
    if not group or not stream:
        return None
    arn = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:{stream}"
    return [Check(action, arn)]
