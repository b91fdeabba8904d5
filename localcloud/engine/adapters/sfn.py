"""Step Functions state machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.engine.adapters.adapter import ID, PROVIDERS_OWN, Adapter, Created, carries, deletes
from localcloud.engine.adapters.answers import accepted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired


@carries("aws:sfn/stateMachine:StateMachine")
class StateMachine(Adapter):
    unread: ClassVar = {"publish": PROVIDERS_OWN}
    delete = deletes("stepfunctions", "delete_state_machine", stateMachineArn=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        request = self._request(desired)
        arn = aws.client("stepfunctions").create_state_machine(**request)["stateMachineArn"]
        kind = request.get("type", "STANDARD")
        return Created(arn, {"name": request["name"], "arn": arn, "status": "ACTIVE", "type": kind})

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        client, request = aws.client("stepfunctions"), self._request(desired)
        client.update_state_machine(stateMachineArn=resource_id, **accepted(client, "update_state_machine", request))
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        found = aws.client("stepfunctions").describe_state_machine(stateMachineArn=resource_id)
        answered = ("definition", "name", "roleArn", "tracingConfiguration", "type")
        return {key: found[key] for key in answered if key in found}

    def _request(self, desired: Desired) -> dict[str, Any]:
        inputs = desired.inputs
        tags = [{"key": key, "value": value} for key, value in desired.tags.items()]
        return {
            "name": desired.physical_name(),
            **inputs.camel("definition", "roleArn", "type", "publish", "tracingConfiguration"),
            **({"tags": tags} if tags else {}),
        }
