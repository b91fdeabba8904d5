"""DynamoDB tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries
from localcloud.engine.aws import Aws
from localcloud.engine.errors import ServiceRuleError
from localcloud.engine.inputs import Desired, Inputs

_UNTIL_ACTIVE = {"Delay": 0.1, "MaxAttempts": 300}  # the waiter's own delay is 20 seconds
_TTL_ON = ("ENABLED", "ENABLING")
_ENCRYPTED = ("ENABLED", "ENABLING", "UPDATING")


@carries("aws:dynamodb/table:Table")
class Table(Adapter):
    replaced_by = ("hashKey", "name", "rangeKey")  # dynamodb/table.go
    longest_name = 255  # developer guide, "Quotas"
    changeable = ("deletionProtectionEnabled", "pointInTimeRecovery", "ttl")

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, dynamodb = desired.inputs, aws.client("dynamodb")
        name = desired.physical_name()
        request = _request(name, desired)
        _check_attributes(request)
        table = dynamodb.create_table(**request)["TableDescription"]
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=_UNTIL_ACTIVE)
        _put_time_to_live(dynamodb, name, inputs.get("ttl"))
        _put_recovery(dynamodb, name, inputs.get("pointInTimeRecovery"))
        stream = table if "StreamSpecification" in request else {}
        outputs = {
            "name": name,
            "arn": table["TableArn"],
            "streamArn": stream.get("LatestStreamArn", ""),
            "streamLabel": stream.get("LatestStreamLabel", ""),
        }
        return Created(name, outputs)

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        dynamodb = aws.client("dynamodb")
        dynamodb.delete_table(TableName=resource_id)
        dynamodb.get_waiter("table_not_exists").wait(TableName=resource_id, WaiterConfig=_UNTIL_ACTIVE)

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        inputs, dynamodb = desired.inputs, aws.client("dynamodb")
        is_protected = bool(inputs.get("deletionProtectionEnabled"))
        if is_protected != bool(state.get("deletionProtectionEnabled")):
            dynamodb.update_table(TableName=resource_id, DeletionProtectionEnabled=is_protected)
            dynamodb.get_waiter("table_exists").wait(TableName=resource_id, WaiterConfig=_UNTIL_ACTIVE)
        if inputs.get("ttl") != state.get("ttl"):
            _put_time_to_live(dynamodb, resource_id, inputs.get("ttl"))
        _put_recovery(dynamodb, resource_id, inputs.get("pointInTimeRecovery"))
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        dynamodb = aws.client("dynamodb")
        table = dynamodb.describe_table(TableName=resource_id)["Table"]
        backups = dynamodb.describe_continuous_backups(TableName=resource_id)["ContinuousBackupsDescription"]
        recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
        ttl = dynamodb.describe_time_to_live(TableName=resource_id)["TimeToLiveDescription"]
        keys = {key["KeyType"]: key["AttributeName"] for key in table["KeySchema"]}
        return {
            "name": table["TableName"],
            "hashKey": keys["HASH"],
            "rangeKey": keys.get("RANGE"),
            **_live_settings(table),
            **self.live(table.get("StreamSpecification", {})),
            "deletionProtectionEnabled": table.get("DeletionProtectionEnabled", False),
            "pointInTimeRecovery": {"enabled": recovery == "ENABLED"},
            "ttl": {"attributeName": ttl.get("AttributeName"), "enabled": ttl["TimeToLiveStatus"] in _TTL_ON},
        }


def _live_settings(table: Mapping[str, Any]) -> dict[str, Any]:
    attributes = table["AttributeDefinitions"]
    return {
        "attributes": [{"name": each["AttributeName"], "type": each["AttributeType"]} for each in attributes],
        "billingMode": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
        "globalSecondaryIndexes": [_live_index(each) for each in table.get("GlobalSecondaryIndexes", [])],
        "serverSideEncryption": {"enabled": table.get("SSEDescription", {}).get("Status") in _ENCRYPTED},
        "streamEnabled": False,
    }


def _live_index(index: Mapping[str, Any]) -> dict[str, Any]:
    keys = {key["KeyType"]: key["AttributeName"] for key in index["KeySchema"]}
    return {
        "name": index["IndexName"],
        "hashKey": keys["HASH"],
        "rangeKey": keys.get("RANGE"),
        "projectionType": index["Projection"]["ProjectionType"],
    }


def _request(name: str, desired: Desired) -> dict[str, Any]:
    inputs = desired.inputs
    request: dict[str, Any] = {
        "TableName": name,
        "BillingMode": inputs.get("billingMode", "PROVISIONED"),
        "KeySchema": _keys(inputs),
        "AttributeDefinitions": [
            {"AttributeName": attribute["name"], "AttributeType": attribute["type"]}
            for attribute in inputs.get("attributes", [])
        ],
        **inputs.take("deletionProtectionEnabled"),
        "Tags": desired.tags,
    }
    stream = inputs.take("streamEnabled", "streamViewType")
    if stream.get("streamEnabled"):
        request["StreamSpecification"] = stream
    if "globalSecondaryIndexes" in inputs:
        request["GlobalSecondaryIndexes"] = [_index(index) for index in inputs["globalSecondaryIndexes"]]
    encryption = inputs.get("serverSideEncryption")
    if encryption is not None:
        request["SSESpecification"] = {**encryption, "SSEType": "KMS" if encryption["enabled"] else None}
    return request


def _keys(given: Mapping[str, Any] | Inputs) -> list[dict[str, str]]:
    pairs = ((given["hashKey"], "HASH"), (given.get("rangeKey"), "RANGE"))
    return [{"AttributeName": attribute, "KeyType": kind} for attribute, kind in pairs if attribute]


def _index(index: Mapping[str, Any]) -> dict[str, Any]:
    own = {
        "IndexName": index["name"],
        "KeySchema": _keys(index),
        "Projection": {"ProjectionType": index["projectionType"]},
    }
    return {**index, **dict.fromkeys(("name", "hashKey", "rangeKey", "projectionType")), **own}


def _check_attributes(request: Mapping[str, Any]) -> None:
    """AWS wants exactly the attributes that some key is made of."""
    holders = [request, *request.get("GlobalSecondaryIndexes", [])]
    keys = {key["AttributeName"] for holder in holders for key in holder["KeySchema"]}
    declared = {attribute["AttributeName"] for attribute in request["AttributeDefinitions"]}
    if keys != declared:
        raise ServiceRuleError(f"attributes: declared are {sorted(declared)}, but keys use {sorted(keys)}")


def _put_time_to_live(dynamodb: Any, name: str, ttl: Mapping[str, Any] | None) -> None:
    if ttl and ttl.get("enabled"):
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)


def _put_recovery(dynamodb: Any, name: str, recovery: Mapping[str, Any] | None) -> None:
    if recovery:
        specification = {**recovery, "enabled": None, "PointInTimeRecoveryEnabled": recovery["enabled"]}
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=specification)
