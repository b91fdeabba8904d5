"""Step Functions state machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.engine.adapters.adapter import ID, carries
from localcloud.engine.adapters.noun_adapter import NounAdapter
from localcloud.engine.aws import Aws


@carries("aws:sfn/stateMachine:StateMachine")
class StateMachine(NounAdapter):
    replaced_by = ("type", "name")  # sfn/state_machine.go
    longest_name = 80  # API reference, CreateStateMachine
    service, noun, getting = "stepfunctions", "state_machine", "describe"
    name_as, tags_as = "name", "tags"
    named_by: ClassVar = {"stateMachineArn": ID}
    inputs = ("definition", "roleArn", "tracingConfiguration", "type")

    def outputs(self, aws: Aws, made: Mapping[str, Any]) -> dict[str, Any]:
        return {"arn": made["stateMachineArn"], "status": "ACTIVE", "type": made.get("type", "STANDARD")}
