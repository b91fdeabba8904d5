"""Lambda functions."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import ID, Adapter, Created, carries, deletes
from localcloud.engine.aws import Aws
from localcloud.engine.conversion import accepted
from localcloud.engine.errors import ServiceRuleError
from localcloud.engine.inputs import Desired, Inputs
from localcloud.engine.records import Blob

_PLAIN = (
    "architectures",
    "description",
    "handler",
    "memorySize",
    "role",
    "runtime",
    "timeout",
    "tracingConfig",
)
_UNTIL_ACTIVE = {"Delay": 0.1, "MaxAttempts": 600}
_UNRESERVED = -1
_NAME = r"[A-Za-z0-9_-]{1,64}"  # the model's limit of 140 is for ARNs
_ENVIRONMENT_BYTES = 4096  # lambda/latest/dg/gettingstarted-limits.html
_RESERVED_KEYS = re.compile(
    r"_HANDLER|_X_AMZN_TRACE_ID|AWS_(DEFAULT_)?REGION|AWS_EXECUTION_ENV|AWS_LAMBDA_(FUNCTION|LOG|INITIALIZATION|RUNTIME)_.*"
    r"|AWS_ACCESS_KEY(_ID)?|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|LAMBDA_(TASK_ROOT|RUNTIME_DIR)"
)  # lambda/latest/dg/configuration-envvars.html


@carries("aws:lambda/function:Function")
class Function(Adapter):
    """Functions from a zip; images, layers' versions, file systems and VPCs are refused."""

    replaced_by = ("name",)  # lambda/function.go
    longest_name = 64  # API reference, CreateFunction
    delete = deletes("lambda", "delete_function", FunctionName=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, client = desired.inputs, aws.client("lambda")
        code, digest = _code(inputs)
        name = desired.physical_name(rule=_NAME)
        function = client.create_function(
            FunctionName=name,
            Code=code,
            **inputs.take(*_PLAIN),
            **_environment(inputs),
            Tags=desired.tags,
        )
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig=_UNTIL_ACTIVE)
        reserved = inputs.get("reservedConcurrentExecutions", _UNRESERVED)
        if reserved != _UNRESERVED:
            client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
        return Created(name, _outputs(aws, name, function, digest))

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        inputs, client = desired.inputs, aws.client("lambda")
        code, digest = _code(inputs)
        request = {**inputs.take(*_PLAIN), **_environment(inputs)}
        architectures = inputs.take("architectures")
        is_same_code = digest == state.get("sourceCodeHash")
        is_same_code &= architectures.get("architectures") == state.get("architectures")
        settings = accepted(client, "update_function_configuration", request)
        # In this order (terraform-provider-aws, internal/service/lambda/function.go, resourceFunctionUpdate).
        function = client.update_function_configuration(FunctionName=resource_id, **settings)
        client.get_waiter("function_updated_v2").wait(FunctionName=resource_id, WaiterConfig=_UNTIL_ACTIVE)
        if not is_same_code:
            function = client.update_function_code(FunctionName=resource_id, **code, **architectures)
            client.get_waiter("function_updated_v2").wait(FunctionName=resource_id, WaiterConfig=_UNTIL_ACTIVE)
        reserved = inputs.get("reservedConcurrentExecutions", _UNRESERVED)
        if reserved != _UNRESERVED:
            client.put_function_concurrency(FunctionName=resource_id, ReservedConcurrentExecutions=reserved)
        elif state.get("reservedConcurrentExecutions", _UNRESERVED) != _UNRESERVED:
            client.delete_function_concurrency(FunctionName=resource_id)
        return _outputs(aws, resource_id, function, digest)

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        answer = aws.client("lambda").get_function(FunctionName=resource_id)
        found = answer["Configuration"]
        reserved = answer.get("Concurrency", {}).get("ReservedConcurrentExecutions", _UNRESERVED)
        return {
            **self.live(found),
            "environment": {"variables": found.get("Environment", {}).get("Variables", {})},
            "reservedConcurrentExecutions": reserved,
        }


def invoke_arn(aws: Aws, arn: str) -> str:
    """The form of a function's ARN that API Gateway takes."""
    path = f"lambda:path/2015-03-31/functions/{arn}/invocations"
    return f"arn:{aws.partition}:apigateway:{aws.region}:{path}"


def _code(inputs: Inputs) -> tuple[dict[str, Any], str]:
    archive: Blob = inputs["code"]
    digest = base64.b64encode(hashlib.sha256(archive.data).digest()).decode()
    return {"ZipFile": archive.data}, digest


def _environment(inputs: Inputs) -> dict[str, Any]:
    environment = inputs.get("environment")
    if environment is None:
        return {}
    variables: dict[str, str] = environment.get("variables", {})
    size = sum(len(key.encode()) + len(value.encode()) for key, value in variables.items())
    if size > _ENVIRONMENT_BYTES:
        raise ServiceRuleError(f"environment.variables: {size} bytes, but Lambda takes {_ENVIRONMENT_BYTES} at most")
    reserved = [key for key in variables if _RESERVED_KEYS.fullmatch(key)]
    if reserved:
        raise ServiceRuleError(f"environment.variables: {', '.join(reserved)} cannot be set, they are Lambda's own")
    return {"Environment": {"Variables": variables}}


def _outputs(aws: Aws, name: str, function: Mapping[str, Any], digest: str) -> dict[str, Any]:
    arn = function["FunctionArn"]
    qualified = f"{arn}:{function['Version']}"
    return {
        "name": name,
        "arn": arn,
        "version": function["Version"],
        "lastModified": function.get("LastModified"),
        "qualifiedArn": qualified,
        "invokeArn": invoke_arn(aws, arn),
        "qualifiedInvokeArn": invoke_arn(aws, qualified),
        "codeSha256": function.get("CodeSha256", digest),
        "sourceCodeHash": digest,
        "sourceCodeSize": function.get("CodeSize", 0),
    }
