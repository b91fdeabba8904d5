"""Puts every patch of this package into the imported MiniStack, in one place."""

from __future__ import annotations

from localcloud.emulator import authorization, kept_state, repeated_work, throttling
from localcloud.emulator.cognito import managed_login, refreshed_groups, sign_up, token_revocation
from localcloud.emulator.cognito.local_users import LocalUsers
from localcloud.emulator.ec2 import ec2_launch
from localcloud.emulator.ec2.instance_registry import InstanceRegistry
from localcloud.emulator.faults import Faults
from localcloud.emulator.functions import (
    event_retries,
    function_code,
    function_permissions,
    invocation_answers,
    reserved_concurrency,
    stream_delivery,
    worker_pool,
    worker_starts,
)
from localcloud.emulator.iam import root_user, transport, used_rights
from localcloud.emulator.settings import Settings
from localcloud.emulator.site import api_endpoint, cloudfront_origins
from localcloud.emulator.site.control import Control
from localcloud.emulator.site.edge import Edge
from localcloud.emulator.ssm import ssm_commands
from localcloud.emulator.workflows import retry_delays, workflow_history, workflow_tasks


def install_patches(settings: Settings) -> tuple[InstanceRegistry, Edge]:
    """Call once per process, before the first request; gives the machines and the site, an ASGI application."""
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
    invocation_answers.install()
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
    scope = settings.home_scope
    control = Control(scope, instances, faults, pool, used_rights.install(), LocalUsers(scope))
    return instances, Edge(settings, control)
