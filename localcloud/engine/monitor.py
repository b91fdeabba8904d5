"""The resource monitor: what a Pulumi program talks to when it registers resources and calls data sources.

Its methods are those of the gRPC service `pulumirpc.ResourceMonitor`, called directly by the SDK on worker threads.
Features that it does not announce (transforms, hooks) are refused by the SDK itself, with its own message.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import resource_pb2

from localcloud.engine import wire
from localcloud.engine.errors import DeploymentError
from localcloud.engine.provider import Provider, ProviderSettings, reason
from localcloud.engine.records import Resource, ResourceOptions

_LOG = logging.getLogger(__name__)
_STACK = "pulumi:pulumi:Stack"
_PROVIDER = "pulumi:providers:"
_AWS_PROVIDER = "pulumi:providers:aws"
# Checks of the real provider at start-up; there is nothing to skip here.
_IGNORED_PROVIDER_INPUTS = {"version", "skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation"}
_CARRIED_PROVIDER_INPUTS = {"region", "defaultTags", "allowedAccountIds", "forbiddenAccountIds"}
# Credentials and the way to AWS: a preview records it, and a deployment to the local cloud has no use for it.
_RECORDED_PROVIDER_INPUTS = {"profile", "assumeRoles", "sharedConfigFiles", "sharedCredentialsFiles"}


class Monitor:
    """Records every resource, has the provider create it, and keeps the first failure.

    Attributes:
        resources: in the order in which they came into being.
        outputs: the stack's exports.
        failure: the first thing that went wrong; later registrations are refused with it.
    """

    def __init__(
        self,
        names: tuple[str, str],
        provider: Provider,
        decoder: wire.Decoder,
        settings: ProviderSettings,
        on_progress: Callable[[Resource], None] | None,
    ) -> None:
        self._stack, self._project = names
        self._provider = provider
        self._decoder = decoder
        self._settings = {"": settings}
        self._on_progress = on_progress
        self._by_urn: dict[str, Resource] = {}
        self._lock = threading.Lock()
        self.resources: list[Resource] = []
        self.outputs: dict[str, Any] = {}
        self.failure: DeploymentError | None = None

    def RegisterResource(  # noqa: N802 the protocol's name
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        urn = self._urn(request.parent, request.type, request.name)
        try:
            resource = self._begin(urn, request)
            state = self._create(resource, request)
        except Exception as error:
            raise self._fail(urn, error) from error
        with self._lock:
            self.resources.append(resource)
        if self._on_progress is not None and request.type != _STACK:
            self._on_progress(resource)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=resource.id or "", object=state)

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> empty_pb2.Empty:  # noqa: N802
        outputs = self._decoder.struct(request.outputs)
        with self._lock:
            if f"::{_STACK}::" in request.urn:
                self.outputs = outputs
            self._by_urn[request.urn].outputs = outputs
        return empty_pb2.Empty()

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802
        try:
            arguments = self._decoder.struct(request.args)
            answer = self._provider.invoke(request.tok, arguments, self._provider_settings(request.provider))
        except Exception as error:
            raise self._fail(f"data source {request.tok}", error) from error
        response = resource_pb2.ResourceInvokeResponse()
        getattr(response, "return").CopyFrom(wire.encode(answer))  # the field's name is a Python keyword
        return response

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:  # noqa: N802
        urn = self._urn(request.parent, request.type, request.name)
        raise self._fail(urn, NotImplementedError(f"reading the existing resource {request.id} is not supported"))

    def GetDeploymentInfo(self, _request: empty_pb2.Empty) -> resource_pb2.DeploymentInfo:  # noqa: N802
        return resource_pb2.DeploymentInfo(
            supportedFeatures=[
                resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
                resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
            ]
        )

    def SignalAndWaitForShutdown(self, _request: empty_pb2.Empty) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()

    def _begin(self, urn: str, request: resource_pb2.RegisterResourceRequest) -> Resource:
        resource = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            custom=request.custom,
            inputs=self._decoder.struct(request.object),
            dependencies=sorted(request.dependencies),
            property_dependencies={
                key: sorted(value.urns) for key, value in sorted(request.propertyDependencies.items())
            },
            options=ResourceOptions(request.protect, request.retainOnDelete, request.provider),
        )
        with self._lock:
            if self.failure is not None:
                raise self.failure
            if urn in self._by_urn:
                raise ValueError("this URN is registered twice; give the resource a name of its own")
            self._by_urn[urn] = resource
        if request.importId or request.remote:
            raise NotImplementedError("imported resources and remote components are not supported")
        return resource

    def _create(self, resource: Resource, request: resource_pb2.RegisterResourceRequest) -> struct_pb2.Struct:
        if not resource.custom:
            return struct_pb2.Struct()
        if resource.type.startswith(_PROVIDER):
            resource.id = f"{resource.name}-id"
            self._add_provider(resource)
            return request.object
        created = self._provider.create(resource, self._provider_settings(request.provider))
        resource.id = created.id
        resource.outputs = {**resource.inputs, **created.outputs}
        return wire.state(request.object, created.outputs)

    def _add_provider(self, resource: Resource) -> None:
        known = _IGNORED_PROVIDER_INPUTS | _CARRIED_PROVIDER_INPUTS
        unknown = set(resource.inputs) - (known | _RECORDED_PROVIDER_INPUTS if self._provider.is_dry_run else known)
        if resource.type != _AWS_PROVIDER or unknown:
            raise NotImplementedError(f"provider options that the local cloud ignores: {sorted(unknown)}")
        settings = ProviderSettings.from_inputs(resource.inputs, self._settings[""].region)
        self._provider.check_account(settings)
        self._settings[resource.urn] = settings

    def _provider_settings(self, reference: str) -> ProviderSettings:
        return self._settings[reference.rpartition("::")[0]]

    def _urn(self, parent: str, type_: str, name: str) -> str:
        chain = parent.split("::")[2] if parent else ""
        qualified = type_ if chain in ("", _STACK) else f"{chain}${type_}"
        return f"urn:pulumi:{self._stack}::{self._project}::{qualified}::{name}"

    def _fail(self, subject: str, error: BaseException) -> DeploymentError:
        _LOG.debug("%s failed", subject, exc_info=error)
        with self._lock:
            if self.failure is None:
                self.failure = DeploymentError(f"{subject}: {reason(error)}")
            return self.failure
