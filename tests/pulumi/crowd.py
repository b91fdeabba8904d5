"""Twenty jobs in every state that a job can be in, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.cloud import LocalCloud
from mayfly.job import TERMINAL
from operations.job_client import Job, JobClient
from tests.cloud.steps import until

# Slots are just enough for those that have a machine, and for one that EC2 has none for.
SLOTS = 11
_ALWAYS_OPEN = "open"
# The machines that boot come online when this fault is taken back. Their type is no other job's: how long it took them
# is when the next ones of the type are expected, and not asked before.
_NEVER_SECONDS = 3600
SLOW_TYPE = "t4g.medium"
# The input names a file that the script waits for; the text tells whether it shall fail.
_SCRIPT = """\
until [ -e '{gates}'/"$(cat "$1")" ]; do sleep 0.1; done
[ "$(cat "$2")" = fail ] && exit 1
{{ cat "$1" "$2"; printf ' by script {number}'; }} > "$3"
"""


def script(gates: Path, number: int) -> str:
    """The setting mayfly:script; `number` is in what the script writes."""
    (gates / _ALWAYS_OPEN).touch()
    return json.dumps(["sh", "-c", _SCRIPT.format(gates=gates, number=number), "sh"])


def events(job: Job) -> list[str]:
    return [entry["event"] for entry in job["timeline"]]


@dataclass
class Crowd:
    """`jobs` are ids by the state in which they were when the change began; `gates` are files that let scripts end."""

    cloud: LocalCloud
    client: JobClient
    gates: Path
    name: str
    jobs: dict[str, list[str]] = field(default_factory=dict)

    def gather(self) -> None:
        """Submits twenty jobs and brings each into its state; the last two are only about to be recorded."""
        self.add("succeeded", 2, _ALWAYS_OPEN)
        self.add("failed", 1, _ALWAYS_OPEN, "fail")
        self.add("cancelled running", 1, self.name)
        self.until("cancelled running", lambda job: job["status"] == "running")
        self.cancel("cancelled running")
        for state in ("succeeded", "failed", "cancelled running"):
            self.until(state, _is_done)
        self.add("running", 5, self.name)
        self.add("recording", 2, f"{self.name}-recording")
        for state in ("running", "recording"):
            self.until(state, lambda job: job["status"] == "running")
        self.set_faults(agent_delay_s=_NEVER_SECONDS)
        self.add("booting", 3, _ALWAYS_OPEN, instance_type=SLOW_TYPE)
        self.until("booting", lambda job: job["status"] == "launching")
        self.set_faults(agent_delay_s=_NEVER_SECONDS, insufficient_capacity=100_000)
        self.add("launching", 1, _ALWAYS_OPEN)
        self.until("launching", lambda job: "launch_refused" in events(job))
        self.add("waiting", 4, _ALWAYS_OPEN)
        self.add("cancelled waiting", 1, _ALWAYS_OPEN)
        for state in ("waiting", "cancelled waiting"):
            self.until(state, lambda job: self.state(job["id"]) == "Launch")
        self.cancel("cancelled waiting")

    def add(
        self, state: str, count: int, gate: str = _ALWAYS_OPEN, text: str = " text", instance_type: str | None = None
    ) -> None:
        def submit(_: int) -> str:
            upload = self.client.request_upload("a.txt", len(gate))
            self.client.upload(upload, gate.encode())
            overrides = {"instance_type": instance_type} if instance_type else None
            return str(self.client.create(upload["job_id"], text, overrides)["id"])

        with ThreadPoolExecutor(4) as pool:
            self.jobs.setdefault(state, []).extend(pool.map(submit, range(count)))

    def open(self, *, recording: bool = False) -> None:
        """Lets the scripts of those that run come to their end."""
        (self.gates / (f"{self.name}-recording" if recording else self.name)).touch()

    def cancel(self, state: str) -> None:
        for job_id in self.jobs[state]:
            self.client.cancel(job_id)

    def set_faults(self, **faults: object) -> None:
        self.client._http.put("/_local/faults", json=faults).raise_for_status()

    def until(self, state: str, condition: Callable[[Job], bool]) -> None:
        until(lambda: all(condition(self.client.get(job_id)) for job_id in self.jobs[state]), 300)

    def until_done(self) -> None:
        for state in self.jobs:
            self.until(state, _is_done)

    def state(self, job_id: str) -> str | None:
        """The workflow state that the job is in; None when its execution has entered none yet."""
        return next(reversed(Story.of(self.client, job_id).states), None)

    def states(self) -> dict[str, set[tuple[str, str]]]:
        """The jobs' statuses, with their workflow states."""
        return {state: self.states_of(state) for state in self.jobs}

    def states_of(self, state: str) -> set[tuple[str, str]]:
        return {(story.job["status"], story.states[-1]) for story in self.stories(state)}

    def stories(self, state: str) -> list[Story]:
        return [Story.of(self.client, job_id) for job_id in self.jobs[state]]


@dataclass(frozen=True)
class Story:
    """What the API shows of a job, what the local cloud knows beside that, and its result, if it has one."""

    job: Job
    told: dict[str, Any]
    output: str

    @staticmethod
    def of(client: JobClient, job_id: str) -> Story:
        job, told = client.get(job_id), client._http.get(f"/_local/jobs/{job_id}/debug").json()
        return Story(job, told, client.output(job_id).decode() if job["status"] == "succeeded" else "")

    @property
    def states(self) -> list[str]:
        """The workflow states that the job's executions have entered."""
        happened = [event for execution in self.told["executions"] for event in execution["events"]]
        return [event["stateEnteredEventDetails"]["name"] for event in happened if "stateEnteredEventDetails" in event]

    def releases(self, step: str) -> list[int]:
        """Of the code that ran a step, each time: what the line in a function's log says, 1 where it says none."""
        lines = [json.loads(line["message"]) for line in self.told["logs"] if line["message"].startswith("{")]
        return [line.get("release", 1) for line in lines if line.get("step") == step]


def _is_done(job: Job) -> bool:
    return job["status"] in TERMINAL and all(machine["terminated_at"] for machine in job["machines"])
