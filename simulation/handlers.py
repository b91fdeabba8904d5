"""The real handlers, with the simulated AWS where their builders expect boto3."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

from functions.aws import dynamo_table, job_table, scheduling_table
from functions.aws.job_files import S3JobFiles
from functions.aws.job_table import DynamoJobTable
from functions.aws.machine_table import DynamoMachineTable
from functions.aws.scheduling_table import DynamoSchedulingTable
from functions.aws.workflow import StepFunctionsWorkflow
from functions.orchestrator import (
    await_completion,
    dispatch,
    events,
    inspect_command,
    launch,
    pool,
    record,
    release,
    stream,
    sweep,
    terminate,
)
from simulation.dynamodb import TABLE, DynamoDb
from simulation.ec2 import Ec2
from simulation.lambdas import Function
from simulation.metrics import SimulatedMetrics
from simulation.process import pause
from simulation.records import Records
from simulation.s3 import ARTIFACTS, OUTPUTS, S3, UPLOADS
from simulation.ssm import Ssm
from simulation.stack import Stack
from simulation.step_functions import STATE_MACHINE, StepFunctions
from simulation.stored_item import deserialize_item, entry_of, from_item, slot_of
from simulation.threads import Threads

# As infra/steps.py, infra/triggers.py and infra/sweeper.py have them, by the names that the workflow and AWS's triggers
# call them here; seconds.
FUNCTIONS: Mapping[str, Function] = {
    "launch": Function(launch.handler, 60.0),
    "dispatch": Function(dispatch.handler, 60.0),
    "await_completion": Function(await_completion.handler, 60.0),
    "inspect": Function(inspect_command.handler, 60.0),
    "record": Function(record.handler, 60.0),
    "terminate": Function(terminate.handler, 60.0),
    "release": Function(release.handler, 60.0),
    "stream": Function(stream.handler, 30.0),
    "events": Function(events.handler, 30.0),
    "sweep": Function(sweep.handler, 240.0),
    "pool": Function(pool.handler, 30.0),
}
# What an item says is read once, however many read it: DynamoDB's items are what there is most of.
_PARSED = (
    (dynamo_table, "deserialize_item", deserialize_item),
    (job_table, "from_item", from_item),
    (scheduling_table, "entry_of", entry_of),
    (scheduling_table, "slot_of", slot_of),
)


@dataclass(frozen=True)
class Ports:
    db: DynamoDb
    records: Records
    s3: S3
    ec2: Ec2
    ssm: Ssm
    step_functions: StepFunctions
    metrics: SimulatedMetrics

    @property
    def jobs(self) -> DynamoJobTable:
        return DynamoJobTable(self.db.client, TABLE)

    @property
    def files(self) -> S3JobFiles:
        return S3JobFiles(self.s3.client, UPLOADS, OUTPUTS, ARTIFACTS, "payload")

    @property
    def scheduling(self) -> DynamoSchedulingTable:
        return DynamoSchedulingTable(self.db.client, TABLE)

    @property
    def machine_table(self) -> DynamoMachineTable:
        return DynamoMachineTable(self.db.client, TABLE)

    @property
    def workflow(self) -> StepFunctionsWorkflow:
        return StepFunctionsWorkflow(self.step_functions.client, STATE_MACHINE)


@contextmanager
def installed(ports: Ports, stack: Stack) -> Iterator[None]:
    """The handlers' builders run again over `ports`, as on the cold start of a process; no log is written."""
    clients = SimpleNamespace(
        ec2=ports.ec2.client,
        ssm=ports.ssm.client,
        stepfunctions=ports.step_functions.client,
        dynamodb=ports.db.client,
        s3=ports.s3.client,
        logs=None,
    )
    stand_ins: Mapping[str, object] = {
        "Clients": lambda: clients,
        "EmfMetrics": lambda *_: ports.metrics,
        "CloudWatchMachineLog": lambda *_: SimpleNamespace(delete=lambda *_: 0),  # nothing is logged here
        "ThreadPoolExecutor": Threads,
        "time": SimpleNamespace(sleep=pause),
    }
    with ExitStack() as until_the_end:
        until_the_end.enter_context(patch.dict(os.environ, _environment(stack)))
        for module in (sys.modules[each.handler.__module__] for each in FUNCTIONS.values()):
            for name in stand_ins.keys() & vars(module).keys():
                until_the_end.enter_context(patch.object(module, name, stand_ins[name]))
            _forget_built(module)
            until_the_end.callback(_forget_built, module)
        for module, name, parse in _PARSED:
            until_the_end.enter_context(patch.object(module, name, parse))
        until_the_end.callback(logging.disable, logging.root.manager.disable)
        logging.disable()
        yield


def _forget_built(module: ModuleType) -> None:
    """Each handler's builder is cached for the life of its process."""
    for value in list(vars(module).values()):
        forget: Any = getattr(value, "cache_clear", None)
        if forget is not None:
            forget()


def _environment(stack: Stack) -> dict[str, str]:
    """What infra/steps.py, infra/triggers.py and infra/sweeper.py set."""
    return {
        "ARTIFACTS_BUCKET": ARTIFACTS,
        "BOOT_TIMEOUT_SECONDS": str(stack.boot_timeout),
        "GRACE_SECONDS": str(stack.grace),
        "INSTANCE_TYPE": stack.instance_types[0],
        "INSTANCE_TYPES": ",".join(stack.instance_types),
        "JOBS_TABLE": TABLE,
        "JOB_TIMEOUT_SECONDS": str(stack.job_timeout),
        "LAUNCH_TEMPLATE_ID": "lt-simulated",
        "MACHINE_DEADLINE_SECONDS": str(stack.machine_deadline),
        "MACHINE_LOG_GROUP": "/mayfly/simulated/machines",
        "MAYFLY_VERSION": "simulated",
        "MARKETS": ",".join(stack.markets),
        "MAX_CONCURRENT_JOBS": str(stack.max_concurrent),
        "OUTPUTS_BUCKET": OUTPUTS,
        "PAYLOAD_KEY": "payload",
        "PAYLOAD_SHA256": "0" * 64,
        "POOL_SIZE": str(stack.pool_size),
        "QUEUE_TIMEOUT_SECONDS": str(stack.queue_timeout),
        "READY_WITHIN_SECONDS": str(stack.ready_within),
        "SCRIPT": '["./script.py"]',
        "SETTLE_SECONDS": str(stack.settle),
        "SPENDING": stack.spending,
        "STACK": "simulated",
        "STATE_MACHINE_ARN": STATE_MACHINE,
        "SUBNET_IDS": ",".join(stack.subnets),
        "TRANSFER_SECONDS": str(stack.transfer_allowance),
        "UPLOADS_BUCKET": UPLOADS,
    }
