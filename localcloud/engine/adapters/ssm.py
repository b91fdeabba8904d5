"""SSM parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.engine.adapters.adapter import PROVIDERS_OWN, Adapter, Created, carries
from localcloud.engine.adapters.answers import camel, only

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired


@carries("aws:ssm/parameter:Parameter")
class Parameter(Adapter):
    found_by = ("name",)
    unread: ClassVar = {"overwrite": PROVIDERS_OWN}

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
        aws.client("ssm").delete_parameter(Name=resource_id)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        inputs = desired.inputs
        inputs.get("overwrite")
        value = inputs.get("value") or inputs.get("insecureValue")
        request = inputs.pick("type", "description", "allowedPattern", "dataType", "tier", "keyId")
        answer = aws.client("ssm").put_parameter(Name=resource_id, Value=value, Overwrite=True, **request)
        return {"version": answer["Version"]}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        ssm = aws.client("ssm")
        value = ssm.get_parameter(Name=resource_id, WithDecryption=True)["Parameter"]["Value"]
        wanted = [{"Key": "Name", "Option": "Equals", "Values": [resource_id]}]
        found = ssm.describe_parameters(ParameterFilters=wanted)["Parameters"]
        described = camel(
            only(found, resource_id), "type", "description", "allowedPattern", "dataType", "tier", "keyId"
        )
        return {**described, "value": value, "insecureValue": value}
