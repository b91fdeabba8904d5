"""What runs on a machine: the shell command that Dispatch made, as ec2_payload would carry it out."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from functions.jobs.clock import now
from simulation.clock import Timer, VirtualClock
from simulation.ec2 import Instance
from simulation.s3 import S3, path_of

# Exit codes and events are those of ec2_payload/README.md.
_SCRIPT_FAILED, _UNUSABLE, _EXPIRED = 10, 20, 31
_STORING_SECONDS = 0.5
_WORD = re.compile(r"'([^']*)'|(\S+)")
# Called with the exit code and what was written to standard error.
Done = Callable[[int, str], None]


@dataclass(frozen=True)
class Script:
    """What a job's script does: it takes `seconds`, then succeeds or fails.

    `expiries` is how many times the address to store the result at has expired when it is needed.
    """

    seconds: float = 10.0
    fails: bool = False
    expiries: int = 0


def _command(script: str) -> tuple[str, str, bool]:
    """Where a shell command's spec is, its SHA-256, and whether it only stores a result that is there."""
    # Not by shlex, which takes as long as all the rest: no word has quotes in it, as machine_command makes sure.
    words = [quoted or plain for quoted, plain in _WORD.findall(script.partition(" <<")[0])]
    _exec, _python, _alone, _dash, _payload_url, _payload_sha256, spec_url, spec_sha256, *flags = words
    return spec_url, spec_sha256, flags == ["--upload-only"]


class Payload:
    """`scripts` are by job id. `on_start` hears of every machine and the (job id, attempt) that it begins to serve."""

    def __init__(self, clock: VirtualClock, s3: S3, scripts: Mapping[str, Script]) -> None:
        self.on_start: list[Callable[[Instance, str, int], None]] = []
        self._clock = clock
        self._s3 = s3
        self._scripts = scripts
        self._expired: Counter[str] = Counter()
        # Results whose upload was refused, by machine.
        self._kept: dict[str, bytes] = {}
        self._given: dict[str, bytes] = {}

    def run(self, instance: Instance, script: str, done: Done) -> Timer:
        """Runs a command on a machine; the timer is what to stop should the machine go down."""
        spec_url, spec_sha256, upload_only = _command(script)
        body = self._s3.fetch(spec_url)
        if body is None or hashlib.sha256(body).hexdigest() != spec_sha256:
            return self._clock.after(0.1, partial(done, _UNUSABLE, ""))
        spec = json.loads(body)
        for observer in self.on_start:
            observer(instance, spec["job_id"], spec["attempt"])
        plan = self._scripts.get(spec["job_id"], Script())
        if upload_only:
            store = partial(self._store, instance, spec, self._kept[instance.id], plan, done)
            return self._clock.after(_STORING_SECONDS, store)
        given = self._s3.fetch(spec["input"]["url"])
        if given is None:
            return self._clock.after(0.1, partial(done, _UNUSABLE, ""))
        if plan.fails:
            return self._clock.after(plan.seconds, partial(done, _SCRIPT_FAILED, _report("script", 1)))
        self._given[instance.id] = given
        result = given + (b"\n" if given and not given.endswith(b"\n") else b"") + spec["text"].encode()
        return self._clock.after(plan.seconds, partial(self._store, instance, spec, result, plan, done))

    def _store(self, instance: Instance, spec: Mapping[str, Any], result: bytes, plan: Script, done: Done) -> None:
        if self._expired[spec["job_id"]] < plan.expiries:
            self._expired[spec["job_id"]] += 1
            self._kept[instance.id] = result
            done(_EXPIRED, _report("upload", 0))
            return
        self._s3.put(path_of(spec["output"]["url"]), result)
        done(0, _report("done", 0, input=_content(self._given[instance.id]), output=_content(result)))


def _report(stage: str, exit_code: int, **contents: Mapping[str, object]) -> str:
    events = [{"event": "output_uploaded", "at": now()}] if stage == "done" else []
    report = {"version": 1, "stage": stage, "exit_code": exit_code, "events": events, "python": "3.9.25", **contents}
    return json.dumps(report)


def _content(data: bytes) -> dict[str, object]:
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
