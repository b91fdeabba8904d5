"""Step Functions state machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import ID, Created, carries
from localcloud.engine.adapters.noun_adapter import NounAdapter
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired

_INPUTS = ("definition", "roleArn", "tracingConfiguration", "type")


@carries("aws:sfn/stateMachine:StateMachine")
class StateMachine(NounAdapter):
    service, noun, getting = "stepfunctions", "state_machine", "describe"
    named_by: ClassVar = {"stateMachineArn": ID}

    def request(self, desired: Desired) -> dict[str, Any]:
        tags = [{"key": key, "value": value} for key, value in desired.tags.items()]
        return {
            "name": desired.physical_name(),
            **desired.inputs.camel(*_INPUTS),
            **({"tags": tags} if tags else {}),
        }

    def created(self, aws: Aws, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Created:
        arn, kind = answer["stateMachineArn"], request.get("type", "STANDARD")
        return Created(arn, {"name": request["name"], "arn": arn, "status": "ACTIVE", "type": kind})

    def live(self, answer: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        return {key: answer[key] for key in ("name", *_INPUTS) if key in answer}
