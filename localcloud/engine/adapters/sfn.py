"""Step Functions state machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries
from localcloud.engine.errors import ServiceRuleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired, Inputs


@carries("aws:sfn/stateMachine:StateMachine")
class StateMachine(Adapter):
    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        tags = [{"key": key, "value": value} for key, value in desired.tags.items()]
        machine = aws.client("stepfunctions").create_state_machine(
            name=name,
            **inputs.camel("definition", "roleArn", "type", "publish", "tracingConfiguration"),
            **_logging(inputs.child("loggingConfiguration")),
            **({"tags": tags} if tags else {}),
        )
        arn = machine["stateMachineArn"]
        return Created(arn, {"name": name, "arn": arn, "status": "ACTIVE", "type": inputs.get("type", "STANDARD")})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        del state
        aws.client("stepfunctions").delete_state_machine(stateMachineArn=resource_id)


def _logging(given: Inputs | None) -> dict[str, Any]:
    if given is None:
        return {}
    configuration = given.camel("level", "includeExecutionData")
    if "logDestination" in given:
        if not given["logDestination"].endswith(
            ":*"
        ):  # step-functions/latest/apireference/API_CloudWatchLogsLogGroup.html
            raise ServiceRuleError("loggingConfiguration.logDestination: the log group's ARN must end with ':*'")
        group = {"logGroupArn": given["logDestination"]}
        configuration["destinations"] = [{"cloudWatchLogsLogGroup": group}]
    return {"loggingConfiguration": configuration}
