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


def until_failure(trial: Trial) -> list[Check]:
    """Until the first that is not fine, as the program does."""
    found: list[Check] = []
    for check in trial:
        found.append(check)
        if not check.is_fine:
            break
    return found


def test_a_good_job_passes_every_check_and_is_deleted() -> None:
    stack = Stack()
    assert [(check.name, check.is_fine) for check in until_failure(whole_job(stack, NO_WAIT))] == [
        (name, True) for name in ("submit", "status", "output", "manifest", "timeline", "receipt", "clean-up")
    ]
    assert stack.deleted == ["j1"]


def test_waiting_and_a_lost_machine_in_between_are_no_fault() -> None:
    events = ("queued", "waiting", "launched", "machine_lost", *MILESTONES[1:])
    assert all(
        check.is_fine for check in until_failure(whole_job(Stack(events=events, machines=(MACHINE, MACHINE)), NO_WAIT))
    )


@pytest.mark.parametrize(
    ("stack", "name", "seen"),
    [
        (Stack(status="failed", error={"code": "no_machine", "message": "None free"}), "status", "no_machine. None"),
        (Stack(damage=lambda content: content[:-1]), "output", "instead of"),
        (Stack(damage_manifest=lambda content: content + b" "), "manifest", "not the hash of the job's record"),
        (Stack(told=b"another result"), "manifest", "of the output"),
        (Stack(events=MILESTONES[:-1]), "timeline", "no machine_terminated in its place"),
        (Stack(events=(*MILESTONES[2:], *MILESTONES[:2])), "timeline", "no running in its place"),
        (Stack(machines=()), "receipt", "no machine"),
        (Stack(machines=(MACHINE, {**MACHINE, "terminated_at": None})), "receipt", "not confirmed terminated: i-1"),
        (Stack(machines=({**MACHINE, "verified": None},)), "receipt", "not confirmed terminated: i-1"),
    ],
)
def test_what_is_wrong_is_named_and_the_job_is_kept(stack: Stack, name: str, seen: str) -> None:
    last = until_failure(whole_job(stack, NO_WAIT))[-1]
    assert (last.name, last.is_fine) == (name, False)
    assert seen in last.seen
    assert stack.deleted == []


def test_a_stack_with_a_script_of_its_own_is_not_told_what_its_output_should_be() -> None:
    found = until_failure(whole_job(Stack(damage=bytes.upper), NO_WAIT, own_script=True))
    assert all(check.is_fine for check in found)
    assert "CHECKED BY THE SMOKE TEST" in next(check.seen for check in found if check.name == "output")


@pytest.mark.parametrize("machines", [(), (MACHINE,)])
def test_a_cancelled_job_may_have_had_a_machine_which_is_gone(machines: tuple[dict[str, str | None], ...]) -> None:
    stack = Stack(status="cancelled", machines=machines)
    found = until_failure(cancelled_job(stack, NO_WAIT))
    assert [(check.name, check.is_fine) for check in found] == [
        (name, True) for name in ("cancel", "status", "receipt", "clean-up")
    ]
    assert stack.deleted == ["j1"]


@pytest.mark.parametrize(
    ("stack", "seen"),
    [
        (Stack(), ("status", "succeeded")),
        (Stack(status="cancelled", machines=({**MACHINE, "terminated_at": None},)), ("receipt", "i-1")),
    ],
)
def test_a_cancelled_job_that_ran_or_left_its_machine_is_named(stack: Stack, seen: tuple[str, str]) -> None:
    last = until_failure(cancelled_job(stack, NO_WAIT))[-1]
    assert (last.name, last.is_fine) == (seen[0], False)
    assert seen[1] in last.seen
    assert stack.deleted == []


def test_a_burst_is_every_job_and_every_machine() -> None:
    stack = Stack()
    found = until_failure(burst(stack, NO_WAIT, 3))
    assert all(check.is_fine for check in found)
    assert (len(stack.submitted), stack.deleted) == (3, stack.submitted)
    assert "3 t4g.small on-demand" in found[2].seen
    assert found[3].seen.startswith("1 s in the middle, 1 s at most")
    failed = Stack(status="failed", error={"code": "no_machine"})
    assert until_failure(burst(failed, NO_WAIT, 3))[-1] == Check("status", False, "failed: no_machine")
    alive = Stack(machines=({**MACHINE, "verified": None},))
    assert until_failure(burst(alive, NO_WAIT, 2))[-1].seen.startswith("not confirmed terminated: i-1, i-1")
    assert failed.deleted == alive.deleted == []


def test_a_chatty_job_succeeds_and_has_a_log() -> None:
    stack = Stack()
    assert all(check.is_fine for check in until_failure(chatty_job(stack, NO_WAIT, 7)))
    assert (stack.text, stack.deleted) == ("7", ["j1"])
    for broken, seen in (
        (Stack(printed="something else"), "the stack does not run examples/chatty"),
        (Stack(log_lines=()), "it is empty"),
        (Stack(status="failed"), "failed"),
        (Stack(machines=()), "no machine"),
    ):
        last = until_failure(chatty_job(broken, NO_WAIT, 7))[-1]
        assert (last.is_fine, broken.deleted) == (False, [])
        assert seen in last.seen


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
