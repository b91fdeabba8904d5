"""What must be true at every moment, looked at whenever something happens that could break it."""

from __future__ import annotations

from collections import Counter, defaultdict

from functions.costs.budget import Spending
from functions.costs.pricing import day_of
from functions.jobs.job import Job, JobStatus
from functions.monitoring.metrics import JOBS_ENDED, MACHINE_SECONDS
from functions.scheduling.ports import Batch, QueueEntry, Slot
from simulation.calls import invocation
from simulation.clock import VirtualClock
from simulation.ec2 import Instance
from simulation.handlers import Ports
from simulation.payload import Payload
from simulation.queue_reads import QueueReads
from simulation.records import SLOTS
from simulation.s3 import OUTPUTS
from simulation.stack import Stack
from simulation.step_functions import Execution


class Invariants:
    """`problems` is every broken rule, in words. `served` is which machines were for which (run's name, attempt).

    `idle` is how long each machine had its slot before its job's record knew of it, `starved` the longest time that a
    slot was free while the run that then got it was in the queue, both in seconds. `grants` are the names of the runs
    in the order in which they got their first slots. The jobs whose ids are `without_slot` have or had a slot that
    cannot be read: when its machine was launched is not known then, and one that EC2 does not show yet counts as gone.
    """

    def __init__(
        self,
        clock: VirtualClock,
        ports: Ports,
        payload: Payload,
        stack: Stack,
        without_slot: frozenset[str] = frozenset(),
    ) -> None:
        self.problems: list[str] = []
        self.served: dict[str, tuple[str, int]] = {}
        self.idle: dict[str, float] = {}
        self.starved = 0.0
        self.grants: list[str] = []
        self._clock = clock
        self._ports = ports
        self._stack = stack
        self._without_slot = without_slot
        self._spending = Spending.from_json(stack.spending)
        self._started: dict[str, tuple[str, int]] = {}
        self._has_machine: set[tuple[str, int]] = set()
        self._granted: dict[str, float] = {}
        self._first_granted: dict[str, float] = {}
        self._room_since = 0.0
        self._entered: dict[str, float] = {}
        # Since when each run has been in the queue without a break, with its entry's own `since`.
        self._stands: dict[str, tuple[str, float]] = {}
        self._requested_types: dict[str, str | None] = {}
        # The types that each lease holder asked for last without success, or may have.
        self._refused: dict[int, set[str | None]] = defaultdict(set)
        # What was written, by the metric and kind that count it.
        self.written: Counter[tuple[str, str | None]] = Counter()
        ports.metrics.on_record.append(self._on_record)
        self._records = records = ports.records
        records.on_enqueue.append(self._on_enqueue)
        self._reads = QueueReads(records, ports.db)
        records.on_save_batch.append(self._on_save_batch)
        records.on_grant.append(self._on_grant)
        records.on_free.append(self._on_free)
        records.on_job.append(self._on_write)
        ports.s3.on_store.append(self._on_store)
        ports.ec2.on_terminate.append(self._on_terminate)
        ports.ec2.on_stop.append(self._on_stop)
        ports.step_functions.on_end.append(self._on_end)
        payload.on_start.append(self._on_start)

    def say(self, problem: str) -> None:
        self.problems.append(f"{self._clock.seconds:.3f} s: {problem}")

    def _on_enqueue(self, entry: QueueEntry) -> None:
        name = entry.run.name
        self._entered[name] = self._clock.seconds
        self._requested_types[name] = entry.requested_type
        if name not in self._stands or self._stands[name][0] != entry.since:
            self._stands[name] = entry.since, self._clock.seconds

    def _on_save_batch(self, batch: Batch) -> None:
        """Every entry before one of the batch, at the holder's last read of the queue, is in the batch as well.

        Unless it requests another type, and a slot is left for it or the holder was refused that type.
        """
        running = invocation()
        holder = running.number if running else -1
        members = {run.name for run, _ in batch.attempts}
        requested_types = {self._requested_types[name] for name in members}
        if len(requested_types) > 1:
            self.say(f"one call is for {requested_types}")
        read, refused = self._reads.of(holder), self._refused[holder]

        def waits(entry: QueueEntry) -> bool:
            return entry.run.name in members or (entry.run.name, entry.attempt) not in self._has_machine

        def hopes(entry: QueueEntry) -> bool:
            kind = entry.requested_type
            return waits(entry) and (kind in requested_types or kind not in refused)

        # A refused type may be asked for again: only an entry that comes first either way was passed over.
        passed_over = read.passed_over(members, waits, hopes)
        free = self._stack.max_concurrent - len(self._records.slots)
        # A run that a cap leaves no room for today is rejected, and is in the queue until then.
        for entry in passed_over if not self._stack.owner_cap else ():
            if entry.requested_type in requested_types or len(members) + len(passed_over) > free:
                self.say(f"{entry.run.name} was passed over for one of {sorted(members)}")
        refused |= requested_types

    def _on_grant(self, slot: Slot) -> None:
        held = len(self._records.slots)
        if held > self._stack.max_concurrent:
            self.say(f"{held} slots are held, {self._stack.max_concurrent} there are")
        may_be = self._may_be_spent(slot.run.owner, day_of(slot.machine)) if self._stack.owner_cap else 0
        if may_be > self._stack.owner_cap:
            self.say(f"{may_be} micro-USD may be spent, {self._stack.owner_cap} may")
        instance_id, whose = slot.machine.instance_id, (slot.run.name, slot.machine.attempt)
        self._has_machine.add(whose)
        self._look_at_type(slot)
        if self.served.setdefault(instance_id, whose) != whose:
            self.say(f"{instance_id} was {self.served[instance_id]}'s and is now {whose}'s")
        self._granted[slot.run.name] = self._clock.seconds
        if instance_id not in self._first_granted:
            self._first_granted[instance_id] = self._clock.seconds
            _, stands_since = self._stands[slot.run.name]
            self.starved = max(self.starved, self._clock.seconds - max(stands_since, self._room_since))
        if slot.run.name not in self.grants:
            self.grants.append(slot.run.name)

    def _look_at_type(self, slot: Slot) -> None:
        running, requested_type = invocation(), self._requested_types[slot.run.name]
        if running is not None:
            self._refused[running.number].discard(requested_type)
        if slot.machine.instance_type not in ((requested_type,) if requested_type else self._stack.instance_types):
            self.say(f"{slot.run.name} requested {requested_type or 'no type'} and got a {slot.machine.instance_type}")

    def _may_be_spent(self, owner: str, day: str) -> int:
        """What an owner's machines of a day have cost, and those that have slots may come to."""
        charges, slots = self._records.charges, self._records.slots.values()
        spent = sum(charge.micro_usd for charge in charges.values() if (charge.owner, charge.day) == (owner, day))
        of_owner = [slot.machine for slot in slots if slot.run.owner == owner]
        alive = [machine for machine in of_owner if machine.instance_id not in charges]
        return spent + sum(
            self._spending.cost_until_deadline(machine.most_hourly_micro_usd or 0)
            for machine in alive
            if day_of(machine) == day
        )

    def _on_free(self, slot: Slot) -> None:
        if self._ports.db.count(SLOTS) == self._stack.max_concurrent - 1:
            self._room_since = self._clock.seconds
        instance = self._ports.ec2.instances[slot.machine.instance_id]
        if instance.state != "terminated" and slot.run.job_id not in self._without_slot:
            self.say(f"the slot of {instance.id} is freed, but the machine is {instance.state}")

    def _on_terminate(self, instance: Instance, caller: str) -> None:
        age = self._clock.seconds - instance.launched
        if caller not in {"sweep", "pool"} or not instance.is_alive or age >= self._stack.machine_deadline:
            return
        for slot in self._records.slots.values():
            execution = self._ports.step_functions.executions.get(slot.run.name)
            is_running = execution is not None and execution.status == "RUNNING"
            if slot.machine.instance_id == instance.id and is_running:
                reconciler = "the sweeper" if caller == "sweep" else "the pool's reconciler"
                self.say(f"{reconciler} ends {instance.id}, which works for {slot.run.name}")

    def _on_stop(self, instance: Instance) -> None:
        if instance.id in self._first_granted and instance.is_alive:
            self.say(f"{instance.id} is stopped, and was handed out")

    def _on_end(self, execution: Execution) -> None:
        """A workflow that came to its end has put away what was there when its last step began."""
        if execution.status != "SUCCEEDED":
            return
        name, began = execution.name, execution.last_asked
        if name in self._records.slots and self._granted[name] < began:
            self.say(f"{name} is at its end and still holds a slot")
        if name in self._records.entries and self._entered[name] < began:
            self.say(f"{name} is at its end and still waits in the queue")

    def _on_start(self, instance: Instance, job_id: str, attempt: int) -> None:
        whose = (job_id, attempt)
        if self._started.setdefault(instance.id, whose) != whose:
            self.say(f"{instance.id} served {self._started[instance.id]} and now serves {whose}")

    def _on_record(self, metric: str, kind: str | None) -> None:
        counted, written = self._ports.metrics.counts[metric, kind], self.written[metric, kind]
        if metric in {JOBS_ENDED.name, MACHINE_SECONDS.name} and counted > written:
            self.say(f"{metric} {kind or ''} was counted {counted} times, and written {written} times")

    def _on_write(self, before: Job | None, after: Job) -> None:
        self._note_ends(before, after)
        if after.instance_id is not None and after.instance_id not in self.idle:
            granted = self._first_granted.get(after.instance_id)
            if granted is None:
                self.say(f"{after.instance_id} works for {after.id} and never had a slot")
            self.idle[after.instance_id] = self._clock.seconds - (granted or 0.0)
        if before is None or before.run != after.run:
            return
        if before.status.is_terminal and after.status is not before.status:
            self.say(f"{after.id} was {before.status} and is now {after.status}")
        if after.status is JobStatus.SUCCEEDED and before.status is not JobStatus.SUCCEEDED:
            body = self._ports.s3.objects.get(after.output_file_path or "")
            if body is None or len(body) != after.output_size:
                self.say(f"{after.id} has succeeded without its result")
            if after.manifest is None or after.manifest.path not in self._ports.s3.objects:
                self.say(f"{after.id} has succeeded without its manifest")

    def _note_ends(self, before: Job | None, after: Job) -> None:
        if before is not None and after.status.is_terminal and not before.status.is_terminal:
            self.written[JOBS_ENDED.name, after.status.value] += 1
        ended = [sum(1 for each in job.machines if each.terminated_at) if job else 0 for job in (before, after)]
        self.written[MACHINE_SECONDS.name, None] += ended[1] - ended[0]

    def _on_store(self, path: str, body: bytes) -> None:
        known = self._ports.s3.objects.get(path)
        if path.startswith(f"{OUTPUTS}/") and known is not None and known != body:
            self.say(f"{path} is stored again with other bytes")
