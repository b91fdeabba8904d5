"""A whole stack in virtual time: the real handlers and the real workflow on a simulated AWS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from types import SimpleNamespace
from typing import Any, Self, cast

from functions.aws.measured_job_table import MeasuredJobTable
from functions.aws.usage_table import DynamoUsageTable
from functions.jobs.job import Job, Overrides, Run
from functions.jobs.s3_keys import input_key
from functions.scheduling.launch_queue import LaunchQueue
from functions.submission.overrides import Allowance
from functions.submission.submission import Submission
from simulation.calls import Calls
from simulation.clock import VirtualClock
from simulation.damage import damaged
from simulation.definition import Definition
from simulation.dynamodb import TABLE, DynamoDb
from simulation.ec2 import Ec2
from simulation.event_bus import EventBus
from simulation.faults import NO_FAULTS, Faults, ItemFault, Kind
from simulation.handlers import FUNCTIONS, Ports, installed
from simulation.invariants import Invariants
from simulation.lambdas import Answer, Function, Lambdas, ignored
from simulation.metrics import SimulatedMetrics
from simulation.payload import Payload, Script
from simulation.records import QUEUE, SLOTS, Records
from simulation.rng import Rng
from simulation.s3 import S3, UPLOADS
from simulation.ssm import Ssm
from simulation.stack import Stack
from simulation.step_functions import Execution, StepFunctions
from simulation.stream import Stream

OWNER = "alice"
_STEP_CHANGE = "Step Functions Execution Status Change"
_API = "api"
_API_TIMEOUT = 30.0
_MINUTE = 60.0
# How long to wait for an item that is to be damaged, and how often to look for it; seconds.
_DAMAGE_WITHIN, _DAMAGE_AGAIN = 600.0, 0.7


def job_id(number: int) -> str:
    """The id of a simulation's nth job; they sort by number."""
    return f"019b0000-0000-7000-8000-{number:012x}"


class World:
    """Everything that a stack consists of.

    `definition` is the workflow's, without placeholders; the FunctionName of each of its tasks is a key of
    handlers.FUNCTIONS. Used as a context manager: the handlers are the real, global ones, so there can only be one
    world at a time.
    """

    def __init__(
        self, stack: Stack, definition: Mapping[str, Any], *, seed: int = 0, faults: Faults = NO_FAULTS
    ) -> None:
        self.stack = stack
        self.clock = VirtualClock()
        self.rng = rng = Rng(seed, stack.slowness, stack.tail)
        self.scripts: dict[str, Script] = {}
        self.owners: dict[str, str] = {}  # of each job's id
        self.calls = Calls(self.clock, rng, stack.quotas, faults.outages)
        functions = {**FUNCTIONS, _API: Function(self._api, _API_TIMEOUT)}
        self.lambdas = Lambdas(self.clock, rng, functions, faults.functions, faults.congestions)
        self.bus = EventBus(self.clock, rng, self.lambdas, faults.events)
        self.stream = Stream(self.clock, rng, self.lambdas, faults.records)
        db, s3 = DynamoDb(self.calls), S3(self.calls)
        ec2 = Ec2(self.clock, rng, self.calls, self.bus, faults, stack.pace, stack.room, stack.scarce)
        payload = Payload(self.clock, s3, self.scripts)
        self.ports = Ports(
            db=db,
            records=Records(db),
            s3=s3,
            ec2=ec2,
            ssm=Ssm(self.clock, rng, self.calls, self.bus, ec2, payload),
            step_functions=StepFunctions(
                self.clock, rng, self.calls, self.lambdas, Definition.model_validate(definition)
            ),
            metrics=SimulatedMetrics(),
        )
        self._item_faults = faults.items
        db.on_write.append(self.stream.notify)
        self.ports.step_functions.on_end.append(self._notify_end)
        without_slot = frozenset(job_id(fault.job) for fault in faults.items if fault.kind is Kind.SLOT)
        self.invariants = Invariants(self.clock, self.ports, payload, stack, without_slot)
        self._submission = Submission(
            jobs=MeasuredJobTable(db.client, TABLE, self.ports.metrics),
            machines=self.ports.machine_table,
            files=self.ports.files,
            log=cast("Any", SimpleNamespace(delete=lambda *_: 0)),  # no logs here
            queue=LaunchQueue(self.ports.scheduling, self.ports.workflow),
            usage=DynamoUsageTable(db.client, TABLE),
            max_upload_bytes=1 << 30,
            keep_days=30,
            allowance=Allowance(stack.allowed_types),
        )
        self._installed = ExitStack()

    def __enter__(self) -> Self:
        self._installed.enter_context(self.clock.installed())
        self._installed.enter_context(installed(self.ports, self.stack))
        self.clock.after(self.rng.between(0.0, self.stack.sweep_every), self._sweep)
        for fault in self._item_faults:
            self.clock.after(fault.at, partial(self._damage, fault))
        if self.stack.pool_size:
            self.clock.after(self.rng.between(0.0, self.stack.keep_pool_every), self._keep_pool)
        return self

    def __exit__(self, *_: object) -> None:
        self.lambdas.stop()
        self._installed.close()

    # What people do; each is a request to the API's function

    def submit(
        self,
        number: int,
        body: bytes,
        text: str,
        script: Script,
        done: Callable[[Answer], None],
        requested_type: str | None = None,
        owner: str = OWNER,
    ) -> None:
        """Uploads a file and submits the nth job, for the requested instance type."""
        name = job_id(number)
        self.scripts[name], self.owners[name] = script, owner
        self.ports.s3.put(f"{UPLOADS}/{input_key(owner, name, 'a b.txt')}", body)
        self.lambdas.invoke(
            _API, {"do": "submit", "job_id": name, "text": text, "requested_type": requested_type}, done
        )

    def ask(self, what: str, number: int, done: Callable[[Answer], None] = ignored) -> None:
        """Asks the API to "cancel", "retry" or "delete" the nth job."""
        self.lambdas.invoke(_API, {"do": what, "job_id": job_id(number)}, done)

    def abort(self, number: int) -> str | None:
        """Stops the workflow of the nth job's latest run, as an operator might; the run's name, if there is one."""
        job = self.job(number)
        if job is None:
            return None
        self.ports.step_functions.abort(job.this_run.name)
        return job.this_run.name

    def forget_counts(self) -> None:
        """Counts calls, invocations and transitions from now on."""
        self.calls.counted.clear()
        self.lambdas.invoked.clear()
        self.lambdas.seconds.clear()
        self.lambdas.most = 0
        self.ports.step_functions.transitions = 0

    # What can be seen

    def job(self, number: int) -> Job | None:
        return self.ports.records.jobs.get((self.owner(number), job_id(number)))

    def owner(self, number: int) -> str:
        return self.owners.get(job_id(number), OWNER)

    def run(self, seconds: float) -> None:
        """Lets time pass."""
        self.clock.run(self.clock.seconds + seconds)

    def run_to_rest(self, limit: float) -> bool:
        """Lets time pass until nothing is left to do; False when there still is after `limit` seconds."""
        until = self.clock.seconds + limit
        # The pool's reconciler comes every minute: looked at as often, it might be at work each time.
        step = _MINUTE / 9 if self.stack.pool_size else _MINUTE
        while not self.is_at_rest():
            if self.clock.seconds >= until:
                return False
            self.run(step)
        return True

    def is_at_rest(self) -> bool:
        return next(self.unrest(), None) is None

    def unrest(self) -> Iterator[str]:
        """What is left to do, in words."""
        ports, waiting = self.ports, self.waiting
        if self.lambdas.pending:
            yield "functions run"
        if self.bus.pending or self.stream.pending:
            yield "events are on their way"
        yield from (f"job {job.id} is {job.status}" for job in self._unended())
        yield from (f"workflow {execution.name} is in {execution.state}" for execution in ports.step_functions.running)
        yield from (f"machine {one.id} is {one.state}" for one in ports.ec2.unended if one.id not in waiting)
        yield from self._unrest_of_pool()
        yield from (f"the slot of {item['id']['S']} is held" for item in ports.db.of_owner(SLOTS))
        yield from (f"{item['id']['S']} is in the queue" for item in ports.db.of_owner(QUEUE))

    @property
    def waiting(self) -> set[str]:
        """The machines that wait in the pool, stopped."""
        items = self.ports.records.pool.values()
        ready = {item.instance_id for item in items if item.is_ready and item.claim is None}
        return {one for one in ready if self.ports.ec2.instances[one].state == "stopped"}

    def _unended(self) -> Iterator[Job]:
        """Without those whose records cannot be written, which stay as they are."""
        records = self.ports.records
        return (job for key, job in records.jobs.items() if not job.status.is_terminal and key not in records.damaged)

    def _unrest_of_pool(self) -> list[str]:
        wanted = 0 if self.stack.room == 0 else self.stack.pool_size  # an account without room has no pool either
        known, waiting = len(self.ports.records.pool), len(self.waiting)
        if known == waiting == wanted:
            return []
        return [f"{waiting} machines wait in the pool, which knows {known}, and not {wanted}"]

    def _api(self, request: dict[str, Any], _context: Any) -> str:
        submission, job = self._submission, request["job_id"]
        owner = self.owners.get(job, OWNER)
        if request["do"] == "submit":
            return str(submission.submit(owner, job, request["text"], Overrides(request["requested_type"]))[0].status)
        done = getattr(submission, request["do"])(owner, job)
        return "deleted" if done is None else str(done.status)

    def _damage(self, fault: ItemFault) -> None:
        key = (self.owner(fault.job), job_id(fault.job))
        if damaged(self.ports, key, fault.kind, fault.damage):
            return
        if self.clock.seconds < fault.at + _DAMAGE_WITHIN:
            self.clock.after(_DAMAGE_AGAIN, partial(self._damage, fault))

    def _sweep(self) -> None:
        self.lambdas.invoke_asynchronously("sweep", {})
        self.clock.after(self.stack.sweep_every, self._sweep)

    def _keep_pool(self) -> None:
        self.lambdas.invoke_asynchronously("pool", {})
        self.clock.after(self.stack.keep_pool_every, self._keep_pool)

    def _notify_end(self, execution: Execution) -> None:
        if execution.status in {"FAILED", "TIMED_OUT", "ABORTED"}:
            detail = {"input": execution.given, "status": execution.status, "name": execution.name}
            self.bus.publish("sweep", _STEP_CHANGE, detail)


def run_of(execution: Execution) -> Run:
    given = json.loads(execution.given)
    return Run(given["owner"], given["job_id"], given["run"])
