"""Which actions this package authorizes itself, in place of MiniStack's single check."""

from __future__ import annotations

from functools import partial

from localcloud.emulator.ec2 import ec2_authorization
from localcloud.emulator.iam import leading_keys, request_context
from localcloud.emulator.ssm import logs_authorization, ssm_authorization
from localcloud.emulator.workflows import workflow_tasks

ON_INSTANCES = ("ec2:TerminateInstances", "ec2:StopInstances", "ec2:StartInstances", "ec2:RebootInstances")


def install() -> None:
    leading_keys.install()
    request_context.install(
        {
            "ec2:RunInstances": ec2_authorization.checks_for_run_instances,
            "ec2:CreateTags": ec2_authorization.checks_for_create_tags,
            "ssm:SendCommand": ssm_authorization.checks_for_send_command,
            **{action: partial(workflow_tasks.checks_for_task_response, action) for action in workflow_tasks.RESPONSES},
            **{action: partial(ec2_authorization.checks_on_instances, action) for action in ON_INSTANCES},
            **{action: partial(logs_authorization.checks_on_stream, action) for action in logs_authorization.ON_STREAM},
            **{
                action: partial(ssm_authorization.checks_on_anything, action)
                for action in ssm_authorization.ON_ANYTHING
            },
        }
    )
