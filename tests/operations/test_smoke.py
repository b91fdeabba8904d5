from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import httpx2 as httpx
import pytest

from operations.job_client import Job, JobApiError
from operations.smoke import main, sign_in
from operations.trials.burst import burst
from operations.trials.cancelled_job import cancelled_job
from operations.trials.chatty_job import chatty_job
from operations.trials.trial import Check, Timeouts, Trial
from operations.trials.whole_job import MILESTONES, TEXT, whole_job

NO_WAIT = Timeouts(job=0, machine=0, cancelled=0)
MACHINE: dict[str, str | None] = {
    "instance_id": "i-1",
    "instance_type": "t4g.small",
    "market": "on-demand",
    "terminated_at": "2026-01-01T00:00:20Z",
    "verified": "EC2 reported it",
}


@dataclass
class Stack:
    """A stack whose job has ended as given."""

    status: str = "succeeded"
    events: tuple[str, ...] = MILESTONES
    machines: tuple[dict[str, str | None], ...] = (MACHINE,)
    error: dict[str, str] | None = None
    damage: Callable[[bytes], bytes] = bytes
    damage_manifest: Callable[[bytes], bytes] = bytes
    told: bytes = b""
    uploaded: bytes = b""
    text: str = ""
    printed: str = "{text} MB printed\n"
    log_lines: tuple[str, ...] = ("1",)
    submitted: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    def submit(self, source: bytes, filename: str, text: str) -> Job:
        self.uploaded, self.text = source, text
        self.submitted.append(f"j{len(self.submitted) + 1}")
        return self.get(self.submitted[-1])

    def wait(self, job_id: str, timeout: float) -> Job:
        return self.get(job_id)

    def get(self, job_id: str) -> Job:
        timeline = [{"event": event, "at": f"2026-01-01T00:00:{n:02}Z"} for n, event in enumerate(self.events)]
        told = {"status": self.status, "error": self.error, "timeline": timeline, "machines": list(self.machines)}
        sha256 = hashlib.sha256(self._manifest()).hexdigest()
        return {"id": job_id, "manifest_sha256": sha256, "created_at": "2026-01-01T00:00:00Z", **told}

    def cancel(self, job_id: str) -> Job:
        return self.get(job_id)

    def log(self, job_id: str, after: str | None = None) -> dict[str, Any]:
        return {"lines": [{"text": line} for line in self.log_lines], "next": None}

    def output(self, job_id: str) -> bytes:
        if self.text != TEXT:
            return self.printed.format(text=self.text).encode()
        return self.damage(self.uploaded + b"\n" + TEXT.encode())

    def manifest(self, job_id: str) -> bytes:
        return self.damage_manifest(self._manifest())

    def _manifest(self) -> bytes:
        contents = {"input": self.uploaded, "text": TEXT.encode(), "output": self.told or self.output("j1")}
        return json.dumps(
            {name: {"sha256": hashlib.sha256(content).hexdigest()} for name, content in contents.items()}
        ).encode()

    def delete(self, job_id: str) -> None:
        self.deleted.append(job_id)


# How each is tried, and what it looks at.
TRIALS: dict[str, tuple[Callable[[Any], Trial], tuple[str, ...]]] = {
    "job": (
        lambda stack: whole_job(stack, NO_WAIT),
        ("submit", "status", "output", "manifest", "timeline", "receipt", "clean-up"),
    ),
    "cancelled": (lambda stack: cancelled_job(stack, NO_WAIT), ("cancel", "status", "receipt", "clean-up")),
    "burst": (lambda stack: burst(stack, NO_WAIT, 3), ("submit", "status", "receipts", "launches", "clean-up")),
    "chatty": (
        lambda stack: chatty_job(stack, NO_WAIT, 7),
        ("submit", "status", "output", "log", "receipt", "clean-up"),
    ),
}


def until_failure(trial: Trial) -> list[Check]:
    """Until the first that is not fine, as the program does."""
    found: list[Check] = []
    for check in trial:
        found.append(check)
        if not check.is_fine:
            break
    return found


LOST_ONE = ("queued", "waiting", "launched", "machine_lost", *MILESTONES[1:])
ALIVE, UNVERIFIED = {**MACHINE, "terminated_at": None}, {**MACHINE, "verified": None}


@pytest.mark.parametrize(
    ("name", "stack", "seen"),
    [
        ("job", Stack(), "each as it should be"),
        ("job", Stack(events=LOST_ONE, machines=(MACHINE, MACHINE)), "12 events"),
        ("cancelled", Stack(status="cancelled", machines=()), "it had no machine"),
        ("cancelled", Stack(status="cancelled"), "i-1, t4g.small, on-demand, terminated"),
        ("burst", Stack(), "3 t4g.small on-demand"),
        ("burst", Stack(), "1 s in the middle, 1 s at most"),
        ("chatty", Stack(), "told to print 7 MB"),
    ],
)
def test_a_good_job_passes_every_check_and_is_deleted(name: str, stack: Stack, seen: str) -> None:
    trial, checks = TRIALS[name]
    found = until_failure(trial(stack))
    assert [(check.name, check.is_fine) for check in found] == [(each, True) for each in checks]
    assert seen in "\n".join(check.seen for check in found)
    assert stack.submitted == stack.deleted == [f"j{n}" for n in range(1, 4 if name == "burst" else 2)]


@pytest.mark.parametrize(
    ("trial", "stack", "name", "seen"),
    [
        ("job", Stack(status="failed", error={"code": "x", "message": "None free"}), "status", "failed: x. None free"),
        ("job", Stack(damage=lambda content: content[:-1]), "output", "instead of"),
        ("job", Stack(damage_manifest=lambda content: content + b" "), "manifest", "not the hash of the job's record"),
        ("job", Stack(told=b"another result"), "manifest", "of the output"),
        ("job", Stack(events=MILESTONES[:-1]), "timeline", "no machine_terminated in its place"),
        ("job", Stack(events=(*MILESTONES[2:], *MILESTONES[:2])), "timeline", "no running in its place"),
        ("job", Stack(machines=()), "receipt", "no machine"),
        ("job", Stack(machines=(MACHINE, ALIVE)), "receipt", "not confirmed terminated: i-1"),
        ("job", Stack(machines=(UNVERIFIED,)), "receipt", "not confirmed terminated: i-1"),
        ("cancelled", Stack(), "status", "succeeded"),
        ("cancelled", Stack(status="cancelled", machines=(ALIVE,)), "receipt", "i-1"),
        ("burst", Stack(status="failed", error={"code": "no_machine"}), "status", "failed: no_machine"),
        ("burst", Stack(machines=(UNVERIFIED,)), "receipts", "not confirmed terminated: i-1, i-1"),
        ("chatty", Stack(printed="something else"), "output", "the stack does not run examples/chatty"),
        ("chatty", Stack(log_lines=()), "log", "it is empty"),
        ("chatty", Stack(status="failed"), "status", "failed"),
        ("chatty", Stack(machines=()), "receipt", "no machine"),
    ],
)
def test_what_is_wrong_is_named_and_the_job_is_kept(trial: str, stack: Stack, name: str, seen: str) -> None:
    last = until_failure(TRIALS[trial][0](stack))[-1]
    assert (last.name, last.is_fine) == (name, False)
    assert seen in last.seen
    assert stack.deleted == []


def test_a_stack_with_a_script_of_its_own_is_not_told_what_its_output_should_be() -> None:
    stack: Any = Stack(damage=bytes.upper)
    found = until_failure(whole_job(stack, NO_WAIT, own_script=True))
    assert all(check.is_fine for check in found)
    assert "CHECKED BY THE SMOKE TEST" in next(check.seen for check in found if check.name == "output")


@pytest.mark.parametrize("wrong", [["--jobs", "0"], ["--megabytes", "x"], ["--trial", "everything"]])
def test_an_option_that_makes_no_sense_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["https://site.example", *wrong], {})
    assert wrong[0] in capsys.readouterr().err


class Refusing(Stack):
    """A stack that refuses the submission; `main` closes it like a JobClient."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self._status = status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, source: bytes, filename: str, text: str) -> Job:
        request = httpx.Request("POST", "https://site.example/api/uploads")
        raise JobApiError(httpx.Response(self._status, request=request, json={"detail": "no"}))


@pytest.mark.parametrize(("status", "wants_token"), [(401, True), (500, False)])
def test_a_refusal_ends_it_and_one_for_want_of_a_token_says_how_to_sign_in(
    status: int, wants_token: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    connect: Any = lambda *_: Refusing(status)  # noqa: E731 - a stand-in for a function
    assert main(["https://site.example"], {}, connect) == 1
    assert ("MAYFLY_TOKEN has to be an access token" in capsys.readouterr().out) == wants_token


@pytest.mark.parametrize(("environment", "header"), [({"MAYFLY_TOKEN": " abc\n"}, "Bearer abc"), ({}, None)])
def test_a_stack_on_aws_gets_the_token_of_the_environment_and_is_asked_for_none(
    environment: dict[str, str], header: str | None
) -> None:
    with sign_in("https://site.example", environment) as client:
        request, auth = client._http.build_request("GET", "/api/jobs"), client._http.auth
        sent = next(auth.auth_flow(request)) if auth else request  # as the client would; nothing is sent
        assert sent.headers.get("authorization") == header
