"""`pulumi-resource-aws` for the local cloud: the adapters, served over Pulumi's provider protocol.

Endpoint and credentials come from the environment, as AWS's own clients do: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY. The protocol is Pulumi's (proto/pulumi/provider.proto); secrets stay with the engine, which puts
them back on what the provider answers.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import grpc
from botocore.exceptions import ClientError
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from localcloud.engine import existing, provider, registry, sdk_types, wire
from localcloud.engine.aws import Aws
from localcloud.engine.differences import holds_unknown
from localcloud.engine.provider import Provider, ProviderSettings
from localcloud.engine.records import Resource, Target
from localcloud.plugins.server import serve

_DEFAULTS = "__defaults"  # pulumi-terraform-bridge keeps the names of generated inputs under this key
_SUFFIX_DIGITS = 7
_NAMED_OTHERWISE = {"aws:s3/bucket:Bucket": "bucket"}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
FAIL_AT = "LOCALCLOUD_FAIL_AT"  # a URN, or its last part: creating or updating that resource fails
_PROPERTY = re.compile(r"(\w+)[^:]*: ")
RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


def _readable(method: Callable[[Any, RequestT, Any], ResponseT]) -> Callable[[Any, RequestT, Any], ResponseT]:
    """Let the engine show one readable line for whatever a method raises."""

    @functools.wraps(method)
    def wrapped(self: Any, request: RequestT, context: Any) -> ResponseT:
        try:
            return method(self, request, context)
        except Exception as error:
            context.abort(grpc.StatusCode.UNKNOWN, provider.reason(error))
            raise

    return wrapped


class AwsProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Serves `pulumirpc.ResourceProvider` for one AWS-compatible endpoint."""

    def __init__(self, target: Target, folder: Path) -> None:
        self._cloud = Aws(target)
        self._provider = Provider(self._cloud, target.region, draws_names=True)
        self._settings = ProviderSettings(target.region)
        self._files = wire.Decoder(folder)
        self._hashes = wire.Decoder(folder, reads_files=False)

    def GetPluginInfo(self, _request: Any, _context: Any) -> plugin_pb2.PluginInfo:  # noqa: N802 the protocol's names
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi-aws"))

    def GetSchema(self, _request: Any, _context: Any) -> provider_pb2.GetSchemaResponse:  # noqa: N802
        return provider_pb2.GetSchemaResponse(
            schema=json.dumps({"name": "aws", "version": metadata.version("pulumi-aws")})
        )

    def CheckConfig(self, request: provider_pb2.CheckRequest, _context: Any) -> provider_pb2.CheckResponse:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    @_readable
    def DiffConfig(self, request: provider_pb2.DiffRequest, _context: Any) -> provider_pb2.DiffResponse:  # noqa: N802
        old, new = self._hashes.struct(request.old_inputs), self._hashes.struct(request.news)
        is_elsewhere = old.get("region") != new.get("region")
        return provider_pb2.DiffResponse(
            changes=_SOME if old != new else _NONE, replaces=["region"] if is_elsewhere else []
        )

    @_readable
    def Configure(self, request: provider_pb2.ConfigureRequest, _context: Any) -> provider_pb2.ConfigureResponse:  # noqa: N802
        self._settings = ProviderSettings.from_inputs(self._hashes.struct(request.args), self._cloud.region)
        self._provider.check_account(self._settings)
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    @_readable
    def Invoke(self, request: provider_pb2.InvokeRequest, _context: Any) -> provider_pb2.InvokeResponse:  # noqa: N802
        answer = self._provider.invoke(request.tok, self._hashes.struct(request.args), self._settings)
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(wire.encode(answer))  # the field's name is a Python keyword
        return response

    @_readable
    def Check(self, request: provider_pb2.CheckRequest, _context: Any) -> provider_pb2.CheckResponse:  # noqa: N802
        """Adds the generated name and all tags to the inputs, and refuses what AWS or the adapter would."""
        inputs = struct_pb2.Struct()
        inputs.CopyFrom(request.news)
        given = self._hashes.struct(request.news)
        self._add_generated(request, given, inputs)
        resource = self._resource(request, self._hashes.struct(inputs))
        failures = []
        if not holds_unknown(resource.inputs):
            try:
                self._provider.check(resource, self._settings)
            except Exception as error:  # noqa: BLE001 reported with the property that it is about
                text = provider.reason(error)
                named = _PROPERTY.match(text)
                failures = [provider_pb2.CheckFailure(property=named[1] if named else "", reason=text)]
        return provider_pb2.CheckResponse(inputs=inputs, failures=failures)

    def _add_generated(
        self, request: provider_pb2.CheckRequest, given: Mapping[str, Any], inputs: struct_pb2.Struct
    ) -> None:
        token = _token(request.urn)
        key = _NAMED_OTHERWISE.get(token, "name")
        is_named = registry.adapter(token).longest_name is not None
        if is_named and sdk_types.takes(token, key) and key not in given:
            kept = request.olds.fields[key].string_value if key in request.olds.fields else ""
            name = kept or f"{_name(request.urn)}-{hashlib.sha256(request.randomSeed).hexdigest()[:_SUFFIX_DIGITS]}"
            inputs.fields[key].string_value = name
            inputs.fields[_DEFAULTS].list_value.values.add().string_value = key
        if sdk_types.takes(token, "tags"):
            tags = {**self._settings.default_tags, **(given.get("tags") or {})}
            if not holds_unknown(given.get("tags")):
                inputs.fields["tagsAll"].struct_value.CopyFrom(wire.encode(tags))

    @_readable
    def Diff(self, request: provider_pb2.DiffRequest, _context: Any) -> provider_pb2.DiffResponse:  # noqa: N802
        old, new = self._inputs(request.old_inputs), self._inputs(request.news)
        found = existing.compare(_token(request.urn), old, new)
        details = {
            key: provider_pb2.PropertyDiff(kind=_kind(key, old, new, found), inputDiff=True) for key in found.changed
        }
        key = _NAMED_OTHERWISE.get(_token(request.urn), "name")
        has_fixed_name = key in old and old.get(key) == new.get(key) and not _generated(request.news, key)
        return provider_pb2.DiffResponse(
            changes=_SOME if found.changed else _NONE,
            diffs=found.changed,
            replaces=found.replaced,
            deleteBeforeReplace=bool(found.replaced) and has_fixed_name,
            detailedDiff=details,
            hasDetailedDiff=True,
        )

    @_readable
    def Create(self, request: provider_pb2.CreateRequest, _context: Any) -> provider_pb2.CreateResponse:  # noqa: N802
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        _fail_where_told(request.urn)
        resource = self._resource(request, self._inputs(request.properties, self._files))
        created = self._provider.create(resource, self._settings)
        state = wire.state(request.properties, created.outputs)
        return provider_pb2.CreateResponse(id=created.id, properties=state)

    @_readable
    def Update(self, request: provider_pb2.UpdateRequest, _context: Any) -> provider_pb2.UpdateResponse:  # noqa: N802
        resource = self._resource(request, self._inputs(request.news, self._files))
        old = self._inputs(request.old_inputs)
        resource.outputs = self._hashes.struct(request.olds)
        outputs: dict[str, Any] = {}
        if not request.preview:
            _fail_where_told(request.urn)
            tags = {**self._settings.default_tags, **(resource.inputs.get("tags") or {})}
            outputs = existing.update(self._region(resource), resource, old, tags)
        computed = {key: value for key, value in resource.outputs.items() if key not in {*old, *resource.inputs}}
        computed.pop(_DEFAULTS, None)
        return provider_pb2.UpdateResponse(properties=wire.state(request.news, {**computed, **outputs}))

    @_readable
    def Read(self, request: provider_pb2.ReadRequest, _context: Any) -> provider_pb2.ReadResponse:  # noqa: N802
        resource = self._resource(request, self._inputs(request.inputs))
        if not request.HasField("inputs"):
            raise NotImplementedError(f"the local cloud imports nothing: {request.id} would have to be described again")
        resource.outputs = self._hashes.struct(request.properties)
        live = existing.read(self._region(resource), resource)
        if live is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=request.id, properties=_overlaid(request.properties, live), inputs=_overlaid(request.inputs, live)
        )

    @_readable
    def Delete(self, request: provider_pb2.DeleteRequest, _context: Any) -> empty_pb2.Empty:  # noqa: N802
        resource = self._resource(request, self._inputs(request.old_inputs))
        resource.outputs = self._hashes.struct(request.properties)
        try:
            provider.delete(self._cloud, resource)
        except ClientError as error:
            if not existing.is_missing(error):
                raise
        return empty_pb2.Empty()

    def Cancel(self, _request: Any, _context: Any) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()

    def _inputs(self, struct: struct_pb2.Struct, decoder: wire.Decoder | None = None) -> dict[str, Any]:
        values = (decoder or self._hashes).struct(struct)
        values.pop(_DEFAULTS, None)
        return values

    def _resource(self, request: Any, inputs: dict[str, Any]) -> Resource:
        known = {key: value for key, value in inputs.items() if key not in (_DEFAULTS, "tagsAll")}
        return Resource(
            urn=request.urn,
            type=_token(request.urn),
            name=_name(request.urn),
            parent="",
            custom=True,
            inputs=known,
            id=getattr(request, "id", None),
        )

    def _region(self, resource: Resource) -> Aws:
        return self._cloud.in_region(str(resource.outputs.get("region") or self._settings.region))


_SOME, _NONE = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE


def _token(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]


def _generated(inputs: struct_pb2.Struct, key: str) -> bool:
    return _DEFAULTS in inputs.fields and any(
        value.string_value == key for value in inputs.fields[_DEFAULTS].list_value.values
    )


def _kind(key: str, old: Mapping[str, Any], new: Mapping[str, Any], found: existing.Difference) -> Any:
    kind = "ADD" if key not in old else "DELETE" if key not in new else "UPDATE"
    return provider_pb2.PropertyDiff.Kind.Value(f"{kind}_REPLACE" if key in found.replaced else kind)


def _overlaid(recorded: struct_pb2.Struct, live: Mapping[str, Any]) -> struct_pb2.Struct:
    merged = struct_pb2.Struct()
    merged.CopyFrom(recorded)
    for key, value in live.items():
        merged.fields.pop(key, None)
        if value is not None:
            merged.fields[key].CopyFrom(wire.encode({key: value}).fields[key])
    return merged


def _fail_where_told(urn: str) -> None:
    if os.environ.get(FAIL_AT) in (urn, _name(urn)):
        raise RuntimeError(f"told to fail here by {FAIL_AT}")


def target_from_env(environment: Mapping[str, str]) -> Target:
    """The emulator's endpoint and root key.

    Raises:
        SystemExit: there is none, or it is not on this computer: this plugin is not for AWS.
    """
    endpoint = environment.get("AWS_ENDPOINT_URL", "")
    if urlsplit(endpoint).hostname not in _LOOPBACK:
        raise SystemExit(f"AWS_ENDPOINT_URL is {endpoint!r}: this provider deploys to the local cloud alone")
    keys = (environment.get(key, "") for key in ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    return Target(endpoint, *keys)


if __name__ == "__main__":
    aws = AwsProvider(target_from_env(os.environ), Path.cwd())
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(aws, server))
