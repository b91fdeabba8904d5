"""A schedule of jobs, people and faults, and what must be true however it goes."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from functools import partial

from functions.cleanup.sweeper import UNASSIGNED
from functions.costs.budget import Spending
from functions.costs.pricing import for_seconds, machine_cost
from functions.jobs.job import Job, JobStatus
from functions.jobs.s3_keys import output_key
from functions.monitoring.metrics import SWEEP_FAILURES
from simulation.faults import FINE, NO_FAULTS, PARTIAL, Damage, Faults, Kind
from simulation.lambdas import Answer
from simulation.payload import Script
from simulation.s3 import OUTPUTS
from simulation.stack import Stack
from simulation.world import OWNER, World, job_id, run_of
from tests.simulation.workflow import definition, most_events

# Long enough for everything a schedule can hold: eight jobs one after the other, each with three slow machines.
_REST_WITHIN = 12 * 3600.0
# How long a machine may have its slot before its run hears of it, in seconds. While no function fails, that is the
# workflow's longest wait between two tries; else the sweeper's grace and two of its rounds.
_IDLE_AT_MOST, _IDLE_WITH_FAULTS = 75.0, 750.0
# How long a slot may be free while a run is in the queue, in seconds, as long as nothing fails and EC2 refuses nothing.
_STARVED_AT_MOST = 30.0
# The sweeper passes by a few times more, and the last late event comes in.
_STAYS_AT_REST = 20 * 60.0
# What is at work just then may stall, be ended at its time-out, and be tried again by Lambda after up to two minutes.
_LAST_FUNCTION_ENDS_WITHIN = 10 * 60.0
_TEMPORARY = {FINE, PARTIAL, "InsufficientInstanceCapacity", "VcpuLimitExceeded", "RequestLimitExceeded"}
# How long Lambda may have no room for a function before a step may have used up its tries: those of a row with jitter
# take 257 s on average, and less than this about once in ten thousand.
_CONGESTED_AT_MOST = 60.0
_STORES = 3  # how often the workflow has an unstored result stored again


@dataclass(frozen=True)
class PlannedJob:
    at: float
    body: bytes = b"line\n"
    text: str = "text"
    script: Script = field(default_factory=Script)
    requested_type: str | None = None
    owner: str = OWNER

    @property
    def result(self) -> bytes:
        return self.body + (b"\n" if self.body and not self.body.endswith(b"\n") else b"") + self.text.encode()


@dataclass(frozen=True)
class Action:
    """What a user does to a job: cancel, retry or delete it, or abort its workflow."""

    at: float
    job: int
    what: str


@dataclass(frozen=True)
class Schedule:
    jobs: tuple[PlannedJob, ...]
    actions: tuple[Action, ...] = ()
    faults: Faults = NO_FAULTS
    max_concurrent: int = 2
    max_attempts: int = 3
    queue_timeout_minutes: int = 240
    slowness: float = 1.0
    room: int | None = None
    scarce: frozenset[str] = frozenset()
    owner_cap: int = 0  # micro-USD a day
    pool_size: int = 0
    pool_head_start: float = 0.0  # seconds that the pool has before anything else happens
    seed: int = 0


class SimulationRun:
    """One schedule, played to its end; `problems` is every rule that was broken, in words."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.problems: list[str] = []
        # Whom the API said yes to, in order, by job.
        self.granted: dict[int, list[str]] = defaultdict(list)
        self.aborted: set[str] = set()
        timeout = schedule.queue_timeout_minutes
        stack = Stack(
            max_concurrent=schedule.max_concurrent,
            queue_timeout=timeout * 60,
            slowness=schedule.slowness,
            room=schedule.room,
            owner_cap=schedule.owner_cap,
            pool_size=schedule.pool_size,
            scarce=schedule.scarce,
        )
        self.world = World(
            stack, definition(schedule.max_attempts, timeout), seed=schedule.seed, faults=schedule.faults
        )

    def run(self) -> SimulationRun:
        with self.world as world:
            world.run(self.schedule.pool_head_start)
            for number, job in enumerate(self.schedule.jobs):
                done = partial(self._answered, number, "submit")
                submit = partial(
                    world.submit, number, job.body, job.text, job.script, done, job.requested_type, job.owner
                )
                world.clock.after(job.at, submit)
            for action in self.schedule.actions:
                world.clock.after(action.at, partial(self._do, action))
            world.run(
                max([job.at for job in self.schedule.jobs] + [action.at for action in self.schedule.actions]) + 1.0
            )
            if world.run_to_rest(_REST_WITHIN):
                world.run(_STAYS_AT_REST)
                world.run_to_rest(_LAST_FUNCTION_ENDS_WITHIN)
            self.problems = [*world.invariants.problems, *world.unrest(), *self._verdict()]
        return self

    def job(self, number: int) -> Job:
        job = self.world.job(number)
        assert job is not None
        return job

    def _do(self, action: Action) -> None:
        if action.what == "abort":
            run = self.world.abort(action.job)
            self.aborted |= {run} if run else set()
        else:
            self.world.ask(action.what, action.job, partial(self._answered, action.job, action.what))

    def _answered(self, number: int, what: str, answer: Answer) -> None:
        if answer.error is None:
            self.granted[number].append(what)

    def _verdict(self) -> Iterator[str]:
        yield from self._delays()
        yield from self._problems_of_ledger()
        most = most_events(self.schedule.max_attempts, self.schedule.queue_timeout_minutes)
        for execution in self.world.ports.step_functions.executions.values():
            if execution.history > most:
                yield f"{execution.name} has {execution.history} events, more than {most}"
            if execution.status == "FAILED" and not self._may_use_up_tries:
                yield f"{execution.name} did not get to its end: {execution.error}"
        executions = [run_of(execution) for execution in self.world.ports.step_functions.executions.values()]
        yield from (f"{run} has two workflows" for run in set(executions) if executions.count(run) > 1)
        yield from self._problems_of_sweeps()
        for number, planned in enumerate(self.schedule.jobs):
            job = self.world.job(number)
            if number in self._damaged:
                continue
            if job is None:
                if "submit" in self.granted[number] and "delete" not in self._deeds_to(number):
                    yield f"job {number} was accepted and is not there"
                continue
            yield from (f"job {number}: {problem}" for problem in self._problems_of(number, planned, job))

    @property
    def _may_use_up_tries(self) -> bool:
        """Whether something fails for longer than a step of the workflow is tried."""
        faults = self.schedule.faults
        return bool(faults.outages) or any(each.seconds >= _CONGESTED_AT_MOST for each in faults.congestions)

    @property
    def _damaged(self) -> set[int]:
        """The numbers of the jobs of which an item was damaged."""
        return {fault.job for fault in self.schedule.faults.items}

    def _is_damaged(self, name: str, but: Container[Kind] = ()) -> bool:
        """Whether items of the job, or of the run, of that name were damaged, beside those of some kinds."""
        return any(name.startswith(job_id(each.job)) for each in self.schedule.faults.items if each.kind not in but)

    def _problems_of_sweeps(self) -> Iterator[str]:
        """A sweep of which no call fails comes to its end, and measures what it cannot see to, for an alarm."""
        faults, failed = self.schedule.faults, self.world.lambdas.failed["sweep"]
        if failed and not faults.outages and "sweep" not in {fault.function for fault in faults.functions}:
            yield f"{failed} sweeps did not come to their end"
        records, measured = self.world.ports.records, self.world.ports.metrics.sums[SWEEP_FAILURES.name, None]
        for key, damage in records.damaged.items():
            is_open = key in records.jobs and not records.jobs[key].status.is_terminal
            if is_open and damage in {Damage.TOO_LARGE, Damage.UNREADABLE} and not measured:
                yield f"the record of {key} is {damage}, and no sweep has measured it"

    def _problems_of_ledger(self) -> Iterator[str]:
        """Each machine that a run had is in the ledger as its receipt has it, and no day is beyond the cap."""
        world, cap = self.world, self.schedule.owner_cap
        charges = world.ports.records.charges
        jobs = [job for job in world.ports.records.jobs.values() if not self._is_damaged(job.id)]
        for one in world.invariants.served.keys() - charges.keys():
            if not self._is_damaged(world.invariants.served[one][0], but={Kind.RECORD, Kind.ENTRY, Kind.MACHINE}):
                yield f"{one} was served with and not charged for"
        for machine in (machine for job in jobs for machine in job.machines):
            cost, charge = machine_cost(machine, world.clock.utc), charges.get(machine.instance_id)
            if charge is None or (charge.micro_usd, charge.day) != (cost, machine.launched_at[:10]):
                yield f"{machine.instance_id} has cost {cost}, and the ledger has {charge}"
        for one in charges.keys() - world.invariants.served.keys():
            # The sweeper charges one that a crash has left behind to the stack, for as long as it lived.
            if charges[one].micro_usd > self._dearest_minute and charges[one].owner != UNASSIGNED:
                yield f"{one} was no run's, and {charges[one]} is in the ledger"
        for whose in {(charge.owner, charge.day) for charge in charges.values()}:
            spent = sum(charge.micro_usd for charge in charges.values() if (charge.owner, charge.day) == whose)
            if cap and spent > cap:
                yield f"{spent} micro-USD were spent by {whose}, and {cap} may be"

    @property
    def _dearest_minute(self) -> int:
        spending = Spending.from_json(self.world.stack.spending)
        kinds, markets = spending.prices.machines, self.world.stack.markets
        return max(for_seconds(spending.prices.hourly(kind, market) or 0, 0) for kind in kinds for market in markets)

    def _delays(self) -> Iterator[str]:
        schedule, invariants = self.schedule, self.world.invariants
        faults = schedule.faults
        lasting = [*(each.seconds for each in faults.outages), *(each.seconds for each in faults.congestions)]
        undisturbed = not (faults.functions or lasting or self._damaged) and schedule.slowness == 1
        longest = _IDLE_AT_MOST if undisturbed else _IDLE_WITH_FAULTS + sum(lasting)
        for one, seconds in invariants.idle.items():
            if seconds > longest and not self._is_damaged(invariants.served[one][0]):
                yield f"{one} was idle for {seconds:.0f} s"
        is_refused = (
            schedule.owner_cap
            or schedule.room is not None
            or schedule.scarce
            or not set(schedule.faults.launches) <= {FINE}
        )
        if undisturbed and not is_refused and invariants.starved > _STARVED_AT_MOST:
            yield f"a slot was free for {invariants.starved:.0f} s while a run was in the queue"

    def _problems_of(self, number: int, planned: PlannedJob, job: Job) -> Iterator[str]:
        actions = self._deeds_to(number)
        granted = [what for what in self.granted[number] if what != "submit"]
        if job.status is JobStatus.CANCELLED and "cancel" not in actions:
            yield "is cancelled without a request"
        if granted and granted[-1] == "cancel" and "retry" not in actions and job.status is not JobStatus.CANCELLED:
            yield f"was cancelled and is {job.status}"
        if job.status is JobStatus.SUCCEEDED:
            yield from self._problems_of_result(planned, job)
        if job.status is JobStatus.FAILED and not self._is_explained(planned, job):
            assert job.error is not None
            yield f"failed without a reason in the schedule: {job.error.code}: {job.error.message}"
        alive = [machine.instance_id for machine in job.machines if machine.terminated_at is None]
        if alive:
            yield f"the receipt of {', '.join(alive)} has no end"

    def _deeds_to(self, number: int) -> list[str]:
        return [action.what for action in self.schedule.actions if action.job == number]

    def _problems_of_result(self, planned: PlannedJob, job: Job) -> Iterator[str]:
        path = f"{OUTPUTS}/{output_key(job.owner, job.id, job.attempts, job.filename)}"
        if job.output_file_path != path:
            yield f"its result is {job.output_file_path}, its last attempt's is {path}"
        body = self.world.ports.s3.objects.get(path)
        if body != planned.result or job.output_size != len(planned.result):
            yield f"its result is {body!r} of {job.output_size} bytes, not {planned.result!r}"
        if planned.script.fails:
            yield "its script failed, and it succeeded"
        yield from self._problems_of_manifest(planned, job)

    def _problems_of_manifest(self, planned: PlannedJob, job: Job) -> Iterator[str]:
        if job.manifest is None:
            yield "it has no manifest"
            return
        body = self.world.ports.s3.objects.get(job.manifest.path, b"")
        if hashlib.sha256(body).hexdigest() != job.manifest.sha256:
            yield f"its manifest {body!r} does not have the recorded hash"
            return
        manifest = json.loads(body)
        said = {name: manifest[name]["sha256"] for name in ("input", "text", "output")}
        contents = {"input": planned.body, "text": planned.text.encode(), "output": planned.result}
        if said != {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}:
            yield f"its manifest has other hashes: {said}"
        # A run that was aborted right after its launch leaves its attempt's number to the next run.
        last = next(each for each in job.machines if (each.run, each.attempt) == (job.run, job.attempts))
        machine = manifest["machine"]
        if (manifest["job_id"], manifest["attempt"]) != (job.id, job.attempts):
            yield f"its manifest is about {manifest['job_id']}, attempt {manifest['attempt']}"
        if machine is None or machine["instance_id"] != last.instance_id:
            yield f"its manifest names {machine}, its result is from {last.instance_id}"

    def _is_explained(self, planned: PlannedJob, job: Job) -> bool:
        """Whether something in the schedule is a reason for a job to have failed as it did."""
        schedule, run = self.schedule, job.this_run
        code = job.error.code if job.error else ""
        if code in {"machine_lost", "boot_timeout"}:
            served = self.world.invariants.served.items()
            machines = [self.world.ports.ec2.instances[one] for one, (name, _) in served if name == run.name]
            return sum(machine.fault is not None for machine in machines) >= schedule.max_attempts
        return {
            "script_failed": planned.script.fails,
            "output_not_stored": planned.script.expiries > _STORES,
            "launch_refused": bool(set(schedule.faults.launches) - _TEMPORARY),
            "queue_timeout": schedule.queue_timeout_minutes < 240,
            "internal_error": run.name in self.aborted or self._may_use_up_tries,
            "spending_cap": schedule.owner_cap > 0,
        }.get(code, False)
