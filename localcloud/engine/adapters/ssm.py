"""SSM parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired


@carries("aws:ssm/parameter:Parameter")
class Parameter(Adapter):
    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        value = inputs.get("value") or inputs.get("insecureValue")
        answer = aws.client("ssm").put_parameter(
            Name=name,
            Value=value,
            **inputs.pick("type", "description", "overwrite", "allowedPattern", "dataType", "tier", "keyId"),
            **({"Tags": desired.tag_list} if desired.tags else {}),
        )
        arn = aws.arn("ssm", f"parameter/{name.lstrip('/')}")
        return Created(name, {"name": name, "arn": arn, "version": answer["Version"]})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        del state
        aws.client("ssm").delete_parameter(Name=resource_id)
