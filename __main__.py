"""Mayfly's infrastructure: configuration, components, exports."""

import pulumi

import infra.python_version  # noqa: F401 what comes after it needs a Python that it accepts
from infra.api import Api, ApiArgs
from infra.config import StackConfig
from infra.deferred import deferred
from infra.job_storage import JobStorage, JobStorageArgs
from infra.machines import Machines, MachinesArgs
from infra.monitoring import Monitoring, MonitoringArgs
from infra.network import Network, NetworkArgs
from infra.payload import Payload, PayloadArgs
from infra.provider import aws_provider, place_of, stack_tags
from infra.pulumi_version import check_cli
from infra.sign_in import SignIn, SignInArgs
from infra.site import Site, SiteArgs
from infra.stack import Stack
from infra.steps import Steps, StepsArgs
from infra.sweeper import Sweeper, SweeperArgs
from infra.triggers import Triggers, TriggersArgs
from infra.workflow import Workflow, WorkflowArgs

check_cli()
config = StackConfig.from_pulumi()
name = config.prefix
tags = stack_tags({"project": "mayfly", "mayfly:stack": config.stack})
provider = aws_provider(name, tags)
tagged, stack = pulumi.ResourceOptions(provider=provider), Stack(config, *place_of(provider))

# Buckets, sign-in and API have to know the page's address, and the page theirs.
with deferred() as (site_url, resolve_site_url):
    origins: list[pulumi.Input[str]] = [site_url, *config.extra_origins]
    data = JobStorage(name, JobStorageArgs(config, origins), opts=tagged)
    network = Network(name, NetworkArgs(stack), opts=tagged)
    machines = Machines(f"{name}-machines", MachinesArgs(config, network, tags), opts=tagged)
    payload = Payload(f"{name}-payload", PayloadArgs(config, data.artifacts), opts=tagged)
    steps = Steps(name, StepsArgs(stack, data, network, machines, payload), opts=tagged)
    workflow = Workflow(stack.state_machine_name, WorkflowArgs(stack, steps), opts=tagged)
    triggers = Triggers(name, TriggersArgs(stack, data, workflow), opts=tagged)
    sweeper = Sweeper(f"{name}-sweep", SweeperArgs(stack, data, machines), opts=tagged)
    sign_in_args = SignInArgs(stack, origins)
    clients = SignIn(f"{name}-sign-in", sign_in_args, opts=tagged).clients if config.has_sign_in else None
    api = Api(f"{name}-api", ApiArgs(stack, data, machines, clients), opts=tagged)
    site = Site(f"{name}-site", SiteArgs(api.host, data.hosts, clients, config.domain), opts=tagged)
    resolve_site_url(site.url)
monitoring = Monitoring(name, MonitoringArgs(stack, api, triggers), opts=tagged)

pulumi.export("failed_records_queue", triggers.failed_records)
for part in (data, workflow, site, monitoring, clients):
    for key, value in part.exports.items() if part else ():
        pulumi.export(key, value)
