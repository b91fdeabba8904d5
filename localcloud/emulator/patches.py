"""Puts every patch of this package into the imported MiniStack, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from localcloud.emulator import (
    api_endpoint,
    authorization,
    cloudfront_origins,
    ec2_launch,
    event_retries,
    function_code,
    function_errors,
    function_output,
    function_permissions,
    kept_state,
    managed_login,
    refreshed_groups,
    repeated_work,
    reserved_concurrency,
    retry_delays,
    root_user,
    sign_up,
    ssm_commands,
    stream_delivery,
    throttling,
    token_revocation,
    transport,
    used_rights,
    worker_pool,
    worker_starts,
    workflow_history,
    workflow_tasks,
)
from localcloud.emulator.control import Control
from localcloud.emulator.edge import Edge
from localcloud.emulator.faults import Faults
from localcloud.emulator.instance_registry import InstanceRegistry
from localcloud.emulator.job_debug import JobDebug
from localcloud.emulator.local_users import LocalUsers
from localcloud.emulator.settings import Settings
from localcloud.emulator.warm_up import Warmer


@dataclass(frozen=True)
class Emulator:
    """The parts that the server process holds on to; `site` is an ASGI application."""

    faults: Faults
    instances: InstanceRegistry
    site: Any


def install_patches(settings: Settings) -> Emulator:
    """Call once per process, before the first request."""
    faults = Faults()
    instances = InstanceRegistry(settings, faults)
    ec2_launch.install(instances, faults)
    ssm_commands.install(instances, faults)
    root_user.install(settings.root_secret)
    transport.install()
    authorization.install()
    workflow_tasks.install()
    workflow_history.install()
    retry_delays.install()
    function_permissions.install()
    event_retries.install()
    function_code.install()
    reserved_concurrency.install()
    function_errors.install()
    function_output.install()
    worker_starts.install()
    pool = worker_pool.install()
    throttling.install(faults)
    stream_delivery.install(faults)
    api_endpoint.install()
    cloudfront_origins.install()
    managed_login.install()
    sign_up.install()
    token_revocation.install()
    refreshed_groups.install()
    repeated_work.install()
    kept_state.install()
    control = Control(
        instances,
        faults,
        JobDebug(settings, instances),
        Warmer(settings, pool),
        used_rights.install(),
        LocalUsers(settings),
    )
    return Emulator(faults=faults, instances=instances, site=Edge(settings, control))
