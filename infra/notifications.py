"""Notifications: the topic that people and webhooks subscribe to, and the workflow's last step, which publishes to it.

docs/decisions/0023-the-workflow-notifies.md says why no EventBridge rule does.
"""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws

_TASK: dict[str, Any] = {
    "Type": "Task",
    "Comment": "Says how the job's run has ended. If it cannot, the execution fails: the job's outcome stands.",
    "Resource": "arn:aws:states:::sns:publish",
    "Arguments": {
        "TopicArn": "${topic}",
        "Subject": "{% 'Mayfly: job ' & $ended.status %}",
        # A string: SNS filters by the body only where that is JSON (developer guide, "Filter policy scope").
        "Message": (
            "{% $string({'stack': '${stack}', 'owner': $states.context.Execution.Input.owner,"
            " 'job_id': $states.context.Execution.Input.job_id, 'run': $states.context.Execution.Input.run,"
            " 'status': $ended.status,"
            " 'filename': $ended.filename, 'error': $ended.error}, true) %}"
        ),
    },
    "Retry": ["${retry_unexpected}"],
    "End": True,
}


class Notifications(pulumi.ComponentResource):
    """`topic` is the topic's ARN."""

    topic: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:Notifications", name, None, opts)
        topic = aws.sns.Topic(
            name,
            name=name,
            # Messages name files. AWS's own key for SNS may be used through SNS by every principal of the account that
            # may publish, such as the workflow's role (KMS developer guide, "AWS managed keys").
            kms_master_key_id="alias/aws/sns",
            # Signs what https endpoints get with SHA-256 rather than SHA-1.
            signature_version=2,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.topic = topic.arn
        self.register_outputs({"topic": self.topic})


def add_notification(states: dict[str, Any]) -> None:
    """Has a workflow with these states notify once its machines are gone: the last step that knows the job."""
    last = states["Release"]
    del last["End"]
    last["Assign"] = {"ended": "{% $states.result.Payload.job %}"}
    last["Next"] = "Notify"
    states["Notify"] = _TASK
