"""Mayfly's infrastructure: configuration, components, exports."""

import pulumi

import infra.python_version  # noqa: F401 what comes after it needs a Python that it accepts
from infra.api import Api, ApiArgs
from infra.config import StackConfig
from infra.job_storage import JobStorage
from infra.machines import Machines, MachinesArgs
from infra.monitoring import Monitoring, MonitoringArgs
from infra.network import Network
from infra.payload import Payload, PayloadArgs
from infra.provider import aws_provider, place_of
from infra.pulumi_version import check_cli
from infra.sign_in import SignIn, SignInArgs
from infra.site import Site, SiteArgs
from infra.steps import Steps, StepsArgs
from infra.sweeper import Sweeper, SweeperArgs
from infra.triggers import Triggers, TriggersArgs
from infra.workflow import Workflow, WorkflowArgs

check_cli()
config = StackConfig.from_pulumi()
name = config.prefix
provider = aws_provider(name, {"project": "mayfly", "mayfly:stack": config.stack})
tagged, place = pulumi.ResourceOptions(provider=provider), place_of(provider)
region, account_id = place.region, place.account_id

# Known before the state machine exists: its steps, which it needs, need it, and nothing else has to wait for it.
state_machine_name = f"{name}-jobs"
state_machine_arn = f"arn:aws:states:{region}:{account_id}:stateMachine:{state_machine_name}"

data = JobStorage(config, opts=tagged)
network = Network(name, config.vpc_cidr, opts=tagged)
machines = Machines(f"{name}-machines", MachinesArgs(config, network), opts=tagged)
payload = Payload(f"{name}-payload", PayloadArgs(config, data.artifacts), opts=tagged)
steps = Steps(
    name, StepsArgs(config, account_id, region, data, network, machines, payload, state_machine_arn), opts=tagged
)
workflow = Workflow(state_machine_name, WorkflowArgs(config, account_id, region, steps), opts=tagged)
triggers = Triggers(name, TriggersArgs(config, data, workflow, state_machine_arn), opts=tagged)
sweeper = Sweeper(
    f"{name}-sweep", SweeperArgs(config, account_id, region, data, machines, state_machine_arn), opts=tagged
)
api = Api(f"{name}-api", ApiArgs(config, data, machines, state_machine_arn), opts=tagged)
sign_in = SignIn(f"{name}-sign-in", SignInArgs(config, account_id, region), opts=tagged) if config.has_sign_in else None
site = Site(f"{name}-site", SiteArgs(api.host, data.hosts, sign_in, config.domain), opts=tagged)
clients = sign_in.clients([site.url, *config.extra_origins]) if sign_in else None
api.serve(clients)
site.configure(clients)
data.open_to([site.url, *config.extra_origins])
monitoring = Monitoring(name, MonitoringArgs(config, account_id, region, api, triggers, state_machine_arn), opts=tagged)

pulumi.export("uploads_bucket", data.uploads.name)
pulumi.export("outputs_bucket", data.outputs.name)
pulumi.export("table", data.table.name)
pulumi.export("failed_records_queue", triggers.failed_records)
more = workflow.exports | site.exports | monitoring.exports | (clients.exports if clients else {})
for key, value in more.items():
    pulumi.export(key, value)
