"""A job of the fake stack: what its machine does is written by the real steps of the workflow."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from functions.api.models import JobAnswer
from functions.cleanup.release_step import ReleaseStep
from functions.cleanup.run_machines import RunMachines
from functions.execution.dispatch_step import BootWait, DispatchStep
from functions.execution.machine_report import EVENTS
from functions.execution.outcome import Outcome
from functions.execution.record_step import RecordStep
from functions.jobs.clock import now, utc_now
from functions.jobs.errors import AgentNotOnline, MachineBooting
from functions.jobs.job import Job, JobStatus, MachineReceipt, TimelineEvent
from functions.jobs.ports import LogLine
from functions.jobs.provenance import Content, Reported
from functions.jobs.s3_keys import output_key
from functions.scheduling.ports import Slot

if TYPE_CHECKING:
    from tests.stack.memory_stack import MemoryStack

# What happens to a job, and the words for what no step of the workflow words itself; `{machine}` stands for the latest.
Way = tuple[tuple[str, str], ...]
LAUNCHED, RUNNING, TERMINATED = ("launched", ""), ("running", ""), ("machine_terminated", "")
WAY: Way = (LAUNCHED, RUNNING, *EVENTS.items(), ("succeeded", ""), TERMINATED)
FAILING_WAY: Way = (*WAY[:5], ("failed", ""), TERMINATED)
REFUSED_WAY: Way = (
    ("launch_refused", "t4g.micro, on-demand, subnet-0a1b2c3d4e5f60718: InsufficientInstanceCapacity."),
    ("launch_refused", "t4g.micro, on-demand, subnet-1a1b2c3d4e5f60718: InsufficientInstanceCapacity."),
    *WAY,
)
LOSING_WAY: Way = (
    *(LAUNCHED, RUNNING, ("machine_lost", "{machine} is gone before the script was done."), TERMINATED),
    *WAY,
)


@dataclass
class FakeJob:
    """`to_come` is what happens when its record is asked for."""

    stack: MemoryStack
    owner: str
    id: str
    to_come: list[tuple[str, str]]

    @property
    def job(self) -> Job:
        job = self.stack.table.get(self.owner, self.id)
        assert job is not None
        return job

    @property
    def record(self) -> dict[str, Any]:
        """What the API answers."""
        answer: dict[str, Any] = json.loads(JobAnswer.of(self.job).model_dump_json())
        return answer

    @property
    def alive(self) -> list[MachineReceipt]:
        """Its machines that are not confirmed terminated."""
        return [machine for machine in self.job.machines if machine.terminated_at is None]

    @property
    def input(self) -> bytes:
        return self.stack.s3.objects[self.job.input_file_path]

    @property
    def output(self) -> bytes:
        return self.stack.s3.objects[self.output_path]

    @output.setter
    def output(self, content: bytes) -> None:
        self.stack.s3.put(self.output_path, content)

    @property
    def output_path(self) -> str:
        job = self.job
        return self.stack.job_files.output_path(output_key(self.owner, self.id, job.attempts, job.output_filename))

    @property
    def manifest(self) -> dict[str, Any]:
        stored = self.job.manifest
        assert stored is not None
        manifest: dict[str, Any] = json.loads(self.stack.s3.objects[stored.path])
        return manifest

    @property
    def log(self) -> list[LogLine]:
        """What its latest machine has printed."""
        job = self.job
        machine = job.machine(job.instance_id)
        assert machine is not None
        return self.stack.log.lines.setdefault((machine.commands[0], machine.instance_id), [])

    def print(self, *lines: str) -> None:
        self.log.extend(LogLine(now(), "stdout", line) for line in lines)

    def change(self, **fields: Any) -> None:
        """Writes what no step of the workflow would."""
        self.stack.table.update(self.owner, self.id, lambda job: replace(job, **fields))

    def finish(self) -> None:
        while self.to_come:
            self.happen(*self.to_come.pop(0))

    def happen(self, event: str, detail: str = "") -> None:
        known: dict[str, Callable[[Job], object]] = {
            "launched": self._launch,
            "running": lambda job: self._dispatch(job, f"command-{job.attempts}-of-{job.id}"),
            "succeeded": self._succeed,
            "failed": self._fail,
            "machine_terminated": self._terminate,
            "cancelled": lambda job: self.stack.submission.cancel(job.owner, job.id),
            "retried": lambda job: self.stack.submission.retry(job.owner, job.id),
        }
        if step := known.get(event):
            step(self.job)
        else:
            self._note(self.job, event, detail)

    def follow(self, before: Job, after: Job) -> None:
        """What comes after a request has cancelled the job, or started it again."""
        if after.status is JobStatus.CANCELLED and not before.status.is_terminal:
            self.to_come = [TERMINATED for machine in after.machines if machine.terminated_at is None]
        if after.run > before.run:
            ending = [TERMINATED for machine in after.machines if machine.terminated_at is None]
            self.to_come = [*ending, *self.stack.way]

    def new_machine(self) -> MachineReceipt:
        """With a slot, as the Launch step leaves it."""
        job, prices = self.job, self.stack.submission.spending.prices
        machine = MachineReceipt(
            instance_id=f"i-0f1e2d3c4b5a{next(self.stack.machine_numbers):05x}",
            run=job.run,
            attempt=job.attempts + 1,
            instance_type="t4g.micro",
            market="on-demand",
            zone="eu-central-1a",
            image_id="ami-0a9b8c7d6e5f43210",
            launched_at=now(),
            hourly_micro_usd=prices.hourly("t4g.micro", "on-demand"),
            burst_micro_usd=prices.burst.get("t4g.micro", 0),
        )
        self.stack.scheduling.grant_slots([Slot(job.this_run, machine)])
        return machine

    def _launch(self, job: Job) -> None:
        with suppress(MachineBooting):
            self._dispatch(job, AgentNotOnline("it boots"), self.new_machine())

    def _dispatch(self, job: Job, answer: str | Exception, machine: MachineReceipt | None = None) -> None:
        stack, machine = self.stack, machine or job.machine(job.instance_id)
        assert machine is not None
        stack.machines.sends = [answer]
        step = DispatchStep(
            jobs=stack.table,
            queue=stack.scheduling,
            reader=stack.reader,
            machine_table=stack.machine_table,
            machines=stack.machines,
            files=stack.job_files,
            stack="test",
            bootstrap="",
            payload_sha256=Content.of(b"").sha256,
            script=("./script.py",),
            job_timeout=3600,
            transfer_allowance=600,
            online_waits=(),
            sleep=lambda _: None,
        )
        step.dispatch(job.this_run, machine.attempt, machine.instance_id, BootWait(0, utc_now()))

    def _note(self, job: Job, event: str, detail: str) -> None:
        noted = TimelineEvent(event, now(), detail.replace("{machine}", job.instance_id or ""))
        self.stack.table.update(self.owner, self.id, lambda job: job.noted(noted))
        if event == "script_started":
            self.print("<b>appending</b> the text")

    def _succeed(self, job: Job) -> None:
        content = self.input
        gap = b"\n" if content and not content.endswith(b"\n") else b""
        output = self.stack.output
        output = content + gap + job.input_text.encode() if output is None else output
        self.output = output
        reported = Reported(Content.of(content), Content.of(output), "3.9.25")
        events = tuple(event for event in job.timeline if event.event in EVENTS)
        self._record(job, Outcome("finished", events=events, reported=reported))

    def _fail(self, job: Job) -> None:
        error = self.stack.error
        if job.command_id:
            self.print("cannot read line 7")
        self._record(job, Outcome("finished", error.code, error.message))

    def _record(self, job: Job, outcome: Outcome) -> None:
        RecordStep(self.stack.table, self.stack.job_files, "0.1.0").finished(job.this_run, job.attempts, outcome)

    def _terminate(self, job: Job) -> None:
        """The machines of the earliest run that has some."""
        stack, run = self.stack, job.this_run
        slot = stack.scheduling.slot(run)
        alive = [*self.alive, *([slot.machine] if slot else [])]
        first = alive[0]
        stack.machines.states[first.instance_id] = "terminated"
        ends = RunMachines(stack.table, stack.submission.queue, stack.machines, stack.reader)
        ReleaseStep(ends, stack.machine_table).release(replace(run, number=first.run), first.instance_id)
