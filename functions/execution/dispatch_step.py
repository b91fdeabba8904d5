"""The Dispatch step: sends a machine the command of its attempt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from functions.execution.machine_command import Spec, machine_command, sha256_hex
from functions.execution.ports import MachineAssignment, Machines, MachineTable
from functions.execution.time_limits import fetch_seconds, script_seconds
from functions.jobs.clock import now
from functions.jobs.errors import AgentNotOnline, JobEnded, MachineBooting, MachineLost
from functions.jobs.isolation import isolated
from functions.jobs.job import Job, JobStatus, MachineReceipt, Program, Run, TimelineEvent
from functions.jobs.machine_state import ENDED, because, is_pooled, may_only_seem_down
from functions.jobs.ports import JobFiles, JobTable
from functions.jobs.run_guard import require_active, require_open
from functions.jobs.s3_keys import output_key, spec_key
from functions.scheduling.boot import Boot
from functions.scheduling.ports import RunReader, SchedulingTable


@dataclass(frozen=True)
class BootWait:
    """How a call of the step waits for its machine's agent, which is expected to be online at `online_at`.

    `poll_seconds` is for how long it tries again and again, 0 in the workflow's first call for a machine, which tries
    for a moment at most. Before any other call the workflow has waited for the boot.
    """

    poll_seconds: float
    online_at: datetime

    @property
    def is_first(self) -> bool:
        return self.poll_seconds == 0


@dataclass(frozen=True)
class DispatchStep:
    jobs: JobTable
    queue: SchedulingTable
    reader: RunReader
    machine_table: MachineTable
    machines: Machines
    files: JobFiles
    stack: str
    bootstrap: str
    payload_sha256: str
    script: Sequence[str]
    job_timeout: int  # seconds a script may run whose job does not say otherwise
    transfer_allowance: int  # seconds more for fetching the file and storing the result
    online_waits: Sequence[float]  # seconds between tries within the first call, for machines that boot at once
    sleep: Callable[[float], None]
    boot_timeout: int = 300  # seconds that a machine may take until it has its command

    def dispatch(
        self, run: Run, attempt: int, instance_id: str, wait: BootWait, stored_after: str | None = None
    ) -> str:
        """Writes the machine into the job's record and sends it the attempt's command; returns the command's id.

        With `stored_after`, the id of a command whose result could not be stored, it sends the command that only
        stores that result, under a fresh URL.

        Raises:
            MachineBooting: the agent is not online yet; the workflow waits until it is expected to be.
            AgentNotOnline: it is still not online after that; the workflow retries.
            MachineLost: the machine ended before it was online.
            JobEnded, Throttled
        """
        job, expected = self._with_machine(run, attempt, instance_id, wait)
        if job.command_id not in {None, stored_after}:
            return str(job.command_id)  # an earlier, interrupted call got this far
        boot = Boot(_launched_at(job), expected)
        try:
            if wait.is_first and boot.is_early:
                raise MachineBooting(f"{instance_id} is expected to be online at {expected}")
            command = self._command(job, attempt, upload_only=stored_after is not None)
            command_id = self._send(job, command, f"mayfly {run.job_id} attempt {attempt}", boot, wait)
        except AgentNotOnline as error:
            self._check_alive(job, instance_id)
            if not wait.is_first:
                raise
            if expected is None:
                self._note_boot(job, Boot(boot.launched_at, wait.online_at).expected_seconds)  # to be made better
            raise MachineBooting(str(error)) from error
        if wait.is_first:
            self._tag(run, attempt, instance_id)
        begins = "starts and takes its command once it is up" if is_pooled(job) else "is online and has its command"
        event = TimelineEvent("running", now(), f"{instance_id} {begins}.")
        if stored_after:
            event = TimelineEvent("storing_again", now(), "The upload's address had expired; storing with a new one.")

        def change(job: Job) -> Job:
            job = job.moved(JobStatus.RUNNING, event).with_command(instance_id, command_id)
            # What only stores a result is not what made it.
            return job if stored_after else replace(job, program=self._program)

        try:
            job = self.jobs.update(run.owner, run.job_id, require_active(run, change), job)
        except JobEnded:
            # The job was cancelled during the call. Its log is deleted with it only if the record names the command.
            self.jobs.update(run.owner, run.job_id, lambda job: job.with_command(instance_id, command_id, is_late=True))
            raise
        # A machine that stores again was online long ago.
        self._note_boot(job, None if stored_after else boot.learned())
        return command_id

    def _note_boot(self, job: Job, seconds: float | None) -> None:
        machine = job.machine(job.instance_id)
        if machine is not None and machine.prepared_at is None and seconds is not None:
            with isolated("note the boot", machine.instance_id):
                self.queue.note_boot(machine.instance_type, seconds)

    def _with_machine(self, run: Run, attempt: int, instance_id: str, wait: BootWait) -> tuple[Job, datetime | None]:
        """The job with its machine, and when that is expected to be online."""
        # Only the first call for a machine needs the slot.
        found, slot = self.reader.job_and_slot(run) if wait.is_first else (self.jobs.get(run.owner, run.job_id), None)
        job = require_open(found, run)
        if job.instance_id == instance_id:
            if not wait.is_first:
                self._tag(run, attempt, instance_id)
            return job, wait.online_at
        slot = slot or self.queue.slot(run)
        if slot is None or slot.machine.instance_id != instance_id:
            raise JobEnded(f"{instance_id} is not attempt {attempt}'s machine any more")
        machine = slot.machine
        self.machine_table.add(MachineAssignment(instance_id, run.owner, run.job_id, attempt))
        job = self.jobs.update(run.owner, run.job_id, require_active(run, lambda job: _launched(job, machine)), job)
        return job, datetime.fromisoformat(slot.online_at) if slot.online_at else None

    def _tag(self, run: Run, attempt: int, instance_id: str) -> None:
        """Tags the machine with its job: a batch launch gives all its machines the same tags.

        Not right after the launch, when EC2's other calls may not know it yet.
        """
        self.machines.tag(
            instance_id,
            {
                "Name": f"mayfly {self.stack} {run.job_id}",
                "mayfly:owner": run.owner,
                "mayfly:job-id": run.job_id,
                "mayfly:attempt": str(attempt),
            },
        )

    def _check_alive(self, job: Job, instance_id: str) -> None:
        # EC2 is only called after an event: a thousand booting machines must not cause a thousand calls.
        if not self.machine_table.has_event(instance_id):
            return
        state = self.machines.instance_state(instance_id)
        if state in ENDED and not may_only_seem_down(job, state):
            reason = because(self.machines.end_reason(instance_id))
            raise MachineLost(f"{instance_id} ended before it was online{reason}")

    def _send(self, job: Job, script: str, comment: str, boot: Boot, wait: BootWait) -> str:
        instance_id, seconds = str(job.instance_id), self._total_seconds(job)
        # SSM knows the agent of a pooled machine already, and holds the command until that agent is back online.
        delivery_timeout = self.boot_timeout if is_pooled(job) else None
        waits, until = iter(self.online_waits), min(boot.age + wait.poll_seconds, float(self.boot_timeout))
        while True:
            try:
                return self.machines.send_command(instance_id, script, comment, seconds, delivery_timeout)
            except AgentNotOnline:
                after = boot.pause()
                pause = next(waits, None) if wait.is_first else after if boot.age + after < until else None
                if pause is None:
                    raise
                self.sleep(pause)

    def _total_seconds(self, job: Job) -> int:
        return script_seconds(job, self.job_timeout) + self.transfer_allowance

    @property
    def _program(self) -> Program:
        return Program(self.payload_sha256, tuple(self.script))

    def _command(self, job: Job, attempt: int, *, upload_only: bool) -> str:
        # Principals that may list commands can fetch these objects as long as the URLs are valid.
        seconds = fetch_seconds(self.boot_timeout)
        output = output_key(job.owner, job.id, attempt, job.output_filename)
        spec = Spec(
            job=job,
            attempt=attempt,
            input_url=self.files.input_url(job.input_file_path, seconds),
            output_url=self.files.output_upload_url(output, self._total_seconds(job)),
            script=tuple(self.script),
            timeout_seconds=script_seconds(job, self.job_timeout),
        ).encode()
        spec_url = self.files.put_spec(spec_key(job.owner, job.id, attempt), spec, seconds)
        return machine_command(
            self.bootstrap,
            payload_url=self.files.payload_url(seconds),
            payload_sha256=self.payload_sha256,
            spec_url=spec_url,
            spec_sha256=sha256_hex(spec),
            upload_only=upload_only,
        )


def _launched_at(job: Job) -> str:
    machine = job.machine(job.instance_id)
    return machine.launched_at if machine else job.updated_at


def _launched(job: Job, machine: MachineReceipt) -> Job:
    if job.attempts > machine.attempt:
        raise JobEnded(f"job {job.id} is at attempt {job.attempts}; attempt {machine.attempt} is over")
    origin = ", from the pool" if machine.prepared_at else ""
    words = f"{machine.instance_id}: {machine.instance_type}, {machine.market}, in {machine.zone}{origin}."
    job = job.moved(JobStatus.LAUNCHING, TimelineEvent("launched", now(), words))
    job = replace(job, attempts=machine.attempt, instance_id=machine.instance_id, command_id=None)
    return job.with_machine(machine)
